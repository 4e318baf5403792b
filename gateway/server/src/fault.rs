//! What can stop the gateway from running.

use std::net::SocketAddr;

use sluicegate_queue::OpenFault;

use crate::config::ConfigFaults;

/// Why the gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunFault {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] ConfigFaults),
    /// An address cannot be listened on.
    #[error("failed to listen on {address}: {fault}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        fault: std::io::Error,
    },
    /// A name of our own is none.
    #[error("failed to read a name: {0}")]
    Name(sluicegate_core::ids::NameError),
    /// A listener does not know its own address.
    #[error("failed to read a listener's address: {0}")]
    Address(std::io::Error),
    /// The data folder cannot be used.
    #[error("failed to open the store")]
    Store(#[source] OpenFault),
    /// The registered schemas cannot be read, or do not go together.
    #[error("failed to read the registered schemas: {0}")]
    Schemas(std::io::Error),
    /// A write or a flush failed while the gateway ran: it has stopped.
    #[error(
        "store has failed ({what}): what was acknowledged is on disk, a restart reads it again"
    )]
    StoreFailed {
        /// What happened.
        what: &'static str,
    },
    /// Something of the system failed.
    #[error("failed to {what}: {fault}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        fault: std::io::Error,
    },
}

impl RunFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "config_invalid",
            Self::Listen { .. } | Self::Address(_) => "address_unavailable",
            Self::Store(fault) => fault.code(),
            Self::Schemas(_) => "schema_store_damaged",
            Self::StoreFailed { .. } => "store_failed",
            Self::Name(_) | Self::System { .. } => "system_failed",
        }
    }
}
