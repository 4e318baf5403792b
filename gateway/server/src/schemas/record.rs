//! One registered version, as it lies in the data folder.
//!
//! ```text
//! { "format": 1, "subject", "version", "id", "schema": its text, "sha256": of the text,
//!   "references": [ { "name", "subject", "version" } ], "formats": draft | assert | annotate,
//!   "deleted": false }
//! ```

use serde::{Deserialize, Serialize};
use sluicegate_admission::schema::{Formats, Origin, Reference, Source, Standing, Submission};
use sluicegate_admission::sha256;
use sluicegate_core::signature::SchemaVersion;

/// The record of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    format: u32,
    pub(crate) subject: String,
    pub(crate) version: u32,
    id: u32,
    schema: String,
    sha256: String,
    references: Vec<Name>,
    formats: Word,
    deleted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
    subject: String,
    version: u32,
}

/// Whether `format` is a demand, as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// As the draft has it.
    #[default]
    Draft,
    /// It is.
    Assert,
    /// It is not.
    Annotate,
}

impl From<Word> for Formats {
    fn from(word: Word) -> Self {
        match word {
            Word::Draft => Self::Draft,
            Word::Assert => Self::Assert,
            Word::Annotate => Self::Annotate,
        }
    }
}

impl From<Formats> for Word {
    fn from(formats: Formats) -> Self {
        match formats {
            Formats::Draft => Self::Draft,
            Formats::Assert => Self::Assert,
            Formats::Annotate => Self::Annotate,
        }
    }
}

impl Record {
    /// The record of a schema.
    pub(crate) fn of(source: &Source) -> Self {
        let name = |one: &Reference| Name {
            name: one.name.clone(),
            subject: one.subject.to_string(),
            version: one.version,
        };
        Self {
            format: FORMAT,
            subject: source.version.subject.to_string(),
            version: source.version.version,
            id: source.id,
            schema: source.text.to_string(),
            sha256: sha256(source.text.as_bytes()).to_string(),
            references: source.references.iter().map(name).collect(),
            formats: source.formats.into(),
            deleted: source.standing == Standing::Deleted,
        }
    }

    /// The schema of a record; why not, if it is damaged or of a later format.
    pub(crate) fn submission(self) -> Result<Submission, String> {
        if self.format != FORMAT {
            return Err(format!("it has format {}, which is not known here", self.format));
        }
        if sha256(self.schema.as_bytes()).to_string() != self.sha256 {
            return Err("its schema does not have its digest any more".to_owned());
        }
        let subject = |text: &str| text.parse().map_err(|fault| format!("{text:?}: {fault}"));
        let reference = |one: Name| {
            Ok(Reference { name: one.name, subject: subject(&one.subject)?, version: one.version })
        };
        let references: Result<Vec<_>, String> =
            self.references.into_iter().map(reference).collect();
        Ok(Submission {
            version: SchemaVersion { subject: subject(&self.subject)?, version: self.version },
            text: self.schema,
            references: references?,
            origin: Origin::Registered,
            standing: if self.deleted { Standing::Deleted } else { Standing::Live },
            formats: self.formats.into(),
            id: Some(self.id),
        })
    }
}

const FORMAT: u32 = 1;
