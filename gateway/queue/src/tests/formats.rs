//! Every decoder gives back what was written, and never panics on anything else.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::{Digest, EventId};
use sluicegate_core::letter::{Cause, Failure, Letter};
use sluicegate_core::proof::{DedupeKey, Dropped, Placement, Routed, Validated};
use sluicegate_core::queue::{
    Change, DropCause, Held, Item, LaneSnapshot, Lease, LeaseNumber, OrderKey, Place, Priority,
    QueueNumber, Run, Snapshot, SourceTag, Terms,
};
use sluicegate_core::queue::{Delivery, OnExpiry};
use sluicegate_core::retry::RetryPolicy;
use sluicegate_core::time::Timestamp;

use super::state::{frames_of, transaction, written};
use super::world::{name, verdict};
use crate::format::bytes::Take;
use crate::format::changes::{self, Changes, Happened};
use crate::format::checkpoint::{self, Marked};
use crate::format::commit::{self, Commit, Placed};
use crate::format::entry::{self, Position};
use crate::format::settings::{self, Settings};
use crate::format::{again, catalogue, item, keys};
use crate::{Field, Hold, QueueConfig, Retain, TermsRules, WhenFull};

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_unix_ns)
}

fn place() -> impl Strategy<Value = Place> {
    any::<(u64, u16)>().prop_map(|(position, part)| Place { position, part })
}

prop_compose! {
    fn failure()(at in time(), attempt: u32, why in ".{0,12}") -> Failure {
        Failure { at, attempt, why: why.into() }
    }
}

prop_compose! {
    fn terms()(
        priority in 0_u8..10, key in proptest::option::of(any::<std::num::NonZeroU64>()),
        deliver_at in proptest::option::of(time()), expires_at in proptest::option::of(time()),
    ) -> Terms {
        let priority = Priority::new(priority);
        Terms { priority, order_key: key.map(OrderKey), deliver_at, expires_at }
    }
}

prop_compose! {
    fn item()(
        id in place(), event in place(), letter in proptest::option::of(place()),
        origin in proptest::option::of(any::<u16>()), source: u32, received_at in time(),
        weight: u32, attempts: u32, terms in terms(),
    ) -> Item {
        let (origin, source) = (origin.map(QueueNumber), SourceTag(source));
        Item { id, event, letter, origin, source, received_at, weight, attempts, terms }
    }
}

prop_compose! {
    fn snapshot()(
        bytes: u64, at in time(), newest in place(), lane in (0_u8..10, place(), any::<(u32, u64)>(), time()),
        holes in proptest::collection::vec(place(), 0..4),
        held in proptest::collection::vec(
            (item(), proptest::option::of(time()), proptest::collection::vec(failure(), 0..3)), 0..4
        ),
    ) -> Snapshot {
        let (priority, after, (segment, left), oldest) = lane;
        let runs = vec![Run { segment, left, oldest }];
        let lane = LaneSnapshot { priority: Priority::new(priority), after, runs, holes };
        let held = held.into_iter().map(|(item, until, failures)| Held { item, until, failures });
        Snapshot { lanes: vec![lane], held: held.collect(), bytes, newest, at }
    }
}

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
        cause in 0..Cause::ALL.len(), reason in ".{0,30}", origin: bool, plugin: bool, attempts: u32,
        failures in proptest::collection::vec(failure(), 0..4),
    ) -> Letter {
        Letter {
            origin: origin.then(|| name("a")),
            plugin: plugin.then(|| ("p".parse().unwrap(), Digest([7; 32]))),
            attempts,
            failures,
            ..Letter::new(Cause::ALL[cause], reason)
        }
    }
}

fn field() -> impl Strategy<Value = Option<Field>> {
    prop_oneof![
        Just(None),
        Just(Some(Field::Subject)),
        Just(Some(Field::Type)),
        Just(Some(Field::Source)),
        "[a-z]{1,8}".prop_map(|name| Some(Field::Attribute(name))),
        "[a-z]{1,8}".prop_map(|name| Some(Field::Header(name))),
    ]
}

fn duration() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_nanos)
}

prop_compose! {
    fn rules()(
        order_by in field(), priority_by in field(), delay in duration(), deliver_at in field(),
        ttl in proptest::option::of(duration()), expires_at in field(),
    ) -> TermsRules {
        TermsRules { order_by, priority_by, delay, deliver_at, ttl, expires_at }
    }
}

prop_compose! {
    fn queue()(
        queue in "[a-z]{1,8}", dead_letter in "[a-z]{1,8}", attempts_max: u32,
        waits in (duration(), duration()), time in proptest::option::of(duration()),
        bounds: [Option<u64>; 3], rates: [Option<u32>; 2], terms in rules(), flags: [bool; 4],
        held_max: usize,
    ) -> QueueConfig {
        let [bytes, events_max, bytes_max] = bounds;
        let [rate_max, delivery_rate] = rates;
        let [held, drops, letters, paused] = flags;
        QueueConfig {
            retry: RetryPolicy { attempts_max, wait_min: waits.0, wait_max: waits.1 },
            retain: Retain { time, bytes, hold: if held { Hold::Held } else { Hold::None } },
            events_max,
            bytes_max,
            when_full: if drops { WhenFull::DropOldest } else { WhenFull::Reject },
            rate_max,
            terms,
            on_expiry: if letters { OnExpiry::DeadLetter } else { OnExpiry::Drop },
            delivery: if paused { Delivery::Paused } else { Delivery::Running },
            delivery_rate,
            held_max,
            ..QueueConfig::new(name(&queue), name(&dead_letter))
        }
    }
}

prop_compose! {
    fn settings_of_operators()(
        made in proptest::collection::vec(queue(), 0..3), removed: std::collections::BTreeSet<u16>,
        names in proptest::collection::vec("[a-z]{1,8}", 0..3),
    ) -> Settings {
        Settings {
            made: made.into_iter().map(|queue| (queue.name.clone(), queue)).collect(),
            deliveries: names.iter().map(|text| (name(text), Delivery::Paused)).collect(),
            holds: names.iter().map(|text| (name(text), Hold::Held)).collect(),
            removed: removed.into_iter().map(QueueNumber).collect(),
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

/// A checkpoint, read as recovery reads one that is not sealed.
fn decoded(bytes: &[u8]) -> Option<checkpoint::Checkpoint> {
    checkpoint::decode(bytes, |_, body| Ok(Some(body.to_vec()))).unwrap()
}

proptest! {
    #[test]
    fn a_commit_is_read_back_as_it_was_written(
        received in event(), outputs in proptest::collection::vec((event(), letter()), 0..4),
        shares: bool, keeps: bool, terms in terms(), key in proptest::option::of("[a-z]{1,9}"),
        state in transaction(),
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
                queue: QueueNumber(queue as u16), part, weight: u32::from(part) + 9, terms,
            })
        }).collect();
        let dedupe = key.as_deref().and_then(DedupeKey::new);
        let validated = Validated::assertion(received.clone(), verdict(), dedupe);
        let drops = vec![Dropped { route: "r".parse().unwrap(), reason: "noise".into() }];
        let routed = Routed::assertion(validated, placements.clone(), drops);
        let body = body(commit::encode(&routed, &placed, &state));
        let found = Commit::decode(&body).unwrap();
        prop_assert_eq!(found.dedupe, key.as_deref());
        let read = found.state.iter().map(|write| (write.read().unwrap(), write.key));
        let wrote = state.writes().map(|(scope, key, to)| ((scope.clone(), to.clone()), key));
        prop_assert!(read.eq(wrote));
        prop_assert_eq!(found.verdict(), Some(verdict()));
        let distinct = found.distinct();
        prop_assert_eq!(distinct.len(), placements.len());
        for ((part, is_received, queues), placement) in distinct.into_iter().zip(&placements) {
            prop_assert_eq!(queues.len(), placement.queues.len());
            prop_assert_eq!(is_received, placement.letter.is_none(), "part {}", part);
        }
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
        items in proptest::collection::vec(item(), 8), letter in letter(), at: u64, until: u64,
        why in ".{0,30}",
    ) {
        let [to, queue] = [QueueNumber(5), QueueNumber(3)];
        let (at, until) = (Timestamp::from_unix_ns(at), Timestamp::from_unix_ns(until));
        let [acked, failed, dead, back, lost, returned, expired, purged] = items[..] else {
            unreachable!()
        };
        let all = [
            Change::Acked(acked),
            Change::Failed { item: failed, until, why: why.clone() },
            Change::DeadLettered { item: dead, to, letter: letter.clone() },
            Change::Redriven { item: back, to },
            Change::Lost(lost),
            Change::Returned(returned),
            Change::Dropped { item: expired, why: DropCause::Expired },
            Change::Dropped { item: purged, why: DropCause::Purged },
        ];
        let body = body(changes::encode(queue, &name("q"), at, &all));
        let found = changes::decode(&body).unwrap();
        let letter = Letter { origin: letter.origin.clone().or(Some(name("q"))), ..letter };
        let expected = vec![
            (acked.id, Happened::Acked),
            (failed.id, Happened::Failed(until, why)),
            (dead.id, Happened::DeadLettered(dead, to, letter)),
            (back.id, Happened::Redriven(back, to)),
            (lost.id, Happened::Lost),
            (returned.id, Happened::Returned),
            (expired.id, Happened::Dropped(DropCause::Expired)),
            (purged.id, Happened::Dropped(DropCause::Purged)),
        ];
        prop_assert_eq!(found, Changes { queue, at, all: expected });
    }

    #[test]
    fn attempts_are_read_back_as_they_were_written(
        items in proptest::collection::vec(item(), 0..5), at: u64
    ) {
        let (queue, at) = (QueueNumber(9), Timestamp::from_unix_ns(at));
        let lease = |item: &Item| {
            Lease { number: LeaseNumber(1), item: *item, until: Timestamp::default() }
        };
        let leases: Vec<Lease> = items.iter().map(lease).collect();
        let found = changes::decode(&body(changes::encode_attempts(queue, at, &leases))).unwrap();
        let attempted = |item: &Item| (item.id, Happened::Attempted(item.attempts));
        let all = items.iter().map(attempted).collect();
        prop_assert_eq!(found, Changes { queue, at, all });
    }

    #[test]
    fn an_item_and_what_is_placed_again_are_read_back_as_they_were_written(
        items in proptest::collection::vec((any::<u16>(), item()), 0..9), position: u64, cut: usize,
    ) {
        let items: Vec<(QueueNumber, Item)> =
            items.into_iter().map(|(queue, item)| (QueueNumber(queue), item)).collect();
        for (_, written) in &items {
            let mut bytes = Vec::new();
            item::put(&mut bytes, written);
            let mut from = Take(&bytes);
            prop_assert_eq!(item::take(&mut from, written.id), Some(*written));
            prop_assert!(from.0.is_empty());
        }
        let body = body(again::encode(&items));
        let id = |part: usize| Place { position, part: part as u16 };
        let expected: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(part, (queue, item))| (*queue, Item { id: id(part), ..*item }))
            .collect();
        prop_assert_eq!(again::decode(&body, position), Some(expected));
        prop_assert_eq!(again::decode(&body[..cut % body.len()], position), None);
    }

    #[test]
    fn a_checkpoint_is_read_back_and_one_flipped_bit_is_seen(
        queues in proptest::collection::vec((snapshot(), any::<u64>()), 0..4), from: u64,
        state in transaction(), at: usize, bit in 0_u8..8,
    ) {
        let marked = |((snapshot, mark), number): (&(Snapshot, u64), u16)| Marked {
            queue: QueueNumber(number * 7), mark: *mark, frame: checkpoint::encode_snapshot(snapshot),
        };
        let all: Vec<Marked> = queues.iter().zip(0..).map(marked).collect();
        let mut bytes = checkpoint::encode(from, all, frames_of(&state)).unwrap();
        let found = decoded(&bytes).unwrap();
        prop_assert_eq!(found.from, from);
        let values: Vec<_> = state
            .writes()
            .filter(|(.., write)| write.value().is_some())
            .map(|(scope, key, write)| (scope.clone(), key.to_owned(), write.clone()))
            .collect();
        prop_assert_eq!(found.state, values);
        for ((found, (snapshot, mark)), number) in found.queues.into_iter().zip(queues).zip(0..) {
            prop_assert_eq!(found, (QueueNumber(number * 7), mark, snapshot));
        }
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        prop_assert!(decoded(&bytes).is_none());
    }

    #[test]
    fn no_decoder_panics_on_noise(noise: Vec<u8>) {
        prop_assert!(Commit::decode(&noise).is_none_or(|found| found.placed().count() < 9));
        prop_assert!(changes::decode(&noise).is_none_or(|found| found.all.len() <= noise.len()));
        prop_assert!(again::decode(&noise, 1).is_none_or(|all| all.len() <= noise.len()));
        let taken = item::take(&mut Take(&noise), Place::START);
        prop_assert!(taken.is_none_or(|item| item.id == Place::START));
        prop_assert!(settings::decode(&noise).is_none());
        prop_assert!(decoded(&noise).is_none());
        prop_assert!(catalogue::decode(&noise).is_none_or(|names| names.len() <= noise.len()));
        prop_assert!(keys::decode(&noise).is_none());
    }

    #[test]
    fn a_damaged_body_is_decoded_or_refused_but_never_panics(
        received in event(), at: usize, byte: u8
    ) {
        let validated = Validated::assertion(received.clone(), verdict(), None);
        let placement = Placement { event: received, queues: vec![name("a")], letter: None };
        let placed = [Placed { queue: QueueNumber(0), part: 0, weight: 1, terms: Terms::default() }];
        let routed = Routed::assertion(validated, vec![placement], Vec::new());
        let mut body = body(commit::encode(&routed, &placed, &written()));
        let at = at % body.len();
        body[at] = byte;
        if let Some(found) = Commit::decode(&body) {
            let read = found.event(0, Bytes::copy_from_slice);
            prop_assert!(read.is_none_or(|(event, _)| event.payload.len() <= body.len()));
        }
    }

    #[test]
    fn settings_are_read_back_and_one_flipped_bit_is_seen(
        settings in settings_of_operators(), at: usize, bit in 0_u8..8,
    ) {
        let mut bytes = settings::encode(&settings);
        prop_assert_eq!(settings::decode(&bytes), Some(settings));
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        prop_assert_eq!(settings::decode(&bytes), None);
    }
}
