//! A connection to a broker: where it is, how it is dialled, and the stream below lapin.

mod dial;
mod reactor;
mod server;
mod stream;

pub use dial::{DialFault, Link};
pub use server::{Login, Server, ServerFault, Tls};
