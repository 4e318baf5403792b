//! The body of a commit: everything that one delivery became, written once.
//!
//! ```text
//! verdict     scheme text, key option, skew (flag, zigzag number), schema (option text, number)
//! dedupe      option text: the sender's idempotency key
//! events      count, each as `event` has it; the first is the one that was received
//! placements  count, each: number of its event, weight, count of queues, and for each its number
//!             and the terms there (as `item` has them); letter (flag, as `letter` has it)
//! drops       count, each: route text, reason text
//! state       count, each: a write as `state` has it; not there if nothing was written
//! ```
//!
//! A received event that no placement holds is kept without headers, attributes and payload: a
//! filter that takes a secret out of a payload does not want the secret in the log. A commit of
//! state alone is one whose event was received by nobody, and has no placements and no drops.

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::{EventId, SourceName};
use sluicegate_core::letter::Letter;
use sluicegate_core::proof::Routed;
use sluicegate_core::queue::{QueueNumber, Terms};
use sluicegate_core::signature::{SchemaVersion, Verdict};
use sluicegate_core::state::Transaction;
use sluicegate_core::time::Timestamp;

use super::bytes::{Put, Take};
use super::event::{self, Payload, Stored, StoredPayload};
use super::state::{self, StoredWrite};
use super::{entry, item, letter};

/// One event in one queue, as a commit places it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) queue: QueueNumber,
    pub(crate) part: u16,
    pub(crate) weight: u32,
    pub(crate) terms: Terms,
}

/// Encodes a commit as an entry that lacks only its place. `placed` holds every placement's
/// queues in order, as they were looked up; `changed` is what its filters read and wrote.
pub(crate) fn encode(routed: &Routed, placed: &[Placed], changed: &Transaction) -> Vec<u8> {
    let weight: usize = routed.placements().iter().map(|place| place.event.weight()).sum();
    let mut out = entry::start(weight + 128);
    put_verdict(&mut out, routed.verdict());
    out.put_option(routed.dedupe().map(|key| key.as_str()));
    let events = put_events(&mut out, routed);
    out.put_number(routed.placements().len() as u64);
    for (part, (placement, event)) in routed.placements().iter().zip(events).enumerate() {
        let queues = || placed.iter().filter(|placed| usize::from(placed.part) == part);
        out.put_number(event as u64);
        out.put_number(queues().next().map_or(0, |placed| u64::from(placed.weight)));
        out.put_number(queues().count() as u64);
        for placed in queues() {
            out.put_number(u64::from(placed.queue.0));
            item::put_terms(&mut out, &placed.terms);
        }
        out.put_u8(u8::from(placement.letter.is_some()));
        if let Some(letter) = &placement.letter {
            letter::put(&mut out, letter);
        }
    }
    out.put_number(routed.drops().len() as u64);
    for dropped in routed.drops() {
        out.put_text(dropped.route.as_str());
        out.put_text(&dropped.reason);
    }
    put_state(&mut out, changed);
    entry::finish(&mut out, entry::Kind::Commit);
    out
}

/// Encodes a commit of state alone: its event is of nobody and was placed nowhere, so that no
/// reader of the log ever shows it.
pub(crate) fn encode_state(
    (of, at): (EventId, Timestamp),
    source: SourceName,
    changed: &Transaction,
) -> Vec<u8> {
    let mut out = entry::start(256);
    let scheme = "none".to_owned();
    put_verdict(&mut out, &Verdict { scheme, key: None, skew_ms: None, schema: None });
    out.put_option(None);
    out.put_number(1);
    let nothing = Parts {
        id: of,
        source,
        kind: STATE_KIND.to_owned(),
        subject: None,
        time: None,
        received_at: at,
        content_type: String::new(),
        attributes: Fields::new(),
        headers: Fields::new(),
        payload: Bytes::new(),
    };
    event::put(&mut out, &nothing, None, Payload::Dropped);
    // No placements, no drops.
    out.put_number(0);
    out.put_number(0);
    put_state(&mut out, changed);
    entry::finish(&mut out, entry::Kind::Commit);
    out
}

fn put_state(out: &mut Vec<u8>, changed: &Transaction) {
    let writes = changed.writes().count();
    if writes > 0 {
        out.put_number(writes as u64);
        changed.writes().for_each(|(scope, key, write)| state::put(out, scope, key, write));
    }
}

/// The type of the event of a commit of state alone.
const STATE_KIND: &str = "sluicegate.state";

/// A commit as it is read back.
#[derive(Debug)]
pub(crate) struct Commit<'a> {
    pub(crate) dedupe: Option<&'a str>,
    verdict: StoredVerdict<'a>,
    events: Vec<Stored<'a>>,
    placements: Vec<StoredPlacement>,
    /// What filters dropped: route and reason.
    pub(crate) drops: Vec<(&'a str, &'a str)>,
    /// What filters wrote.
    pub(crate) state: Vec<StoredWrite<'a>>,
}

#[derive(Debug)]
struct StoredPlacement {
    event: usize,
    weight: u32,
    queues: Vec<(QueueNumber, Terms)>,
    letter: Option<Letter>,
}

impl<'a> Commit<'a> {
    pub(crate) fn decode(body: &'a [u8]) -> Option<Self> {
        let mut from = Take(body);
        let verdict = StoredVerdict::take(&mut from)?;
        let dedupe = from.option()?;
        let events = from.many(Stored::take)?;
        let placements = from.many(StoredPlacement::take)?;
        let drops = from.many(|from| Some((from.text()?, from.text()?)))?;
        let state = match from.0 {
            [] => Vec::new(),
            _ => from.many(StoredWrite::take)?,
        };
        from.0.is_empty().then_some(Self { dedupe, verdict, events, placements, drops, state })
    }

    /// The event that was received.
    pub(crate) fn received(&self) -> Option<&Stored<'a>> {
        self.events.first()
    }

    /// What was proven at the door; `None` if a name in it is none.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let StoredVerdict { scheme, key, skew_ms, schema } = self.verdict;
        let schema = match schema {
            Some((subject, version)) => {
                Some(SchemaVersion { subject: subject.parse().ok()?, version })
            }
            None => None,
        };
        let key = key.map(str::parse).transpose().ok()?;
        Some(Verdict { scheme: scheme.to_owned(), key, skew_ms, schema })
    }

    /// The events that were placed, each once: its first placement, whether it is the one that
    /// was received, and its queues.
    pub(crate) fn distinct(&self) -> Vec<(u16, bool, Vec<QueueNumber>)> {
        let mut all: Vec<(usize, u16, Vec<QueueNumber>)> = Vec::new();
        for (placement, part) in self.placements.iter().zip(0_u16..) {
            let queues = placement.queues.iter().map(|(queue, _)| *queue);
            match all.iter_mut().find(|(event, ..)| *event == placement.event) {
                Some((_, _, known)) => known.extend(queues),
                None => all.push((placement.event, part, queues.collect())),
            }
        }
        all.into_iter().map(|(event, part, queues)| (part, event == 0, queues)).collect()
    }

    /// The weight of a placement.
    pub(crate) fn weight(&self, part: u16) -> Option<u32> {
        Some(self.placements.get(usize::from(part))?.weight)
    }

    /// Every event in every queue.
    pub(crate) fn placed(&self) -> impl Iterator<Item = Placed> + '_ {
        self.placements.iter().zip(0_u16..).flat_map(|(placement, part)| {
            let weight = placement.weight;
            let placed = move |(queue, terms): &(QueueNumber, Terms)| Placed {
                queue: *queue,
                part,
                weight,
                terms: *terms,
            };
            placement.queues.iter().map(placed)
        })
    }

    /// The event of a placement, and its letter. `payload` makes `Bytes` of a part of the body.
    pub(crate) fn event(
        &self,
        part: u16,
        payload: impl FnOnce(&'a [u8]) -> Bytes,
    ) -> Option<(Event, Option<Letter>)> {
        let placement = self.placements.get(usize::from(part))?;
        let stored = self.events.get(placement.event)?;
        let bytes = match stored.payload {
            StoredPayload::Own(bytes) => bytes,
            StoredPayload::Of(other) => match self.events.get(other)?.payload {
                StoredPayload::Own(bytes) => bytes,
                StoredPayload::Of(_) | StoredPayload::Dropped => return None,
            },
            StoredPayload::Dropped => return None,
        };
        let event = stored.event(self.events.first()?, payload(bytes))?;
        Some((event, placement.letter.clone()))
    }
}

/// Writes every distinct event once, the received one first. Returns each placement's event.
fn put_events(out: &mut Vec<u8>, routed: &Routed) -> Vec<usize> {
    let received: &Parts = routed.event();
    let mut events: Vec<&Parts> = vec![received];
    let mut of_placements = Vec::with_capacity(routed.placements().len());
    for placement in routed.placements() {
        let parts: &Parts = &placement.event;
        // The same event is shared, not copied: comparing addresses finds it.
        let known = events.iter().position(|known| std::ptr::eq(*known, parts));
        of_placements.push(known.unwrap_or(events.len()));
        if known.is_none() {
            events.push(parts);
        }
    }
    out.put_number(events.len() as u64);
    let kept = of_placements.contains(&0);
    let bare = (!kept).then(|| Parts {
        attributes: Fields::new(),
        headers: Fields::new(),
        payload: Bytes::new(),
        ..received.clone()
    });
    let first = bare.as_ref().unwrap_or(received);
    let payload = if kept { Payload::Own } else { Payload::Dropped };
    event::put(out, first, None, payload);
    for (at, parts) in events.iter().enumerate().skip(1) {
        // The first that has these bytes wrote them itself; a bare first event wrote none.
        let shared = events.iter().enumerate().take(at).skip(usize::from(!kept));
        let same = |(_, other): &(usize, &&Parts)| same_bytes(&other.payload, &parts.payload);
        let payload = shared.into_iter().find(same).map_or(Payload::Own, |(at, _)| Payload::Of(at));
        event::put(out, parts, Some(first), payload);
    }
    of_placements
}

/// Whether two payloads are the same memory. Equal bytes elsewhere are not looked for.
fn same_bytes(one: &Bytes, other: &Bytes) -> bool {
    std::ptr::eq(one.as_ptr(), other.as_ptr()) && one.len() == other.len()
}

fn put_verdict(out: &mut Vec<u8>, verdict: &Verdict) {
    out.put_text(&verdict.scheme);
    out.put_option(verdict.key.as_ref().map(|key| key.as_str()));
    out.put_u8(u8::from(verdict.skew_ms.is_some()));
    if let Some(skew) = verdict.skew_ms {
        out.put_zigzag(skew);
    }
    out.put_option(verdict.schema.as_ref().map(|schema| schema.subject.as_str()));
    if let Some(schema) = &verdict.schema {
        out.put_number(u64::from(schema.version));
    }
}

/// A verdict before it is known whether anybody wants it: slices only.
#[derive(Debug, Clone, Copy)]
struct StoredVerdict<'a> {
    scheme: &'a str,
    key: Option<&'a str>,
    skew_ms: Option<i64>,
    schema: Option<(&'a str, u32)>,
}

impl<'a> StoredVerdict<'a> {
    fn take(from: &mut Take<'a>) -> Option<Self> {
        Some(Self {
            scheme: from.text()?,
            key: from.option()?,
            skew_ms: if from.flag()? { Some(from.zigzag()?) } else { None },
            schema: match from.option()? {
                Some(subject) => Some((subject, from.u32()?)),
                None => None,
            },
        })
    }
}

impl StoredPlacement {
    fn take(from: &mut Take<'_>) -> Option<Self> {
        Some(Self {
            event: from.size()?,
            weight: from.u32()?,
            queues: from.many(|from| Some((QueueNumber(from.u16()?), item::take_terms(from)?)))?,
            letter: if from.flag()? { Some(letter::take(from)?) } else { None },
        })
    }
}
