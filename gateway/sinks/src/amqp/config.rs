//! What an AMQP sink is made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::seams::Pending;

use crate::{CloudEvents, Dice};

/// Opens a connection to the broker. The room of sinks does not know where that is: it gets a
/// function that knows, and the way to dial is in one place for both directions.
pub type Connect = Arc<dyn Fn() -> Pending<'static, Result<Connected, String>> + Send + Sync>;

/// An open connection. It is this sink's own: a broker that blocks publishers must not hold up
/// consumers.
#[derive(Clone)]
pub struct Connected {
    /// What lapin made of it.
    pub connection: Arc<lapin::Connection>,
    /// Cuts it at once. The connection lives at least as long as this.
    pub cut: Arc<dyn Fn() + Send + Sync>,
}

/// What an AMQP sink is made of.
#[derive(Clone)]
pub struct AmqpSinkConfig {
    /// The sink, for logs.
    pub name: String,
    /// Opens a connection.
    pub connect: Connect,
    /// The exchange, with places for what events say: `{type}`, `{source}`, `{subject}`, `{id}`,
    /// `{attributes.NAME}`, `{headers.NAME}`. Empty: the default exchange.
    pub exchange: String,
    /// The routing key, with places as above.
    pub routing_key: String,
    /// Whether the broker is to write messages to disk.
    pub persistent: bool,
    /// What becomes of an event that no queue is bound for; `None`: nobody asks (not mandatory).
    pub on_unroutable: Option<OnUnroutable>,
    /// How attributes go out.
    pub cloudevents: CloudEvents,
    /// Headers for every message.
    pub headers: Vec<(String, String)>,
    /// Whether the headers that an event came with go out, with the types that they had.
    pub forward_headers: bool,
    /// For one attempt, from the connection to the last confirmation.
    pub timeout: Duration,
    /// For the jitter of waits.
    pub dice: Dice,
}

/// What becomes of an event that no queue is bound for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnroutable {
    /// It is tried again: somebody will bind a queue.
    Retry,
    /// It goes to the dead-letter queue.
    GiveUp,
}

impl fmt::Debug for AmqpSinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("AmqpSinkConfig")
            .field("name", &self.name)
            .field("exchange", &self.exchange)
            .field("routing_key", &self.routing_key)
            .field("headers", &names)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
