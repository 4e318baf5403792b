//! What a delivery would be if its sender were proven: the event, and what its schema says. Nothing
//! that is made here is a proof, and nothing of it may be stored.

use std::sync::Arc;

use sluicegate_core::delivery::{Arrival, Delivery};
use sluicegate_core::event::Event;
use sluicegate_core::letter::Letter;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::SchemaVersion;

use crate::admission::Admission;
use crate::json::Json;
use crate::schema::Ruling;

/// A delivery as the event that it would be.
#[derive(Debug)]
pub struct Supposed {
    /// The event.
    pub event: Event,
    /// Its payload as JSON.
    pub json: Json,
    /// The schema that it is held against, if it passes.
    pub schema: Option<SchemaVersion>,
    /// Why its schema refuses it.
    pub refusal: Option<Refusal>,
    /// Why it would be a dead letter.
    pub letter: Option<Letter>,
    /// How many violations it would be tagged with.
    pub tags: Option<usize>,
}

impl Admission {
    /// Supposes that the sender is proven. `None`: no such source.
    #[must_use]
    pub fn suppose(&self, delivery: &Delivery, arrival: Arrival) -> Option<Supposed> {
        let gate = self.gates.get(&delivery.source)?;
        let content_type = delivery.headers.first("content-type").unwrap_or_default();
        let found = gate.facts.read(&delivery.headers, content_type, &delivery.body);
        let event = gate.envelope.event(delivery, arrival, found);
        let json = Json::in_form(gate.facts.form_field().map(Arc::clone));
        let judged = gate.rule.as_ref().map(|rule| rule.judge(&event, &json)).transpose();
        let (ruling, refusal) = match judged {
            Ok(ruling) => (ruling.unwrap_or_default(), None),
            Err(refusal) => (Ruling::default(), Some(refusal)),
        };
        let Ruling { schema, letter, tags } = ruling;
        Some(Supposed { event, json, schema, refusal, letter, tags })
    }
}
