//! An event within a commit.
//!
//! ```text
//! id          16 bytes
//! received_at number, nanoseconds since 1970
//! time        option byte, number
//! source, kind, subject (option), content_type   texts
//! attributes, headers   each: 0 and count and (name, value) pairs, or 1: those of the first event
//! payload     0 and bytes, or 1 and the number of the event before that has it, or 2: not kept
//! ```
//!
//! A filter's output mostly keeps headers or payload of its input: those are written once.

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::EventId;
use sluicegate_core::time::Timestamp;

use super::bytes::{Put, Take};

/// Where the payload of an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    /// Here.
    Own,
    /// With this event of the same commit.
    Of(usize),
    /// Not kept: the event was placed nowhere.
    Dropped,
}

/// Writes an event. `first` is the first event of the commit, if this is another one.
pub(crate) fn put(out: &mut Vec<u8>, event: &Parts, first: Option<&Parts>, payload: Payload) {
    out.put_raw(&event.id.to_bytes());
    out.put_number(event.received_at.unix_ns());
    out.put_u8(u8::from(event.time.is_some()));
    if let Some(time) = event.time {
        out.put_number(time.unix_ns());
    }
    out.put_text(event.source.as_str());
    out.put_text(&event.kind);
    out.put_option(event.subject.as_deref());
    out.put_text(&event.content_type);
    put_fields(out, &event.attributes, first.map(|first| &first.attributes));
    put_fields(out, &event.headers, first.map(|first| &first.headers));
    match payload {
        Payload::Own => {
            out.put_u8(0);
            out.put_bytes(&event.payload);
        }
        Payload::Of(event) => {
            out.put_u8(1);
            out.put_number(event as u64);
        }
        Payload::Dropped => out.put_u8(2),
    }
}

/// What is read back of an event before it is known which one is wanted: slices only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub(crate) id: EventId,
    pub(crate) received_at: Timestamp,
    time: Option<Timestamp>,
    source: &'a str,
    kind: &'a str,
    subject: Option<&'a str>,
    content_type: &'a str,
    attributes: StoredFields<'a>,
    headers: StoredFields<'a>,
    pub(crate) payload: StoredPayload<'a>,
}

#[derive(Debug, Clone, Copy)]
enum StoredFields<'a> {
    Own { count: usize, pairs: &'a [u8] },
    OfFirst,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum StoredPayload<'a> {
    Own(&'a [u8]),
    Of(usize),
    Dropped,
}

impl<'a> Stored<'a> {
    pub(crate) fn take(from: &mut Take<'a>) -> Option<Self> {
        Some(Self {
            id: EventId::from_bytes(from.array()?),
            received_at: Timestamp::from_unix_ns(from.number()?),
            time: if from.flag()? { Some(Timestamp::from_unix_ns(from.number()?)) } else { None },
            source: from.text()?,
            kind: from.text()?,
            subject: from.option()?,
            content_type: from.text()?,
            attributes: StoredFields::take(from)?,
            headers: StoredFields::take(from)?,
            payload: match from.u8()? {
                0 => StoredPayload::Own(from.bytes()?),
                1 => StoredPayload::Of(from.size()?),
                2 => StoredPayload::Dropped,
                _ => return None,
            },
        })
    }

    /// The source, as text.
    pub(crate) fn source(&self) -> &'a str {
        self.source
    }

    /// The event, with the payload that was found for it.
    pub(crate) fn event(&self, first: &Self, payload: Bytes) -> Option<Event> {
        Some(Event::new(Parts {
            id: self.id,
            source: self.source.parse().ok()?,
            kind: self.kind.to_owned(),
            subject: self.subject.map(str::to_owned),
            time: self.time,
            received_at: self.received_at,
            content_type: self.content_type.to_owned(),
            attributes: self.attributes.fields(&first.attributes)?,
            headers: self.headers.fields(&first.headers)?,
            payload,
        }))
    }
}

fn put_fields(out: &mut Vec<u8>, fields: &Fields, first: Option<&Fields>) {
    if first.is_some_and(|first| first == fields) {
        out.put_u8(1);
        return;
    }
    out.put_u8(0);
    out.put_number(fields.len() as u64);
    for (name, value) in fields.iter() {
        out.put_text(name);
        out.put_text(value);
    }
}

impl<'a> StoredFields<'a> {
    fn take(from: &mut Take<'a>) -> Option<Self> {
        if from.flag()? {
            return Some(Self::OfFirst);
        }
        let count = from.size()?;
        let pairs = from.0;
        for _ in 0..count {
            from.text()?;
            from.text()?;
        }
        let pairs = pairs.get(..pairs.len() - from.0.len())?;
        Some(Self::Own { count, pairs })
    }

    fn fields(&self, first: &Self) -> Option<Fields> {
        let ((Self::Own { count, pairs }, _) | (Self::OfFirst, Self::Own { count, pairs })) =
            (self, first)
        else {
            return None;
        };
        let mut fields = Fields::with_capacity(*count, pairs.len());
        let mut from = Take(pairs);
        for _ in 0..*count {
            fields.push(from.text()?, from.text()?);
        }
        Some(fields)
    }
}
