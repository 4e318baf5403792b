//! A checkpoint: `data/checkpoints/<n>.checkpoint`. Every queue as it was, so that start-up reads
//! only what the log says after it.
//!
//! ```text
//! "SGC2"    4   ("SGC1": the same, but for failures: those have their texts, as `letter` has them)
//! version   1
//! zero      3
//! from      8   a position C of the log
//! count     4   of queues
//! queues    each: number (2), zero (2), length of the frame (4), mark (8): a position M, frame
//! CRC32C    4   of all before
//! ```
//!
//! A frame is a snapshot entry, sealed at position `queue number` of segment 0, which is none.
//! What it says: everything that came into the queue before C is in it, nothing that came later;
//! and every change of the queue before M is in it, none after. So the log is read from C: for
//! each queue every arrival, and every change from its M on. The queues are not stopped for a
//! checkpoint: that is why each has a mark of its own.
//!
//! ```text
//! snapshot  time when it was taken, bytes of all events, newest id place,
//!           lanes: count, each: priority, after place, runs: count and (segment, left, oldest),
//!           holes: count and places;
//!           texts: count and texts, each once: a sink that is down says the same of a million
//!           events; held: count, each: id place, item, until option, failures: count, each: at
//!           (nanoseconds since 1970), number of the attempt, number of the text
//! ```
//!
//! A held event takes about fifty bytes, and ten more for each of its failures; a delayed one,
//! too. The frame of one queue is at most 4 GiB: eighty million of them. What is larger is not
//! saved, and the log is kept: a quota (`limits.events`) ends before.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use sluicegate_core::letter::Failure;
use sluicegate_core::queue::{Held, LaneSnapshot, Place, Priority, QueueNumber, Run, Snapshot};
use sluicegate_core::time::Timestamp;

use super::bytes::{Put, Take};
use super::entry::{self, Head, Kind, Position};
use super::{VERSION, item, letter};

const MAGIC: [u8; 4] = *b"SGC2";
/// With every text where it is used.
const MAGIC_BEFORE: [u8; 4] = *b"SGC1";
const HEAD_BYTES: usize = 20;
const QUEUE_BYTES: usize = 16;

/// One queue in a checkpoint.
#[derive(Debug)]
pub(crate) struct Marked {
    pub(crate) queue: QueueNumber,
    /// Changes of the queue before this position are in the snapshot.
    pub(crate) mark: u64,
    /// The snapshot, as [`encode_snapshot`] makes it.
    pub(crate) frame: Vec<u8>,
}

/// A checkpoint as it is read back.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    /// Arrivals before this position are in the snapshots.
    pub(crate) from: u64,
    /// Each queue, its mark, and what was in it.
    pub(crate) queues: Vec<(QueueNumber, u64, Snapshot)>,
}

/// Encodes a checkpoint; `None` if a queue is too large for one.
pub(crate) fn encode(from: u64, queues: Vec<Marked>) -> Option<Vec<u8>> {
    let frames: usize = queues.iter().map(|marked| marked.frame.len() + QUEUE_BYTES).sum();
    let mut out = Vec::with_capacity(HEAD_BYTES + frames + 4);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, 0, 0, 0]);
    out.extend_from_slice(&from.to_le_bytes());
    out.extend_from_slice(&u32::try_from(queues.len()).ok()?.to_le_bytes());
    for Marked { queue, mark, mut frame } in queues {
        entry::seal(&mut frame, place_of(queue));
        out.extend_from_slice(&queue.0.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&u32::try_from(frame.len()).ok()?.to_le_bytes());
        out.extend_from_slice(&mark.to_le_bytes());
        out.extend_from_slice(&frame);
    }
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    Some(out)
}

/// Reads a checkpoint back; `None` if a bit of it is wrong. `open` gives the plain body of an
/// entry.
///
/// # Errors
/// Those of `open`: a key is missing.
pub(crate) fn decode(
    bytes: &[u8],
    open: impl FnMut(&Head, &[u8]) -> io::Result<Option<Vec<u8>>>,
) -> io::Result<Option<Checkpoint>> {
    let Some((from, texts, frames)) = split(bytes) else { return Ok(None) };
    let mut open = open;
    let mut queues = Vec::with_capacity(frames.len());
    for Frame { queue, mark, head, body } in frames {
        let Some(snapshot) = open(&head, body)?.and_then(|body| decode_snapshot(&body, texts))
        else {
            return Ok(None);
        };
        queues.push((queue, mark, snapshot));
    }
    Ok(Some(Checkpoint { from, queues }))
}

/// A frame of a checkpoint that is whole.
struct Frame<'a> {
    queue: QueueNumber,
    mark: u64,
    head: Head,
    body: &'a [u8],
}

/// Where the texts of a snapshot are.
#[derive(Clone, Copy)]
enum Texts {
    InTable,
    InPlace,
}

fn split(bytes: &[u8]) -> Option<(u64, Texts, Vec<Frame<'_>>)> {
    let (all, crc) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(all) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut from = Take(all);
    let head: [u8; 8] = from.array()?;
    let texts = match head.first_chunk::<4>()? {
        magic if *magic == MAGIC => Texts::InTable,
        magic if *magic == MAGIC_BEFORE => Texts::InPlace,
        _ => return None,
    };
    if head.get(4) != Some(&VERSION) {
        return None;
    }
    let start = u64::from_le_bytes(from.array()?);
    let count = u32::from_le_bytes(from.array()?);
    let mut frames = Vec::new();
    for _ in 0..count {
        let queue = QueueNumber(u16::from_le_bytes(from.array()?));
        from.raw(2)?;
        let len = u32::from_le_bytes(from.array()?) as usize;
        let mark = u64::from_le_bytes(from.array()?);
        let frame = from.raw(len)?;
        let head =
            entry::head(frame, place_of(queue)).filter(|head| head.kind == Kind::Snapshot)?;
        frames.push(Frame { queue, mark, head, body: head.body(frame)? });
    }
    from.0.is_empty().then_some((start, texts, frames))
}

/// Encodes a snapshot as an entry that lacks only its place.
pub(crate) fn encode_snapshot(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = entry::start(snapshot.held.len() * 48 + 256);
    out.put_number(snapshot.at.unix_ns());
    out.put_number(snapshot.bytes);
    out.put_place(snapshot.newest);
    out.put_number(snapshot.lanes.len() as u64);
    for lane in &snapshot.lanes {
        out.put_u8(lane.priority.level());
        out.put_place(lane.after);
        out.put_number(lane.runs.len() as u64);
        for run in &lane.runs {
            out.put_number(u64::from(run.segment));
            out.put_number(run.left);
            out.put_number(run.oldest.unix_ns());
        }
        out.put_number(lane.holes.len() as u64);
        lane.holes.iter().for_each(|hole| out.put_place(*hole));
    }
    let texts = table(&snapshot.held);
    let mut listed: Vec<(&str, u64)> = texts.iter().map(|(text, at)| (*text, *at)).collect();
    listed.sort_unstable_by_key(|(_, at)| *at);
    out.put_number(listed.len() as u64);
    listed.iter().for_each(|(text, _)| out.put_text(text));
    out.put_number(snapshot.held.len() as u64);
    for held in &snapshot.held {
        out.put_place(held.item.id);
        item::put(&mut out, &held.item);
        out.put_u8(u8::from(held.until.is_some()));
        if let Some(until) = held.until {
            out.put_number(until.unix_ns());
        }
        out.put_number(held.failures.len() as u64);
        for failure in &held.failures {
            out.put_number(failure.at.unix_ns());
            out.put_number(u64::from(failure.attempt));
            out.put_number(texts.get(&*failure.why).copied().unwrap_or_default());
        }
    }
    entry::finish(&mut out, Kind::Snapshot);
    out
}

/// Every text of the failures once, with its number.
fn table(held: &[Held]) -> HashMap<&str, u64> {
    let mut texts = HashMap::new();
    for failure in held.iter().flat_map(|held| &held.failures) {
        let next = texts.len() as u64;
        texts.entry(&*failure.why).or_insert(next);
    }
    texts
}

fn decode_snapshot(body: &[u8], texts: Texts) -> Option<Snapshot> {
    let mut from = Take(body);
    let at = Timestamp::from_unix_ns(from.number()?);
    let (bytes, newest) = (from.number()?, from.place()?);
    let lanes = from.many(take_lane)?;
    let texts: Option<Vec<Arc<str>>> = match texts {
        Texts::InTable => Some(from.many(|from| from.text().map(Arc::from))?),
        Texts::InPlace => None,
    };
    let held = from.many(|from| take_held(from, texts.as_deref()))?;
    from.0.is_empty().then_some(Snapshot { lanes, held, bytes, newest, at })
}

fn take_lane(from: &mut Take<'_>) -> Option<LaneSnapshot> {
    Some(LaneSnapshot {
        priority: Priority::new(from.u8()?),
        after: from.place()?,
        runs: from.many(|from| {
            Some(Run {
                segment: from.u32()?,
                left: from.number()?,
                oldest: Timestamp::from_unix_ns(from.number()?),
            })
        })?,
        holes: from.many(Take::place)?,
    })
}

fn take_held(from: &mut Take<'_>, texts: Option<&[Arc<str>]>) -> Option<Held> {
    let id: Place = from.place()?;
    Some(Held {
        item: item::take(from, id)?,
        until: if from.flag()? { Some(Timestamp::from_unix_ns(from.number()?)) } else { None },
        failures: match texts {
            None => letter::take_failures(from)?,
            Some(texts) => from.many(|from| {
                let at = Timestamp::from_unix_ns(from.number()?);
                Some(Failure { at, attempt: from.u32()?, why: texts.get(from.size()?)?.clone() })
            })?,
        },
    })
}

/// The place that a queue's snapshot is sealed with.
fn place_of(queue: QueueNumber) -> Position {
    Position { segment: 0, offset: u32::from(queue.0) }
}

/// The name of a checkpoint's file, in its folder.
pub(crate) fn file_name(number: u32) -> String {
    format!("{number:010}.checkpoint")
}
