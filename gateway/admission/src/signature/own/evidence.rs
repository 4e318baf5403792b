//! What a scheme needs beside the delivery and the keys: a certificate or a set of keys that the
//! hall fetches, from a place that the scheme pins.

use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::signature::certificate::{Anchors, Certificate, bad};
use crate::signature::own::key_set::KeySet;

/// What was fetched, read.
#[derive(Debug, Clone)]
pub enum Evidence {
    /// A certificate, and those that lead from it to a root.
    Certificate(Box<Certificate>),
    /// A set of public keys (RFC 7517).
    Keys(KeySet),
}

/// What is to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EvidenceKind {
    /// PEM.
    Certificate,
    /// JSON.
    Keys,
}

impl Evidence {
    /// Reads what was fetched; `None` if it is not of this kind.
    #[must_use]
    pub fn read(kind: EvidenceKind, bytes: &[u8], anchors: &Anchors) -> Option<Self> {
        match kind {
            EvidenceKind::Certificate => {
                Certificate::read(bytes, anchors).map(|read| Self::Certificate(Box::new(read)))
            }
            EvidenceKind::Keys => KeySet::read(bytes).map(Self::Keys),
        }
    }

    /// The last moment that it says it is good for, if it says one.
    #[must_use]
    pub fn good_until(&self) -> Option<Timestamp> {
        match self {
            Self::Certificate(certificate) => Some(certificate.not_after()),
            Self::Keys(_) => None,
        }
    }
}

/// What a verification is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a>(pub(crate) Option<&'a Evidence>);

impl<'a> Given<'a> {
    pub(crate) fn certificate(self) -> Result<&'a Certificate, SignatureFault> {
        match self.0 {
            Some(Evidence::Certificate(certificate)) => Ok(certificate),
            _ => Err(bad("it was not fetched")),
        }
    }

    pub(crate) fn keys(self) -> Result<&'a KeySet, SignatureFault> {
        match self.0 {
            Some(Evidence::Keys(keys)) => Ok(keys),
            _ => Err(bad("the set of keys was not fetched")),
        }
    }
}
