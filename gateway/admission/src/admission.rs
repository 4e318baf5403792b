//! Admission: every gate, by the name of its source. Verify, then validate.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::SourceName;
use sluicegate_core::letter::Letter;
use sluicegate_core::proof::{Received, Validated, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::{SignatureFault, Verdict};
use sluicegate_core::time::Timestamp;

use crate::envelope::dedupe_key;
use crate::gate::{Compiled, Gate, GateFault, GateProblem};
use crate::handshake::{Asks, Greeting};
use crate::json::Json;
use crate::schema::{Registry, Ruling};
use crate::secret::Secret;
use crate::signature::{Evidence, Given, Needs, Verifier};

/// The door: proves senders and judges payloads, for every source.
pub struct Admission {
    gates: HashMap<SourceName, Compiled>,
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

    /// What the verification of this delivery needs: where it should run, and what is to be fetched
    /// for it first.
    ///
    /// # Errors
    /// When the source is not known, or the delivery names a place that its scheme does not allow.
    pub fn needs(&self, delivery: &Delivery) -> Result<Needs, Refusal> {
        let gate = self.gates.get(&delivery.source).ok_or(Refusal::NoSource)?;
        gate.verifier.needs(delivery).map_err(Refusal::Unverified)
    }

    /// Proves the sender over the raw bytes, as of the arrival, and makes the event. For schemes
    /// that fetch nothing.
    ///
    /// # Errors
    /// As [`Admission::verify_with`].
    pub fn verify(&self, received: Received) -> Result<Verified, Refusal> {
        self.verify_with(received, None)
    }

    /// Proves the sender over the raw bytes, as of the arrival and with what was fetched for it,
    /// and makes the event.
    ///
    /// # Errors
    /// When the source is not known, or the sender is not proven.
    pub fn verify_with(
        &self,
        received: Received,
        evidence: Option<&Evidence>,
    ) -> Result<Verified, Refusal> {
        let delivery = received.delivery();
        let arrival = received.arrival();
        let gate = self.gates.get(&delivery.source).ok_or(Refusal::NoSource)?;
        let proven = gate.verifier.verify(delivery, arrival.at, Given(evidence));
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

    /// The methods of a source's handshakes, beside `POST`.
    #[must_use]
    pub fn handshake_methods(&self, source: &SourceName) -> Vec<&'static str> {
        self.gates.get(source).map(|gate| gate.greeter.methods()).unwrap_or_default()
    }

    /// Whether a request is a handshake of its source. Cheap: it is asked of every delivery.
    #[must_use]
    pub fn greets(&self, delivery: &Delivery) -> bool {
        let gate = self.gates.get(&delivery.source);
        gate.is_some_and(|gate| gate.greeter.find(delivery).is_some())
    }

    /// Answers a handshake. One that is signed is verified first.
    ///
    /// # Errors
    /// When it is no handshake of this source, what it must prove is not proven, or it holds no
    /// text to answer with.
    pub fn greet(
        &self,
        delivery: &Delivery,
        at: Timestamp,
        evidence: Option<&Evidence>,
    ) -> Result<Greeting, Refusal> {
        let gate = self.gates.get(&delivery.source).ok_or(Refusal::NoSource)?;
        let handshake = gate.greeter.find(delivery).ok_or(Refusal::WrongMethod)?;
        if handshake.asks == Asks::Signature {
            let proven = gate.verifier.verify(delivery, at, Given(evidence));
            proven.map_err(Refusal::Unverified)?;
        }
        if handshake.learns.is_some() && !gate.verifier.waits() {
            return Err(Refusal::Unverified(SignatureFault::Missing { header: LEARNT.into() }));
        }
        gate.greeter.answer(handshake, delivery, at)
    }

    /// Gives a source the secret that its provider has handed over.
    ///
    /// # Errors
    /// When it cannot be used, or the source does not wait for one.
    pub fn learn(&self, source: &SourceName, secret: Secret) -> Result<(), GateProblem> {
        let waits = |gate: &&Compiled| gate.verifier.waits();
        let gate = self.gates.get(source).filter(waits);
        match gate.map(|gate| &gate.verifier) {
            Some(Verifier::Learned(learned)) => learned.learn(secret),
            _ => Err(GateProblem::Handshake("the source waits for no secret".into())),
        }
    }

    /// The sources that wait for the secret of their provider, or have taken it.
    pub fn learners(&self) -> impl Iterator<Item = &SourceName> {
        let learns = |gate: &Compiled| matches!(gate.verifier, Verifier::Learned(_));
        self.gates.iter().filter(move |(_, gate)| learns(gate)).map(|(name, _)| name)
    }

    /// Whether a handshake must be verified as a delivery is, and so may need what that needs.
    #[must_use]
    pub fn greeting_is_signed(&self, delivery: &Delivery) -> bool {
        let gate = self.gates.get(&delivery.source);
        let found = gate.and_then(|gate| gate.greeter.find(delivery));
        found.is_some_and(|handshake| handshake.asks == Asks::Signature)
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

/// What a late handshake is told to lack: the source has its secret, so it must be signed.
const LEARNT: &str = "(signature)";

/// How many ways a payload breaks its schema, on a source that tags instead of rejecting.
pub const VIOLATIONS_ATTRIBUTE: &str = "sgviolations";
