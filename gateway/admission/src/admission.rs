//! Admission: every gate, by the name of its source. Verify, then validate.
//!
//! This file builds the gates and judges payloads; `prove` proves senders, `delivered` is what they
//! sent, `greet` answers handshakes, `keys` knows their keys, `explain` says why one was refused.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_core::ids::SourceName;
use sluicegate_core::letter::Letter;
use sluicegate_core::proof::{Validated, Verified};
use sluicegate_core::refusal::Refusal;

use crate::gate::{Compiled, Gate, GateFault, GateProblem};
use crate::json::Json;
use crate::schema::{Registry, Ruling};

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

    pub(crate) fn gate(&self, source: &SourceName) -> Result<&Compiled, Refusal> {
        self.gates.get(source).ok_or(Refusal::NoSource)
    }

    /// Holds the payload against the schema of its subject, if the source asks for one.
    ///
    /// # Errors
    /// When the payload breaks its schema, or has none, on a source that rejects that.
    pub fn validate(&self, verified: Verified) -> Result<Judged, Refusal> {
        let (mut event, mut verdict, dedupe) = verified.into_parts();
        let gate = self.gate(&event.source)?;
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

/// How many ways a payload breaks its schema, on a source that tags instead of rejecting.
pub const VIOLATIONS_ATTRIBUTE: &str = "sgviolations";
