//! AMQP 0-9-1 in: consumes from the queues of a broker, and acknowledges with a receipt only.

mod answers;
mod config;
mod consume;
mod guard;
mod link;
mod message;
mod settle;
mod source;
mod state;
mod topology;

pub use config::{Address, AmqpConfig, Binding, Declaration, Dedupe, Dice, QueueKind, Topology};
pub use link::{DialFault, Link, Login, Server, ServerFault, Tls};
pub use source::AmqpSource;
pub use state::{AmqpMetrics, QueueMetrics, Standing};
