//! Admission: every gate, by the name of its source. Verify, then validate.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_core::ids::SourceName;
use sluicegate_core::letter::Letter;
use sluicegate_core::proof::{Received, Validated, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::Verdict;
use sluicegate_core::time::Timestamp;

use crate::envelope::dedupe_key;
use crate::gate::{Compiled, Gate, GateFault, GateProblem};
use crate::json::Json;
use crate::keys::{Custody, KeyState, KeyUse};
use crate::schema::{Registry, Ruling};
use crate::secret::Key;

/// The door: proves senders and judges payloads, for every source.
pub struct Admission {
    pub(crate) gates: HashMap<SourceName, Compiled>,
}

/// A validated event, with what the validation learned.
#[derive(Debug)]
pub struct Judged {
    /// The event.
    pub validated: Validated,
    /// Its payload as JSON, already parsed if a schema asked.
    pub json: Json,
    /// Why it must go to the dead-letter queue, on a source that wants that for violations.
    pub letter: Option<Letter>,
}

impl Admission {
    /// Compiles the gates; everything that is wrong with any of them.
    ///
    /// # Errors
    /// When a gate cannot be used: all faults of all gates.
    pub fn build(gates: Vec<Gate>, registry: Registry) -> Result<Self, Vec<GateFault>> {
        let mut compiled = HashMap::with_capacity(gates.len());
        let mut faults = Vec::new();
        for gate in gates {
            let name = gate.source.clone();
            let problems = match Compiled::build(gate, &registry) {
                Ok(gate) => match compiled.insert(name.clone(), gate) {
                    Some(_) => vec![GateProblem::DoubledSource],
                    None => Vec::new(),
                },
                Err(problems) => problems,
            };
            let fault = |problem| GateFault { source_name: name.clone(), problem };
            faults.extend(problems.into_iter().map(fault));
        }
        if faults.is_empty() { Ok(Self { gates: compiled }) } else { Err(faults) }
    }

    /// Proves the sender over the raw bytes, as of the arrival, and makes the event.
    ///
    /// # Errors
    /// When the source is not known, or the sender is not proven.
    pub fn verify(&self, received: impl Borrow<Received>) -> Result<Verified, Refusal> {
        let received = received.borrow();
        let delivery = received.delivery();
        let arrival = received.arrival();
        let gate = self.gates.get(&delivery.source).ok_or(Refusal::NoSource)?;
        let proven = gate.prover.verify(delivery, arrival.at).map_err(Refusal::Unverified)?;
        let content_type = delivery.headers.first("content-type").unwrap_or_default();
        let found = gate.facts.read(&delivery.headers, content_type, &delivery.body);
        let dedupe = found.dedupe.as_deref().and_then(dedupe_key);
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
    pub fn verify_late(&self, received: &Received, now: Timestamp) -> Result<Verified, Refusal> {
        let arrival = received.arrival();
        let (mut event, verdict, dedupe) = self.verify(received)?.into_parts();
        let parts = event.parts_mut();
        parts.time = Some(parts.time.unwrap_or(arrival.at));
        parts.received_at = now;
        parts.attributes.set(ARRIVAL_ATTRIBUTE, &arrival.at.rfc3339());
        let dedupe = dedupe.or_else(|| dedupe_key(&format!("sluicegate-refused:{}", arrival.id)));
        Ok(Verified::assertion(event, verdict, dedupe))
    }

    /// Puts other keys in place of all keys of a source, atomically. On any fault the old stay.
    ///
    /// # Errors
    /// Everything that is wrong with the keys; nothing if there is no such source.
    pub fn replace_keys(
        &self,
        source: &SourceName,
        keys: Vec<Key>,
    ) -> Result<(), Vec<GateProblem>> {
        self.gates.get(source).map_or(Ok(()), |gate| gate.prover.replace(keys))
    }

    /// Whether a source could have these keys. Nothing is changed.
    ///
    /// # Errors
    /// Everything that is wrong with the keys; nothing if there is no such source.
    pub fn check_keys(&self, source: &SourceName, keys: Vec<Key>) -> Result<(), Vec<GateProblem>> {
        self.gates.get(source).map_or(Ok(()), |gate| gate.prover.check(keys))
    }

    /// Every key of every source with its use, by the name of the source.
    #[must_use]
    pub fn keys(&self, now: Timestamp) -> Vec<KeyState> {
        let mut sources: Vec<_> = self.gates.iter().collect();
        sources.sort_by_key(|(source, _)| *source);
        sources.into_iter().flat_map(|(source, gate)| gate.prover.states(source, now)).collect()
    }

    /// Takes up what is known of keys from before this start.
    pub fn restore_uses(&self, before: &[KeyUse]) {
        for used in before {
            self.gates.get(&used.source).into_iter().for_each(|gate| gate.prover.restore(used));
        }
    }

    /// Which headers of a source's deliveries carry secrets.
    #[must_use]
    pub fn custody(&self, source: &SourceName) -> Option<Custody> {
        self.gates.get(source).map(|gate| Custody::of(&gate.prover.terms.scheme))
    }

    /// Holds the payload against the schema of its subject, if the source asks for one.
    ///
    /// # Errors
    /// When the payload breaks its schema, or has none, on a source that rejects that.
    pub fn validate(&self, verified: Verified) -> Result<Judged, Refusal> {
        let (mut event, mut verdict, dedupe) = verified.into_parts();
        let gate = self.gates.get(&event.source).ok_or(Refusal::NoSource)?;
        let json = Json::in_form(gate.facts.form_field().map(Arc::clone));
        let Some(rule) = &gate.rule else {
            let validated = Validated::assertion(event, verdict, dedupe);
            return Ok(Judged { validated, json, letter: None });
        };
        let Ruling { schema, letter, tags } = rule.judge(&event, &json)?;
        if let Some(count) = tags {
            event.parts_mut().attributes.set(VIOLATIONS_ATTRIBUTE, &count.to_string());
        }
        verdict.schema = schema;
        Ok(Judged { validated: Validated::assertion(event, verdict, dedupe), json, letter })
    }

    /// The JSON of an event of this source that was validated before; of a source that is no
    /// longer there, its payload as a whole.
    #[must_use]
    pub fn json(&self, source: &SourceName) -> Json {
        let gate = self.gates.get(source);
        Json::in_form(gate.and_then(|gate| gate.facts.form_field().map(Arc::clone)))
    }
}

/// When a delivery came that was refused then, and released later.
pub const ARRIVAL_ATTRIBUTE: &str = "sluicegatearrival";

/// How many ways a payload breaks its schema, on a source that tags instead of rejecting.
pub const VIOLATIONS_ATTRIBUTE: &str = "sgviolations";
