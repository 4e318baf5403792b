//! What an HTTP sink is made of.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::time::Clock;

use super::address::{Network, is_public};

/// Signs: HMAC-SHA256 over the parts, one after the other, under a key that stays with the maker.
pub type Signer = Arc<dyn Fn(&[&[u8]]) -> [u8; 32] + Send + Sync>;

/// What an HTTP sink is made of.
#[derive(Clone)]
pub struct HttpSinkConfig {
    /// Where to: `http` or `https`, without a user.
    pub url: String,
    /// Header fields for every request, such as `authorization`.
    pub headers: Vec<(String, String)>,
    /// One for each live secret: several while a secret is being replaced. Empty: not signed.
    pub signers: Vec<Signer>,
    /// For one attempt, from the look-up of the name to the status.
    pub timeout: Duration,
    /// Which addresses outside the open internet may be connected to.
    pub allow_private: AllowPrivate,
    /// Who vouches for the receiver.
    pub roots: Roots,
    /// Says what time is signed.
    pub clock: Clock,
}

impl HttpSinkConfig {
    /// A sink to this place: not signed, 15 seconds, open internet only, the web's roots.
    #[must_use]
    pub fn new(url: impl Into<String>, clock: Clock) -> Self {
        Self {
            url: url.into(),
            headers: Vec::new(),
            signers: Vec::new(),
            timeout: Duration::from_secs(15),
            allow_private: AllowPrivate::Nothing,
            roots: Roots::Web,
            clock,
        }
    }
}

/// Which addresses outside the open internet a sink may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowPrivate {
    /// None.
    Nothing,
    /// Those in these networks.
    Networks(Vec<Network>),
    /// All. The well-known ports of other protocols are allowed too.
    Everything,
}

impl AllowPrivate {
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        is_public(address)
            || match self {
                Self::Nothing => false,
                Self::Networks(networks) => networks.iter().any(|n| n.contains(address)),
                Self::Everything => true,
            }
    }
}

/// Which certificate authorities are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Mozilla's list, as compiled in: the same on every machine, with or without a system store.
    Web,
    /// Those in this PEM text, and no others.
    Pem(Vec<u8>),
}

impl fmt::Debug for HttpSinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HttpSinkConfig")
            .field("url", &self.url)
            .field("headers", &names)
            .field("signers", &self.signers.len())
            .field("timeout", &self.timeout)
            .field("allow_private", &self.allow_private)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_never_shows_its_header_values() {
        let mut config = HttpSinkConfig::new("https://x/", Clock::new(Default::default));
        config.headers.push(("authorization".into(), "Bearer secret".into()));
        assert!(!format!("{config:?}").contains("secret"));
    }
}
