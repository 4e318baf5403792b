//! The shape of secrets and of the vaults that hold them.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::scalars::Span;

/// Where a secret is: exactly one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file, relative to this one; one newline at its end is taken away. Keys of sources follow
    /// it when it changes.
    File(String),
    /// A secret of a vault's key-value engine, version 2. Keys of sources follow it when it
    /// changes.
    Vault(VaultSecret),
}

/// A secret of a vault's key-value engine, version 2.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct VaultSecret {
    /// The name of the vault, under `vaults`.
    pub(in crate::config) of: String,
    /// The path of the secret, below its mount: `webhooks/github`.
    pub(in crate::config) path: String,
    /// The field of it. Default `value`.
    pub(in crate::config) field: Option<String>,
    /// Where the engine is mounted. Default `secret`.
    pub(in crate::config) mount: Option<String>,
    /// How often the vault is asked for a new value, from `1s` to `1d`. Default `1m`.
    pub(in crate::config) refresh: Option<Span>,
}

/// A vault (OpenBao, HashiCorp Vault), and how it lets the gateway in: by a token or a role.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct VaultServer {
    /// Its address: `https://vault:8200`.
    pub(in crate::config) url: String,
    /// The name of the secret that is the token: from the environment or a file.
    pub(in crate::config) token: Option<String>,
    /// The role, in place of a token.
    pub(in crate::config) app_role: Option<AppRole>,
    /// The namespace, where the vault has them.
    pub(in crate::config) namespace: Option<String>,
    /// A PEM file of the certificate authorities to believe, relative to this file. Default: the
    /// web's.
    pub(in crate::config) ca_file: Option<String>,
}

/// A role of a vault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AppRole {
    /// The id of the role.
    pub(in crate::config) role_id: String,
    /// The name of the secret that is the role's secret id: from the environment or a file.
    pub(in crate::config) secret_id: String,
    /// Where the method is mounted. Default `approle`.
    pub(in crate::config) mount: Option<String>,
}
