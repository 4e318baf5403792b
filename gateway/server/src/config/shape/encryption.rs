//! The shape of encryption at rest.

use schemars::JsonSchema;
use serde::Deserialize;

/// Encryption at rest: data keys seal every entry of the log, and these keys wrap the data keys.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Encryption {
    /// The key that wraps the data keys.
    pub(in crate::config) key: WrappingKey,
    /// Keys that were used before: needed for one start after the key was changed.
    #[serde(default)]
    pub(in crate::config) old_keys: Vec<WrappingKey>,
}

/// A key that wraps data keys: a secret, or one that a vault holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct WrappingKey {
    /// Its name, which is kept in the data folder: another key needs another id.
    pub(in crate::config) id: String,
    /// The name of the secret that is the key: 32 bytes as 64 hexadecimal digits or in base64.
    pub(in crate::config) secret: Option<String>,
    /// The vault that holds the key.
    pub(in crate::config) vault: Option<Vault>,
}

/// A key in the transit engine of a vault (OpenBao, HashiCorp Vault).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Vault {
    /// The address of the vault: `https://vault:8200`.
    pub(in crate::config) url: String,
    /// The name of the key in the transit engine.
    pub(in crate::config) key: String,
    /// The name of the secret that is the token.
    pub(in crate::config) token: String,
    /// Where the transit engine is mounted. Default `transit`.
    pub(in crate::config) mount: Option<String>,
    /// The namespace, where the vault has them.
    pub(in crate::config) namespace: Option<String>,
    /// A PEM file of the certificate authorities to believe, relative to this file. Default: the
    /// web's.
    pub(in crate::config) ca_file: Option<String>,
}
