//! `kill -9` under load, again and again: no acknowledged event is lost, none is doubled as new,
//! and none that a consumer settled comes back. What goes wrong panics with the event's number.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::config;
use crate::consumer::{self, Consumer, Delivered};
use crate::deadline::wait_within;
use crate::gateway::Gateway;
use crate::http::Repeat;
use crate::senders::{PATH, Senders, delivery, number_of};
use crate::world::World;
use serde_json::json;

/// What many kills came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survived {
    /// How often the gateway was killed.
    pub kills: usize,
    /// How many events were acknowledged to their senders in all.
    pub acked: usize,
}

/// What is known about every event, over all rounds.
#[derive(Default)]
struct Ledger {
    /// Acknowledged to the sender: number, event id.
    acked: BTreeMap<usize, String>,
    /// Sent, and no answer came.
    unsure: Vec<usize>,
    /// Seen by a consumer: number, event id.
    seen: BTreeMap<usize, String>,
    /// Settled, and the answer came.
    settled: BTreeSet<usize>,
    /// Settled, and no answer came: it may come back, or not.
    maybe_settled: BTreeSet<usize>,
}

impl Ledger {
    /// A consumer got this event.
    fn see(&mut self, one: &Delivered) {
        let number = number_of(&one.payload);
        let id = one.attribute("id").to_owned();
        assert!(!self.settled.contains(&number), "{number} came back after it was settled");
        let before = self.seen.insert(number, id.clone());
        assert!(before.is_none_or(|before| before == id), "{number} was doubled as new");
        assert_eq!(one.payload, delivery(number).body, "{number} changed");
    }
}

/// A consumer at work until the gateway goes away.
fn consume(admin: SocketAddr, ledger: Arc<Mutex<Ledger>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let consumer = Consumer::new(admin);
        let ask = json!({ "max": 20, "wait_ms": 100, "lease_ms": 500 });
        while let Ok(answer) = consumer.try_call("/v1/queues/inbox/receive", &ask) {
            assert_eq!(answer.status, 200, "{}", answer.text());
            let batch = consumer::parse(&answer.body);
            let numbers = batch.iter().map(|one| number_of(&one.payload));
            {
                let mut ledger = ledger.lock().unwrap();
                batch.iter().for_each(|one| ledger.see(one));
                ledger.maybe_settled.extend(numbers);
            }
            if !settle(&consumer, &batch, &ledger) {
                return;
            }
        }
    })
}

/// Settles a batch; `false` if the gateway is gone.
fn settle(consumer: &Consumer, batch: &[Delivered], ledger: &Mutex<Ledger>) -> bool {
    let receipts: Vec<&str> = batch.iter().map(|one| one.receipt.as_str()).collect();
    let Ok(answer) = consumer.try_call("/v1/queues/inbox/settle", &json!({ "ack": receipts }))
    else {
        return false;
    };
    assert_eq!(answer.status, 200, "{}", answer.text());
    let results = answer.json();
    let mut ledger = ledger.lock().unwrap();
    for (one, result) in batch.iter().zip(results["results"].as_array().unwrap()) {
        // A lease of half a second may run out on a busy machine: then it comes again.
        if result["status"] == "done" {
            ledger.settled.insert(number_of(&one.payload));
        }
    }
    true
}

/// Sends again what had no answer, as a provider does, and something that had one.
fn redeliver(gateway: &Gateway, ledger: &Mutex<Ledger>) {
    let mut ledger = ledger.lock().unwrap();
    for number in std::mem::take(&mut ledger.unsure) {
        let receipt = gateway.deliver(PATH, &delivery(number)).accepted();
        ledger.acked.insert(number, receipt.id);
    }
    if let Some((number, id)) = ledger.acked.iter().next_back() {
        let receipt = gateway.deliver(PATH, &delivery(*number)).accepted();
        assert_eq!((receipt.repeat, &receipt.id), (Repeat::Duplicate, id), "{number}");
    }
}

/// Pseudo-random numbers from a printed seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % bound
    }
}

/// Starts the gateway and kills it under load, `rounds` times, and audits every event.
///
/// # Panics
/// When an acknowledged event is lost, doubled or changed, or a settled one comes back.
#[must_use]
pub fn run(rounds: usize, seed: u64) -> Survived {
    let mut random = Random(seed);
    let world = World::new(&config::under_load());
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let mut next = 0;
    for round in 0..rounds {
        let gateway = world.start();
        redeliver(&gateway, &ledger);
        let senders = Senders::start(gateway.http(), next, 4);
        let consumer = consume(gateway.admin(), Arc::clone(&ledger));
        let enough = 20 + usize::try_from(random.below(200)).unwrap();
        wait_within(Duration::from_secs(60), &format!("round {round}: {enough} acks"), || {
            (senders.acked() >= enough).then_some(())
        });
        gateway.kill();
        let (told, after) = senders.finish();
        consumer.join().expect("the consumer's assertions hold");
        next = after;
        assert!(told.refused.is_empty(), "round {round}: {:?}", told.refused);
        let mut ledger = ledger.lock().unwrap();
        ledger.acked.extend(told.acked);
        ledger.unsure.extend(told.unsure);
    }
    Survived { kills: rounds, acked: settle_accounts(&world, &ledger) }
}

/// Drains what is left, and holds everything against what the senders were told: how many events
/// they were told are taken.
fn settle_accounts(world: &World, ledger: &Mutex<Ledger>) -> usize {
    let gateway = world.start();
    redeliver(&gateway, ledger);
    let consumer = gateway.consumer();
    wait_within(Duration::from_secs(60), "the queue to be empty", || {
        let batch = consumer.receive("inbox", 500, 500);
        batch.iter().for_each(|one| ledger.lock().unwrap().see(one));
        settle(&consumer, &batch, ledger);
        (consumer.depth("inbox") == 0).then_some(())
    });
    let ledger = ledger.lock().unwrap();
    for (number, id) in &ledger.acked {
        let seen = ledger.seen.get(number);
        assert_eq!(seen, Some(id), "{number} was acknowledged and is lost");
        let ended = ledger.settled.contains(number) || ledger.maybe_settled.contains(number);
        assert!(ended, "{number} was seen and never settled");
    }
    assert_eq!(consumer.depth("dead-letters"), 0);
    ledger.acked.len()
}
