//! A consumer: takes from queues through the native API of the admin listener.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::deadline::SOON;
use crate::http::{self, Connection, Response};

/// Takes from the queues of one gateway.
pub struct Consumer {
    admin: SocketAddr,
}

/// One event, leased.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The right to settle it.
    pub receipt: String,
    /// Which attempt it is, from 1.
    pub attempt: u64,
    /// The event in the JSON format of CloudEvents.
    pub event: Value,
    /// The payload, byte for byte.
    pub payload: Vec<u8>,
    /// The delivery as the API gave it.
    pub whole: Value,
}

#[derive(Deserialize)]
struct Deliveries<'a> {
    #[serde(borrow)]
    deliveries: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawDelivery<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
}

#[derive(Deserialize)]
struct RawData<'a> {
    #[serde(borrow)]
    #[serde(default, deserialize_with = "also_null")]
    data: Option<&'a RawValue>,
    data_base64: Option<String>,
    datacontenttype: Option<String>,
}

impl Consumer {
    /// A consumer of the gateway whose admin listener is there.
    #[must_use]
    pub fn new(admin: SocketAddr) -> Self {
        Self { admin }
    }

    /// One call of the API: `POST` of JSON.
    ///
    /// # Panics
    /// When there is no answer.
    #[must_use]
    pub fn call(&self, target: &str, body: &Value) -> Response {
        self.try_call(target, body).expect("the admin listener answers")
    }

    /// One call of the API to a gateway that may be gone.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn try_call(&self, target: &str, body: &Value) -> io::Result<Response> {
        let headers = http::headers(&[("Content-Type", "application/json")]);
        let request = http::request("POST", target, &headers, body.to_string().as_bytes());
        Connection::open(self.admin)?.exchange(&request)
    }

    /// Leases up to `max` events for 30 s; waits up to `wait_ms` for the first.
    #[must_use]
    pub fn receive(&self, queue: &str, max: usize, wait_ms: u64) -> Vec<Delivered> {
        self.receive_for(queue, max, wait_ms, 30_000)
    }

    /// Leases up to `max` events for `lease_ms`.
    ///
    /// # Panics
    /// When the call fails.
    #[must_use]
    pub fn receive_for(
        &self,
        queue: &str,
        max: usize,
        wait_ms: u64,
        lease_ms: u64,
    ) -> Vec<Delivered> {
        let ask = json!({ "max": max, "wait_ms": wait_ms, "lease_ms": lease_ms });
        let answer = self.call(&format!("/v1/queues/{queue}/receive"), &ask);
        assert_eq!(answer.status, 200, "{}", answer.text());
        parse(&answer.body)
    }

    /// Settles, and returns the answer.
    ///
    /// # Panics
    /// When the call as a whole fails.
    pub fn settle(&self, queue: &str, settlements: &Value) -> Value {
        let answer = self.call(&format!("/v1/queues/{queue}/settle"), settlements);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Acknowledges all of these.
    pub fn ack(&self, queue: &str, deliveries: &[Delivered]) {
        let receipts: Vec<&str> = deliveries.iter().map(|one| one.receipt.as_str()).collect();
        self.settle(queue, &json!({ "ack": receipts }));
    }

    /// Gives one event back, to come again after `delay_ms`.
    ///
    /// # Panics
    /// When it was not leased any more.
    pub fn delay(&self, queue: &str, delivered: &Delivered, delay_ms: u64) {
        let nack = json!({ "nack": [{ "receipt": delivered.receipt, "delay_ms": delay_ms }] });
        let answer = self.settle(queue, &nack);
        assert_eq!(answer["results"][0]["status"], "done", "{answer}");
    }

    /// Receives until it holds `count` events, for half a minute each.
    #[must_use]
    pub fn take_leased(&self, queue: &str, count: usize) -> Vec<Delivered> {
        let mut held = Vec::new();
        while held.len() < count {
            held.extend(self.receive_for(queue, count - held.len(), 1_000, 30_000));
        }
        held
    }

    /// Receives and acknowledges until there are `count` events.
    ///
    /// # Panics
    /// When they do not come in time.
    #[must_use]
    pub fn take(&self, queue: &str, count: usize) -> Vec<Delivered> {
        let end = Instant::now() + SOON;
        let mut taken = Vec::new();
        while taken.len() < count {
            assert!(Instant::now() < end, "{} of {count} events came to {queue}", taken.len());
            let batch = self.receive(queue, (count - taken.len()).min(500), 1_000);
            if !batch.is_empty() {
                self.ack(queue, &batch);
                taken.extend(batch);
            }
        }
        taken
    }

    /// Receives and acknowledges until the queue is empty.
    #[must_use]
    pub fn drain(&self, queue: &str) -> Vec<Delivered> {
        let mut taken = Vec::new();
        loop {
            let batch = self.receive(queue, 500, 0);
            if batch.is_empty() {
                return taken;
            }
            self.ack(queue, &batch);
            taken.extend(batch);
        }
    }

    /// The numbers of a queue.
    ///
    /// # Panics
    /// When there is no such queue.
    #[must_use]
    pub fn stats(&self, queue: &str) -> Value {
        let target = format!("/v1/queues/{queue}");
        let answer = http::send(self.admin, &http::request("GET", &target, &[], b""));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// How many events of a queue are not settled.
    ///
    /// # Panics
    /// When the API does not say.
    #[must_use]
    pub fn depth(&self, queue: &str) -> u64 {
        self.stats(queue)["depth"].as_u64().expect("a depth")
    }
}

impl Delivered {
    /// An attribute of the event as text; empty if it is not there.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.event[name].as_str().unwrap_or_default()
    }
}

/// Reads the answer of `receive` without changing a byte of any payload.
///
/// # Panics
/// When it is not what the API promises.
#[must_use]
pub fn parse(body: &[u8]) -> Vec<Delivered> {
    let answer: Deliveries<'_> = serde_json::from_slice(body)
        .unwrap_or_else(|fault| panic!("{fault}: {}", String::from_utf8_lossy(body)));
    answer.deliveries.iter().map(|one| delivered(one)).collect()
}

fn delivered(raw: &RawValue) -> Delivered {
    let whole: Value = serde_json::from_str(raw.get()).expect("JSON within JSON");
    let inner: RawDelivery<'_> = serde_json::from_str(raw.get()).expect("a delivery has an event");
    let data: RawData<'_> = serde_json::from_str(inner.event.get()).expect("an event is an object");
    Delivered {
        receipt: whole["receipt"].as_str().expect("a receipt is text").to_owned(),
        attempt: whole["attempt"].as_u64().expect("an attempt is a number"),
        event: whole["event"].clone(),
        payload: payload(&data),
        whole,
    }
}

/// Null is data like any other.
fn also_null<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    serde::Deserialize::deserialize(from).map(Some)
}

/// The bytes of the payload, as the JSON format of CloudEvents (section 3.1) carries them.
fn payload(data: &RawData<'_>) -> Vec<u8> {
    if let Some(base64) = &data.data_base64 {
        return STANDARD.decode(base64).expect("data_base64 is base64");
    }
    let Some(raw) = data.data else {
        return Vec::new();
    };
    let media = data.datacontenttype.as_deref().unwrap_or("application/json");
    let media = media.split(';').next().unwrap_or_default().trim();
    if media.ends_with("/json") || media.ends_with("+json") {
        raw.get().as_bytes().to_vec()
    } else {
        let text: String = serde_json::from_str(raw.get()).expect("data that is not JSON is text");
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_come_out_byte_for_byte_in_each_of_the_three_forms() {
        let body = br#"{"deliveries":[
            {"receipt":"a","attempt":1,"event":{"id":"1","data":{"n":1.50,"a":[ ]}}},
            {"receipt":"b","attempt":2,"event":{"datacontenttype":"text/plain","data":"x\ny"}},
            {"receipt":"c","attempt":3,"event":{"data_base64":"AP8="}}]}"#;
        let all = parse(body);
        assert_eq!(all[0].payload, br#"{"n":1.50,"a":[ ]}"#);
        assert_eq!(all[1].payload, b"x\ny");
        assert_eq!(all[2].payload, [0, 255]);
        assert_eq!((all[1].receipt.as_str(), all[2].attempt), ("b", 3));
    }
}
