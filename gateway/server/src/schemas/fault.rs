//! Why the registry was not changed.

use sluicegate_admission::schema::compat::Incompatible;
use sluicegate_admission::{SchemaFault, SchemaProblem};
use sluicegate_core::ids::SchemaSubject;

/// Why the registry was not changed, or does not answer.
#[derive(Debug, thiserror::Error)]
pub enum SchemasFault {
    /// No schema has ever been registered under this subject.
    #[error("subject {0} is not there")]
    NoSubject(SchemaSubject),
    /// It has no such version.
    #[error("subject {subject} has no version {version}")]
    NoVersion {
        /// The subject.
        subject: SchemaSubject,
        /// The version, as it was asked for.
        version: String,
    },
    /// The subject is of the configuration's files.
    #[error("subject {0} is in the files of the configuration: change it there")]
    IsFile(SchemaSubject),
    /// Other schemas refer to it.
    #[error("it is referred to by {by}")]
    Referred {
        /// One of them.
        by: String,
    },
    /// The schema is none, or is over a bound.
    #[error("{0}")]
    Schema(#[from] SchemaFault),
    /// It is not compatible with what is there.
    #[error("{}", told(.0))]
    Incompatible(Vec<Incompatible>),
    /// The process that looks at schemas took too long over it, or too much memory.
    #[error("the schema cannot be looked at within the bounds: {0}")]
    TooMuch(String),
    /// It cannot be kept.
    #[error("the registry cannot be written: {0}")]
    Disk(#[from] std::io::Error),
}

impl SchemasFault {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSubject(_) => "schema_subject_not_found",
            Self::NoVersion { .. } => "schema_version_not_found",
            Self::IsFile(_) => "schema_subject_is_file",
            Self::Referred { .. } => "schema_referred_to",
            Self::Schema(fault) if fault.problem == SchemaProblem::Full => "schema_registry_full",
            Self::Schema(_) => "schema_invalid",
            Self::Incompatible(_) => "schema_incompatible",
            Self::TooMuch(_) => "schema_too_costly",
            Self::Disk(_) => "schema_store_failed",
        }
    }
}

fn told(found: &[Incompatible]) -> String {
    let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
