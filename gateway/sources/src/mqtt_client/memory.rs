//! Packet ids of QoS 2 messages that were taken from a broker and are not released yet: committed
//! with the event, deleted before PUBCOMP; and the filters that were subscribed to, so that one
//! that the configuration has no more can be unsubscribed. State of one scope; its keys are
//! `SOURCE/ID` and `SOURCE/filters`.

use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_core::ids::{NameError, SourceName};
use sluicegate_core::limits::{STATE_BYTES_MAX, STATE_KEYS_MAX, STATE_VALUE_BYTES_MAX};
use sluicegate_core::seams::{Engine, Pending, Uncommitted};
use sluicegate_core::state::{Grant, Scope, Transaction, Value, Write};

/// The packet ids of one source.
pub(crate) struct Memory {
    engine: Arc<dyn Engine>,
    scope: Scope,
    source: SourceName,
}

impl Memory {
    /// The memory of a source.
    ///
    /// # Errors
    /// When the names of its scope are none, which is a mistake of this file.
    pub(crate) fn new(engine: Arc<dyn Engine>, source: SourceName) -> Result<Self, NameError> {
        let scope = Scope { plugin: "mqtt".parse()?, route: "sluicegate.mqtt.client".parse()? };
        Ok(Self { engine, scope, source })
    }

    /// What was kept before the process began.
    pub(crate) fn load(&self) -> Vec<NonZeroU16> {
        let id = |(key, _): &(Arc<str>, Bytes)| {
            let (source, id) = key.rsplit_once('/')?;
            if source == self.source.as_str() { id.parse().ok() } else { None }
        };
        self.engine.remembered(&self.scope).iter().filter_map(id).collect()
    }

    /// What is to be committed with a message.
    pub(crate) fn taken(&self, id: NonZeroU16) -> Transaction {
        let there = Write::Set(Value { bytes: Bytes::new(), expires_at: None });
        self.writes([(self.key(id), there)])
    }

    /// Forgets packet ids, durably.
    pub(crate) fn forget(
        &self,
        ids: impl IntoIterator<Item = NonZeroU16>,
    ) -> Pending<'_, Result<(), Uncommitted>> {
        let deleted = ids.into_iter().map(|id| (self.key(id), Write::Delete));
        self.engine.remember(self.writes(deleted))
    }

    /// The filters that were subscribed to last.
    pub(crate) fn filters(&self) -> Vec<String> {
        let key = self.filters_key();
        let kept = self.engine.remembered(&self.scope);
        let own = kept.iter().find(|(other, _)| *other == key);
        // What cannot be read is of no version of ours: it names nothing.
        own.and_then(|(_, bytes)| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    /// Writes down what is subscribed to.
    pub(crate) fn keep_filters(&self, filters: &[String]) -> Pending<'_, Result<(), Uncommitted>> {
        let bytes = serde_json::to_vec(filters).unwrap_or_default();
        let there = Write::Set(Value { bytes: bytes.into(), expires_at: None });
        self.engine.remember(self.writes([(self.filters_key(), there)]))
    }

    fn filters_key(&self) -> Arc<str> {
        format!("{}/filters", self.source).into()
    }

    fn key(&self, id: NonZeroU16) -> Arc<str> {
        format!("{}/{id}", self.source).into()
    }

    fn writes(&self, writes: impl IntoIterator<Item = (Arc<str>, Write)>) -> Transaction {
        let grant = Grant {
            keys_max: STATE_KEYS_MAX,
            bytes_max: STATE_BYTES_MAX,
            value_bytes_max: STATE_VALUE_BYTES_MAX,
        };
        Transaction::of(self.scope.clone(), grant, writes)
    }
}
