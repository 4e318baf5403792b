//! The shape of how the gateway fetches for its sources.

use schemars::JsonSchema;
use serde::Deserialize;

/// How certificates and keys that prove senders are fetched (Amazon SNS, PayPal, Google, fal), and
/// subscriptions confirmed (Amazon SNS, CloudEvents): with `https`, without redirects.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Fetch {
    /// Whether every private and loopback address may be called. Default: none.
    #[serde(default)]
    pub(in crate::config) allow_private: bool,
    /// Private networks that may be called, such as `10.0.0.0/8`.
    #[serde(default)]
    pub(in crate::config) allow_networks: Vec<String>,
    /// A PEM file of the certificate authorities to believe when a server is called, relative to
    /// this file. Default: the web's. It makes nobody a signer.
    pub(in crate::config) ca_file: Option<String>,
    /// A PEM file of the certificate authorities that a signer's own certificate (PayPal) must lead
    /// to, relative to this file. Default: the web's. For tests only: whoever has the key of such
    /// an authority can sign as the provider.
    pub(in crate::config) signer_ca_file: Option<String>,
}
