//! Admission: every gate, by the name of its source. Verify, then validate.
//!
//! This file builds the gates; `prove` proves senders, `case` holds payloads against schemas,
//! `delivered` is what they sent, `greet` answers handshakes, `keys` knows their keys, `explain`
//! says why one was refused.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_core::ids::SourceName;
use sluicegate_core::proof::{Validated, Verified};
use sluicegate_core::refusal::Refusal;

use crate::case::Judged;
use crate::gate::{Compiled, Gate, GateFault, GateProblem};
use crate::json::Json;
use crate::schema::Registry;

/// The door: proves senders and judges payloads, for every source.
pub struct Admission {
    pub(crate) gates: HashMap<SourceName, Compiled>,
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

    /// Holds the payload against the schema of its subject, if the source asks for one, here and
    /// now: where nobody waits for the thread. The line asks for the [`Admission::case`] instead.
    ///
    /// # Errors
    /// When the payload breaks its schema, or has none, on a source that rejects that.
    pub fn validate(&self, verified: Verified) -> Result<Judged, Refusal> {
        self.case(verified)?.judge()
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
