//! What a queue costs: time does not go with the events that wait, nor memory with the backlog.

use std::time::{Duration, Instant};

use super::super::{Effect, Input, Item, Place, QueueState, Terms, Wish};
use super::world::{World, ms, policy, terms};
use crate::seams::Ask;

#[test]
fn leased_and_delayed_events_cost_nothing_while_idle() {
    let mut world = World::new(policy(), 4_096);
    world.machine = QueueState::new(super::super::Policy { held_max: 2_000_000, ..policy() });
    let ask = Ask { max: 1_000, wait: Duration::ZERO, lease: ms(1_000_000) };
    let later = Terms { deliver_at: Some(world.wall_in(1_000_000)), ..terms(0) };
    let mut position = 1_u64 << 32;
    for _ in 0..200 {
        for terms in [terms(0), later] {
            let items = (0..1_000).map(|_| {
                position += 1;
                let id = Place { position, part: 0 };
                Item { terms, ..Item::fresh(id, world.now.wall, 10) }
            });
            let items = items.collect();
            world.handle(Input::Arrived(items));
        }
        world.handle(Input::Ask { ask: 1, terms: ask });
    }
    let stats = world.machine.stats(world.now);
    assert_eq!((stats.leased, stats.delayed), (200_000, 200_000));
    let begin = Instant::now();
    for _ in 0..10_000 {
        world.now.steady = world.now.steady.plus(Duration::from_micros(1));
        assert!(world.handle(Input::Due).is_empty());
        assert!(world.machine.next_due(world.now).is_some());
        assert_eq!(world.machine.stats(world.now).depth, 400_000);
    }
    let took = begin.elapsed();
    // A scan of as many events takes a millisecond at least, so ten thousand of them take ten
    // seconds.
    assert!(took < Duration::from_secs(8), "10,000 idle turns took {took:?}");
}

#[test]
fn leases_that_run_out_together_do_not_make_one_endless_turn() {
    let mut world = World::new(policy(), 4_096);
    let ask = Ask { max: 1_000, wait: Duration::ZERO, lease: ms(10) };
    for _ in 0..20 {
        let items = (0..1_000).map(|_| world.event(terms(0))).collect();
        world.handle(Input::Arrived(items));
        world.handle(Input::Ask { ask: 1, terms: ask });
    }
    world.pass(ms(10));
    let mut turns = 0;
    while world.machine.stats(world.now).leased > 0 {
        let changes: usize = world.handle(Input::Due).iter().map(count).sum();
        assert!(changes <= 1_000, "{changes} changes in one turn");
        turns += 1;
        let due = world.machine.next_due(world.now);
        assert_eq!(due == Some(Duration::ZERO), world.machine.stats(world.now).leased > 0);
    }
    assert_eq!(turns, 20);
}

#[test]
fn a_backlog_of_ten_million_keeps_a_few_thousand_in_memory() {
    let mut world = World::new(policy(), 4_096);
    let now = world.now;
    for n in 0..10_000_u64 {
        let items = (0..1_000).map(|at| {
            let id = Place { position: ((n / 100 + 1) << 32) + (n % 100) * 1_000 + at, part: 0 };
            Item::fresh(id, now.wall, 10)
        });
        let items = items.collect();
        for effect in world.handle(Input::Arrived(items)) {
            assert!(matches!(effect, Effect::Load(Wish { .. })), "{effect:?}");
        }
    }
    assert_eq!(world.machine.stats(now).depth, 10_000_000);
    let kept = world.machine.snapshot(now);
    assert_eq!((kept.lanes.len(), kept.lanes[0].runs.len(), kept.held.len()), (1, 100, 0));
    assert!(world.machine.loaded() <= 2 * 4_096);
}

fn count(effect: &Effect) -> usize {
    super::world::changes(std::slice::from_ref(effect)).len()
}
