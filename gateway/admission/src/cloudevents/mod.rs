//! CloudEvents 1.0 over HTTP: binary, structured and batched. Read only after the delivery is
//! verified; the payload stays byte for byte what the sender wrote.
//!
//! `attributes` holds an event to the specification; `binary` reads headers, `structured` JSON;
//! `write` makes deliveries for `sluicegate send`.

mod attributes;
mod binary;
mod structured;
mod write;

use sluicegate_core::delivery::{Delivery, media_type};
use sluicegate_core::limits::BATCH_EVENTS_MAX;

pub(crate) use attributes::CloudEvent;
pub use write::{ContentMode, EventToSend, write};

/// What a delivery holds.
#[derive(Debug)]
pub(crate) enum Sent {
    /// One event, binary or structured.
    One(CloudEvent),
    /// A batch, which may be empty.
    Batch(Vec<CloudEvent>),
}

/// Reads a delivery; why it is no CloudEvent, in words for the sender.
pub(crate) fn read(delivery: &Delivery) -> Result<Sent, String> {
    let mut types = delivery.headers.all("content-type");
    let content_type = types.next().unwrap_or_default();
    if types.next().is_some() {
        return Err("content-type is there twice".to_owned());
    }
    match media_type(content_type).as_str() {
        STRUCTURED => structured::one(&delivery.body).map(Sent::One),
        BATCH => {
            let events = structured::batch(&delivery.body)?;
            if events.len() > BATCH_EVENTS_MAX {
                return Err(format!("a batch has at most {BATCH_EVENTS_MAX} events"));
            }
            Ok(Sent::Batch(events))
        }
        other if other.starts_with("application/cloudevents") => {
            Err(format!("events are read as JSON, and this is {other}"))
        }
        _ => binary::one(&delivery.headers, content_type, &delivery.body).map(Sent::One),
    }
}

const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";
