//! Why an artifact cannot be pulled or pushed. What a registry says is bounded and quoted; a
//! credential is never in it.

use sluicegate_core::ids::Digest;
use sluicegate_core::limits::PLUGIN_BYTES_MAX;
use sluicegate_sinks::http::{PostFault, SinkFault};

/// Why an artifact cannot be pulled or pushed.
#[derive(Debug, thiserror::Error)]
pub enum OciFault {
    /// The client cannot be set up.
    #[error("registry client cannot be set up: {0}")]
    Client(#[from] SinkFault),
    /// The registry does not answer.
    #[error("{url}: {fault}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What happened.
        #[source]
        fault: PostFault,
    },
    /// The registry wants to see somebody else.
    #[error("{registry} refuses these credentials, or none were given: it answered {status}")]
    Refused {
        /// The registry.
        registry: String,
        /// Its answer.
        status: u16,
    },
    /// The registry has no such artifact, or does not show it to strangers.
    #[error("{what} is not there")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The registry answers what the specification does not have.
    #[error("{url}: the registry answered {status}: {said}")]
    Answer {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
        /// What it said, in short.
        said: String,
    },
    /// The registry sends the client where it must not go.
    #[error("the registry leads to {to}, which is not https")]
    Insecure {
        /// Where to.
        to: String,
    },
    /// What came is not what the digest names.
    #[error("{what} has the digest {found}, and {wanted} was asked for")]
    Digest {
        /// Manifest or layer.
        what: &'static str,
        /// What was asked for.
        wanted: Digest,
        /// What came.
        found: Digest,
    },
    /// It is an artifact, but not one of WebAssembly.
    #[error("the artifact is not a Wasm artifact: {why}")]
    NotWasm {
        /// What it is instead.
        why: String,
    },
    /// It is over the limit for plugins.
    #[error("the artifact has {bytes} bytes, the limit is {PLUGIN_BYTES_MAX}")]
    TooLarge {
        /// Its size, as its manifest says.
        bytes: u64,
    },
    /// A system call failed.
    #[error("{what}: {fault}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        fault: std::io::Error,
    },
}

impl OciFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Client(_) | Self::System { .. } => "oci_client_failed",
            Self::Unreachable { .. } => "oci_unreachable",
            Self::Refused { .. } => "oci_unauthorized",
            Self::NotFound { .. } => "oci_not_found",
            Self::Answer { .. } => "oci_answer_unexpected",
            Self::Insecure { .. } => "oci_insecure",
            Self::Digest { .. } => "oci_digest_mismatch",
            Self::NotWasm { .. } => "oci_not_wasm",
            Self::TooLarge { .. } => "oci_too_large",
        }
    }
}
