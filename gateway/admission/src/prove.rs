//! The proof of a sender, over the raw bytes and as of the arrival, and the event that the delivery
//! is then. Nothing of a delivery is believed before its proof.

use std::borrow::Cow;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::proof::{DedupeKey, Received, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::Verdict;
use sluicegate_core::time::Timestamp;

use crate::admission::Admission;
use crate::delivered::{Batch, Delivered, Read};
use crate::envelope::dedupe_key;
use crate::gate::Format;
use crate::signature::{Evidence, Given, Needs, sha256};

impl Admission {
    /// What the verification of this delivery needs: where it should run, and what is to be fetched
    /// for it first.
    ///
    /// # Errors
    /// When the source is not known, or the delivery names a place that its scheme does not allow.
    pub fn needs(&self, delivery: &Delivery) -> Result<Needs, Refusal> {
        let gate = self.gate(&delivery.source)?;
        let delivery = gate.wrapping.open(delivery).map_err(Refusal::Unverified)?;
        gate.prover.needs(&delivery).map_err(Refusal::Unverified)
    }

    /// Proves the sender, and makes the event.
    ///
    /// # Errors
    /// As [`Admission::verify_all`]; and for a batch, which is not one event.
    pub fn verify(
        &self,
        received: &Received,
        evidence: Option<&Evidence>,
    ) -> Result<Verified, Refusal> {
        match self.verify_all(received, evidence)? {
            Delivered::One(verified) => Ok(verified),
            Delivered::Batch(_) => {
                Err(Refusal::NotCloudEvent { what: "a batch is not one event".to_owned() })
            }
        }
    }

    /// Proves the sender over the raw bytes, as of the arrival and with what was fetched for it,
    /// and makes the event, or all events of a batch.
    ///
    /// # Errors
    /// When the source is not known, the sender is not proven, or what it sent is no CloudEvent on
    /// a source that takes those.
    pub fn verify_all(
        &self,
        received: &Received,
        evidence: Option<&Evidence>,
    ) -> Result<Delivered, Refusal> {
        let arrival = received.arrival();
        let gate = self.gate(&received.delivery().source)?;
        let delivery = gate.wrapping.open(received.delivery()).map_err(Refusal::Unverified)?;
        let delivery = delivery.as_ref();
        let proven = gate.prover.verify(delivery, arrival.at, Given(evidence));
        let proven = proven.map_err(Refusal::Unverified)?;
        let verdict = Verdict {
            scheme: gate.envelope.scheme().into(),
            key: proven.key,
            skew_ms: proven.skew_ms,
            schema: None,
        };
        let delivery = &*gate.unpacked(delivery)?;
        if gate.format == Format::CloudEvents {
            let read = gate.cloud_events(delivery, arrival)?;
            return Ok(delivered(read, verdict));
        }
        let content_type = delivery.headers.first("content-type").unwrap_or_default();
        let found = gate.facts.read(&delivery.headers, content_type, &delivery.body);
        let said = found.dedupe.as_deref();
        let said = said.or(proven.dedupe.as_deref().filter(|_| gate.own_dedupe));
        let said = said.or(delivery.transport.dedupe.as_deref()).map(Cow::Borrowed);
        let said =
            said.or_else(|| sealed(proven.sealed_at, &delivery.body).filter(|_| gate.own_dedupe));
        let dedupe = said.as_deref().and_then(dedupe_key);
        let event = gate.envelope.event(delivery, arrival, found);
        Ok(Delivered::One(Verified::assertion(event, verdict, dedupe)))
    }

    /// Proves the sender of a delivery that was refused when it came: by the keys of today, as of
    /// its arrival. The event, or each of a batch, keeps its id and idempotency key. A delivery
    /// without a key gets one that is made of its id, so that a release that was cut short is never
    /// an event twice. It is received `now`, so that ages and times to live begin now, and says
    /// when it came.
    ///
    /// # Errors
    /// As [`Admission::verify_all`].
    pub fn verify_late(
        &self,
        received: &Received,
        evidence: Option<&Evidence>,
        now: Timestamp,
    ) -> Result<Delivered, Refusal> {
        let arrival = received.arrival();
        let own = || dedupe_key(&format!("sluicegate-refused:{}", arrival.id));
        let late = |verified: Verified, own: Option<DedupeKey>| {
            let (mut event, verdict, dedupe) = verified.into_parts();
            let parts = event.parts_mut();
            parts.time = Some(parts.time.unwrap_or(arrival.at));
            parts.received_at = now;
            parts.attributes.set(ARRIVAL_ATTRIBUTE, &arrival.at.rfc3339());
            Verified::assertion(event, verdict, dedupe.or(own))
        };
        Ok(match self.verify_all(received, evidence)? {
            Delivered::One(verified) => Delivered::One(late(verified, own())),
            Delivered::Batch(Batch { whole, events }) => Delivered::Batch(Batch {
                whole: late(whole, own()),
                events: events.into_iter().map(|event| late(event, None)).collect(),
            }),
        })
    }
}

/// The idempotency key of a delivery that names none: the signed time with the signed body. Whoever
/// sends a recorded one again within the tolerance sends the same.
fn sealed<'d>(at: Option<Timestamp>, body: &[u8]) -> Option<Cow<'d, str>> {
    let at = at?;
    Some(Cow::Owned(format!("sealed:{}:{}", at.unix_ns(), sha256(body))))
}

/// What was read of a delivery whose sender is proven.
fn delivered(read: Read, verdict: Verdict) -> Delivered {
    match read {
        Read::One(event, dedupe) => Delivered::One(Verified::assertion(event, verdict, dedupe)),
        Read::Batch { whole, dedupe, events } => {
            let event = |event| Verified::assertion(event, verdict.clone(), None);
            let events = events.into_iter().map(event).collect();
            Delivered::Batch(Batch { whole: Verified::assertion(whole, verdict, dedupe), events })
        }
    }
}

/// When a delivery came that was refused then, and released later.
pub const ARRIVAL_ATTRIBUTE: &str = "sgarrival";
