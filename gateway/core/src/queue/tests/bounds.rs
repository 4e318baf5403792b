//! What a queue does at its bounds: rates, pauses, full queues, loads that fail, damage.

use std::time::Duration;

use super::super::{
    Change, Delivery, DropCause, Effect, Input, Item, Place, Policy, QueueNumber, QueueState, Room,
    Terms, Verb,
};
use super::world::{World, changes, find, key, ms, nack, policy, terms};
use crate::limits::BLOCKED_MAX;
use crate::seams::Ask;

const LONG: Ask =
    Ask { max: 100, wait: Duration::from_millis(5_000), lease: Duration::from_millis(60_000) };

fn given(effects: &[Effect]) -> usize {
    let of = |effect: &Effect| match effect {
        Effect::HandOut { leases, .. } => leases.len(),
        _ => 0,
    };
    effects.iter().map(of).sum()
}

#[test]
fn a_delivery_rate_lets_a_burst_pass_and_then_one_by_one() {
    let mut world = World::new(Policy { delivery_rate: Some(10), ..policy() }, 100);
    world.arrive(&[terms(0); 30]);
    assert_eq!(given(&world.run(Input::Ask { ask: 1, terms: LONG })), 10);
    assert_eq!(given(&world.run(Input::Ask { ask: 2, terms: LONG })), 0);
    assert_eq!(world.machine.next_due(world.now), Some(ms(100)));
    world.pass(ms(100));
    assert_eq!(given(&world.run(Input::Due)), 1);
    let faster = Policy { delivery_rate: None, ..policy() };
    world.run(Input::Ask { ask: 3, terms: LONG });
    assert_eq!(given(&world.run(Input::Policy(faster))), 19);
}

#[test]
fn a_paused_queue_hands_out_nothing_and_goes_on_at_once_when_resumed() {
    let mut world = World::new(policy(), 100);
    world.run(Input::Policy(Policy { delivery: Delivery::Paused, ..policy() }));
    world.arrive(&[terms(0); 3]);
    assert!(world.run(Input::Ask { ask: 1, terms: LONG }).is_empty());
    assert_eq!(world.machine.next_due(world.now), Some(LONG.wait));
    assert_eq!(given(&world.run(Input::Policy(policy()))), 3);
}

#[test]
fn a_question_waits_for_the_disk_however_short_its_wait() {
    let mut world = World::new(policy(), 2);
    world.arrive(&[terms(0); 20]);
    let kept = world.machine.snapshot(world.now);
    world.machine = QueueState::with_front(policy(), 2).restored(kept, world.now);
    assert_eq!(world.machine.next_due(world.now), Some(Duration::ZERO));
    let terms = Ask { wait: Duration::ZERO, max: 2, ..LONG };
    let effects = world.handle(Input::Ask { ask: 1, terms });
    let [Effect::Load(wish)] = effects[..] else { panic!("{effects:?}") };
    assert_eq!(world.machine.next_due(world.now), None);
    let found = Some(find(&world.disk, wish));
    assert_eq!(given(&world.handle(Input::Loaded { wish, found })), 2);
}

#[test]
fn a_load_that_fails_is_asked_for_again_but_not_at_once() {
    let mut world = World::new(policy(), 2);
    world.arrive(&[terms(0); 20]);
    let kept = world.machine.snapshot(world.now);
    world.machine = QueueState::with_front(policy(), 2).restored(kept, world.now);
    let effects = world.handle(Input::Due);
    let [Effect::Load(wish)] = effects[..] else { panic!("{effects:?}") };
    let failed = world.handle(Input::Loaded { wish, found: None });
    assert!(failed.is_empty(), "{failed:?}");
    assert!(world.ask(1).is_empty(), "nobody waits for a disk that fails");
    assert_eq!(world.machine.next_due(world.now), Some(ms(100)));
    world.pass(ms(100));
    assert!(matches!(world.handle(Input::Due)[..], [Effect::Load(again)] if again == wish));
}

#[test]
fn arrivals_that_the_log_lost_are_counted_and_not_waited_for() {
    let mut world = World::new(policy(), 2);
    let ids = world.arrive(&[terms(0); 20]);
    world.disk.retain(|id, _| *id != ids[12] && *id != ids[19]);
    let mut delivered = 0;
    loop {
        let leases = world.ask(4);
        delivered += leases.len();
        if leases.is_empty() {
            break;
        }
        for lease in leases {
            world.settle(lease.number, Verb::Ack);
        }
    }
    let stats = world.machine.stats(world.now);
    // The last one came last, and was still in memory.
    assert_eq!(delivered as u64 + stats.lost, 20);
    assert!(stats.lost >= 1);
    assert_eq!((stats.depth, stats.bytes), (0, 0));
    world.arrive(&[terms(0)]);
    assert_eq!(world.ask(1).len(), 1);
}

#[test]
fn a_consumer_that_settles_nothing_does_not_get_the_whole_backlog() {
    let mut world = World::new(Policy { held_max: 5, ..policy() }, 100);
    world.arrive(&[terms(0); 30]);
    let leases = world.ask(100);
    assert_eq!(leases.len(), 5);
    assert!(world.ask(100).is_empty());
    world.settle(leases[0].number, nack(Some(0)));
    assert_eq!(world.ask(100)[0].item.id, leases[0].item.id, "what is held already goes on");
    world.settle(leases[1].number, Verb::Ack);
    assert_eq!(world.ask(100).len(), 1);
}

#[test]
fn one_slow_key_blocks_a_bounded_number_of_events() {
    let mut world = World::new(policy(), 4_096);
    let keyed = Terms { order_key: key(3), ..terms(0) };
    for _ in 0..BLOCKED_MAX / 500 + 10 {
        world.arrive(&[keyed; 500]);
    }
    assert_eq!(world.ask(10).len(), 1);
    let short = Ask { wait: Duration::ZERO, ..LONG };
    let mut effects = world.run(Input::Ask { ask: 2, terms: short });
    while world.machine.next_due(world.now) == Some(Duration::ZERO) {
        assert!(effects.is_empty(), "it waits until all that may come up did");
        effects = world.run(Input::Due);
    }
    assert!(matches!(&effects[..], [Effect::HandOut { leases, .. }] if leases.is_empty()));
    let stats = world.machine.stats(world.now);
    assert_eq!(stats.blocked, BLOCKED_MAX as u64);
    assert_eq!(stats.depth, stats.ready + stats.blocked + 1);
}

#[test]
fn a_full_queue_drops_its_oldest_and_never_what_is_leased() {
    let room = Room { events_max: 3, bytes_max: u64::MAX };
    let mut world = World::new(Policy { drop_oldest: Some(room), ..policy() }, 100);
    let ids = world.arrive(&[terms(0), terms(9), terms(0)]);
    assert_eq!(world.ask(1)[0].item.id, ids[1]);
    let items: Vec<Item> = vec![world.event(terms(0)), world.event(terms(5))];
    let effects = world.run(Input::Arrived(items));
    let dropped: Vec<Place> = changes(&effects)
        .iter()
        .map(|change| match change {
            Change::Dropped { item, why: DropCause::Overflow } => item.id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(dropped, [ids[0], ids[2]]);
    assert_eq!(world.machine.stats(world.now).overflowed, 2);
}

#[test]
fn a_great_purge_takes_several_turns_and_answers_at_the_end() {
    let mut world = World::new(policy(), 4_096);
    for _ in 0..9 {
        world.arrive(&[terms(0); 1_000]);
    }
    let effects = world.run(Input::Purge { call: 1 });
    assert!(changes(&effects).len() <= 4_000, "a turn, and one for each load");
    let mut answer = None;
    while answer.is_none() {
        assert_eq!(world.machine.next_due(world.now), Some(Duration::ZERO));
        answer = world.run(Input::Due).into_iter().find_map(|effect| match effect {
            Effect::Counted { call: 1, count, .. } => Some(count),
            _ => None,
        });
    }
    assert_eq!(answer, Some(9_000));
    assert_eq!(world.machine.stats(world.now).depth, 0);
}

#[test]
fn a_clock_that_is_set_moves_deadlines_of_the_world_and_nothing_else() {
    let mut world = World::new(policy(), 100);
    let later = Terms { deliver_at: Some(world.wall_in(3_600_000)), ..terms(0) };
    world.arrive(&[later, terms(0)]);
    let lease = world.ask_for(1, ms(5_000))[0];
    world.now.wall = world.wall_in(3_600_000);
    assert_eq!(world.machine.next_due(world.now), Some(Duration::ZERO));
    assert_eq!(world.ask(1).len(), 1);
    let (settled, _) = world.settle(lease.number, Verb::Ack);
    assert_eq!(settled, super::super::Settled::Done, "a lease runs by the steady clock");
}

#[test]
fn a_redrive_of_all_that_is_on_disk_leaves_nobody_waiting_for_a_load() {
    let mut world = World::new(policy(), 1);
    world.arrive(&[terms(0)]);
    let kept = world.machine.snapshot(world.now);
    world.machine = QueueState::with_front(policy(), 1).restored(kept, world.now);
    let dead = Item { origin: Some(QueueNumber(3)), ..*world.disk.values().next().unwrap() };
    let newer = world.event(terms(0));
    let effects = world.handle(Input::Arrived(vec![newer]));
    let [Effect::Load(wish)] = effects[..] else { panic!("{effects:?}") };
    world.handle(Input::Loaded { wish, found: None });
    world.handle(Input::Ask { ask: 1, terms: LONG });
    let effects = world.handle(Input::Redrive { call: 2, items: vec![dead] });
    assert_eq!(given(&effects), 1, "{effects:?}");
}
