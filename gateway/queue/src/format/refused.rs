//! A refused delivery, and what became of it.
//!
//! ```text
//! a delivery, the body of an entry of kind 6:
//! id          16 bytes: the id that its event would have had
//! at          number, nanoseconds since 1970: when it came
//! code, why   texts: why it was refused
//! source, method, target   texts
//! peer        option text: the address that it came from
//! marks       1  sum of 1: a header that its proof needs was not kept; 2: a time follows the type
//! headers     count, and for each: name and value
//! transport   what its protocol says beside: attributes as headers are, then the type as an option
//!             text; where marked, when it happened as nanoseconds since 1970; and the idempotency
//!             key as an option text
//! body        length and bytes
//!
//! a mark, the body of an entry of kind 7:
//! id          16 bytes: the delivery
//! at          number: when
//! what        1  1 its release begins, 2 released, 3 its release failed
//! event       16 bytes, after a 2: the event that it became
//! ```

use std::net::IpAddr;

use bytes::Bytes;
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::EventId;
use sluicegate_core::time::Timestamp;

use super::bytes::{Put, Take};
use super::entry::{self, Kind};
use crate::refused::RefusedDelivery;

/// What became of a refused delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// It is about to be committed: it may be an event from now on.
    Releasing,
    /// It became this event, or the event that it repeats.
    Released(EventId),
    /// It did not become one after all.
    Held,
}

/// A mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) id: EventId,
    pub(crate) at: Timestamp,
    pub(crate) what: What,
}

/// The entry of a delivery, without its place.
pub(crate) fn encode(refused: &RefusedDelivery) -> Vec<u8> {
    let delivery = &refused.delivery;
    let mut out = entry::start(delivery.body.len() + delivery.headers.text_len() + 256);
    out.put_raw(&refused.id.to_bytes());
    out.put_number(refused.at.unix_ns());
    for text in [&refused.code, &refused.why] {
        out.put_text(text);
    }
    out.put_text(delivery.source.as_str());
    out.put_text(&delivery.method);
    out.put_text(&delivery.target);
    out.put_option(delivery.peer.map(|peer| peer.to_string()).as_deref());
    let time = delivery.transport.time;
    out.put_u8(u8::from(refused.masked) * MASKED + u8::from(time.is_some()) * TIMED);
    put_fields(&mut out, &delivery.headers);
    put_fields(&mut out, &delivery.transport.attributes);
    out.put_option(delivery.transport.kind.as_deref());
    if let Some(time) = time {
        out.put_number(time.unix_ns());
    }
    out.put_option(delivery.transport.dedupe.as_deref());
    out.put_bytes(&delivery.body);
    entry::finish(&mut out, Kind::Refused);
    out
}

/// Reads a delivery; `None` if it is not one.
pub(crate) fn decode(body: &[u8]) -> Option<RefusedDelivery> {
    let mut from = Take(body);
    let id = EventId::from_bytes(from.array()?);
    let at = Timestamp::from_unix_ns(from.number()?);
    let code = from.text()?.to_owned();
    let why = from.text()?.to_owned();
    let source = from.text()?.parse().ok()?;
    let method = from.text()?.to_owned();
    let target = from.text()?.to_owned();
    let peer = match from.option()? {
        Some(text) => Some(text.parse::<IpAddr>().ok()?),
        None => None,
    };
    let marks = from.u8().filter(|marks| marks & !(MASKED | TIMED) == 0)?;
    let masked = marks & MASKED != 0;
    let headers = fields(&mut from)?;
    let attributes = fields(&mut from)?;
    let kind = from.option()?.map(str::to_owned);
    let time = match marks & TIMED != 0 {
        true => Some(Timestamp::from_unix_ns(from.number()?)),
        false => None,
    };
    let dedupe = from.option()?.map(str::to_owned);
    // What its source wanted to be remembered was of the moment in which it was refused.
    let transport = Transport { attributes, kind, time, dedupe, ..Transport::default() };
    let body = Bytes::copy_from_slice(from.bytes()?);
    let delivery = Delivery { source, method, target, headers, body, peer, transport };
    from.0.is_empty().then_some(RefusedDelivery { id, at, code, why, masked, delivery })
}

/// A header that its proof needs was not kept.
const MASKED: u8 = 1;
/// Its protocol says when it happened.
const TIMED: u8 = 2;

fn put_fields(out: &mut Vec<u8>, fields: &Fields) {
    out.put_number(fields.len() as u64);
    for (name, value) in fields.iter() {
        out.put_text(name);
        out.put_text(value);
    }
}

fn fields(from: &mut Take<'_>) -> Option<Fields> {
    let pairs = from.many(|from| Some((from.text()?, from.text()?)))?;
    Some(pairs.into_iter().collect())
}

/// The entry of a mark, without its place.
pub(crate) fn encode_mark(mark: &Mark) -> Vec<u8> {
    let mut out = entry::start(64);
    out.put_raw(&mark.id.to_bytes());
    out.put_number(mark.at.unix_ns());
    match mark.what {
        What::Releasing => out.put_u8(1),
        What::Released(event) => {
            out.put_u8(2);
            out.put_raw(&event.to_bytes());
        }
        What::Held => out.put_u8(3),
    }
    entry::finish(&mut out, Kind::Mark);
    out
}

/// Reads a mark; `None` if it is not one.
pub(crate) fn decode_mark(body: &[u8]) -> Option<Mark> {
    let mut from = Take(body);
    let id = EventId::from_bytes(from.array()?);
    let at = Timestamp::from_unix_ns(from.number()?);
    let what = match from.u8()? {
        1 => What::Releasing,
        2 => What::Released(EventId::from_bytes(from.array()?)),
        3 => What::Held,
        _ => return None,
    };
    from.0.is_empty().then_some(Mark { id, at, what })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::entry::{Position, head, seal};

    const PLACE: Position = Position { segment: 1, offset: 0 };

    fn body_of(mut frame: Vec<u8>) -> Vec<u8> {
        seal(&mut frame, PLACE);
        head(&frame, PLACE).unwrap().body(&frame).unwrap().to_vec()
    }

    fn transport() -> impl Strategy<Value = Transport> {
        let attributes = prop::collection::vec(("[a-z]{1,9}", any::<String>()), 0..4);
        let said = (any::<Option<String>>(), any::<Option<u64>>(), any::<Option<String>>());
        (attributes, said).prop_map(|(attributes, (kind, time, dedupe))| {
            let time = time.map(Timestamp::from_unix_ns);
            let pairs = attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            Transport { attributes: pairs.collect(), kind, time, dedupe, ..Transport::default() }
        })
    }

    fn refused() -> impl Strategy<Value = RefusedDelivery> {
        let texts = (any::<String>(), any::<String>(), any::<String>(), any::<String>());
        let headers = prop::collection::vec(("[a-z-]{1,9}", any::<String>()), 0..5);
        let rest = (any::<[u8; 16]>(), any::<u64>(), any::<Vec<u8>>(), any::<bool>());
        (texts, headers, rest, any::<Option<IpAddr>>(), transport()).prop_map(
            |((code, why, method, target), headers, (id, at, body, masked), peer, transport)| {
                let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                RefusedDelivery {
                    id: EventId::from_bytes(id),
                    at: Timestamp::from_unix_ns(at),
                    code,
                    why,
                    masked,
                    delivery: Delivery {
                        source: "github".parse().unwrap(),
                        method,
                        target,
                        headers: pairs.collect(),
                        body: body.into(),
                        peer,
                        transport,
                    },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn a_delivery_is_read_back_as_it_came(refused in refused()) {
            prop_assert_eq!(decode(&body_of(encode(&refused))), Some(refused));
        }

        /// Before times were kept, the mark was a flag: 0 or 1.
        #[test]
        fn a_delivery_without_a_time_is_written_as_it_always_was(mut refused in refused()) {
            refused.delivery.transport.time = None;
            let body = body_of(encode(&refused));
            let mut before = Vec::new();
            before.put_raw(&refused.id.to_bytes());
            before.put_number(refused.at.unix_ns());
            before.put_text(&refused.code);
            before.put_text(&refused.why);
            before.put_text("github");
            before.put_text(&refused.delivery.method);
            before.put_text(&refused.delivery.target);
            before.put_option(refused.delivery.peer.map(|peer| peer.to_string()).as_deref());
            before.put_u8(u8::from(refused.masked));
            put_fields(&mut before, &refused.delivery.headers);
            put_fields(&mut before, &refused.delivery.transport.attributes);
            before.put_option(refused.delivery.transport.kind.as_deref());
            before.put_option(refused.delivery.transport.dedupe.as_deref());
            before.put_bytes(&refused.delivery.body);
            prop_assert_eq!(body, before);
        }

        #[test]
        fn a_mark_is_read_back_as_it_was(id: [u8; 16], event: [u8; 16], at: u64) {
            let (id, event) = (EventId::from_bytes(id), EventId::from_bytes(event));
            for what in [What::Releasing, What::Released(event), What::Held] {
                let mark = Mark { id, at: Timestamp::from_unix_ns(at), what };
                prop_assert_eq!(decode_mark(&body_of(encode_mark(&mark))), Some(mark));
            }
        }

        #[test]
        fn noise_is_refused_and_never_panics(noise: Vec<u8>) {
            let _ = decode(&noise);
            let _ = decode_mark(&noise);
        }

        #[test]
        fn a_delivery_that_was_cut_is_none(refused in refused(), cut: usize) {
            let body = body_of(encode(&refused));
            prop_assert_eq!(decode(&body[..cut % body.len()]), None);
        }
    }
}
