//! The shape of plugins and routes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::breaker::Breaker;
use crate::config::scalars::{Size, Span};

/// A Wasm filter. It comes from exactly one of `path`, `folder` and `oci`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Plugin {
    /// The component, or core module with component metadata, relative to this file.
    pub(in crate::config) path: Option<String>,
    /// Whether `path` is looked at every second: a new version that loads is swapped in, one that
    /// does not is refused, and the one before goes on. Default: no.
    #[serde(default)]
    pub(in crate::config) watch: bool,
    /// A folder, relative to this file: the newest `*.wasm` in it, by the semantic version in its
    /// name, then by its name. It is watched; removing the newest file goes back to the one before.
    pub(in crate::config) folder: Option<String>,
    /// An artifact in a registry: `registry/repository:tag@sha256:digest`, where the digest is that
    /// of its manifest. What was pulled is kept in the data folder.
    pub(in crate::config) oci: Option<String>,
    /// Whether `oci` may be without a digest. The tag is then asked for at each start. Default: no.
    #[serde(default)]
    pub(in crate::config) allow_tag: bool,
    /// Name and password at the registry. Default: it is asked as by a stranger.
    pub(in crate::config) credentials: Option<Credentials>,
    /// A PEM file of the certificate authorities that the registry is believed by, relative to this
    /// file. Default: the web's; a registry on a loopback address is then asked without TLS.
    pub(in crate::config) ca_file: Option<String>,
    /// The SHA-256 of its bytes; other ones are refused.
    pub(in crate::config) sha256: Option<String>,
    /// Given to the plugin's `configure` as JSON.
    #[serde(default)]
    pub(in crate::config) config: Map<String, Value>,
    /// How long one call may take. Default 10ms.
    pub(in crate::config) deadline: Option<Span>,
    /// How much memory one instance may have. Default 64MiB.
    pub(in crate::config) memory: Option<Size>,
    /// What becomes of an event that the plugin fails on.
    #[serde(default)]
    pub(in crate::config) on_failure: OnFailure,
    /// When a version that fails is taken out, for the one before it. Default: 10 failures within
    /// 10s.
    pub(in crate::config) breaker: Option<Breaker>,
    /// Lets it remember things between events, on each route apart; `{}` for the default bounds.
    /// Without it a plugin that asks for state is refused.
    pub(in crate::config) state: Option<State>,
}

/// Name and password at a registry.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Credentials {
    /// The name.
    pub(in crate::config) user: String,
    /// The name of the secret that is the password, or a token in its place.
    pub(in crate::config) password: String,
}

/// How much a plugin may remember on each route.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct State {
    /// At most so many keys. Default 10000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(in crate::config) keys_max: Option<u64>,
    /// At most so many bytes of keys and values, up to `1GiB`. Default `16MiB`.
    pub(in crate::config) bytes_max: Option<Size>,
    /// At most so many bytes of one value, up to `1MiB`. Default `64KiB`.
    pub(in crate::config) value_bytes_max: Option<Size>,
}

/// What becomes of an event that a plugin fails on.
#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum OnFailure {
    /// To the dead-letter queue, with the reason and the plugin's digest.
    #[default]
    DeadLetter,
    /// On down the route, as if the plugin had no opinion.
    Next,
    /// Dropped, with the reason in the log.
    Drop,
    /// Refused with 503, so that the sender tries again.
    Reject,
    /// Refused with 503, and so is every later one, until an operator resumes the plugin or puts
    /// another version in its place.
    Pause,
}

/// A route.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Route {
    /// Its name.
    pub(in crate::config) name: String,
    /// Which events it takes: a pattern by example. Without it: every event.
    pub(in crate::config) when: Option<When>,
    /// Takes the events that no other route took.
    #[serde(default)]
    pub(in crate::config) default: bool,
    /// The plugins to ask, in order.
    #[serde(default)]
    pub(in crate::config) filters: Vec<String>,
    /// The queues to place the event in.
    #[schemars(length(min = 1))]
    pub(in crate::config) to: Vec<String>,
}

/// A pattern by example: every key must match, and one of its list must match. A list holds values,
/// or `{ prefix: x }`, `{ suffix: x }`, `{ anything-but: [x] }`, `{ exists: true }`,
/// `{ numeric: [">=", 7] }`, `{ wildcard: "a*b" }`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct When {
    /// The names of sources.
    pub(in crate::config) source: Option<Vec<Value>>,
    /// The CloudEvents type.
    #[serde(rename = "type")]
    pub(in crate::config) kind: Option<Vec<Value>>,
    /// The CloudEvents subject.
    pub(in crate::config) subject: Option<Vec<Value>>,
    /// Extension attributes.
    #[serde(default)]
    pub(in crate::config) attributes: BTreeMap<String, Vec<Value>>,
    /// Headers.
    #[serde(default)]
    pub(in crate::config) headers: BTreeMap<String, Vec<Value>>,
    /// Fields of a JSON payload, nested as the payload is.
    pub(in crate::config) payload: Option<Map<String, Value>>,
}
