//! What a source read from the wire, before anyone believed it.

use std::net::IpAddr;

use bytes::Bytes;

use crate::fields::Fields;
use crate::ids::{EventId, SourceName};
use crate::state::Transaction;
use crate::time::Timestamp;

/// One delivery as it came: nothing in it is trusted, nothing in it is changed.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The source that it came in by.
    pub source: SourceName,
    /// The request method, as sent: `POST`.
    pub method: String,
    /// The request target, path and query, as sent.
    pub target: String,
    /// Every header, in order; bytes outside UTF-8 are read as ISO 8859-1 (RFC 9110 section 5.5).
    pub headers: Fields,
    /// The raw body, byte for byte.
    pub body: Bytes,
    /// The address of the peer of the connection, where there is one.
    pub peer: Option<IpAddr>,
    /// What the protocol says beside them.
    pub transport: Transport,
}

/// What a protocol says of a delivery beside headers and body, as its source understood it.
#[derive(Debug, Clone, Default)]
pub struct Transport {
    /// Extension attributes that the event gets: of topics, exchanges, clients. None for HTTP.
    pub attributes: Fields,
    /// The type of the event, where the sender says none.
    pub kind: Option<String>,
    /// When it happened, where the sender does not say.
    pub time: Option<Timestamp>,
    /// The idempotency key, where the sender says none.
    pub dedupe: Option<String>,
    /// What its source must remember from the moment on in which the event is durable: committed
    /// in the same entry.
    pub state: Transaction,
    /// Whether its sender keeps it until it is answered, and sends it again: a broker does, and so
    /// does a client of MQTT with QoS 1 or 2. A webhook may come again or not.
    pub comes_again: bool,
    /// When it first came, by [`Intake::clock`](crate::seams::Intake::clock), where its source
    /// tries it more than once: it is judged as of then. `None`: it comes now.
    pub came_at: Option<Timestamp>,
}

impl Delivery {
    /// The media type without parameters, in lower case; empty if the header is missing.
    #[must_use]
    pub fn media_type(&self) -> String {
        media_type(self.headers.first("content-type").unwrap_or_default())
    }
}

/// A media type without its parameters, in lower case: `application/json`.
#[must_use]
pub fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a content coding is gzip (RFC 9110 section 8.4.1.3).
#[must_use]
pub fn is_gzip(coding: &str) -> bool {
    coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip")
}

/// Whether a media type says that the payload is JSON (RFC 6839 section 3.1 for `+json`).
#[must_use]
pub fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim().as_bytes();
    let ends = |tail: &[u8]| {
        media.len() >= tail.len()
            && media
                .get(media.len() - tail.len()..)
                .is_some_and(|end| end.eq_ignore_ascii_case(tail))
    };
    ends(b"/json") || ends(b"+json")
}

/// When a delivery came, and the id that it will have if it becomes an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The id of the event to be.
    pub id: EventId,
    /// When the last byte of the delivery had come, by the machine's clock: signed timestamps are
    /// judged by it.
    pub at: Timestamp,
    /// The same moment by a clock that is never set back: rates and durations are reckoned by it.
    pub steady: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_media_types_are_known_by_their_ending() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/a+json"] {
            assert!(is_json(json), "{json}");
        }
        for other in ["", "json", "text/plain", "application/jsonl", "application/json-seq"] {
            assert!(!is_json(other), "{other}");
        }
    }
}
