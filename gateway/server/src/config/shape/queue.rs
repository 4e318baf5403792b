//! The shape of a queue, in the configuration and in the admin API.

use schemars::JsonSchema;
use serde::Deserialize;

use super::retain::Retain;
use crate::config::field::FieldName;
use crate::config::scalars::{Size, Span};

/// A durable queue.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Queue {
    /// How often and how patiently deliveries are tried.
    #[serde(default)]
    pub(in crate::config) retry: Retry,
    /// The queue for events that are given up. Default: `dead-letters`. A queue that another one
    /// names here keeps its own failing events, and names none itself.
    pub(in crate::config) dead_letter: Option<String>,
    /// How long events stay in the log after they are settled: a duration, or
    /// `{ time: 7d, bytes: 10GiB, hold: true }`. Default `0s`.
    pub(in crate::config) retain: Option<Retain>,
    /// How much the queue takes.
    #[serde(default)]
    pub(in crate::config) limits: QueueLimits,
    /// What a full queue does. Default `reject`.
    #[serde(default)]
    pub(in crate::config) when_full: WhenFull,
    /// Events whose field has the same text are delivered one after the other.
    pub(in crate::config) order_by: Option<FieldName>,
    /// A field that holds a priority from 0 to 9; 9 goes first. Numbers over 9
    /// count as 9, other texts as 0.
    pub(in crate::config) priority_by: Option<FieldName>,
    /// No event is delivered before it lay here for so long; at most `30d`. Default `0s`.
    pub(in crate::config) delay: Option<Span>,
    /// A field that holds the time before which an event is not delivered, in RFC 3339; at most 30
    /// days after it was received.
    pub(in crate::config) deliver_at: Option<FieldName>,
    /// An event expires when it was received so long ago; at most `3650d`.
    pub(in crate::config) ttl: Option<Span>,
    /// A field that holds the time at which an event expires, in RFC 3339.
    pub(in crate::config) expires_at: Option<FieldName>,
    /// What becomes of an event that expired. Default `drop`.
    pub(in crate::config) on_expiry: Option<OnExpiry>,
    /// Whether nothing is delivered. Events still come in. Default `false`.
    pub(in crate::config) paused: Option<bool>,
    /// Events that are handed out in a second, at most. Default: as fast as consumers ask.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) delivery_rate: Option<u32>,
}

/// How often and how patiently deliveries are tried.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Retry {
    /// Attempts in all. Default 12.
    #[schemars(range(min = 1, max = 10_000))]
    pub(in crate::config) attempts: Option<u32>,
    /// The wait after the first failed attempt; it doubles from there. Default `1s`.
    pub(in crate::config) min: Option<Span>,
    /// No wait is longer; at most `30d`. Default `1h`.
    pub(in crate::config) max: Option<Span>,
}

/// How much a queue takes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct QueueLimits {
    /// Events not yet settled.
    #[schemars(range(min = 1))]
    pub(in crate::config) events: Option<u64>,
    /// Their bytes.
    pub(in crate::config) bytes: Option<Size>,
    /// Events that are committed into it in a second; beyond it senders get 429 with
    /// `Retry-After`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) rate: Option<u32>,
    /// Events that are leased or wait for a next attempt at one time; with so many, no other is
    /// handed out. Default 1000000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) held: Option<usize>,
}

/// What a full queue does.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum WhenFull {
    /// It takes nothing: senders get 503 with `Retry-After`.
    #[default]
    Reject,
    /// It drops its oldest events, which the log and the metrics say.
    DropOldest,
}

/// What becomes of an event that expired.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum OnExpiry {
    /// It is dropped, which the log and the metrics say.
    Drop,
    /// It goes to the dead-letter queue.
    DeadLetter,
}
