//! The proof of a sender, over the raw bytes and as of the arrival, and the event that the delivery
//! is then. Nothing of a delivery is believed before its proof.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::proof::{Received, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::Verdict;
use sluicegate_core::time::Timestamp;

use crate::admission::Admission;
use crate::envelope::dedupe_key;
use crate::signature::{Evidence, Given, Needs};

impl Admission {
    /// What the verification of this delivery needs: where it should run, and what is to be fetched
    /// for it first.
    ///
    /// # Errors
    /// When the source is not known, or the delivery names a place that its scheme does not allow.
    pub fn needs(&self, delivery: &Delivery) -> Result<Needs, Refusal> {
        self.gate(&delivery.source)?.prover.needs(delivery).map_err(Refusal::Unverified)
    }

    /// Proves the sender over the raw bytes, as of the arrival and with what was fetched for it,
    /// and makes the event.
    ///
    /// # Errors
    /// When the source is not known, or the sender is not proven.
    pub fn verify(
        &self,
        received: &Received,
        evidence: Option<&Evidence>,
    ) -> Result<Verified, Refusal> {
        let delivery = received.delivery();
        let arrival = received.arrival();
        let gate = self.gate(&delivery.source)?;
        let proven = gate.prover.verify(delivery, arrival.at, Given(evidence));
        let proven = proven.map_err(Refusal::Unverified)?;
        let content_type = delivery.headers.first("content-type").unwrap_or_default();
        let found = gate.facts.read(&delivery.headers, content_type, &delivery.body);
        let said = found.dedupe.as_deref();
        let said = said.or(proven.dedupe.as_deref().filter(|_| gate.own_dedupe));
        let said = said.or(delivery.transport.dedupe.as_deref());
        let dedupe = said.and_then(dedupe_key);
        let verdict = Verdict {
            scheme: gate.envelope.scheme().into(),
            key: proven.key,
            skew_ms: proven.skew_ms,
            schema: None,
        };
        Ok(Verified::assertion(gate.envelope.event(delivery, arrival, found), verdict, dedupe))
    }

    /// Proves the sender of a delivery that was refused when it came: by the keys of today, as of
    /// its arrival. The event keeps the delivery's id and idempotency key. One without a key gets
    /// one that is made of its id, so that a release that was cut short is never an event twice.
    /// It is received `now`, so that ages and times to live begin now, and says when it came.
    ///
    /// # Errors
    /// When the source is not known, or the sender is still not proven.
    pub fn verify_late(
        &self,
        received: &Received,
        evidence: Option<&Evidence>,
        now: Timestamp,
    ) -> Result<Verified, Refusal> {
        let arrival = received.arrival();
        let (mut event, verdict, dedupe) = self.verify(received, evidence)?.into_parts();
        let parts = event.parts_mut();
        parts.time = Some(parts.time.unwrap_or(arrival.at));
        parts.received_at = now;
        parts.attributes.set(ARRIVAL_ATTRIBUTE, &arrival.at.rfc3339());
        let dedupe = dedupe.or_else(|| dedupe_key(&format!("sluicegate-refused:{}", arrival.id)));
        Ok(Verified::assertion(event, verdict, dedupe))
    }
}

/// When a delivery came that was refused then, and released later.
pub const ARRIVAL_ATTRIBUTE: &str = "sluicegatearrival";
