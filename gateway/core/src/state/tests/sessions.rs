//! What the filters of one event may do.

use std::time::Duration;

use bytes::Bytes;

use super::world::{SMALL, World, scope};
use crate::limits::STATE_TOUCHED_MAX;
use crate::state::{Grant, Refused};

const MS: Duration = Duration::from_millis(1);

fn text(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[test]
fn an_event_sees_its_own_writes_and_others_only_what_is_committed() {
    let (world, at) = (World::new(), scope("p"));
    let mut one = world.session();
    one.set(&at, SMALL, "k", text("v"), None).unwrap();
    assert_eq!(one.get(&at, SMALL, "k"), Ok(Some(text("v"))));
    assert_eq!(world.session().get(&at, SMALL, "k"), Ok(None));
    world.commit(one);
    assert_eq!(world.session().get(&at, SMALL, "k"), Ok(Some(text("v"))));
    assert_eq!(world.session().get(&scope("other"), SMALL, "k"), Ok(None), "it has its own");
}

#[test]
fn a_key_is_there_until_its_time_is_over() {
    let (world, at) = (World::new(), scope("p"));
    let mut one = world.session();
    assert_eq!(one.set_if_absent(&at, SMALL, "k", text("v"), Some(10 * MS)), Ok(true));
    world.commit(one);
    world.pass(9);
    assert_eq!(world.session().set_if_absent(&at, SMALL, "k", text("w"), None), Ok(false));
    world.pass(1);
    assert_eq!(world.session().get(&at, SMALL, "k"), Ok(None));
    assert_eq!(world.session().set_if_absent(&at, SMALL, "k", text("w"), None), Ok(true));
}

#[test]
fn numbers_add_up_and_keep_their_time_unless_they_are_given_one() {
    let (world, at) = (World::new(), scope("p"));
    let mut one = world.session();
    assert_eq!(one.increment(&at, SMALL, "n", 5, Some(10 * MS)), Ok(5));
    assert_eq!(one.increment(&at, SMALL, "n", -7, None), Ok(-2));
    assert_eq!(one.get(&at, SMALL, "n"), Ok(Some(text("-2"))));
    world.commit(one);
    world.pass(10);
    let mut one = world.session();
    assert_eq!(one.increment(&at, SMALL, "n", 1, None), Ok(1), "its time was kept, and is over");
    one.set(&at, SMALL, "n", text("x"), None).unwrap();
    let no = one.increment(&at, SMALL, "n", 1, None);
    assert_eq!(no, Err(Refused::Unavailable("the value is not a number")));
    assert_eq!(one.increment(&at, SMALL, "m", i64::MAX, None), Ok(i64::MAX));
    let no = one.increment(&at, SMALL, "m", 1, None);
    assert_eq!(no, Err(Refused::Unavailable("the sum is too large")));
}

#[test]
fn a_call_that_fails_leaves_nothing_and_one_before_it_stays() {
    let (world, at) = (World::new(), scope("p"));
    let mut one = world.session();
    one.begin_call();
    one.set(&at, SMALL, "a", text("1"), None).unwrap();
    one.begin_call();
    one.set(&at, SMALL, "a", text("2"), None).unwrap();
    one.increment(&at, SMALL, "b", 1, None).unwrap();
    one.delete(&at, SMALL, "a").unwrap();
    one.undo_call();
    assert_eq!(one.get(&at, SMALL, "a"), Ok(Some(text("1"))));
    assert_eq!(one.get(&at, SMALL, "b"), Ok(None));
    world.commit(one);
    assert_eq!(world.session().get(&at, SMALL, "a"), Ok(Some(text("1"))));
    assert_eq!(world.session().get(&at, SMALL, "b"), Ok(None));
}

#[test]
fn what_is_over_a_quota_is_refused_and_what_was_there_stays() {
    let (world, at) = (World::new(), scope("p"));
    let mut one = world.session();
    for key in ["a", "b", "c"] {
        one.set(&at, SMALL, key, text("12345"), Some(5 * MS)).unwrap();
    }
    assert_eq!(one.set(&at, SMALL, "d", text(""), None), Err(Refused::QuotaExceeded));
    assert_eq!(
        one.set(&at, SMALL, "a", text("123456789012345678901"), None),
        Err(Refused::TooLarge)
    );
    assert_eq!(one.set(&at, SMALL, "", text(""), None), Err(Refused::TooLarge));
    one.set(&at, SMALL, "a", text("12345678901234567890"), None).unwrap();
    assert_eq!(
        one.set(&at, SMALL, "b", text("12345678901234567890"), None),
        Err(Refused::QuotaExceeded),
        "bytes count too"
    );
    assert_eq!(one.get(&at, SMALL, "b"), Ok(Some(text("12345"))));
    one.delete(&at, SMALL, "c").unwrap();
    one.set(&at, SMALL, "d", text(""), None).unwrap();
    world.commit(one);
    assert_eq!(world.session().set(&at, SMALL, "e", text(""), None), Err(Refused::QuotaExceeded));
    world.pass(5);
    assert_eq!(world.session().set(&at, SMALL, "e", text(""), None), Ok(()), "b has expired");
}

#[test]
fn one_event_touches_so_many_keys_and_no_more() {
    let (world, at) = (World::new(), scope("p"));
    let mut one = world.session();
    for number in 0..STATE_TOUCHED_MAX {
        one.get(&at, Grant::default(), &number.to_string()).unwrap();
    }
    assert_eq!(one.get(&at, Grant::default(), "more"), Err(Refused::QuotaExceeded));
    assert_eq!(one.get(&at, Grant::default(), "0"), Ok(None), "a key again is no other key");
}
