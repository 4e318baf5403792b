//! A checkpoint: `data/checkpoints/<n>.checkpoint`. Every queue as it was, so that start-up reads
//! only what the log says after it.
//!
//! ```text
//! "SGC3"    4   ("SGC2": the same, without state; "SGC1": and failures have their texts in place,
//!               as `letter` has them)
//! version   1   3; 2 for the ones of before
//! zero      3
//! from      8   a position C of the log
//! count     4   of queues
//! queues    each: number (2), zero (2), length of the frame (4), mark (8): a position M, frame
//! count     4   of frames of state
//! state     each: length of the frame (4), frame
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
//! A frame of state is a snapshot entry as well, sealed at position 2^31 and its number of segment
//! 0. It holds a count and so many writes, as `state` has them: every key that was there at C. What
//! was written from C on is in the log.
//!
//! A held event takes about fifty bytes, and ten more for each of its failures; a delayed one,
//! too. The frame of one queue is at most 4 GiB: eighty million of them. What is larger is not
//! saved, and the log is kept: a quota (`limits.events`) ends before.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use sluicegate_core::letter::Failure;
use sluicegate_core::queue::{Held, LaneSnapshot, Place, Priority, QueueNumber, Run, Snapshot};
use sluicegate_core::state::{Scope, Value, Write};
use sluicegate_core::time::Timestamp;

use super::bytes::{Put, Take};
use super::entry::{self, Head, Kind, Position};
use super::state::{self, StoredWrite};
use super::{VERSION, VERSION_BEFORE, item, letter};

const MAGIC: [u8; 4] = *b"SGC3";
/// Without state.
const MAGIC_STATELESS: [u8; 4] = *b"SGC2";
/// And with every text where it is used.
const MAGIC_IN_PLACE: [u8; 4] = *b"SGC1";
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
    /// State as it was at `from`.
    pub(crate) state: Vec<StateWrite>,
}

/// A key of state: whose it is, its name, and what is from then on.
pub(crate) type StateWrite = (Scope, String, Write);

/// Encodes a checkpoint; `None` if a queue is too large for one. `state` are frames, as
/// [`encode_state`] makes them.
pub(crate) fn encode(from: u64, queues: Vec<Marked>, state: Vec<Vec<u8>>) -> Option<Vec<u8>> {
    let frames: usize = queues.iter().map(|marked| marked.frame.len() + QUEUE_BYTES).sum();
    let states: usize = state.iter().map(|frame| frame.len() + 4).sum();
    let mut out = Vec::with_capacity(HEAD_BYTES + frames + 4 + states + 4);
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
    out.extend_from_slice(&u32::try_from(state.len()).ok()?.to_le_bytes());
    for (mut frame, number) in state.into_iter().zip(0..) {
        entry::seal(&mut frame, place_of_state(number));
        out.extend_from_slice(&u32::try_from(frame.len()).ok()?.to_le_bytes());
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
    let Some(Parts { from, texts, queues: frames, state: states }) = split(bytes) else {
        return Ok(None);
    };
    let mut open = open;
    let mut queues = Vec::with_capacity(frames.len());
    for (queue, mark, Frame { head, body }) in frames {
        let Some(snapshot) = open(&head, body)?.and_then(|body| decode_snapshot(&body, texts))
        else {
            return Ok(None);
        };
        queues.push((queue, mark, snapshot));
    }
    let mut state = Vec::new();
    for Frame { head, body } in states {
        let Some(some) = open(&head, body)?.and_then(|body| decode_state(&body)) else {
            return Ok(None);
        };
        state.extend(some);
    }
    Ok(Some(Checkpoint { from, queues, state }))
}

/// The parts of a checkpoint that is whole.
struct Parts<'a> {
    from: u64,
    texts: Texts,
    queues: Vec<(QueueNumber, u64, Frame<'a>)>,
    state: Vec<Frame<'a>>,
}

/// A frame of it.
struct Frame<'a> {
    head: Head,
    body: &'a [u8],
}

/// Where the texts of a snapshot are.
#[derive(Clone, Copy)]
enum Texts {
    InTable,
    InPlace,
}

fn split(bytes: &[u8]) -> Option<Parts<'_>> {
    let (all, crc) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(all) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut from = Take(all);
    let head: [u8; 8] = from.array()?;
    let (texts, version) = match head.first_chunk::<4>()? {
        magic if *magic == MAGIC => (Texts::InTable, VERSION),
        magic if *magic == MAGIC_STATELESS => (Texts::InTable, VERSION_BEFORE),
        magic if *magic == MAGIC_IN_PLACE => (Texts::InPlace, VERSION_BEFORE),
        _ => return None,
    };
    if head.get(4) != Some(&version) {
        return None;
    }
    let start = u64::from_le_bytes(from.array()?);
    let count = u32::from_le_bytes(from.array()?);
    let mut queues = Vec::new();
    for _ in 0..count {
        let queue = QueueNumber(u16::from_le_bytes(from.array()?));
        from.raw(2)?;
        let len = u32::from_le_bytes(from.array()?) as usize;
        let mark = u64::from_le_bytes(from.array()?);
        queues.push((queue, mark, frame(from.raw(len)?, place_of(queue))?));
    }
    let mut state = Vec::new();
    if version == VERSION {
        for number in 0..u32::from_le_bytes(from.array()?) {
            let len = u32::from_le_bytes(from.array()?) as usize;
            state.push(frame(from.raw(len)?, place_of_state(number))?);
        }
    }
    from.0.is_empty().then_some(Parts { from: start, texts, queues, state })
}

fn frame(bytes: &[u8], place: Position) -> Option<Frame<'_>> {
    let head = entry::head(bytes, place).filter(|head| head.kind == Kind::Snapshot)?;
    Some(Frame { head, body: head.body(bytes)? })
}

/// Encodes state as entries that lack only their places, none of them much over
/// [`STATE_FRAME_BYTES`].
pub(crate) fn encode_state(state: &[(Scope, Arc<str>, Value)]) -> Vec<Vec<u8>> {
    let size = |(_, key, value): &(Scope, Arc<str>, Value)| key.len() + value.bytes.len();
    let mut frames = Vec::new();
    let mut rest = state;
    while !rest.is_empty() {
        let mut bytes = 0;
        let full = |one| {
            bytes += size(one);
            bytes > STATE_FRAME_BYTES
        };
        let (some, after) = rest.split_at(rest.iter().position(full).unwrap_or(rest.len()).max(1));
        rest = after;
        let mut out = entry::start(STATE_FRAME_BYTES.min(some.iter().map(size).sum()));
        out.put_number(some.len() as u64);
        for (scope, key, value) in some {
            state::put(&mut out, scope, key, &Write::Set(value.clone()));
        }
        entry::finish(&mut out, Kind::Snapshot);
        frames.push(out);
    }
    frames
}

fn decode_state(body: &[u8]) -> Option<Vec<StateWrite>> {
    let mut from = Take(body);
    let all = from.many(|from| {
        let stored = StoredWrite::take(from)?;
        let (scope, write) = stored.read()?;
        Some((scope, stored.key.to_owned(), write))
    })?;
    from.0.is_empty().then_some(all)
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

/// The place that a frame of state is sealed with: none of a queue's.
fn place_of_state(number: u32) -> Position {
    Position { segment: 0, offset: number.saturating_add(1 << 31) }
}

/// About so many bytes of state are in one frame.
const STATE_FRAME_BYTES: usize = 4 * 1024 * 1024;

/// The name of a checkpoint's file, in its folder.
pub(crate) fn file_name(number: u32) -> String {
    format!("{number:010}.checkpoint")
}
