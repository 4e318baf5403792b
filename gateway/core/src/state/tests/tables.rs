//! What the table does with transactions that meet.

use bytes::Bytes;

use super::world::{SMALL, World, scope};
use crate::seams::StateView;
use crate::state::{Conflict, Session, Ticket, Write};

fn stage(world: &World, session: Session) -> Result<Ticket, Conflict> {
    world.table.lock().unwrap().stage(session.into_transaction(), world.now())
}

/// As the writer does: confirms, and commits or discards.
fn settle(world: &World, ticket: Ticket) -> Result<(), Conflict> {
    let mut table = world.table.lock().unwrap();
    let confirmed = table.confirm(ticket, world.now());
    match confirmed {
        Ok(()) => table.commit(ticket),
        Err(Conflict) => table.discard(ticket),
    }
    confirmed
}

#[test]
fn two_that_run_at_once_do_not_both_win() {
    let (world, at) = (World::new(), scope("p"));
    let (mut one, mut other) = (world.session(), world.session());
    assert_eq!(one.set_if_absent(&at, SMALL, "k", Bytes::new(), None), Ok(true));
    assert_eq!(other.set_if_absent(&at, SMALL, "k", Bytes::new(), None), Ok(true));
    let one = stage(&world, one).unwrap();
    assert_eq!(stage(&world, other), Err(Conflict));
    assert_eq!(settle(&world, one), Ok(()));
    assert_eq!(world.session().set_if_absent(&at, SMALL, "k", Bytes::new(), None), Ok(false));
}

#[test]
fn a_hot_key_is_counted_by_all_before_any_of_it_is_on_the_disk() {
    let (world, at) = (World::new(), scope("p"));
    let mut tickets = Vec::new();
    for number in 1..=100 {
        let mut one = world.session();
        assert_eq!(one.increment(&at, SMALL, "n", 1, None), Ok(number));
        tickets.push(stage(&world, one).unwrap());
    }
    assert!(tickets.into_iter().all(|ticket| settle(&world, ticket) == Ok(())));
    assert_eq!(world.session().increment(&at, SMALL, "n", 0, None), Ok(100));
}

#[test]
fn when_one_on_its_way_is_refused_those_that_saw_it_conflict_and_no_others() {
    let (world, at) = (World::new(), scope("p"));
    let mut first = world.session();
    first.set(&at, SMALL, "k", Bytes::from("1"), None).unwrap();
    let first = stage(&world, first).unwrap();
    let mut reader = world.session();
    assert_eq!(reader.get(&at, SMALL, "k"), Ok(Some(Bytes::from("1"))));
    let reader = stage(&world, reader).unwrap();
    let mut blind = world.session();
    blind.set(&at, SMALL, "k", Bytes::from("2"), None).unwrap();
    let blind = stage(&world, blind).unwrap();
    world.table.lock().unwrap().discard(first);
    assert_eq!(settle(&world, reader), Err(Conflict));
    assert_eq!(settle(&world, blind), Ok(()));
    assert_eq!(world.session().get(&at, SMALL, "k"), Ok(Some(Bytes::from("2"))));
    assert_eq!(world.table.lock().unwrap().staged(), 0);
}

#[test]
fn a_reader_of_a_deletion_on_its_way_holds_if_it_is_done_and_conflicts_if_not() {
    for refused in [false, true] {
        let (world, at) = (World::new(), scope("p"));
        let mut one = world.session();
        one.set(&at, SMALL, "k", Bytes::new(), None).unwrap();
        world.commit(one);
        let mut deletes = world.session();
        deletes.delete(&at, SMALL, "k").unwrap();
        let deletes = stage(&world, deletes).unwrap();
        let mut reader = world.session();
        assert_eq!(reader.get(&at, SMALL, "k"), Ok(None));
        let reader = stage(&world, reader).unwrap();
        if refused {
            world.table.lock().unwrap().discard(deletes);
        } else {
            assert_eq!(settle(&world, deletes), Ok(()));
        }
        assert_eq!(settle(&world, reader).is_err(), refused);
    }
}

#[test]
fn expired_keys_go_in_bounded_steps_and_scopes_with_them() {
    let (world, at) = (World::new(), scope("p"));
    let end = Some(world.now().plus(std::time::Duration::from_millis(5)));
    for number in 0..10 {
        let value = crate::state::Value { bytes: Bytes::new(), expires_at: end };
        let write = Write::Set(value);
        world.table.lock().unwrap().restore(&at, &number.to_string(), &write, world.now());
    }
    world.pass(5);
    let mut table = world.table.lock().unwrap();
    assert_eq!(table.committed(world.now()).count(), 0, "they are not there any more");
    assert!(table.sweep(6, world.now()));
    assert_eq!(table.usage().map(|(_, usage)| usage.keys).sum::<i64>(), 4);
    assert!(!table.sweep(6, world.now()));
    assert_eq!(table.usage().count(), 0);
}
