//! A certificate that a provider signs with, and who vouches for it. It was fetched by the hall,
//! from a place that the scheme pins: here it is read and judged, and nothing is fetched.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, TrustAnchor, UnixTime,
};
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, ring as algorithms};

use crate::signature::der::{self, KeyOf, Leaf};

/// Who vouches for certificates.
#[derive(Clone)]
pub struct Anchors(Arc<[TrustAnchor<'static>]>);

impl Anchors {
    /// The web's certificate authorities (Mozilla's list).
    #[must_use]
    pub fn web() -> Self {
        Self(webpki_roots::TLS_SERVER_ROOTS.into())
    }

    /// The certificate authorities in this PEM text; `None` if one of them is not readable, or
    /// there is none.
    #[must_use]
    pub fn pem(text: &str) -> Option<Self> {
        let ders = der::pem(text, LABEL, ANCHORS_MAX)?;
        let anchor = |der: Vec<u8>| {
            let der = CertificateDer::from(der);
            anchor_from_trusted_cert(&der).ok().map(|anchor| anchor.to_owned())
        };
        let anchors: Vec<_> = ders.into_iter().map(anchor).collect::<Option<_>>()?;
        (!anchors.is_empty()).then(|| Self(anchors.into()))
    }
}

impl fmt::Debug for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Anchors({})", self.0.len())
    }
}

/// A certificate with those that came with it.
#[derive(Debug, Clone)]
pub struct Certificate {
    leaf: Leaf,
    /// The leaf first.
    chain: Vec<CertificateDer<'static>>,
    anchors: Anchors,
}

impl Certificate {
    /// Reads a PEM text: the certificate first, then those between it and its root. `None` if it is
    /// not that.
    #[must_use]
    pub fn read(pem: &[u8], anchors: &Anchors) -> Option<Self> {
        let text = std::str::from_utf8(pem).ok()?;
        let ders = der::pem(text, LABEL, CHAIN_MAX)?;
        let leaf = der::certificate(ders.first()?)?;
        let chain = ders.into_iter().map(CertificateDer::from).collect();
        Some(Self { leaf, chain, anchors: anchors.clone() })
    }

    /// The last moment that it is good for.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.leaf.not_after
    }

    pub(crate) fn key(&self) -> &KeyOf {
        &self.leaf.key
    }

    /// Whether it was good at this moment, and is for one of these names.
    pub(crate) fn good_for(&self, names: &[&str], at: Timestamp) -> Result<(), SignatureFault> {
        if at < self.leaf.not_before || at > self.leaf.not_after {
            return Err(bad("it was not valid at the time of arrival"));
        }
        let leaf = self.chain.first().ok_or_else(|| bad("it is empty"))?;
        let leaf = EndEntityCert::try_from(leaf).map_err(|_| bad("it is not readable"))?;
        let named = names.iter().any(|name| {
            let name = ServerName::try_from(*name);
            name.is_ok_and(|name| leaf.verify_is_valid_for_subject_name(&name).is_ok())
        });
        if named { Ok(()) } else { Err(bad("it is for another name")) }
    }

    /// Whether a chain leads from it to somebody whom the anchors name.
    pub(crate) fn vouched_for(&self, at: Timestamp) -> Result<(), SignatureFault> {
        let (leaf, between) = self.chain.split_first().ok_or_else(|| bad("it is empty"))?;
        let leaf = EndEntityCert::try_from(leaf).map_err(|_| bad("it is not readable"))?;
        let at = UnixTime::since_unix_epoch(Duration::from_millis(at.unix_ms()));
        leaf.verify_for_usage(
            ALGORITHMS,
            &self.anchors.0,
            between,
            at,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .map(drop)
        .map_err(|_| bad("no chain leads from it to a root"))
    }
}

pub(crate) fn bad(why: &str) -> SignatureFault {
    SignatureFault::Certificate { why: why.into() }
}

const LABEL: &str = "CERTIFICATE";
/// Certificates in one chain.
const CHAIN_MAX: usize = 8;
/// Certificates in one list of anchors.
const ANCHORS_MAX: usize = 512;

/// What a certificate may be signed with.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
];
