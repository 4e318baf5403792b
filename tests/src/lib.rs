//! The harness of the system tests: runs the real binary and speaks to it over real sockets.
//!
//! Nothing here but `bench::queue` and `bench::plugins` imports a room of the gateway: signatures
//! are made by an independent implementation, HTTP is written and read as bytes, and what the
//! gateway did is judged only by what a sender, a consumer or an operator can see.

pub mod amqp;
pub mod bench;
pub mod config;
pub mod consumer;
pub mod deadline;
pub mod fixtures;
pub mod fuzz;
pub mod gateway;
pub mod http;
pub mod kills;
pub mod ledger;
pub mod loop_disk;
pub mod metrics;
pub mod mosquitto;
pub mod mqtt;
pub mod ports;
pub mod rabbitmq;
pub mod random;
pub mod receiver;
pub mod registry;
pub mod senders;
pub mod signing;
pub mod strace;
pub mod tcp_proxy;
pub mod token_registry;
pub mod vault;
pub mod wall_clock;
pub mod world;
