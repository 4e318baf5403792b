//! `bench amqp`: what it costs to take messages from a RabbitMQ and make them durable, beside a
//! consumer that does nothing but acknowledge them.

mod command;
mod options;
mod plain;
mod report;

pub use command::{ARGUMENT, main};
pub use plain::{ARGUMENT as PLAIN_ARGUMENT, serve as plain};
