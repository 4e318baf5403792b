//! The rules of a queue, one to a test.

use super::super::{Change, Effect, Input, Item, LeaseNumber, Place, SettleFault, Settled, Verb};
use super::world::{ATTEMPTS, DEAD, World, changes, key, ms, nack, policy, terms};
use crate::letter::Cause;
use crate::seams::Ask;

#[test]
fn higher_priorities_go_first_and_then_the_oldest() {
    let mut world = World::new(policy(), 3);
    let ids = world.arrive(&[0, 9, 3, 9, 0].map(terms));
    let given: Vec<Place> = world.ask(10).iter().map(|lease| lease.item.id).collect();
    assert_eq!(given, [1, 3, 2, 0, 4].map(|at| ids[at]));
}

#[test]
fn a_backlog_far_greater_than_the_front_is_handed_out_once_and_in_order() {
    let mut world = World::new(policy(), 3);
    let ids = world.arrive(&[terms(0); 100]);
    let mut given = Vec::new();
    while given.len() < 100 {
        let leases = world.ask(7);
        assert!(!leases.is_empty());
        for lease in leases {
            given.push(lease.item.id);
            assert_eq!(world.settle(lease.number, Verb::Ack).0, Settled::Done);
        }
    }
    assert_eq!(given, ids);
    assert!(world.ask(1).is_empty());
    let stats = world.machine.stats(world.now);
    assert_eq!((stats.depth, stats.bytes, stats.acked), (0, 0, 100));
}

#[test]
fn a_lease_that_ran_out_is_a_failed_attempt_and_its_receipt_is_stale() {
    let mut world = World::new(policy(), 3);
    world.arrive(&[terms(0)]);
    let lease = world.ask_for(1, ms(5))[0];
    assert_eq!(world.machine.next_due(world.now), Some(ms(5)));
    world.pass(ms(5));
    let effects = world.run(Input::Due);
    let now = world.now.wall;
    assert!(matches!(changes(&effects)[..], [Change::Failed { item, until, why }]
            if item.id == lease.item.id && *until == now && why == "the lease ran out"));
    let (settled, changes) = world.settle(lease.number, Verb::Ack);
    assert_eq!(settled, Settled::Refused(SettleFault::Stale));
    assert!(changes.is_empty());
    assert_eq!(world.settle(LeaseNumber(77), Verb::Ack).0, settled);
    assert_eq!(world.ask(1)[0].item.attempts, 2);
}

#[test]
fn used_up_attempts_end_in_a_letter_with_their_history() {
    let mut world = World::new(policy(), 3);
    world.arrive(&[terms(0)]);
    for attempt in 1..=ATTEMPTS {
        let lease = world.ask(1)[0];
        let (_, changes) = world.settle(lease.number, nack(Some(0)));
        if attempt < ATTEMPTS {
            assert!(matches!(&changes[..], [Change::Failed { .. }]));
            continue;
        }
        let [Change::DeadLettered { to, letter, .. }] = &changes[..] else { panic!("{changes:?}") };
        assert_eq!((*to, letter.cause, letter.attempts), (DEAD, Cause::AttemptsExhausted, 3));
        let attempts: Vec<u32> = letter.failures.iter().map(|failure| failure.attempt).collect();
        assert_eq!(attempts, [1, 2, 3]);
        assert!(letter.failures.iter().all(|failure| &*failure.why == "no"));
    }
    assert_eq!(world.machine.stats(world.now).depth, 0);
}

#[test]
fn what_cannot_be_read_waits_longer_each_time_and_is_never_given_up() {
    let mut policy = policy();
    (policy.retry.wait_min, policy.retry.wait_max) = (ms(200), ms(10_000));
    let mut world = World::new(policy, 3);
    world.arrive(&[terms(0)]);
    let mut waits = Vec::new();
    for _ in 0..5 * ATTEMPTS {
        let leases = world.ask(1);
        assert_eq!(leases[0].item.attempts, 1, "the one before does not count");
        let effects = world.run(Input::Unread(vec![(leases[0].number, "EIO".into())]));
        let [Change::Failed { until, why, .. }, Change::Returned(item)] = changes(&effects)[..]
        else {
            panic!("{effects:?}")
        };
        assert_eq!((why.as_str(), item.attempts), ("EIO", 0));
        waits.push(until.since(world.now.wall));
        assert!(world.ask(1).is_empty(), "a disk that fails is left alone");
        world.pass(ms(10_000));
    }
    assert!(waits[0] <= ms(200) && waits[4] >= ms(1_600), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= ms(10_000)), "{waits:?}");
    // A consumer has all its attempts.
    for _ in 0..ATTEMPTS {
        let lease = world.ask(1)[0];
        world.settle(lease.number, nack(Some(0)));
    }
    assert_eq!(world.machine.stats(world.now).depth, 0);
}

#[test]
fn what_cannot_be_read_keeps_its_place_in_its_line_even_across_a_restart() {
    let with = |of| super::super::Terms { order_key: key(of), ..terms(0) };
    let mut world = World::new(policy(), 3);
    let ids = world.arrive(&[with(1), with(1)]);
    let lease = world.ask(10)[0];
    world.run(Input::Unread(vec![(lease.number, "EIO".into())]));
    assert!(world.ask(10).is_empty(), "the first of the key waits");
    let snapshot = world.machine.snapshot(world.now);
    let now = world.now;
    world.machine = super::super::QueueState::from_snapshot(policy(), snapshot, now);
    world.machine.finish_replay(policy(), now);
    assert!(world.ask(10).is_empty(), "it still does");
    world.pass(ms(10_000));
    let out = world.ask(10);
    assert_eq!((out.len(), out[0].item.id), (1, ids[0]));
}

#[test]
fn events_of_one_key_go_one_after_the_other_and_those_of_others_pass() {
    let mut world = World::new(policy(), 3);
    let with = |of| super::super::Terms { order_key: key(of), ..terms(0) };
    let ids = world.arrive(&[with(1), with(1), with(2), with(1)]);
    let given = world.ask(10);
    let given_ids: Vec<Place> = given.iter().map(|lease| lease.item.id).collect();
    assert_eq!(given_ids, [ids[0], ids[2]]);
    assert_eq!(world.machine.stats(world.now).blocked, 2);
    let newer = world.arrive(&[with(1)]);
    world.settle(given[0].number, nack(Some(10)));
    assert!(world.ask(10).is_empty(), "the first of its key waits for its next attempt");
    world.pass(ms(10));
    let mut out = world.ask(10);
    assert_eq!((out.len(), out[0].item.id), (1, ids[0]));
    for next in [ids[1], ids[3], newer[0]] {
        world.settle(out[0].number, Verb::Ack);
        out = world.ask(10);
        assert_eq!((out.len(), out[0].item.id), (1, next));
    }
}

#[test]
fn waiting_consumers_share_evenly_and_are_served_in_order() {
    let mut world = World::new(policy(), 3);
    let terms_of_ask = Ask { max: 10, wait: ms(50), lease: ms(1_000) };
    for ask in 1..=3 {
        assert!(world.run(Input::Ask { ask, terms: terms_of_ask }).is_empty());
    }
    world.run(Input::Withdrawn(2));
    let items: Vec<Item> = (0..3).map(|_| world.event(terms(0))).collect();
    let effects = world.run(Input::Arrived(items));
    let given: Vec<(u64, usize)> = effects
        .iter()
        .map(|effect| match effect {
            Effect::HandOut { ask, leases } => (*ask, leases.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(given, [(1, 2), (3, 1)]);
    world.run(Input::Ask { ask: 4, terms: terms_of_ask });
    assert_eq!(world.machine.next_due(world.now), Some(ms(50)));
    world.pass(ms(50));
    let over = world.run(Input::Due);
    assert!(matches!(&over[..], [Effect::HandOut { ask: 4, leases }] if leases.is_empty()));
}

#[test]
fn an_event_with_a_time_of_its_own_is_not_early_and_an_expired_one_never_goes() {
    let mut world = World::new(policy(), 3);
    let later = super::super::Terms { deliver_at: Some(world.wall_in(20)), ..terms(0) };
    let brief = super::super::Terms { expires_at: Some(world.wall_in(10)), ..terms(0) };
    let ids = world.arrive(&[later, brief]);
    assert_eq!(world.machine.stats(world.now).delayed, 1);
    assert_eq!(world.machine.next_due(world.now), Some(ms(10)));
    world.pass(ms(10));
    let effects = world.run(Input::Due);
    assert!(matches!(changes(&effects)[..], [Change::Dropped { item, .. }] if item.id == ids[1]));
    assert!(world.ask(10).is_empty());
    world.pass(ms(10));
    assert_eq!(world.ask(10)[0].item.id, ids[0]);
}
