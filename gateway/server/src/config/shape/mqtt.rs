//! The shape of the MQTT listener: who may come in, what they may do, and its bounds.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::scalars::{Size, Span};

/// The MQTT listener. Where it listens stands under `listen`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Mqtt {
    /// Whether clients need not say who they are. Default: they must.
    #[serde(default)]
    pub(in crate::config) anonymous: bool,
    /// A file of users, relative to this one: `NAME:$argon2id$...`, one a line.
    pub(in crate::config) users: Option<String>,
    /// Tokens that are taken in the place of passwords. Their subject is the user name.
    pub(in crate::config) jwt: Option<Jwt>,
    /// What clients may do; what no rule allows is refused. Default: anything but take from queues.
    pub(in crate::config) access: Option<Vec<AccessRule>>,
    /// The certificate of `listen.mqtts`, and whose certificates clients must have.
    pub(in crate::config) tls: Option<MqttTls>,
    /// Bounds of the listener.
    #[serde(default)]
    pub(in crate::config) limits: MqttLimits,
}

/// TLS 1.2 and 1.3. Files are relative to this one, in PEM.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MqttTls {
    /// The gateway's certificate, and the chain after it.
    pub(in crate::config) certificate: String,
    /// Its key, as a secret by its name under `secrets`.
    pub(in crate::config) key_secret: String,
    /// The authorities of clients' certificates. With it, a client without one is not let in.
    pub(in crate::config) client_ca: Option<String>,
    /// Whether the common name of a client's certificate is its user name, and no password is asked
    /// for. Default: it must say who it is all the same, unless `anonymous` is set.
    #[serde(default)]
    pub(in crate::config) user_from_certificate: bool,
}

/// Tokens in the place of passwords (JWT). They must have an end (`exp`), and the connection ends
/// with them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Jwt {
    /// How they are signed; what a token says about that counts for nothing.
    pub(in crate::config) algorithm: JwtAlgorithm,
    /// The key, as a secret by its name under `secrets`: at least 32 bytes for `HS256`, a public
    /// key in PEM for the others.
    pub(in crate::config) key_secret: String,
    /// Who must have made them (`iss`).
    pub(in crate::config) issuer: Option<String>,
    /// Whom they must be for (`aud`).
    pub(in crate::config) audience: Option<String>,
}

/// How tokens are signed.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(in crate::config) enum JwtAlgorithm {
    /// HMAC with SHA-256.
    #[serde(rename = "HS256")]
    Hs256,
    /// RSA with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
}

/// What some clients may do.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AccessRule {
    /// The user names that it is for. Default: everyone.
    #[serde(default)]
    pub(in crate::config) users: Vec<String>,
    /// Filters of topics to publish to; `{client_id}` and `{username}` stand for the client's own.
    #[serde(default)]
    pub(in crate::config) publish: Vec<String>,
    /// Filters that may be subscribed to, and what they cover; queues as `$queue/NAME`.
    #[serde(default)]
    pub(in crate::config) subscribe: Vec<String>,
}

/// Bounds of the MQTT listener.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MqttLimits {
    /// Connections. Default 20000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) connections: Option<usize>,
    /// Connections of one address. Default 4096.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) connections_per_address: Option<usize>,
    /// From the opening of a connection to the end of its CONNECT. Default `10s`.
    pub(in crate::config) connect: Option<Span>,
    /// How long a client may take nothing of what is written to it, and how long it may take for a
    /// packet that it has begun (with a second more for each KiB). Default `30s`.
    pub(in crate::config) write: Option<Span>,
    /// The largest packet; at most 17 MiB. Default 1088 KiB.
    pub(in crate::config) packet_max: Option<Size>,
    /// Messages of one client that may be on their way through the line. Default 64.
    #[schemars(range(min = 1, max = 65_535))]
    pub(in crate::config) receive_max: Option<u16>,
    /// Messages that one client may publish in a second, and at once; more are not read for a
    /// while. Filters of SUBSCRIBE and UNSUBSCRIBE count like messages. Default: as many as it can.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) rate: Option<NonZeroU32>,
    /// Messages that are sent to one client without its answer. Default 64.
    #[schemars(range(min = 1, max = 16_384))]
    pub(in crate::config) window: Option<u16>,
    /// The longest keep-alive of clients of MQTT 5, in seconds; also for those that ask for none.
    #[schemars(range(min = 1, max = 65_535))]
    pub(in crate::config) keep_alive_max: Option<u16>,
    /// The longest that a session stays without its client. Default `7d`.
    pub(in crate::config) session_expiry_max: Option<Span>,
    /// Sessions, those of clients that are away among them. Default 50000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) sessions: Option<usize>,
    /// Subscriptions of one client, and filters of one packet. Default 100.
    #[schemars(range(min = 1, max = 10_000))]
    pub(in crate::config) subscriptions: Option<usize>,
    /// Messages that may wait for one client. Default 1000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) outbox_messages: Option<usize>,
    /// Bytes of messages that may wait for one client, or be unanswered by it. Default 4 MiB.
    pub(in crate::config) outbox_size: Option<Size>,
    /// Messages that are written down for sessions, of all together. Default 100000.
    #[schemars(range(min = 1, max = 250_000))]
    pub(in crate::config) waiting_messages: Option<usize>,
    /// Bytes of messages that are written down for sessions, and of the lists of whom they are for.
    /// Default 256 MiB, at most 512 MiB.
    pub(in crate::config) waiting_size: Option<Size>,
    /// Retained messages. Default 10000.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(in crate::config) retained_messages: Option<usize>,
    /// Bytes of retained messages. Default 64 MiB, at most 1 GiB.
    pub(in crate::config) retained_size: Option<Size>,
}
