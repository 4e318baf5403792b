//! What a test knows about every event, over all lives of a gateway, and the consumer that keeps
//! the books. Whatever happens to the gateway, the ledger never does: it is in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;

use crate::consumer::{self, Consumer, Delivered};
use crate::deadline::wait_within;
use crate::gateway::Gateway;
use crate::http::Repeat;
use crate::senders::{PATH, Told, delivery, number_of};

/// The queue that the books are kept of.
const QUEUE: &str = "inbox";

/// What is known about every event.
#[derive(Debug, Default, Clone)]
pub struct Ledger {
    /// Acknowledged to the sender: number, event id.
    pub acked: BTreeMap<usize, String>,
    /// Sent, and either no answer came or a refusal by a broken store: it may be there, or not.
    pub unsure: Vec<usize>,
    /// Seen by a consumer: number, event id.
    pub seen: BTreeMap<usize, String>,
    /// Seen around a power cut, not certainly before it: number, event id.
    pub seen_late: BTreeSet<(usize, String)>,
    /// Settled, and the answer came.
    pub settled: BTreeSet<usize>,
    /// Settled, and no answer came: it may come back, or not.
    pub maybe_settled: BTreeSet<usize>,
    /// Answers to the consumer that say that the store is broken.
    pub consumer_refused: usize,
}

/// The ledger, shared with the threads that write into it.
#[derive(Debug, Default, Clone)]
pub struct Books(Arc<Mutex<Ledger>>);

impl Ledger {
    /// A consumer got this event.
    ///
    /// # Panics
    /// When it was settled before, when it was seen under another id, or when a byte of it changed.
    pub fn see(&mut self, one: &Delivered) {
        let number = number_of(&one.payload);
        let id = one.attribute("id").to_owned();
        assert!(!self.settled.contains(&number), "{number} came back after it was settled");
        let before = self.seen.insert(number, id.clone());
        assert!(before.is_none_or(|before| before == id), "{number} was doubled as new");
        assert_eq!(one.payload, delivery(number).body, "{number} changed");
    }

    /// What senders were told. A sender that was refused sends again, like one without an answer.
    pub fn note(&mut self, told: Told) {
        self.acked.extend(told.acked);
        self.unsure.extend(told.unsure);
        self.unsure.extend(told.refused.into_keys());
    }

    /// What consumers saw and settled until a moment is certain; what came after it is not.
    pub fn certain_until(&mut self, moment: Self) {
        let late = std::mem::replace(&mut self.seen, moment.seen);
        self.seen_late
            .extend(late.into_iter().filter(|(number, _)| !self.seen.contains_key(number)));
        self.settled = moment.settled;
    }

    /// Whether an acknowledged event was seen under its id. Seen late is enough only if it was
    /// handed in to be settled: that may have been the last thing that reached the disk.
    fn was_seen(&self, number: usize, id: &String) -> bool {
        let late = || self.seen_late.contains(&(number, id.clone()));
        let handed_in = || self.maybe_settled.contains(&number);
        self.seen.get(&number) == Some(id) || (late() && handed_in())
    }
}

impl Books {
    /// The ledger.
    ///
    /// # Panics
    /// When a thread that writes into it panicked.
    pub fn open(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().expect("no writer of the ledger panicked")
    }

    /// Starts a consumer that receives and settles until the gateway or its store is gone.
    #[must_use]
    pub fn consume(&self, admin: SocketAddr) -> JoinHandle<()> {
        let books = self.clone();
        thread::spawn(move || {
            let consumer = Consumer::new(admin);
            let ask = json!({ "max": 20, "wait_ms": 100, "lease_ms": 500 });
            while let Ok(answer) = consumer.try_call(&format!("/v1/queues/{QUEUE}/receive"), &ask) {
                if answer.status == 503 {
                    answer.assert_problem(503, "store_unavailable");
                    books.open().consumer_refused += 1;
                    return;
                }
                assert_eq!(answer.status, 200, "{}", answer.text());
                let batch = consumer::parse(&answer.body);
                books.see(&batch);
                if !books.settle(&consumer, &batch) {
                    return;
                }
            }
        })
    }

    /// Sends again what had no answer, as a provider does, and something that had one.
    ///
    /// # Panics
    /// When what was acknowledged is not known any more.
    pub fn redeliver(&self, gateway: &Gateway) {
        let mut ledger = self.open();
        for number in std::mem::take(&mut ledger.unsure) {
            let receipt = gateway.deliver(PATH, &delivery(number)).accepted();
            ledger.acked.insert(number, receipt.id);
        }
        if let Some((number, id)) = ledger.acked.iter().next_back() {
            let receipt = gateway.deliver(PATH, &delivery(*number)).accepted();
            assert_eq!((receipt.repeat, &receipt.id), (Repeat::Duplicate, id), "{number}");
        }
    }

    /// Drains what is left, and holds everything against what the senders were told.
    ///
    /// # Panics
    /// When an acknowledged event is lost, doubled or changed, or a settled one came back.
    pub fn close(&self, gateway: &Gateway) {
        self.redeliver(gateway);
        let consumer = gateway.consumer();
        wait_within(Duration::from_secs(60), "the queue to be empty", || {
            let batch = consumer.receive(QUEUE, 500, 500);
            self.see(&batch);
            self.settle(&consumer, &batch);
            (consumer.depth(QUEUE) == 0).then_some(())
        });
        let ledger = self.open();
        for (number, id) in &ledger.acked {
            let seen = ledger.seen.get(number);
            let found = ledger.was_seen(*number, id);
            assert!(found, "{number} was acknowledged as {id} and is lost; seen: {seen:?}");
            let ended = ledger.settled.contains(number) || ledger.maybe_settled.contains(number);
            assert!(ended, "{number} was seen and never settled");
        }
        assert_eq!(consumer.depth("dead-letters"), 0);
    }

    fn see(&self, batch: &[Delivered]) {
        let mut ledger = self.open();
        batch.iter().for_each(|one| ledger.see(one));
        ledger.maybe_settled.extend(batch.iter().map(|one| number_of(&one.payload)));
    }

    /// Settles a batch; `false` if the gateway or its store is gone.
    fn settle(&self, consumer: &Consumer, batch: &[Delivered]) -> bool {
        let receipts: Vec<&str> = batch.iter().map(|one| one.receipt.as_str()).collect();
        let body = json!({ "ack": receipts });
        let Ok(answer) = consumer.try_call(&format!("/v1/queues/{QUEUE}/settle"), &body) else {
            return false;
        };
        let mut ledger = self.open();
        if answer.status == 503 {
            answer.assert_problem(503, "store_unavailable");
            ledger.consumer_refused += 1;
            return false;
        }
        assert_eq!(answer.status, 200, "{}", answer.text());
        let results = answer.json();
        for (one, result) in batch.iter().zip(results["results"].as_array().expect("results")) {
            // A lease of half a second may run out on a busy machine: then it comes again.
            if result["status"] == "done" {
                ledger.settled.insert(number_of(&one.payload));
            }
        }
        true
    }
}
