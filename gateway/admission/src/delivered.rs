//! What a proven delivery holds: one event, or a batch of CloudEvents, which is taken together or
//! not at all.

use sluicegate_core::delivery::{Arrival, Delivery};
use sluicegate_core::event::Event;
use sluicegate_core::proof::{DedupeKey, Verified};
use sluicegate_core::refusal::Refusal;

use crate::cloudevents::{self, CloudEvent, Sent};
use crate::envelope::dedupe_key;
use crate::facts::Found;
use crate::gate::Compiled;
use crate::signature::sha256;

/// What a proven delivery holds.
#[derive(Debug)]
pub enum Delivered {
    /// One event.
    One(Verified),
    /// Several, to be taken together or not at all.
    Batch(Batch),
}

/// A batch of events whose sender is proven.
#[derive(Debug)]
pub struct Batch {
    /// The delivery as one event, with the idempotency key of the whole.
    pub whole: Verified,
    /// The events in it, without keys of their own.
    pub events: Vec<Verified>,
}

/// What a delivery of CloudEvents reads as, whoever sent it.
pub(crate) enum Read {
    /// One event, and its idempotency key.
    One(Event, Option<DedupeKey>),
    /// Several.
    Batch {
        /// The delivery as one event.
        whole: Event,
        /// The idempotency key of the whole.
        dedupe: Option<DedupeKey>,
        /// The events in it.
        events: Vec<Event>,
    },
}

impl Compiled {
    /// Reads the CloudEvents of a delivery.
    pub(crate) fn cloud_events(
        &self,
        delivery: &Delivery,
        arrival: Arrival,
    ) -> Result<Read, Refusal> {
        let dedupe = |said: &str| self.own_dedupe.then(|| dedupe_key(said)).flatten();
        let sent = cloudevents::read(delivery).map_err(|what| Refusal::NotCloudEvent { what })?;
        let sent = match sent {
            Sent::One(sent) => {
                let key = dedupe(&identity(&sent));
                let event = self.envelope.cloud_event(delivery, arrival, arrival.id, sent);
                return Ok(Read::One(event, key));
            }
            Sent::Batch(sent) => sent,
        };
        // A batch is taken as a whole, so it is known again as a whole.
        let all: Vec<String> = sent.iter().map(identity).collect();
        let dedupe = dedupe(&format!("batch:{}", sha256(all.join("\n").as_bytes())));
        let found = Found { kind: Some(BATCH_KIND.into()), ..Found::default() };
        let whole = self.envelope.event(delivery, arrival, found);
        let events = sent.into_iter().zip(0_u16..).map(|(sent, number)| {
            self.envelope.cloud_event(delivery, arrival, arrival.id.of_batch(number), sent)
        });
        Ok(Read::Batch { whole, dedupe, events: events.collect() })
    }
}

/// Who a CloudEvent is: source and id together (CloudEvents 1.0, section 3.1.1).
fn identity(sent: &CloudEvent) -> String {
    format!("{} {}", sent.source, sent.id)
}

/// The type of what a batch came in as.
const BATCH_KIND: &str = "sluicegate.batch";
