//! Packet ids of QoS 2 messages that were taken from a broker and are not released yet: committed
//! with the event, deleted before PUBCOMP. State of one scope; its keys are `SOURCE/ID`.

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
