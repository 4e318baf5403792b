//! MQTT in, 3.1.1 and 5: devices connect to the gateway.
//!
//! [`MqttSource`] is the listener. From the wire inwards: `wire` makes packets of bytes (`shape`
//! and `text` check what its codec does not), `connection` moves them, `talk` does what they ask
//! for, `session` holds the rules, `entrance` lets clients in and out, `hub` knows who is there
//! and who wants what, `plan` decides who gets a message, `memory` and `ledger` keep what outlives
//! the process and delete it (`done` and `writes` help), `restore` takes it up again, `wills` are
//! published, `pump` takes from queues.
//!
//! PUBACK and PUBREC follow the receipt, and so does every subscriber.

mod access;
mod answers;
pub(crate) mod claims;
mod connection;
mod done;
mod entrance;
mod greeting;
mod hub;
mod jwt;
mod known;
mod leased;
mod ledger;
mod limits;
mod listener;
mod memory;
mod message;
mod metrics;
mod plan;
mod pump;
pub(crate) mod reading;
mod record;
mod restore;
mod retained;
mod seat;
mod session;
mod shape;
mod shared;
mod subscribers;
mod subscribing;
mod talk;
#[cfg(test)]
mod tests;
mod text;
mod tls;
mod topic;
mod tree;
mod users;
mod websocket;
mod wills;
mod wire;
mod writes;

pub use access::{Access, AccessRule, Pattern};
pub(crate) use answers::{answer, lasts};
pub use claims::{Dedupe, TopicRule};
pub use jwt::{TokenAlgorithm, TokenKeyFault, Tokens};
pub use limits::{MqttLimits, WINDOW_MAX};
pub use listener::{Framing, MqttConfig, MqttListen, MqttSeams, MqttSource};
pub use metrics::{MqttMetrics, MqttStats};
pub(crate) use session::Judged;
pub use tls::{Identity, MqttTls, TlsFault};
pub use topic::{Filter, FilterFault};
pub use users::{Users, UsersFault};
