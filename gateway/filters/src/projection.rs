//! An event as a guest sees it: borrowed, and only what its subscription asked for.

use std::fmt::Write as _;

use sluicegate_core::event::Event;
use sluicegate_core::fields::Fields;

use crate::contract::sluicegate::plugin::types::{self, DataMode, DataParam};
use crate::subscription::{Names, Subscription};

/// The lists of one call; they live as long as the call.
pub(crate) struct Projection<'a> {
    attributes: Vec<(&'a str, &'a str)>,
    headers: Vec<(&'a str, &'a str)>,
    data: DataParam<'a>,
}

impl<'a> Projection<'a> {
    pub(crate) fn new(event: &'a Event, wanted: &Subscription) -> Self {
        let mut attributes = pick(&event.attributes, &wanted.attributes);
        if let Some(subject) = event.subject.as_deref().filter(|_| wanted.attributes.has("subject"))
        {
            attributes.push(("subject", subject));
        }
        Self {
            attributes,
            headers: pick(&event.headers, &wanted.headers),
            data: data(&event.payload, wanted.data),
        }
    }

    /// The event as the contract has it.
    pub(crate) fn seen<'s>(&'s self, id: &'s str, event: &'s Event) -> types::Event<'s> {
        types::Event {
            id,
            source: event.source.as_str(),
            type_: &event.kind,
            time: event.time.unwrap_or(event.received_at).unix_ns(),
            content_type: &event.content_type,
            attributes: &self.attributes,
            headers: &self.headers,
            data: match self.data {
                DataParam::Text(text) => DataParam::Text(text),
                DataParam::Binary(bytes) => DataParam::Binary(bytes),
            },
        }
    }
}

/// Writes the id into a buffer that is used again and again.
pub(crate) fn write_id(buffer: &mut String, event: &Event) {
    buffer.clear();
    // Writing to a String cannot fail.
    let _ = write!(buffer, "{}", event.id);
}

impl Names {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.iter().any(|other| other == name),
        }
    }
}

fn pick<'a>(fields: &'a Fields, wanted: &Names) -> Vec<(&'a str, &'a str)> {
    match wanted {
        Names::All => fields.iter().collect(),
        Names::These(names) if names.is_empty() => Vec::new(),
        Names::These(_) => fields.iter().filter(|(name, _)| wanted.has(name)).collect(),
    }
}

fn data(payload: &[u8], mode: DataMode) -> DataParam<'_> {
    match mode {
        DataMode::None => DataParam::Binary(&[]),
        DataMode::Binary => DataParam::Binary(payload),
        DataMode::Auto => match std::str::from_utf8(payload) {
            Ok(text) => DataParam::Text(text),
            Err(_) => DataParam::Binary(payload),
        },
    }
}
