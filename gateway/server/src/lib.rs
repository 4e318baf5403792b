//! The hall: configuration, wiring, the line, the way out, the admin API and the command line.
//!
//! `pipeline` is the file to read first: the way of every event through the house. `batch` takes
//! several events along it at once; `intake` is where sources call it; `notary` proves senders;
//! `judges` hold payloads against schemas where that takes long, both on bounded `threads`;
//! `routes` decides where events go;
//! `dispatch` takes from queues and hands to sinks; `plugins` holds the versions of plugins,
//! `origins` is where they come from, and `oci` asks registries for them; `schemas` keeps
//! registered schemas; `vault` asks who holds a key or a secret; `keys` knows which keys are used
//! and reads their secrets again; `refused` keeps what was refused, and explains it; `blueprint`
//! builds all rooms, `wiring` joins those of the line, `hall` runs all and takes them down; `amqp`
//! starts the sources that brokers feed; `config` reads what the operator wrote.
//! Nobody imports this crate but the tests.

mod amqp;
pub mod api;
mod batch;
pub mod blueprint;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dispatch;
mod durable;
pub mod fault;
pub mod hall;
pub mod intake;
pub mod jobs;
mod judges;
pub mod keys;
pub mod limiter;
pub mod metrics;
mod mqtt;
pub mod notary;
pub mod oci;
pub mod origins;
mod outage;
pub mod pipeline;
pub mod plugins;
pub mod refused;
pub mod routes;
mod said;
pub mod schemas;
mod threads;
pub mod vault;
mod wiring;
