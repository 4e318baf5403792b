//! What the listener keeps in the engine, so that it outlives the process: sessions with their
//! subscriptions, packet ids of QoS 2, retained messages. By key:
//!
//! ```text
//! s/CLIENT       a session that outlives its connection: JSON, as `record` has it
//! q/ID/BIRTH/CLIENT   a QoS 2 message of that client was taken in the session that began then
//!                (nanoseconds since 1970), and is not released yet: nothing
//! p/ID/BIRTH/CLIENT   the other way: the client has a QoS 2 message, and has not said PUBCOMP yet
//! r/TOPIC        the retained message of a topic: as `record` has it
//! m/NUMBER       a message that waits for clients: who they are, and the message
//! d/NUMBER       which of them have it: a bit for each
//! d/NUMBER/N     the Nth of them has it, until the list says so: nothing
//! l/NUMBER       the will of a client that is there, or waits for its delay
//! ```
//!
//! NUMBER is of 16 hexadecimal digits and grows. Sessions, exchanges of QoS 2, wills, what waits
//! and what is retained have a scope each, so that none can use up the room of another.
//!
//! Writes are laid down in the order of the calls, with the session or the hub locked; who must
//! know that they are durable waits for the answer without a lock.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_core::ids::NameError;
use sluicegate_core::limits::{STATE_BYTES_MAX, STATE_KEYS_MAX, STATE_VALUE_BYTES_MAX};
use sluicegate_core::seams::{Engine, Pending, Uncommitted};
use sluicegate_core::state::{Grant, Scope, Transaction, Value, Write};
use sluicegate_core::time::Timestamp;

use super::ledger::nothing;
use super::message::Message;
use super::plan::Keeps;
use super::record;
use super::seat::Will;
use super::session::Session;

/// What the listener keeps in the engine.
pub(crate) struct Memory {
    engine: Arc<dyn Engine>,
    scopes: Scopes,
}

/// Where the keys lie.
#[derive(Debug)]
struct Scopes {
    sessions: Scope,
    exchanges: Scope,
    wills: Scope,
    waiting: Scope,
    retained: Scope,
}

/// One exchange of QoS 2 that is not at its end yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) client: Arc<str>,
    /// When its session began: an older one of the same client has nothing to say about this one.
    pub(crate) birth: Timestamp,
    pub(crate) id: NonZeroU16,
}

/// Something that was kept.
#[derive(Debug)]
pub(crate) enum Kept {
    Session { client: Arc<str>, record: record::Session },
    Done { number: u64, has: Has },
    Waiting { number: u64, waiting: record::Waiting },
    Received(Exchange),
    Released(Exchange),
    Retained(Message),
    Will(Will),
}

/// Who has a message.
#[derive(Debug)]
pub(crate) enum Has {
    /// Those in this list.
    Listed(Bytes),
    /// This one.
    One(u32),
}

impl Kept {
    /// The order in which a hub takes them up.
    pub(super) fn order(&self) -> (u8, u64) {
        match self {
            Self::Session { .. } => (0, 0),
            Self::Done { .. } => (1, 0),
            Self::Waiting { number, .. } => (2, *number),
            Self::Received(_) | Self::Released(_) | Self::Retained(_) => (3, 0),
            Self::Will(will) => (4, will.number.unwrap_or_default()),
        }
    }
}

/// What is to be committed with a message.
#[derive(Debug, Default)]
pub(crate) struct With<'a> {
    /// That its packet id was taken.
    pub(crate) received: Option<&'a Exchange>,
    /// That it is retained.
    pub(crate) retained: Option<&'a Message>,
    /// That it waits for clients.
    pub(crate) waiting: Option<(&'a Keeps, &'a Message)>,
    /// That the will of this number is published by it.
    pub(crate) will: Option<u64>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

impl Memory {
    /// The memory of the one listener there is.
    ///
    /// # Errors
    /// When the names of its scopes are none, which is a mistake of this file.
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Result<Self, NameError> {
        let scope = |place: &str| -> Result<_, NameError> {
            Ok(Scope { plugin: OWNER.parse()?, route: format!("{PLACE}{place}").parse()? })
        };
        let scopes = Scopes {
            sessions: scope("")?,
            exchanges: scope(".exchanges")?,
            wills: scope(".wills")?,
            waiting: scope(".waiting")?,
            retained: scope(".retained")?,
        };
        Ok(Self { engine, scopes })
    }

    /// Everything that was kept. What cannot be read is told, and left out.
    pub(crate) fn load(&self) -> Vec<Kept> {
        let mut all = Vec::new();
        let found = self.scopes.all().into_iter().map(|scope| self.engine.remembered(scope));
        for (key, value) in found.flatten() {
            match kept(&key, value) {
                Some(one) => all.push(one),
                None => tracing::error!(%key, "kept state of MQTT cannot be read"),
            }
        }
        all
    }

    /// Keeps a session as it is now, and the will of its connection.
    pub(crate) fn keep_session(
        &self,
        client: &str,
        session: &Session,
        will: Option<&Will>,
    ) -> Pending<'_, Result<(), Uncommitted>> {
        let session = (session_key(client), set(record::session(session)));
        self.engine.remember(self.writes([session].into_iter().chain(will_write(will))))
    }

    /// Keeps the will of a connection whose session ends with it.
    pub(crate) fn keep_will(&self, will: &Will) -> Pending<'_, Result<(), Uncommitted>> {
        self.engine.remember(self.writes(will_write(Some(will))))
    }

    /// Forgets a session that is over, and these keys with it. Nobody need wait for it: a session
    /// that comes back after a crash ends again.
    pub(crate) fn forget_session(&self, client: &str, keys: impl Iterator<Item = Arc<str>>) {
        let keys = keys.chain([session_key(client)]);
        let writes = self.writes(keys.map(|key| (key, Write::Delete)));
        // Laid down by the call; the answer is not needed.
        drop(self.engine.remember(writes));
    }

    /// Forgets a packet id of QoS 2: PUBCOMP may be sent once this is durable.
    pub(crate) fn release(&self, received: &Exchange) -> Pending<'_, Result<(), Uncommitted>> {
        self.engine.remember(self.writes([(received.received_key(), Write::Delete)]))
    }

    /// Writes down what the ledger has, in one commit.
    pub(crate) fn write(
        &self,
        batch: Vec<(Arc<str>, Write)>,
    ) -> Pending<'_, Result<(), Uncommitted>> {
        self.engine.remember(self.writes(batch))
    }

    /// What is to be committed with a message.
    pub(crate) fn with_message(&self, with: &With<'_>) -> Transaction {
        let mut writes = Vec::new();
        writes.extend(with.received.map(|received| (received.received_key(), nothing())));
        writes.extend(with.retained.map(|message| {
            let write = if message.payload.is_empty() {
                Write::Delete
            } else {
                // The engine forgets it by itself when it is over.
                let (bytes, expires_at) = (record::message(message).into(), message.expires_at);
                Write::Set(Value { bytes, expires_at })
            };
            (retained_key(&message.topic), write)
        }));
        writes.extend(with.waiting.map(|(keeps, message)| {
            (keeps.stored.key(), set(record::waiting(&keeps.recipients, message)))
        }));
        writes.extend(with.will.map(|number| (will_key(number), Write::Delete)));
        if writes.is_empty() { Transaction::default() } else { self.writes(writes) }
    }

    fn writes(&self, writes: impl IntoIterator<Item = (Arc<str>, Write)>) -> Transaction {
        let mut by_scope: BTreeMap<&Scope, Vec<_>> = BTreeMap::new();
        for (key, write) in writes {
            by_scope.entry(self.scopes.of(&key)).or_default().push((key, write));
        }
        let part =
            |(scope, writes): (&Scope, Vec<_>)| Transaction::of(scope.clone(), GRANT, writes);
        by_scope.into_iter().map(part).fold(Transaction::default(), Transaction::and)
    }
}

impl Scopes {
    /// Where a key lies.
    fn of(&self, key: &str) -> &Scope {
        match key.as_bytes().first() {
            Some(b'q' | b'p') => &self.exchanges,
            Some(b'l') => &self.wills,
            Some(b'm' | b'd') => &self.waiting,
            Some(b'r') => &self.retained,
            _ => &self.sessions,
        }
    }

    fn all(&self) -> [&Scope; 5] {
        [&self.sessions, &self.exchanges, &self.wills, &self.waiting, &self.retained]
    }
}

/// Whether a message is small enough to be kept as the retained one of its topic.
pub(crate) fn can_retain(message: &Message) -> bool {
    record::message_len(message) < STATE_VALUE_BYTES_MAX
}

fn kept(key: &str, value: Bytes) -> Option<Kept> {
    let (kind, rest) = key.split_once('/')?;
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    Some(match kind {
        "s" => Kept::Session { client: rest.into(), record: record::read_session(&value)? },
        "q" => Kept::Received(exchange(rest)?),
        "p" => Kept::Released(exchange(rest)?),
        "r" => Kept::Retained(record::read_message(rest, &value)?),
        "m" => Kept::Waiting { number: number(rest)?, waiting: record::read_waiting(&value)? },
        "d" => match rest.split_once('/') {
            Some((of, index)) => {
                Kept::Done { number: number(of)?, has: Has::One(index.parse().ok()?) }
            }
            None => Kept::Done { number: number(rest)?, has: Has::Listed(value) },
        },
        "l" => Kept::Will(record::read_will(number(rest)?, &value)?),
        _ => return None,
    })
}

fn exchange(rest: &str) -> Option<Exchange> {
    let (id, rest) = rest.split_once('/')?;
    let (birth, client) = rest.split_once('/')?;
    let birth = Timestamp::from_unix_ns(birth.parse().ok()?);
    Some(Exchange { client: client.into(), birth, id: id.parse().ok()? })
}

fn set(bytes: Vec<u8>) -> Write {
    Write::Set(Value { bytes: bytes.into(), expires_at: None })
}

fn session_key(client: &str) -> Arc<str> {
    format!("s/{client}").into()
}

/// The key of the retained message of a topic.
pub(crate) fn retained_key(topic: &str) -> Arc<str> {
    format!("r/{topic}").into()
}

/// The key of a will.
pub(crate) fn will_key(number: u64) -> Arc<str> {
    format!("l/{number:016x}").into()
}

fn will_write(will: Option<&Will>) -> Option<(Arc<str>, Write)> {
    let will = will?;
    Some((will_key(will.number?), set(record::will(will))))
}

impl Exchange {
    /// The key that says that its message was taken from the client.
    pub(crate) fn received_key(&self) -> Arc<str> {
        self.key("q")
    }

    /// The key that says that the client has its message.
    pub(crate) fn released_key(&self) -> Arc<str> {
        self.key("p")
    }

    fn key(&self, kind: &str) -> Arc<str> {
        format!("{kind}/{}/{}/{}", self.id, self.birth.unix_ns(), self.client).into()
    }
}

/// No plugin is on a route of such a name: the configuration keeps them free.
const OWNER: &str = "mqtt";
const PLACE: &str = "sluicegate.mqtt";

const GRANT: Grant = Grant {
    keys_max: STATE_KEYS_MAX,
    bytes_max: STATE_BYTES_MAX,
    value_bytes_max: STATE_VALUE_BYTES_MAX,
};
