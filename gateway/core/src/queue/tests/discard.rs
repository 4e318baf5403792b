//! Events that are done with though no consumer had them.

use super::super::{Change, Effect, Input, Item};
use super::world::{World, changes, policy, terms};
use crate::time::Timestamp;

#[test]
fn a_discard_acknowledges_what_nobody_holds_and_nothing_else() {
    let mut world = World::new(policy(), 3);
    let ids = world.arrive(&[terms(0); 40]);
    let leased = world.ask(1)[0];
    let item = |at: usize| world_item(&world, ids[at]);
    // Leased, in the front, on the disk, and one that is not there.
    let gone =
        Item::fresh(crate::queue::Place { position: 1 << 60, part: 7 }, Timestamp::default(), 1);
    let wanted = vec![leased.item, item(1), item(30), gone];
    let effects = world.run(Input::Discard { call: 5, items: wanted.clone() });
    let counted = effects.iter().find_map(|effect| match effect {
        Effect::Counted { call: 5, count, .. } => Some(*count),
        _ => None,
    });
    assert_eq!(counted, Some(2));
    let acked: Vec<_> = changes(&effects)
        .iter()
        .filter_map(|change| match change {
            Change::Acked(item) => Some(item.id),
            _ => None,
        })
        .collect();
    assert_eq!(acked, [ids[1], ids[30]]);
    let again = world.run(Input::Discard { call: 6, items: wanted });
    assert!(changes(&again).is_empty(), "each is discarded once");
    let left: Vec<_> = world.ask(100).iter().map(|lease| lease.item.id).collect();
    assert!(!left.contains(&ids[1]) && !left.contains(&ids[30]));
    let stats = world.machine.stats(world.now);
    assert_eq!((stats.acked, stats.depth), (2, 38));
}

fn world_item(world: &World, id: crate::queue::Place) -> Item {
    world.disk[&id]
}
