//! One version of one subject: what was registered, and what it compiled to. Neither ever changes.

use std::sync::Arc;

use serde_json::Value;
use sluicegate_core::ids::SchemaSubject;
use sluicegate_core::signature::SchemaVersion;

use crate::json;
use crate::schema::bounds::{SCHEMA_BYTES_MAX, check_depth};
use crate::schema::compiled::{Compiled, Formats};
use crate::schema::document::{Document, absolute};
use crate::schema::fault::{SchemaFault, SchemaProblem};
use crate::signature::sha256;

/// Where a schema is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A file of the configuration: only a file can change it.
    File,
    /// It was registered with the gateway.
    Registered,
}

/// Whether a schema judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The latest of its subject that is live judges.
    Live,
    /// It judges nothing any more, and its number is not given again.
    Deleted,
}

/// What a name in a schema means, for good.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The name: a URI, or one relative to the schema.
    pub name: String,
    /// The subject.
    pub subject: SchemaSubject,
    /// The version.
    pub version: u32,
}

/// A schema as somebody gives it.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Which version of which subject it is to be.
    pub version: SchemaVersion,
    /// Its text.
    pub text: String,
    /// What names in it mean. What is not declared is found by `$id`, or by subject and version.
    pub references: Vec<Reference>,
    /// Where it is from.
    pub origin: Origin,
    /// Whether it judges.
    pub standing: Standing,
    /// Whether `format` is a demand.
    pub formats: Formats,
    /// The number that it was given, if it was registered before: then every name in it is pinned,
    /// and none is looked for.
    pub id: Option<u32>,
}

impl Submission {
    /// A live schema without declared references.
    #[must_use]
    pub fn new(version: SchemaVersion, text: String, origin: Origin) -> Self {
        let (references, standing, formats) = (Vec::new(), Standing::Live, Formats::Draft);
        Self { version, text, references, origin, standing, formats, id: None }
    }
}

/// A schema, parsed, with its references pinned.
#[derive(Debug)]
pub struct Source {
    /// Which version of which subject it is.
    pub version: SchemaVersion,
    /// Its number: the same for the same schema with the same references, in every gateway.
    pub id: u32,
    /// Where it is from.
    pub origin: Origin,
    /// Whether it judges.
    pub standing: Standing,
    /// Whether `format` is a demand.
    pub formats: Formats,
    /// Its text, as it was given.
    pub text: Arc<str>,
    /// Every schema that it refers to, by absolute name.
    pub references: Vec<Reference>,
    pub(crate) value: Arc<Value>,
    pub(crate) uri: String,
}

/// A version of a subject that is ready to judge.
#[derive(Debug)]
pub struct Entry {
    /// What was registered.
    pub source: Arc<Source>,
    pub(crate) schema: Compiled,
}

impl Source {
    /// Parses a submission; its references are those that it declares.
    pub(crate) fn parse(given: Submission) -> Result<Self, SchemaFault> {
        let Submission { version, text, references, origin, standing, formats, id } = given;
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaFault::new(SchemaProblem::TooLarge(text.len())));
        }
        let value = json::parse(text.as_bytes())
            .map_err(|fault| SchemaFault::new(SchemaProblem::NotJson(fault.0)))?;
        check_depth(&value, 0).map_err(SchemaFault::new)?;
        let uri = uri_of(&version.subject, version.version);
        let (value, text) = (Arc::new(value), Arc::from(text));
        let id = id.unwrap_or(0);
        Ok(Self { version, id, origin, standing, formats, text, references, value, uri })
    }

    /// As it is given again: to another process, or after a restart.
    #[must_use]
    pub fn submission(&self) -> Submission {
        Submission {
            version: self.version.clone(),
            text: self.text.to_string(),
            references: self.references.clone(),
            origin: self.origin,
            standing: self.standing,
            formats: self.formats,
            id: Some(self.id),
        }
    }

    /// The same schema with these references.
    pub(crate) fn clone_of(other: &Self, references: Vec<Reference>) -> Self {
        Self {
            version: other.version.clone(),
            text: Arc::clone(&other.text),
            value: Arc::clone(&other.value),
            uri: other.uri.clone(),
            references,
            ..*other
        }
    }

    /// The schema, as JSON.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The document that it is.
    #[must_use]
    pub fn document(&self) -> Document<'_> {
        Document { uri: &self.uri, schema: &self.value }
    }

    /// Whether it is the same schema with the same references.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.value == other.value && self.references == other.references
    }

    /// The number that it would like to have: from 1 to 2^31-1.
    pub(crate) fn wanted_id(&self) -> u32 {
        let mut said = self.value.to_string();
        for Reference { name, subject, version } in &self.references {
            said.push_str(&format!("\n{name} {subject} {version}"));
        }
        let [a, b, c, d, ..] = sha256(said.as_bytes()).0;
        (u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff).max(1)
    }
}

/// The canonical URI of a version.
pub(crate) fn uri_of(subject: &SchemaSubject, version: u32) -> String {
    format!("json-schema:///subjects/{subject}/versions/{version}")
}

/// The subject and version that a canonical URI names; relative ones stand at the root.
#[must_use]
pub(crate) fn named_by(uri: &str) -> Option<(SchemaSubject, u32)> {
    let uri = absolute(uri)?;
    let rest = uri.as_str().strip_prefix("json-schema:///subjects/")?;
    let (subject, version) = rest.split_once("/versions/")?;
    Some((subject.parse().ok()?, version.parse().ok().filter(|version| *version > 0)?))
}
