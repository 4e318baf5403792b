//! `kill -9` under load, again and again: no acknowledged event is lost, none is doubled as new,
//! and none that a consumer settled comes back. What goes wrong panics with the event's number.

use std::time::Duration;

use crate::config;
use crate::deadline::wait_within;
use crate::ledger::Books;
use crate::random::Random;
use crate::senders::Senders;
use crate::world::World;

/// What many kills came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survived {
    /// How often the gateway was killed.
    pub kills: usize,
    /// How many events were acknowledged to their senders in all.
    pub acked: usize,
}

/// Starts the gateway and kills it under load, `rounds` times, and audits every event.
///
/// # Panics
/// When an acknowledged event is lost, doubled or changed, or a settled one comes back.
#[must_use]
pub fn run(rounds: usize, seed: u64) -> Survived {
    let mut random = Random::from_seed(seed);
    let world = World::new(&config::under_load());
    let books = Books::default();
    let mut next = 0;
    for round in 0..rounds {
        let gateway = world.start();
        books.redeliver(&gateway);
        let senders = Senders::start(gateway.http(), next, 4);
        let consumer = books.consume(gateway.admin());
        let enough = 20 + random.below(200);
        wait_within(Duration::from_secs(60), &format!("round {round}: {enough} acks"), || {
            (senders.acked() >= enough).then_some(())
        });
        gateway.kill();
        let (told, after) = senders.finish();
        consumer.join().expect("the consumer's assertions hold");
        next = after;
        assert!(told.refused.is_empty(), "round {round}: {:?}", told.refused);
        books.open().note(told);
    }
    books.close(&world.start());
    let ledger = books.open();
    assert_eq!(ledger.consumer_refused, 0, "a kill breaks no store");
    Survived { kills: rounds, acked: ledger.acked.len() }
}
