//! The event: a CloudEvent (1.0) with its payload byte for byte.

use std::sync::Arc;

use bytes::Bytes;

use crate::fields::Fields;
use crate::ids::{EventId, SourceName};
use crate::time::Timestamp;

/// A verified delivery in its canonical envelope. Cheap to clone: the parts are shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event(Arc<Parts>);

/// The parts of an [`Event`]; the names in brackets are those of CloudEvents 1.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The id (`id`), ours, so that two providers cannot collide.
    pub id: EventId,
    /// The source (`source`).
    pub source: SourceName,
    /// What happened (`type`), as the provider names it: `push`, `invoice.paid`.
    pub kind: String,
    /// What it happened to (`subject`).
    pub subject: Option<String>,
    /// When it happened, as the provider says (`time`).
    pub time: Option<Timestamp>,
    /// When the gateway had received it.
    pub received_at: Timestamp,
    /// The media type of the payload (`datacontenttype`); empty if unknown.
    pub content_type: String,
    /// Extension attributes: the provider's, and the gateway's own that start with `sg`.
    pub attributes: Fields,
    /// Transport headers, without those that carry credentials.
    pub headers: Fields,
    /// The payload (`data`), byte for byte.
    pub payload: Bytes,
}

impl Event {
    /// An event of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The parts, to change; copied first if they are shared.
    pub fn parts_mut(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }

    /// Bytes that the event takes in memory and in the log, about.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.payload.len() + self.headers.text_len() + self.attributes.text_len() + 256
    }
}

impl std::ops::Deref for Event {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}
