//! Admission: every gate, by the name of its source. Verify, then validate.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_core::delivery::{Arrival, Delivery};
use sluicegate_core::ids::SourceName;
use sluicegate_core::letter::Letter;
use sluicegate_core::proof::{Received, Validated, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::Verdict;

use crate::cloudevents::{self, CloudEvent, Sent};
use crate::envelope::dedupe_key;
use crate::facts::Found;
use crate::gate::{Compiled, Format, Gate, GateFault, GateProblem};
use crate::json::Json;
use crate::schema::{Registry, Ruling};
use crate::signature::sha256;

/// The door: proves senders and judges payloads, for every source.
pub struct Admission {
    gates: HashMap<SourceName, Compiled>,
}

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
        let registry = Arc::new(registry);
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

    /// Takes the schemas of this registry from now on, without stopping anybody: an event is judged
    /// by the schema that it met.
    pub fn use_schemas(&self, registry: &Arc<Registry>) {
        self.gates
            .values()
            .filter_map(|gate| gate.rule.as_ref())
            .for_each(|rule| rule.take(registry));
    }

    /// The sources that refuse everything, because no schema is there to judge by.
    #[must_use]
    pub fn without_schemas(&self) -> Vec<&SourceName> {
        let refusing = |gate: &Compiled| gate.rule.as_ref().is_some_and(|rule| rule.refuses_all());
        let names = self.gates.iter().filter(|(_, gate)| refusing(gate)).map(|(name, _)| name);
        names.collect()
    }

    /// Proves the sender over the raw bytes, as of the arrival, and makes the event.
    ///
    /// # Errors
    /// When the source is not known, or the sender is not proven; and for a batch, which is not
    /// one event.
    pub fn verify(&self, received: Received) -> Result<Verified, Refusal> {
        match self.verify_all(received)? {
            Delivered::One(verified) => Ok(verified),
            Delivered::Batch(_) => Err(not_cloud_event("a batch is not one event")),
        }
    }

    /// The same, where a source may send batches of CloudEvents.
    ///
    /// # Errors
    /// When the source is not known, the sender is not proven, or what it sent is no CloudEvent.
    pub fn verify_all(&self, received: Received) -> Result<Delivered, Refusal> {
        let delivery = received.delivery();
        let arrival = received.arrival();
        let gate = self.gates.get(&delivery.source).ok_or(Refusal::NoSource)?;
        let proven = gate.verifier.verify(delivery, arrival.at).map_err(Refusal::Unverified)?;
        if gate.format == Format::CloudEvents {
            let (key, skew_ms) = (proven.key, proven.skew_ms);
            let scheme = gate.envelope.scheme().into();
            let verdict = Verdict { scheme, key, skew_ms, schema: None };
            return gate.cloud_events(delivery, arrival, verdict);
        }
        let content_type = delivery.headers.first("content-type").unwrap_or_default();
        let found = gate.facts.read(&delivery.headers, content_type, &delivery.body);
        let dedupe = found.dedupe.as_deref().and_then(dedupe_key);
        let verdict = Verdict {
            scheme: gate.envelope.scheme().into(),
            key: proven.key,
            skew_ms: proven.skew_ms,
            schema: None,
        };
        let event = gate.envelope.event(delivery, arrival, found);
        Ok(Delivered::One(Verified::assertion(event, verdict, dedupe)))
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

    /// What a batch came in as. Its payload is that of no event, so no schema judges it: each of
    /// its events is judged.
    #[must_use]
    pub fn envelope(&self, whole: Verified) -> Validated {
        let (event, verdict, dedupe) = whole.into_parts();
        Validated::assertion(event, verdict, dedupe)
    }

    /// The JSON of an event of this source that was validated before; of a source that is no
    /// longer there, its payload as a whole.
    #[must_use]
    pub fn json(&self, source: &SourceName) -> Json {
        let gate = self.gates.get(source);
        Json::in_form(gate.and_then(|gate| gate.facts.form_field().map(Arc::clone)))
    }
}

impl Compiled {
    /// Reads the CloudEvents of a delivery whose sender is proven.
    fn cloud_events(
        &self,
        delivery: &Delivery,
        arrival: Arrival,
        verdict: Verdict,
    ) -> Result<Delivered, Refusal> {
        let dedupe = |said: &str| self.dedupes.then(|| dedupe_key(said)).flatten();
        let sent = cloudevents::read(delivery).map_err(|what| Refusal::NotCloudEvent { what })?;
        let sent = match sent {
            Sent::One(sent) => {
                let key = dedupe(&identity(&sent));
                let event = self.envelope.cloud_event(delivery, arrival, arrival.id, sent);
                return Ok(Delivered::One(Verified::assertion(event, verdict, key)));
            }
            Sent::Batch(sent) => sent,
        };
        // A batch is taken as a whole, so it is known again as a whole.
        let all: Vec<String> = sent.iter().map(identity).collect();
        let key = dedupe(&format!("batch:{}", sha256(all.join("\n").as_bytes())));
        let found = Found { kind: Some(BATCH_KIND.into()), ..Found::default() };
        let whole = self.envelope.event(delivery, arrival, found);
        let events = sent.into_iter().zip(0_u16..).map(|(sent, number)| {
            let id = arrival.id.of_batch(number);
            let event = self.envelope.cloud_event(delivery, arrival, id, sent);
            Verified::assertion(event, verdict.clone(), None)
        });
        let events = events.collect();
        Ok(Delivered::Batch(Batch { whole: Verified::assertion(whole, verdict, key), events }))
    }
}

/// Who a CloudEvent is: source and id together (CloudEvents 1.0, section 3.1.1).
fn identity(sent: &CloudEvent) -> String {
    format!("{} {}", sent.source, sent.id)
}

fn not_cloud_event(what: &str) -> Refusal {
    Refusal::NotCloudEvent { what: what.to_owned() }
}

/// The type of what a batch came in as.
const BATCH_KIND: &str = "sluicegate.batch";

/// How many ways a payload breaks its schema, on a source that tags instead of rejecting.
pub const VIOLATIONS_ATTRIBUTE: &str = "sgviolations";
