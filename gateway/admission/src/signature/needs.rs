//! What a verification costs and needs, told before it is made: the hall decides by it where it
//! runs, and fetches what is fetched.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;

use crate::signature::own::{
    EvidenceKind, GOOGLE_KEYS, paypal_certificate_url, sns_certificate_url,
};
use crate::signature::verifier::Verifier;

/// What the verification of one delivery needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// Microseconds: it may run where the delivery stands.
    Nothing,
    /// A public key's arithmetic, a hundred times an HMAC: it belongs on a thread of its own.
    Thread,
    /// The same, and something that lies elsewhere.
    Fetched {
        /// What it is.
        kind: EvidenceKind,
        /// Where it lies. The scheme pins host and path: it is not what a stranger likes to write.
        url: String,
    },
}

impl Verifier {
    /// What the verification of this delivery needs.
    ///
    /// # Errors
    /// When the delivery names a place that the scheme does not allow.
    pub(crate) fn needs(&self, delivery: &Delivery) -> Result<Needs, SignatureFault> {
        let certificate = |url| Needs::Fetched { kind: EvidenceKind::Certificate, url };
        let keys = |url: &str| Needs::Fetched { kind: EvidenceKind::Keys, url: url.into() };
        match self {
            Self::Sns(_) => sns_certificate_url(delivery).map(certificate),
            Self::PayPal(_) => paypal_certificate_url(delivery).map(certificate),
            Self::Oidc(_) => Ok(keys(GOOGLE_KEYS)),
            Self::Composed(check) => Ok(check.keys_url().map_or(Needs::Nothing, keys)),
            Self::Public(_) | Self::Mixed(..) | Self::PaddleClassic(_) => Ok(Needs::Thread),
            Self::Open
            | Self::Hmac(_)
            | Self::Token(_)
            | Self::Learned(_)
            | Self::Mailgun(_)
            | Self::AdyenItems(_)
            | Self::Jwt(_) => Ok(Needs::Nothing),
        }
    }
}
