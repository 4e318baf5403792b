//! HTTP out: one signed `POST` per event, as a CloudEvent in binary mode.

mod address;
mod client;
mod config;
mod envelope;
mod fault;
mod fetcher;
mod headers;
mod judge;
mod poster;
mod resolver;
mod sink;
mod url;

pub use address::{Network, NetworkError};
pub use config::{AllowPrivate, HttpSinkConfig, Roots, Signer};
pub use fault::SinkFault;
pub use fetcher::{FetchFault, Fetcher};
pub use poster::{Answer, PostFault, Poster, Question};
pub use sink::HttpSink;
