//! The life of one event as a diagram, made of what the machine really does, and kept in
//! `life.md` beside it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::{
    Change, DropCause, Input, Item, Lease, LeaseNumber, OnExpiry, Place, Policy, QueueNumber,
    Replayed, Room, Standing, Terms, Verb,
};
use super::world::{World, changes, key, ms, nack, policy, terms};
use crate::letter::Cause;

/// Where events went: from, to, by what.
pub(super) type Seen = BTreeSet<(&'static str, &'static str, String)>;

/// One event in a world of its own, and where it was seen.
struct Life {
    world: World,
    event: Item,
    seen: Seen,
}

impl Life {
    fn new(policy: Policy, terms: Terms) -> Self {
        let mut world = World::new(policy, 3);
        let mut event = world.event(terms);
        event.origin = Some(QueueNumber(3));
        world.disk.insert(event.id, event);
        Self { world, event, seen: BTreeSet::new() }
    }

    fn standing(&self) -> &'static str {
        let view = self.world.machine.view(self.world.now, Place::START, usize::MAX);
        match view.held.iter().find(|(item, _)| item.id == self.event.id) {
            Some((_, Standing::Ready)) => "Ready",
            Some((_, Standing::Leased(_))) => "Leased",
            Some((_, Standing::Delayed(_))) => "Delayed",
            Some((_, Standing::Blocked)) => "Blocked",
            None if view.lanes.iter().any(|lane| lane.after < self.event.id) => "Backlog",
            None => "[*]",
        }
    }

    /// Does something and notes what became of the event.
    fn note(&mut self, by: &str, act: impl FnOnce(&mut World)) {
        let from = self.standing();
        act(&mut self.world);
        self.seen.insert((from, self.standing(), by.to_owned()));
    }

    fn arrive(&mut self) {
        let item = self.event;
        let by = if item.terms.deliver_at.is_some() { "arrives for later" } else { "arrives" };
        self.note(by, |world| drop(world.run(Input::Arrived(vec![item]))));
    }

    fn lease(&mut self, length: u64) -> LeaseNumber {
        let mut given: Vec<Lease> = Vec::new();
        let id = self.event.id;
        self.note("handed out", |world| given = world.ask_for(10, ms(length)));
        given.iter().find(|lease| lease.item.id == id).expect("it is handed out").number
    }

    fn settle(&mut self, by: &str, verb: Verb) {
        let lease = self.lease(1_000);
        self.note(by, |world| drop(world.settle(lease, verb)));
    }

    fn pass(&mut self, by: &str, time: u64) {
        self.note(by, |world| {
            world.pass(ms(time));
            world.run(Input::Due);
        });
    }
}

/// Every way that an event can go, each walked once.
pub(super) fn walks() -> Seen {
    let once = Policy {
        retry: crate::retry::RetryPolicy { attempts_max: 1, ..policy().retry },
        ..policy()
    };
    let give_up = || Verb::GiveUp { reason: "never".into() };
    let extend = |length| Verb::Extend { lease: ms(length) };
    let mut lives = Vec::new();
    let mut live = |policy: Policy, terms: Terms, walk: &dyn Fn(&mut Life)| {
        let mut life = Life::new(policy, terms);
        walk(&mut life);
        lives.push(life.seen);
    };
    let fresh = terms(0);
    live(policy(), fresh, &|life| {
        life.arrive();
        life.settle("nack with a delay", nack(Some(5)));
        life.pass("its time comes", 5);
        life.settle("nack at once", nack(Some(0)));
        life.settle("ack", Verb::Ack);
    });
    live(policy(), fresh, &|life| {
        life.arrive();
        life.settle("extend", extend(50));
        life.pass("the lease runs out", 50);
        life.settle("extend by nothing", extend(0));
        life.settle("give up", give_up());
    });
    live(once, fresh, &|life| {
        life.arrive();
        life.settle("nack of the last attempt", nack(None));
    });
    live(once, fresh, &|life| {
        life.arrive();
        life.lease(5);
        life.pass("the last lease runs out", 5);
    });
    live(policy(), fresh, &|life| {
        life.arrive();
        let lease = life.lease(100);
        life.note("the hand-out failed", |world| drop(world.run(Input::Returned(vec![lease]))));
        let lease = life.lease(100);
        life.note("its bytes are damaged", |world| drop(world.run(Input::Lost(vec![lease]))));
    });
    live(policy(), fresh, &|life| {
        life.arrive();
        life.settle("nack at once", nack(Some(0)));
        life.note("its attempts are used up", |world| {
            world.run(Input::Policy(once));
            world.ask(1);
        });
    });
    live_by_place(&mut live, OnExpiry::Drop);
    live_by_key(&mut live);
    lives.into_iter().flatten().collect()
}

type Live<'a> = dyn FnMut(Policy, Terms, &dyn Fn(&mut Life)) + 'a;

type Walk = fn(&mut Life);

/// Purge, redrive, expiry and overflow, of events in each place.
fn live_by_place(live: &mut Live<'_>, on_expiry: OnExpiry) {
    let policy = Policy { on_expiry, ..policy() };
    let base = World::new(policy, 3);
    let brief = Terms { expires_at: Some(base.wall_in(5)), ..terms(0) };
    let later = Terms { deliver_at: Some(base.wall_in(9)), ..brief };
    live(policy, later, &|life| {
        life.arrive();
        life.pass("it expires", 5);
    });
    let places: [(Terms, Walk); 3] = [
        (brief, Life::arrive),
        (Terms { deliver_at: later.deliver_at, ..terms(0) }, Life::arrive),
        (brief, |life| {
            life.arrive();
            life.settle("nack at once", nack(Some(0)));
        }),
    ];
    for (terms, go_there) in places {
        live(policy, terms, &|life| {
            go_there(life);
            life.note("purge", |world| drop(world.run(Input::Purge { call: 3 })));
        });
        live(policy, terms, &|life| {
            go_there(life);
            let items = vec![life.event];
            life.note("redrive", |world| drop(world.run(Input::Redrive { call: 3, items })));
        });
        live(policy, terms, &|life| {
            go_there(life);
            let by = if terms.expires_at.is_some() { "it expires" } else { "its time comes" };
            life.pass(by, 9);
        });
        let room = Some(Room { events_max: 0, bytes_max: u64::MAX });
        live(policy, Terms { expires_at: None, deliver_at: None, ..terms }, &|life| {
            go_there(life);
            let full = Input::Policy(Policy { drop_oldest: room, ..policy });
            life.note("the queue is full", |world| drop(world.run(full)));
        });
    }
}

/// An event behind another one with its key.
fn live_by_key(live: &mut Live<'_>) {
    let keyed = Terms { order_key: key(7), ..terms(0) };
    let with_first = |life: &mut Life, later: &dyn Fn(&mut Life, LeaseNumber)| {
        // The first of the key has a later id, but is out before the other one comes up.
        let first = life.world.event(Terms { order_key: key(7), ..terms(9) });
        life.arrive();
        life.world.run(Input::Arrived(vec![first]));
        let lease = life.world.ask(1)[0].number;
        life.note("another one of its key is out", |world| drop(world.ask(1)));
        later(life, lease);
    };
    live(policy(), keyed, &|life| {
        with_first(life, &|life, lease| {
            life.note("the other one leaves", |world| drop(world.settle(lease, Verb::Ack)));
        });
    });
    live(policy(), keyed, &|life| {
        with_first(life, &|life, _| {
            life.note("purge", |world| drop(world.run(Input::Purge { call: 3 })));
        });
    });
    live(policy(), keyed, &|life| {
        with_first(life, &|life, _| {
            let items = vec![life.event];
            life.note("redrive", |world| drop(world.run(Input::Redrive { call: 3, items })));
        });
    });
    let brief = Terms { expires_at: Some(World::new(policy(), 3).wall_in(5)), ..keyed };
    live(policy(), brief, &|life| {
        with_first(life, &|life, _| life.pass("it expires", 5));
    });
    let later = Terms { deliver_at: Some(World::new(policy(), 3).wall_in(5)), ..keyed };
    live(policy(), later, &|life| {
        let after = Some(life.world.wall_in(9));
        let older = Terms { deliver_at: after, ..keyed };
        life.event.id.position += 1 << 40;
        let older = life.world.event(older);
        life.world.run(Input::Arrived(vec![older]));
        life.arrive();
        life.pass("its time comes", 5);
        life.pass("an older one of its key comes up", 4);
    });
    live(policy(), later, &|life| {
        let first = life.world.event(Terms { order_key: key(7), ..terms(9) });
        life.arrive();
        life.world.run(Input::Arrived(vec![first]));
        life.world.ask(1);
        life.pass("its time comes, and another one of its key is out", 5);
    });
}

fn diagram() -> String {
    let mut text = String::from(HEAD);
    for (from, to, by) in walks() {
        let _ = writeln!(text, "    {from} --> {to}: {by}");
    }
    text.push_str("```\n");
    text
}

#[test]
fn the_life_of_an_event_is_as_life_md_draws_it() {
    let drawn = diagram();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/queue/life.md");
    if std::env::var_os("SLUICEGATE_DRAW").is_some() {
        std::fs::write(path, &drawn).expect("life.md can be written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == drawn,
        "gateway/core/src/queue/life.md differs from what the machine does. If that is meant, run \
         this test once with SLUICEGATE_DRAW=1 and look at the difference.\n{drawn}"
    );
}

/// Whether `life.md` draws that an event goes from one place to another. To the model, a blocked
/// event is one of the ready ones.
pub(super) fn is_drawn(drawn: &Seen, from: &str, to: &str) -> bool {
    let plain = |place: &'static str| if place == "Blocked" { "Ready" } else { place };
    drawn.iter().any(|(known, other, _)| (plain(known), plain(other)) == (from, to))
}

#[test]
fn what_leaves_says_why() {
    let mut world = World::new(Policy { on_expiry: OnExpiry::DeadLetter, ..policy() }, 3);
    let brief = Terms { expires_at: Some(world.wall_in(5)), ..terms(0) };
    world.arrive(&[brief]);
    world.pass(ms(5));
    let effects = world.run(Input::Due);
    assert!(matches!(changes(&effects)[..], [Change::DeadLettered { letter, .. }]
        if letter.cause == Cause::Expired));
    world.arrive(&[terms(0); 3]);
    let effects = world.run(Input::Purge { call: 8 });
    let dropped = changes(&effects);
    let purged =
        |change: &&Change| matches!(change, Change::Dropped { why: DropCause::Purged, .. });
    assert_eq!((dropped.len(), dropped.iter().all(purged)), (3, true));
    let nothing = world.machine.replay(
        Place { position: 9, part: 9 },
        Replayed::Left,
        world.now,
        &mut |_| Vec::new(),
    );
    assert_eq!(nothing, None);
}

const HEAD: &str = "# The life of one event in its queue

Drawn from what the state machine does, by the test `the_life_of_an_event_is_as_life_md_draws_it`.
Backlog: nothing has happened to it since it came. A restart ends every lease.

```mermaid
stateDiagram-v2
";
