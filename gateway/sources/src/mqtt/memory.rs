//! What the listener keeps in the engine, so that it outlives the process: sessions with their
//! subscriptions, packet ids of QoS 2, retained messages. State of one scope, by key:
//!
//! ```text
//! s/CLIENT       a session that outlives its connection: JSON, as `record` has it
//! q/ID/BIRTH/CLIENT   a QoS 2 message of that client was taken in the session that began then
//!                (nanoseconds since 1970), and is not released yet: nothing
//! r/TOPIC        the retained message of a topic: as `record` has it
//! ```
//!
//! Writes are laid down in the order of the calls, with the session or the hub locked; who must
//! know that they are durable waits for the answer without a lock.

use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_core::ids::NameError;
use sluicegate_core::limits::{STATE_BYTES_MAX, STATE_KEYS_MAX, STATE_VALUE_BYTES_MAX};
use sluicegate_core::seams::{Engine, Pending, Uncommitted};
use sluicegate_core::state::{Grant, Scope, Transaction, Value, Write};
use sluicegate_core::time::Timestamp;

use super::message::Message;
use super::record;
use super::session::Session;

/// What the listener keeps in the engine.
pub(crate) struct Memory {
    engine: Arc<dyn Engine>,
    scope: Scope,
}

/// A QoS 2 message that was taken, and is not released yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) client: Arc<str>,
    /// When its session began: an older one of the same client has nothing to say about this one.
    pub(crate) birth: Timestamp,
    pub(crate) id: NonZeroU16,
}

/// Something that was kept.
#[derive(Debug)]
pub(crate) enum Kept {
    Session { client: Arc<str>, record: record::Session },
    Received(Received),
    Retained(Message),
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl Memory {
    /// The memory of the one listener there is.
    ///
    /// # Errors
    /// When the names of its scope are none, which is a mistake of this file.
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Result<Self, NameError> {
        let scope = Scope { plugin: OWNER.parse()?, route: PLACE.parse()? };
        Ok(Self { engine, scope })
    }

    /// Everything that was kept. What cannot be read is told, and left out.
    pub(crate) fn load(&self) -> Vec<Kept> {
        let mut all = Vec::new();
        for (key, value) in self.engine.remembered(&self.scope) {
            match kept(&key, value) {
                Some(one) => all.push(one),
                None => tracing::error!(%key, "kept state of MQTT cannot be read"),
            }
        }
        all
    }

    /// Keeps a session as it is now.
    pub(crate) fn keep_session(
        &self,
        client: &str,
        session: &Session,
    ) -> Pending<'_, Result<(), Uncommitted>> {
        let value = set(record::session(session));
        self.engine.remember(self.writes([(session_key(client), value)]))
    }

    /// Forgets a session that is over, with its packet ids. Nobody need wait for it: a session that
    /// comes back after a crash ends again.
    pub(crate) fn forget_session(&self, client: &Arc<str>, birth: Timestamp, ids: &[NonZeroU16]) {
        let received = |id: &NonZeroU16| Received { client: Arc::clone(client), birth, id: *id };
        let ids = ids.iter().map(|id| (received(id).key(), Write::Delete));
        let writes = ids.chain([(session_key(client), Write::Delete)]);
        // Laid down by the call; the answer is not needed.
        drop(self.engine.remember(self.writes(writes)));
    }

    /// Forgets a packet id of QoS 2: PUBCOMP may be sent once this is durable.
    pub(crate) fn release(&self, received: &Received) -> Pending<'_, Result<(), Uncommitted>> {
        self.engine.remember(self.writes([(received.key(), Write::Delete)]))
    }

    /// What is to be committed with a message: that its packet id was taken, if its session
    /// outlives the connection, and that it is retained.
    pub(crate) fn with_message(
        &self,
        received: Option<&Received>,
        retained: Option<&Message>,
    ) -> Transaction {
        let received = received.map(|received| (received.key(), set(Vec::new())));
        let retained = retained.map(|message| {
            let write = if message.payload.is_empty() {
                Write::Delete
            } else {
                set(record::message(message))
            };
            (format!("r/{}", message.topic).into(), write)
        });
        let writes: Vec<_> = received.into_iter().chain(retained).collect();
        if writes.is_empty() { Transaction::default() } else { self.writes(writes) }
    }

    fn writes(&self, writes: impl IntoIterator<Item = (Arc<str>, Write)>) -> Transaction {
        Transaction::of(self.scope.clone(), GRANT, writes)
    }
}

/// Whether a message is small enough to be kept as the retained one of its topic.
pub(crate) fn can_retain(message: &Message) -> bool {
    message.weight() < STATE_VALUE_BYTES_MAX
}

fn kept(key: &str, value: Bytes) -> Option<Kept> {
    let (kind, rest) = key.split_once('/')?;
    Some(match kind {
        "s" => Kept::Session { client: rest.into(), record: record::read_session(&value)? },
        "q" => {
            let (id, rest) = rest.split_once('/')?;
            let (birth, client) = rest.split_once('/')?;
            let birth = Timestamp::from_unix_ns(birth.parse().ok()?);
            Kept::Received(Received { client: client.into(), birth, id: id.parse().ok()? })
        }
        "r" => Kept::Retained(record::read_message(rest, &value)?),
        _ => return None,
    })
}

fn set(bytes: Vec<u8>) -> Write {
    Write::Set(Value { bytes: bytes.into(), expires_at: None })
}

fn session_key(client: &str) -> Arc<str> {
    format!("s/{client}").into()
}

impl Received {
    fn key(&self) -> Arc<str> {
        format!("q/{}/{}/{}", self.id, self.birth.unix_ns(), self.client).into()
    }
}

/// No plugin is on a route of this name: the configuration keeps it free.
const OWNER: &str = "mqtt";
const PLACE: &str = "sluicegate.mqtt";

const GRANT: Grant = Grant {
    keys_max: STATE_KEYS_MAX,
    bytes_max: STATE_BYTES_MAX,
    value_bytes_max: STATE_VALUE_BYTES_MAX,
};
