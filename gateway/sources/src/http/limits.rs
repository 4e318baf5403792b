//! Everything that a stranger may ask of the listener has a bound here.

use std::time::Duration;

use sluicegate_core::limits::{HEADER_BYTES_MAX, HEADERS_MAX};

/// The bounds of one listener. [`HttpLimits::default`] is fit for the open internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// Bytes of the request line and all header fields; 431 beyond it.
    pub head_bytes_max: usize,
    /// Header fields; 431 beyond it. At most `HEADERS_MAX`.
    pub headers_max: usize,
    /// From the opening of a connection to its first byte; 408 after it.
    pub first_byte: Duration,
    /// From the first byte of a head to its last; 408 after it.
    pub head: Duration,
    /// Between requests of one connection; closed without a word after it.
    pub idle: Duration,
    /// How long a body may take before its rate counts.
    pub body_grace: Duration,
    /// Bytes per second that a body must come in at, on average after the grace; 408 below it.
    pub body_rate_min: u32,
    /// From the end of a head to the end of its body, at any rate; 408 after it.
    pub body: Duration,
    /// To write one response; closed after it.
    pub write: Duration,
    /// How long a refused client is read on after the answer, so that the answer reaches it.
    pub linger: Duration,
    /// Connections at once; more are answered 503 and closed.
    pub connections_max: usize,
    /// Connections at once of one address (of one /64 for IPv6); more are answered 503 and closed.
    pub connections_per_address_max: usize,
    /// Requests with the handler at once; more are answered 503.
    pub requests_in_flight_max: usize,
    /// Bytes of bodies that are being read or handled at once, those of one read left out; 503
    /// beyond it.
    pub body_bytes_in_flight_max: usize,
    /// Streams at once of one HTTP/2 connection.
    pub h2_streams_max: u32,
    /// Streams that an HTTP/2 client may open and reset before they are taken; closed beyond it
    /// (CVE-2023-44487).
    pub h2_resets_max: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head_bytes_max: HEADER_BYTES_MAX,
            headers_max: HEADERS_MAX,
            first_byte: Duration::from_secs(5),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body_grace: Duration::from_secs(10),
            body_rate_min: 1024,
            body: Duration::from_secs(60),
            write: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            connections_max: 4096,
            connections_per_address_max: 1024,
            requests_in_flight_max: 4096,
            body_bytes_in_flight_max: 256 * 1024 * 1024,
            h2_streams_max: 128,
            h2_resets_max: 32,
        }
    }
}
