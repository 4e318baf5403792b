//! What a delivery would be if its sender were proven: its events, and what their schemas say.
//! Nothing that is made here is a proof, and nothing of it may be stored.

use std::sync::Arc;

use sluicegate_core::delivery::{Arrival, Delivery};
use sluicegate_core::event::Event;
use sluicegate_core::letter::Letter;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::SchemaVersion;

use crate::admission::Admission;
use crate::delivered::Read;
use crate::gate::{Compiled, Format};
use crate::json::Json;
use crate::schema::Ruling;

/// A delivery as the events that it would be.
#[derive(Debug)]
pub struct Supposed {
    /// One, or all of a batch.
    pub events: Vec<SupposedEvent>,
    /// Why there is none in it.
    pub refusal: Option<Refusal>,
}

/// One event that there would be.
#[derive(Debug)]
pub struct SupposedEvent {
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
        let refused = |refusal| Some(Supposed { events: Vec::new(), refusal: Some(refusal) });
        let opened = match gate.wrapping.open(delivery) {
            Ok(opened) => opened,
            Err(fault) => return refused(Refusal::Unverified(fault)),
        };
        let unpacked = match gate.unpacked(&opened) {
            Ok(unpacked) => unpacked,
            Err(refusal) => return refused(refusal),
        };
        let delivery = &*unpacked;
        let events = match gate.format {
            Format::CloudEvents => match gate.cloud_events(delivery, arrival) {
                Ok(Read::One(event, _)) => vec![event],
                Ok(Read::Batch { events, .. }) => events,
                Err(refusal) => return refused(refusal),
            },
            Format::Webhook => {
                let content_type = delivery.headers.first("content-type").unwrap_or_default();
                let found = gate.facts.read(&delivery.headers, content_type, &delivery.body);
                vec![gate.envelope.event(delivery, arrival, found)]
            }
        };
        let events = events.into_iter().map(|event| gate.suppose(event)).collect();
        Some(Supposed { events, refusal: None })
    }
}

impl Compiled {
    fn suppose(&self, event: Event) -> SupposedEvent {
        let json = Json::in_form(self.facts.form_field().map(Arc::clone));
        let judge = self.rule.as_ref().map_or(Ok(None), |rule| rule.judge_of(&event));
        let judged = judge.and_then(|judge| match judge {
            Some(judge) => judge.judge(&event, &json, None),
            None => Ok(Ruling::default()),
        });
        let (ruling, refusal) = match judged {
            Ok(ruling) => (ruling, None),
            Err(refusal) => (Ruling::default(), Some(refusal)),
        };
        let Ruling { schema, letter, tags } = ruling;
        SupposedEvent { event, json, schema, refusal, letter, tags }
    }
}
