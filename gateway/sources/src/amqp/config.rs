//! What an AMQP source is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::ids::SourceName;

use super::link::Server;
use crate::format::Format;

/// Random bits, for jitter.
pub type Dice = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What an AMQP source is made of.
#[derive(Clone)]
pub struct AmqpConfig {
    /// The source.
    pub source: SourceName,
    /// The broker.
    pub server: Server,
    /// The queues, each once, at least one.
    pub queues: Vec<String>,
    /// Messages of one queue that are on their way at once; at least 1.
    pub prefetch: u16,
    /// A longer body is refused, and never held in memory.
    pub payload_bytes_max: usize,
    /// What a message holds.
    pub format: Format,
    /// What a repetition is known by.
    pub dedupe: Dedupe,
    /// Whether the queues are made if they are not there.
    pub topology: Topology,
    /// Where refused messages go; `None`: they are rejected, and the broker's policy says where.
    pub on_reject: Option<Address>,
    /// How long messages on their way may take after a stop.
    pub drain: Duration,
    /// For the jitter of waits.
    pub dice: Dice,
}

/// An exchange and a routing key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The exchange; empty: the default one.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
}

/// What a repetition is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dedupe {
    /// By what the facts of the source say, or by nothing.
    #[default]
    Off,
    /// By the queue and the message id.
    MessageId,
}

/// Whether the queues are made if they are not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// They must be there.
    Check,
    /// They are declared, durable, and bound.
    Declare(Declaration),
}

/// How queues are declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Quorum or classic.
    pub kind: QueueKind,
    /// The exchange that the broker puts rejected messages into.
    pub dead_letter_exchange: Option<String>,
    /// How often a quorum queue hands a message out before it drops or dead-letters it; -1: as
    /// often as it takes; `None`: as the broker has it.
    pub delivery_limit: Option<i32>,
    /// Where their messages come from.
    pub bindings: Vec<Binding>,
}

/// The kind of a queue that is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueKind {
    /// Replicated, and flushed before a publisher hears of it.
    #[default]
    Quorum,
    /// On one node.
    Classic,
}

/// A binding of the queues to an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The exchange.
    pub exchange: String,
    /// Its kind (`topic`, `direct`, `fanout`, `headers`) if it is to be declared too, durable.
    pub declare: Option<String>,
    /// The routing key or pattern.
    pub key: String,
}

impl fmt::Debug for AmqpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpConfig")
            .field("source", &self.source)
            .field("server", &self.server)
            .field("queues", &self.queues)
            .field("prefetch", &self.prefetch)
            .finish_non_exhaustive()
    }
}

/// What the messages of one queue are held to.
#[derive(Debug, Clone)]
pub(super) struct QueueRule {
    pub(super) source: SourceName,
    pub(super) queue: String,
    pub(super) payload_bytes_max: usize,
    pub(super) format: Format,
    pub(super) dedupe: Dedupe,
}
