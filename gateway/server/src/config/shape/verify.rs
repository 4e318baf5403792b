//! The shape of how senders prove themselves.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::scalars::Span;

/// How senders prove themselves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Verify {
    /// A provider's scheme (`github`, `standard-webhooks`, `stripe`, `slack`, ...; `sluicegate
    /// schemes` lists them), `generic` (an HMAC), `token` (the secret itself in a header), or
    /// `none`.
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
    /// The header that carries the secret: for the scheme `token`, and in place of a provider's own
    /// where it sends its secret in a header (Okta lets you choose).
    pub(in crate::config) token_header: Option<String>,
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
    /// Whose key it is (`atlassian-connect`: the client key of the installation): a token that
    /// names another issuer is refused. Needed where sources have keys of several.
    pub(in crate::config) issuer: Option<String>,
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
    /// Other headers that may carry it.
    #[serde(default)]
    pub(in crate::config) header_aliases: Vec<String>,
    /// The hash of the HMAC.
    #[serde(default)]
    pub(in crate::config) algorithm: Algorithm,
    /// How the signature is written.
    #[serde(default)]
    pub(in crate::config) encoding: Encoding,
    /// What stands before the signature, such as `sha256=`.
    #[serde(default)]
    pub(in crate::config) prefix: String,
    /// Whether the prefix may be missing.
    #[serde(default)]
    pub(in crate::config) prefix_optional: bool,
    /// What separates several signatures in the header.
    #[schemars(length(min = 1, max = 1))]
    pub(in crate::config) separator: Option<String>,
    /// What stands between each signature and a tag before it that is passed over: `/` for
    /// `1/SHA256/...`. Needs `separator`.
    #[schemars(length(min = 1, max = 1))]
    pub(in crate::config) tag_mark: Option<String>,
    /// The header is a list of `key=value`: `t=...,v1=...`.
    pub(in crate::config) pairs: Option<Pairs>,
    /// What is signed: text with `{body}`, `{timestamp}`, `{id}`, `{url}`, `{url_decoded}`,
    /// `{method}`, `{header:NAME}`, and `{form}`, the sorted fields of a form. Default: `{body}`.
    pub(in crate::config) template: Option<String>,
    /// The header that carries the timestamp, where one is signed.
    pub(in crate::config) timestamp_header: Option<String>,
    /// Where the timestamp is in the payload, as a JSON Pointer.
    pub(in crate::config) timestamp_pointer: Option<String>,
    /// The unit of the timestamp.
    #[serde(default)]
    pub(in crate::config) timestamp_unit: TimestampUnit,
    /// How old the timestamp may be. Default `5m`; `tolerance` beside `scheme` sets both ways.
    pub(in crate::config) timestamp_past: Option<Span>,
    /// How far ahead the timestamp may be. Default `5m`.
    pub(in crate::config) timestamp_future: Option<Span>,
    /// The header that carries the id of the delivery, where one is signed.
    pub(in crate::config) id_header: Option<String>,
    /// How the secret is written.
    #[serde(default)]
    pub(in crate::config) secret_encoding: SecretEncoding,
    /// What is cut off from the secret before it is decoded from base64: `whsec_`. Only for
    /// `secret_encoding: base64`.
    pub(in crate::config) secret_prefix: Option<String>,
    /// Whether the URL may have been signed with its port or without it.
    #[serde(default)]
    pub(in crate::config) any_port: bool,
}

/// A header that is a list of `key=value`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Pairs {
    /// What stands between pairs. Default `,`.
    #[schemars(length(min = 1, max = 1))]
    pub(in crate::config) separator: Option<String>,
    /// The key of the timestamp, if it is here: `t`.
    pub(in crate::config) timestamp: Option<String>,
    /// The keys of signatures: `[v1]`. Others are passed over: a downgrade cannot match.
    #[schemars(length(min = 1))]
    pub(in crate::config) signatures: Vec<String>,
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
    /// RFC 1123, as in HTTP dates.
    Rfc1123,
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
