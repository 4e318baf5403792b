//! The shape of how senders prove themselves.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::scalars::Span;

/// How senders prove themselves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Verify {
    /// A provider's scheme (`github`, `standard-webhooks`, `stripe`, `slack`, ...; `sluicegate
    /// schemes` lists them), `generic`, or `none`.
    pub(in crate::config) scheme: String,
    /// The live keys, at least one unless the scheme is `none`, or takes its key from the
    /// handshake.
    #[serde(default)]
    pub(in crate::config) keys: Vec<Key>,
    /// How far a signed timestamp may lie from now, both ways. Default: the scheme's own.
    pub(in crate::config) tolerance: Option<Span>,
    /// Whether what comes is a JSON envelope, `{"headers":{...},"body":"..."}`, or one with
    /// `body_base64`: for senders whose protocol has no headers. What is inside is verified as if
    /// it had come so.
    #[serde(default)]
    pub(in crate::config) envelope: bool,
    /// The URL that the provider calls, where the scheme signs it.
    pub(in crate::config) public_url: Option<String>,
    /// What is granted to the provider's handshake, where it asks for something.
    #[serde(default)]
    pub(in crate::config) handshake: Handshake,
    /// The scheme `generic`, described.
    pub(in crate::config) generic: Option<Generic>,
}

/// What is granted to handshakes, by which providers ask whether they may send.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Handshake {
    /// The verify token (Meta, WebSub), by its name under `secrets`. Without it their handshake is
    /// not answered.
    pub(in crate::config) token: Option<String>,
    /// The origins that may send (CloudEvents), such as `eventemitter.example.com`; `*` for all.
    /// Without any their handshake is not answered.
    #[serde(default)]
    pub(in crate::config) origins: Vec<String>,
    /// Requests a minute that are granted (CloudEvents). Default: as many as are asked for.
    #[schemars(range(min = 1))]
    pub(in crate::config) rate: Option<u32>,
}

/// One live key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Key {
    /// A name for the key; stored with each event that it verified.
    pub(in crate::config) id: String,
    /// The secret, by its name under `secrets`.
    pub(in crate::config) secret: String,
    /// Not used for deliveries that arrive before (RFC 3339).
    pub(in crate::config) not_before: Option<String>,
    /// Not used for deliveries that arrive after (RFC 3339).
    pub(in crate::config) not_after: Option<String>,
}

/// A scheme of your own: an HMAC in a header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Generic {
    /// The header that carries the signature.
    pub(in crate::config) header: String,
    /// The hash of the HMAC.
    #[serde(default)]
    pub(in crate::config) algorithm: Algorithm,
    /// How the signature is written.
    #[serde(default)]
    pub(in crate::config) encoding: Encoding,
    /// What stands before the signature, such as `sha256=`.
    #[serde(default)]
    pub(in crate::config) prefix: String,
    /// What separates several signatures in the header.
    #[schemars(length(min = 1, max = 1))]
    pub(in crate::config) separator: Option<String>,
    /// What is signed: text with `{body}`, `{timestamp}`, `{id}`, `{url}`, `{method}` and
    /// `{header:NAME}`. Default: `{body}`.
    pub(in crate::config) template: Option<String>,
    /// The header that carries the timestamp, where one is signed.
    pub(in crate::config) timestamp_header: Option<String>,
    /// The unit of the timestamp.
    #[serde(default)]
    pub(in crate::config) timestamp_unit: TimestampUnit,
    /// The header that carries the id of the delivery, where one is signed.
    pub(in crate::config) id_header: Option<String>,
    /// How the secret is written.
    #[serde(default)]
    pub(in crate::config) secret_encoding: SecretEncoding,
}

/// The hash of an HMAC.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Algorithm {
    /// SHA-1, for old providers only.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How a signature is written.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum Encoding {
    /// Hexadecimal, either case.
    #[default]
    Hex,
    /// Base64 (RFC 4648 section 4).
    Base64,
    /// Base64 for URLs (RFC 4648 section 5).
    Base64url,
}

/// The unit of a signed timestamp.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum TimestampUnit {
    /// Seconds since the Unix epoch.
    #[default]
    Seconds,
    /// Milliseconds since the Unix epoch.
    Milliseconds,
    /// RFC 3339.
    Rfc3339,
}

/// How a secret is written.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::config) enum SecretEncoding {
    /// As it stands.
    #[default]
    Utf8,
    /// Hexadecimal.
    Hex,
    /// Base64.
    Base64,
}
