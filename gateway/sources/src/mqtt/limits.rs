//! Everything that a stranger may ask of the MQTT listener has a bound here.

use std::num::NonZeroU32;
use std::time::Duration;

use sluicegate_core::limits::{STATE_BYTES_MAX, STATE_KEYS_MAX};

use super::hub::HubLimits;
use super::ledger::WaitingLimits;
use super::retained::RetainedLimits;
use super::session::{OutboxLimits, Terms};

/// The bounds of the listener. [`MqttLimits::default`] is fit for the open internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttLimits {
    /// Connections at once; more are closed without a word.
    pub connections_max: usize,
    /// Connections at once of one address (of one /64 for IPv6).
    pub connections_per_address_max: usize,
    /// From the opening of a connection to the last byte of its CONNECT.
    pub connect: Duration,
    /// Without the client taking a byte of what is written to it; and for a packet of the client
    /// from its first byte to its last, with a second more for each KiB that has come.
    pub write: Duration,
    /// Bytes of one packet, its header included.
    pub packet_bytes_max: usize,
    /// Messages of QoS 1 and 2 of one client that may be on their way through the line; also those
    /// of QoS 0. A client of MQTT 5 is told so (receive maximum), and others are not read from.
    pub receive_max: u16,
    /// Messages that one client may publish in a second, and at once; more are not read. Filters of
    /// SUBSCRIBE and UNSUBSCRIBE count like messages. `None`: as many as it can.
    pub rate_max: Option<NonZeroU32>,
    /// Topic aliases that a client may set.
    pub alias_max: u16,
    /// The longest keep-alive of clients of MQTT 5; they are told so. `None`: as they wish.
    pub keep_alive_max: Option<u16>,
    /// Messages that are sent to one client without its answer; at most [`WINDOW_MAX`].
    pub window_max: u16,
    /// Seconds that a session may stay without its client.
    pub session_expiry_max: u32,
    /// Sessions, those of clients that are away among them.
    pub sessions_max: usize,
    /// Subscriptions of one client, and filters in one packet.
    pub subscriptions_max: usize,
    /// Messages that may wait for one client.
    pub outbox_messages_max: usize,
    /// Bytes of messages that wait for one client, or are not answered by it.
    pub outbox_bytes_max: usize,
    /// Messages that are written down for sessions, each once however many wait for it. What is
    /// said of them is bounded to half of the keys and bytes that the engine takes.
    pub waiting_messages_max: usize,
    /// Bytes of them, and of the lists of those that they are for.
    pub waiting_bytes_max: usize,
    /// Retained messages.
    pub retained_messages_max: usize,
    /// Bytes of them.
    pub retained_bytes_max: usize,
    /// Bytes of a client id.
    pub client_id_bytes_max: usize,
}

impl Default for MqttLimits {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            connections_per_address_max: 4096,
            connect: Duration::from_secs(10),
            write: Duration::from_secs(30),
            packet_bytes_max: 1024 * 1024 + 64 * 1024,
            receive_max: 64,
            rate_max: None,
            alias_max: 16,
            keep_alive_max: None,
            window_max: 64,
            session_expiry_max: 7 * 24 * 60 * 60,
            sessions_max: SESSIONS,
            subscriptions_max: 100,
            outbox_messages_max: 1000,
            outbox_bytes_max: 4 * 1024 * 1024,
            waiting_messages_max: WAITING_MESSAGES,
            waiting_bytes_max: WAITING_BYTES,
            retained_messages_max: RETAINED_MESSAGES,
            retained_bytes_max: RETAINED_BYTES,
            client_id_bytes_max: 256,
        }
    }
}

impl MqttLimits {
    pub(super) fn hub(&self) -> HubLimits {
        HubLimits {
            sessions_max: self.sessions_max,
            subscriptions_max: self.subscriptions_max,
            outbox: OutboxLimits {
                messages_max: self.outbox_messages_max,
                bytes_max: self.outbox_bytes_max,
                retained_max: self.retained_messages_max,
            },
            retained: RetainedLimits {
                messages_max: self.retained_messages_max,
                bytes_max: self.retained_bytes_max,
            }
            .within_the_engine(),
            waiting: WaitingLimits {
                messages_max: self.waiting_messages_max,
                bytes_max: self.waiting_bytes_max,
            }
            .within_the_engine(),
        }
    }

    pub(super) fn terms(&self) -> Terms {
        Terms {
            receive_max: self.receive_max,
            rate: self.rate_max,
            alias_max: self.alias_max,
            keep_alive_max: self.keep_alive_max,
            window_max: self.window_max.min(WINDOW_MAX),
            expiry_max: self.session_expiry_max,
            packet_bytes_max: PACKET_SENT_BYTES_MAX,
        }
    }
}

/// The largest [`MqttLimits::window_max`]: packet ids must be left for what waits.
pub const WINDOW_MAX: u16 = 16 * 1024;

/// Nothing larger can have come in: payload, properties and headers have their bounds.
const PACKET_SENT_BYTES_MAX: usize = 32 * 1024 * 1024;

const SESSIONS: usize = 50_000;
const WAITING_MESSAGES: usize = 100_000;
const WAITING_BYTES: usize = 256 * 1024 * 1024;
const RETAINED_MESSAGES: usize = 10_000;
const RETAINED_BYTES: usize = 64 * 1024 * 1024;

// What is kept by default has room in the engine: half of it is left for what recipients of QoS 2
// say by themselves, and for what is on its way.
const _: () = assert!(4 * WAITING_MESSAGES as u64 <= STATE_KEYS_MAX);
const _: () = assert!(2 * WAITING_BYTES as u64 <= STATE_BYTES_MAX);
const _: () = assert!(2 * RETAINED_MESSAGES as u64 <= STATE_KEYS_MAX);
const _: () = assert!(2 * RETAINED_BYTES as u64 <= STATE_BYTES_MAX);
const _: () = assert!(SESSIONS as u64 <= STATE_KEYS_MAX);
