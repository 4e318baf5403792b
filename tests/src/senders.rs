//! Senders that post numbered, signed deliveries as fast as they are answered, until the gateway
//! goes away, and that remember what they were told about each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::fixtures::{self, Delivery};
use crate::http::Connection;

/// The path of the source that they post to.
pub const PATH: &str = "/hooks/github";

/// What the senders were told.
#[derive(Debug, Default, Clone)]
pub struct Told {
    /// Acknowledged: the number, and the event's id.
    pub acked: BTreeMap<usize, String>,
    /// Refused with this status: nothing may be stored.
    pub refused: BTreeMap<usize, u16>,
    /// No answer came: it may be stored, or not.
    pub unsure: Vec<usize>,
}

/// Senders at work.
pub struct Senders {
    told: Arc<Mutex<Told>>,
    next: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

/// The delivery of this number: always the same bytes and the same delivery id.
#[must_use]
pub fn delivery(number: usize) -> Delivery {
    let body = format!(r#"{{"number":{number},"ref":"refs/heads/main"}}"#).into_bytes();
    let id = format!("72d3162e-cc78-11e3-81ab-{number:012}");
    fixtures::github_signed("push", "application/json", &id, body)
}

/// The number of the delivery that this is the payload of.
///
/// # Panics
/// When it is of none.
#[must_use]
pub fn number_of(payload: &[u8]) -> usize {
    let value: serde_json::Value = serde_json::from_slice(payload).expect("a payload is JSON");
    let number = value["number"].as_u64().expect("a payload has its number");
    usize::try_from(number).expect("numbers are small")
}

impl Told {
    /// What was told until a moment is certain; what came after it is not.
    #[must_use]
    pub fn certain_until(mut self, moment: &Self) -> Self {
        let after = self.acked.extract_if(.., |number, _| !moment.acked.contains_key(number));
        self.unsure.extend(after.map(|(number, _)| number));
        self
    }
}

impl Senders {
    /// Starts `count` senders that take numbers from `first` on.
    #[must_use]
    pub fn start(to: SocketAddr, first: usize, count: usize) -> Self {
        let told = Arc::new(Mutex::new(Told::default()));
        let next = Arc::new(AtomicUsize::new(first));
        let threads = (0..count)
            .map(|_| {
                let (told, next) = (Arc::clone(&told), Arc::clone(&next));
                thread::spawn(move || post_until_gone(to, &told, &next))
            })
            .collect();
        Self { told, next, threads }
    }

    /// How many deliveries are acknowledged by now.
    ///
    /// # Panics
    /// When a sender panicked.
    #[must_use]
    pub fn acked(&self) -> usize {
        self.told.lock().expect("no sender panicked").acked.len()
    }

    /// What they were told until now.
    ///
    /// # Panics
    /// When a sender panicked.
    #[must_use]
    pub fn told(&self) -> Told {
        self.told.lock().expect("no sender panicked").clone()
    }

    /// Waits until every sender has met the end of the gateway; what they were told, and the next
    /// free number.
    ///
    /// # Panics
    /// When a sender panicked.
    #[must_use]
    pub fn finish(self) -> (Told, usize) {
        self.threads.into_iter().for_each(|thread| thread.join().expect("a sender"));
        let told = self.told.lock().expect("no sender panicked").clone();
        (told, self.next.load(Ordering::SeqCst))
    }
}

fn post_until_gone(to: SocketAddr, told: &Mutex<Told>, next: &AtomicUsize) {
    while let Ok(mut connection) = Connection::open(to) {
        loop {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let answer = connection.exchange(&delivery(number).request(PATH));
            let mut told = told.lock().expect("no sender panicked");
            match answer {
                Ok(answer) if answer.status == 202 => {
                    let id = answer.accepted().id;
                    told.acked.insert(number, id);
                    if answer.header("connection") == Some("close") {
                        break;
                    }
                }
                Ok(answer) => {
                    told.refused.insert(number, answer.status);
                    break;
                }
                Err(_) => {
                    told.unsure.push(number);
                    break;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_makes_the_same_delivery_every_time() {
        assert_eq!(delivery(7).request(PATH), delivery(7).request(PATH));
        assert_eq!(number_of(&delivery(1234).body), 1234);
    }
}
