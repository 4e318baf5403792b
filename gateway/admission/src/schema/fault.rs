//! What is wrong with a schema.

use std::fmt;

use crate::schema::bounds::{COST_MAX, REFERENCES_MAX, SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX};
use crate::schema::pin::{REFERRED_BYTES_MAX, REFERRED_MAX};
use crate::schema::registry::VERSIONS_MAX;

/// Why a schema was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFault {
    /// The file, where it came from one.
    pub file: Option<String>,
    /// What is wrong.
    pub problem: SchemaProblem,
}

/// The kinds of things that can be wrong with a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaProblem {
    /// The file or folder cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The file name is not `SUBJECT.json` or `SUBJECT.vN.json`.
    #[error("file name is not SUBJECT.json or SUBJECT.vN.json: {0}")]
    Name(String),
    /// Two files hold one version of one subject.
    #[error("version {version} of subject {subject} is there twice")]
    Doubled {
        /// The subject.
        subject: String,
        /// The version.
        version: u32,
    },
    /// It is too large.
    #[error("schema has {0} bytes, at most {SCHEMA_BYTES_MAX} are allowed")]
    TooLarge(usize),
    /// It is nested too deep.
    #[error("schema is nested deeper than {SCHEMA_DEPTH_MAX} levels")]
    TooDeep,
    /// It is not JSON, or says a key twice.
    #[error("{0}")]
    NotJson(String),
    /// What it calls itself, or is called, is no URI.
    #[error("{0:?} is not a URI")]
    BadUri(String),
    /// It refers to something that is neither in it nor registered. Nothing is ever fetched.
    #[error("$ref {reference:?} leaves the schema for what is not registered; nothing is fetched")]
    Remote {
        /// The reference.
        reference: String,
    },
    /// It refers to a name that schemas of several subjects have.
    #[error("$ref {reference:?} is the $id of several subjects: refer to a subject and version")]
    Ambiguous {
        /// The reference.
        reference: String,
    },
    /// What it refers to, and what that refers to, has one name for two versions.
    #[error("{uri:?} names two schemas among those that it refers to")]
    TwoMeanings {
        /// The name.
        uri: String,
    },
    /// A reference that was declared names no schema.
    #[error("reference {name:?}: version {version} of subject {subject} is not registered")]
    NoReference {
        /// Its name.
        name: String,
        /// The subject.
        subject: String,
        /// The version.
        version: u32,
    },
    /// What it refers to is too much, together.
    #[error("refers to more than {REFERRED_MAX} schemas or {REFERRED_BYTES_MAX} bytes of them")]
    TooMany,
    /// The registry has as many schemas as it may have.
    #[error("the registry is full: it has {VERSIONS_MAX} schemas")]
    Full,
    /// It refers to a place that it does not have.
    #[error("$ref {reference:?} leads nowhere")]
    Dangling {
        /// The reference.
        reference: String,
    },
    /// Its references lead back to themselves without going down into the payload.
    #[error("$ref {reference:?} is a loop that never goes down into the payload")]
    Loop {
        /// The reference, or the keyword, that closes the loop.
        reference: String,
    },
    /// Its references are nested too deep.
    #[error("references are nested deeper than {REFERENCES_MAX}")]
    TooNested,
    /// It would take too long to judge a payload by it.
    #[error("schema expands to more than {COST_MAX} subschemas")]
    TooCostly,
    /// It was refused elsewhere, in these words.
    #[error("{0}")]
    Refused(String),
    /// It is not a schema of its draft.
    #[error("is not a valid schema: {0}")]
    Invalid(String),
}

impl SchemaFault {
    /// A fault that no file has.
    #[must_use]
    pub fn new(problem: SchemaProblem) -> Self {
        Self { file: None, problem }
    }

    /// The same fault, in this file.
    #[must_use]
    pub fn of_file(self, file: &str) -> Self {
        Self { file: Some(file.into()), ..self }
    }
}

impl From<SchemaProblem> for SchemaFault {
    fn from(problem: SchemaProblem) -> Self {
        Self::new(problem)
    }
}

impl fmt::Display for SchemaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "schema {file}: {}", self.problem),
            None => write!(f, "{}", self.problem),
        }
    }
}

impl std::error::Error for SchemaFault {}
