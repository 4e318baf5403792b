//! Every decoder gives back what was written, and never panics on anything else.

use bytes::Bytes;
use proptest::prelude::*;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::{Digest, EventId};
use sluicegate_core::letter::{Cause, Letter};
use sluicegate_core::proof::{DedupeKey, Dropped, Placement, Routed, Validated};
use sluicegate_core::queue::{Change, Item, Place, QueueNumber};
use sluicegate_core::time::Timestamp;

use super::world::{name, verdict};
use crate::dedupe::KeyHash;
use crate::format::changes::{self, Happened};
use crate::format::commit::{self, Commit, Placed};
use crate::format::entry::{self, Position};
use crate::format::{catalogue, keys};

fn fields() -> impl Strategy<Value = Fields> {
    proptest::collection::vec(("[a-z]{1,8}", ".{0,20}"), 0..5).prop_map(|pairs| {
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    })
}

prop_compose! {
    fn event()(
        id in any::<[u8; 16]>(), kind in ".{0,12}", subject in proptest::option::of(".{0,12}"),
        time in proptest::option::of(any::<u64>()), at: u64, content_type in "[a-z/]{0,12}",
        attributes in fields(), headers in fields(), payload: Vec<u8>,
    ) -> Event {
        Event::new(Parts {
            id: EventId::from_bytes(id),
            source: "github".parse().unwrap(),
            kind, subject,
            time: time.map(Timestamp::from_unix_ns),
            received_at: Timestamp::from_unix_ns(at),
            content_type, attributes, headers,
            payload: Bytes::from(payload),
        })
    }
}

prop_compose! {
    fn letter()(
        cause in 0..Cause::ALL.len(), reason in ".{0,30}", origin: bool, plugin: bool, attempts: u32
    ) -> Letter {
        Letter {
            origin: origin.then(|| name("a")),
            plugin: plugin.then(|| ("p".parse().unwrap(), Digest([7; 32]))),
            attempts,
            ..Letter::new(Cause::ALL[cause], reason)
        }
    }
}

/// The body of a frame, read as recovery reads it.
fn body(mut frame: Vec<u8>) -> Vec<u8> {
    let position = Position { segment: 1, offset: 0 };
    entry::seal(&mut frame, position);
    let head = entry::head(&frame, position).unwrap();
    head.body(&frame).unwrap().to_vec()
}

proptest! {
    #[test]
    fn a_commit_is_read_back_as_it_was_written(
        received in event(), outputs in proptest::collection::vec((event(), letter()), 0..4),
        shares: bool, keeps: bool, key in proptest::option::of("[a-z]{1,9}"),
    ) {
        let mut placements: Vec<Placement> = outputs
            .into_iter()
            .map(|(mut event, letter)| {
                if shares {
                    let parts = event.parts_mut();
                    parts.payload = received.payload.clone();
                    parts.headers = received.headers.clone();
                }
                Placement { event, queues: vec![name("a")], letter: Some(letter) }
            })
            .collect();
        if keeps {
            let queues = vec![name("a"), name("b")];
            placements.push(Placement { event: received.clone(), queues, letter: None });
        }
        let placed: Vec<Placed> = placements.iter().zip(0_u16..).flat_map(|(placement, part)| {
            (0..placement.queues.len()).map(move |queue| Placed {
                queue: QueueNumber(queue as u16), part, weight: u32::from(part) + 9,
            })
        }).collect();
        let dedupe = key.as_deref().and_then(DedupeKey::new);
        let validated = Validated::assertion(received.clone(), verdict(), dedupe);
        let drops = vec![Dropped { route: "r".parse().unwrap(), reason: "noise".into() }];
        let routed = Routed::assertion(validated, placements.clone(), drops);
        let body = body(commit::encode(&routed, &placed));
        let found = Commit::decode(&body).unwrap();
        prop_assert_eq!(found.dedupe, key.as_deref());
        prop_assert_eq!(found.received().unwrap().id, received.id);
        prop_assert_eq!(found.placed().collect::<Vec<_>>(), placed);
        for (placement, part) in placements.into_iter().zip(0_u16..) {
            let (event, letter) = found.event(part, Bytes::copy_from_slice).unwrap();
            prop_assert_eq!(event, placement.event);
            prop_assert_eq!(letter, placement.letter);
        }
        prop_assert!(found.event(99, Bytes::copy_from_slice).is_none());
    }

    #[test]
    fn changes_are_read_back_as_they_were_written(
        position: u64, part: u16, origin in proptest::option::of(any::<u16>()), letter in letter(),
        until: u64,
    ) {
        let place = Place { position, part, origin: origin.map(QueueNumber) };
        let item = Item { place, ..Item::fresh(place, Timestamp::default(), 1) };
        let (to, until) = (QueueNumber(5), Timestamp::from_unix_ns(until));
        let all = [
            Change::Acked(item),
            Change::Delayed { place, until },
            Change::DeadLettered { item, to, letter: letter.clone() },
            Change::Redriven { item, to },
            Change::Lost(item),
        ];
        let body = body(changes::encode(QueueNumber(3), &name("q"), &all));
        let (queue, found) = changes::decode(&body).unwrap();
        prop_assert_eq!(queue, QueueNumber(3));
        let letter = Letter { origin: Some(name("q")), ..letter };
        let expected = [
            Happened::Acked,
            Happened::Delayed(until),
            Happened::DeadLettered(to, letter),
            Happened::Redriven(to),
            Happened::Lost,
        ];
        let expected: Vec<_> = expected.into_iter().map(|happened| (place, happened)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn no_decoder_panics_on_noise(noise: Vec<u8>) {
        prop_assert!(Commit::decode(&noise).is_none_or(|found| found.placed().count() < 9));
        prop_assert!(changes::decode(&noise).is_none_or(|(_, all)| all.len() <= noise.len()));
        prop_assert!(catalogue::decode(&noise).is_none_or(|names| names.len() <= noise.len()));
        prop_assert!(keys::decode(&noise).is_none());
    }

    #[test]
    fn a_damaged_body_is_decoded_or_refused_but_never_panics(
        received in event(), at: usize, byte: u8
    ) {
        let validated = Validated::assertion(received.clone(), verdict(), None);
        let placement = Placement { event: received, queues: vec![name("a")], letter: None };
        let placed = [Placed { queue: QueueNumber(0), part: 0, weight: 1 }];
        let routed = Routed::assertion(validated, vec![placement], Vec::new());
        let mut body = body(commit::encode(&routed, &placed));
        let at = at % body.len();
        body[at] = byte;
        if let Some(found) = Commit::decode(&body) {
            let read = found.event(0, Bytes::copy_from_slice);
            prop_assert!(read.is_none_or(|(event, _)| event.payload.len() <= body.len()));
        }
    }

    #[test]
    fn keys_are_read_back_and_one_flipped_bit_is_seen(
        all in proptest::collection::vec((any::<[u8; 16]>(), any::<[u8; 16]>()), 0..9),
        at: usize, bit in 0_u8..8,
    ) {
        let all: Vec<_> = all
            .into_iter()
            .map(|(hash, id)| (KeyHash(hash), EventId::from_bytes(id)))
            .collect();
        let mut bytes = keys::encode(all.iter().copied());
        prop_assert_eq!(keys::decode(&bytes), Some(all));
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        prop_assert_eq!(keys::decode(&bytes), None);
    }
}
