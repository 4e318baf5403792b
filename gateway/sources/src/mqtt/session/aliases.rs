//! Topic aliases of one connection, both ways (MQTT 5 section 3.3.2.3.4).

use std::collections::HashMap;
use std::num::NonZeroU16;

use super::super::wire::{ByteString, Publish};

/// The aliases that a client has set.
#[derive(Debug, Default)]
pub(crate) struct AliasesIn {
    max: u16,
    topics: HashMap<NonZeroU16, ByteString>,
}

/// The aliases that the client lets us set: given to topics in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct AliasesOut {
    max: u16,
    of: HashMap<ByteString, NonZeroU16>,
    /// The topic that the packet before told the client an alias for.
    told: Option<ByteString>,
}

/// An alias is out of range, or stands for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoSuchAlias;

impl AliasesIn {
    pub(crate) fn new(max: u16) -> Self {
        Self { max, topics: HashMap::new() }
    }

    /// Puts the topic into a message that has an alias, and remembers it.
    pub(crate) fn resolve(&mut self, publish: &mut Publish) -> Result<(), NoSuchAlias> {
        let alias = publish.properties.as_ref().and_then(|properties| properties.topic_alias);
        let Some(alias) = alias else { return Ok(()) };
        if alias.get() > self.max {
            return Err(NoSuchAlias);
        }
        if publish.topic.is_empty() {
            publish.topic = self.topics.get(&alias).cloned().ok_or(NoSuchAlias)?;
        } else {
            // A copy: the topic must not hold the buffer that it came in.
            self.topics.insert(alias, ByteString::from(&*publish.topic));
        }
        Ok(())
    }
}

impl AliasesOut {
    pub(crate) fn new(max: u16) -> Self {
        Self { max: max.min(ALIASES_OUT_MAX), of: HashMap::new(), told: None }
    }

    /// Puts an alias in the place of a topic that has one, or gives it one while there are any.
    pub(crate) fn shorten(&mut self, publish: &mut Publish) {
        self.told = None;
        let Some(properties) = publish.properties.as_mut() else { return };
        if let Some(alias) = self.of.get(&publish.topic) {
            properties.topic_alias = Some(*alias);
            publish.topic = ByteString::new();
            return;
        }
        let next = u16::try_from(self.of.len() + 1).ok().filter(|next| *next <= self.max);
        if let Some(alias) = next.and_then(NonZeroU16::new) {
            self.of.insert(publish.topic.clone(), alias);
            self.told = Some(publish.topic.clone());
            properties.topic_alias = Some(alias);
        }
    }

    /// The packet before was not sent: the client has not heard of its alias.
    pub(crate) fn unsent(&mut self) {
        if let Some(topic) = self.told.take() {
            self.of.remove(&topic);
        }
    }
}

/// More than these would only take memory.
const ALIASES_OUT_MAX: u16 = 64;
