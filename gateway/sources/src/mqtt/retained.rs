//! The last retained message of each topic. Bounded: what finds no room is not retained, and
//! counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_core::limits::{STATE_BYTES_MAX, STATE_KEYS_MAX};
use sluicegate_core::time::Timestamp;

use super::message::Message;
use super::record::message_len;
use super::topic::Filter;
use super::wire::ByteString;

/// How much may be retained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetainedLimits {
    pub(crate) messages_max: usize,
    pub(crate) bytes_max: usize,
}

impl RetainedLimits {
    /// These limits, or what there is room for in the engine.
    pub(crate) fn within_the_engine(self) -> Self {
        let most = |bound: u64| usize::try_from(bound).unwrap_or(usize::MAX);
        Self {
            messages_max: self.messages_max.min(most(STATE_KEYS_MAX)),
            bytes_max: self.bytes_max.min(most(STATE_BYTES_MAX)),
        }
    }
}

/// The last retained message of each topic.
#[derive(Debug)]
pub(crate) struct Retained {
    limits: RetainedLimits,
    by_topic: BTreeMap<ByteString, Arc<Message>>,
    bytes: usize,
}

/// There is no room for one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl Retained {
    pub(crate) fn new(limits: RetainedLimits) -> Self {
        Self { limits, by_topic: BTreeMap::new(), bytes: 0 }
    }

    /// Whether a message would find room.
    pub(crate) fn has_room(&self, message: &Message) -> bool {
        let old = self.by_topic.get(&message.topic);
        let bytes = self.bytes - old.map_or(0, |old| message_len(old)) + message_len(message);
        let count = self.by_topic.len() + usize::from(old.is_none());
        message.payload.is_empty()
            || (count <= self.limits.messages_max && bytes <= self.limits.bytes_max)
    }

    /// Keeps a message in the place of the one before it; one without a payload only takes that
    /// away (section 3.3.1.3).
    pub(crate) fn keep(&mut self, message: &Arc<Message>) -> Result<(), NoRoom> {
        if !self.has_room(message) {
            return Err(NoRoom);
        }
        if let Some(old) = self.by_topic.remove(&message.topic) {
            self.bytes -= message_len(&old);
        }
        if !message.payload.is_empty() {
            self.bytes += message_len(message);
            self.by_topic.insert(message.topic.clone(), Arc::clone(message));
        }
        Ok(())
    }

    /// The messages whose topics a filter takes.
    pub(crate) fn taken_by(&self, filter: &Filter, now: Timestamp) -> Vec<Arc<Message>> {
        let taken = |(topic, message): &(&ByteString, &Arc<Message>)| {
            filter.takes(topic) && !message.is_over(now)
        };
        let prefix = filter.as_str().split(['+', '#']).next().unwrap_or_default();
        // "a/#" takes "a" as well: what lies before the separator counts.
        let from = prefix.strip_suffix('/').unwrap_or(prefix);
        self.by_topic
            .range(ByteString::from(from)..)
            .take_while(|(topic, _)| topic.starts_with(from))
            .filter(taken)
            .map(|(_, message)| Arc::clone(message))
            .collect()
    }

    /// Takes out what is over.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        let bytes = &mut self.bytes;
        self.by_topic.retain(|_, message| {
            let over = message.is_over(now);
            if over {
                *bytes -= message_len(message);
            }
            !over
        });
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_topic.len()
    }
}
