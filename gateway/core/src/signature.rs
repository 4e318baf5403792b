//! What the verification of a delivery found: a verdict to keep, or the fault to tell the operator.

use std::fmt;

use crate::ids::{KeyId, SchemaSubject};

/// What was proven about a delivery at the door. Stored with the event: it is never judged again
/// against a clock that has moved on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The scheme that proved the sender: `github`, `standard-webhooks`, `none`.
    pub scheme: String,
    /// The key that matched; `None` for the scheme `none`.
    pub key: Option<KeyId>,
    /// Arrival minus the signed timestamp, in milliseconds; `None` where the scheme signs no time.
    pub skew_ms: Option<i64>,
    /// The schema that the payload was held against.
    pub schema: Option<SchemaVersion>,
}

/// A schema by subject and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The subject.
    pub subject: SchemaSubject,
    /// The version, from 1.
    pub version: u32,
}

/// Why a signature was refused. For the operator's log and metrics: a stranger is told only that
/// it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureFault {
    /// A header that the scheme needs is not there.
    Missing {
        /// The header, in lower case.
        header: String,
    },
    /// A header that may be there once is there several times.
    Doubled {
        /// The header, in lower case.
        header: String,
    },
    /// The signature is not written as the scheme says (prefix, encoding, length).
    Malformed {
        /// What is wrong, without any of the signature in it.
        what: String,
    },
    /// The signed timestamp is not written as the scheme says.
    MalformedTime,
    /// The signed timestamp is older than the tolerance.
    Stale {
        /// Arrival minus the signed timestamp, in milliseconds.
        skew_ms: i64,
    },
    /// The signed timestamp is further ahead than the tolerance.
    Future {
        /// Arrival minus the signed timestamp, in milliseconds: negative.
        skew_ms: i64,
    },
    /// No live key gives this signature.
    Mismatch,
    /// The certificate that it is signed with is not to be believed.
    Certificate {
        /// Why, without any of the certificate in it.
        why: String,
    },
    /// No key is live at the time of arrival.
    NoLiveKey,
}

impl SignatureFault {
    /// A stable word for metrics and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Doubled { .. } => "doubled",
            Self::Malformed { .. } => "malformed",
            Self::MalformedTime => "malformed_time",
            Self::Stale { .. } => "stale",
            Self::Future { .. } => "future",
            Self::Mismatch => "mismatch",
            Self::Certificate { .. } => "certificate",
            Self::NoLiveKey => "no_live_key",
        }
    }
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { header } => write!(f, "header {header} is missing"),
            Self::Doubled { header } => write!(f, "header {header} is there more than once"),
            Self::Malformed { what } => write!(f, "signature is malformed: {what}"),
            Self::MalformedTime => f.write_str("signed timestamp is malformed"),
            Self::Stale { skew_ms } => write!(f, "signed timestamp is {skew_ms} ms old"),
            Self::Future { skew_ms } => write!(f, "signed timestamp is {} ms ahead", -skew_ms),
            Self::Mismatch => f.write_str("no live key gives this signature"),
            Self::Certificate { why } => write!(f, "certificate is not believed: {why}"),
            Self::NoLiveKey => f.write_str("no key is live at the time of arrival"),
        }
    }
}
