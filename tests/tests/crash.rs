//! `kill -9` under load, again and again: no acknowledged event is lost, none is doubled as new,
//! and none that a consumer settled comes back.

use std::time::Duration;

use sluicegate_tests::config;
use sluicegate_tests::deadline::wait_within;
use sluicegate_tests::ledger::Books;
use sluicegate_tests::random::Random;
use sluicegate_tests::senders::Senders;
use sluicegate_tests::world::World;

const ROUNDS: usize = 20;

#[test]
fn twenty_kills_under_load_lose_and_double_no_acknowledged_event() {
    let mut random = Random::seeded();
    let world = World::new(&config::under_load());
    let books = Books::default();
    let mut next = 0;
    for round in 0..ROUNDS {
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
    assert_eq!(ledger.consumer_refused, 0);
    println!("{} events acknowledged over {ROUNDS} kills", ledger.acked.len());
}
