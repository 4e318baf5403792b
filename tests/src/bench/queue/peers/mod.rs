//! The brokers beside us: started by the bench on loopback with data folders of their own, and
//! stopped by process id.

mod lapin_client;
mod redis_client;
mod resp;
mod server;

pub(super) use lapin_client::RabbitMq;
pub(super) use redis_client::Redis;
pub(super) use server::{Peer, version};
