//! The registry: compiled schemas by subject and version, from a folder.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use sluicegate_core::ids::SchemaSubject;
use sluicegate_core::signature::SchemaVersion;

use crate::json;
use crate::schema::bounds::SCHEMA_BYTES_MAX;
use crate::schema::compiled::Compiled;
use crate::schema::fault::{SchemaFault, SchemaProblem};

/// Compiled schemas by subject; of each subject the latest version judges.
#[derive(Debug, Default)]
pub struct Registry {
    latest: HashMap<SchemaSubject, Arc<Entry>>,
    all: HashMap<(SchemaSubject, u32), Arc<Entry>>,
}

/// One version of one subject.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) version: SchemaVersion,
    pub(crate) schema: Compiled,
}

impl Registry {
    /// No schemas.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Every `.json` file of a folder: `github.push.json` is version 1 of subject `github.push`,
    /// `github.push.v2.json` is version 2. Other files are passed over.
    ///
    /// # Errors
    /// When the folder cannot be read, or a file is not a schema: every fault, with its file.
    pub fn from_folder(folder: &Path) -> Result<Self, Vec<SchemaFault>> {
        let mut registry = Self::empty();
        let mut faults = Vec::new();
        for file in json_files(folder).map_err(|fault| vec![fault])? {
            let shown = file.to_string_lossy();
            if let Err(fault) = registry.load(&file) {
                faults.push(fault.of_file(&shown));
            }
        }
        if faults.is_empty() { Ok(registry) } else { Err(faults) }
    }

    /// Adds one schema.
    ///
    /// # Errors
    /// When it is not a schema, or this version is there already.
    pub fn add(
        &mut self,
        version: SchemaVersion,
        schema: &serde_json::Value,
    ) -> Result<(), SchemaFault> {
        let key = (version.subject.clone(), version.version);
        if self.all.contains_key(&key) {
            let (subject, version) = (key.0.to_string(), key.1);
            return Err(SchemaFault::new(SchemaProblem::Doubled { subject, version }));
        }
        let schema = Compiled::compile(schema)?;
        let entry = Arc::new(Entry { version, schema });
        let latest = self.latest.entry(key.0.clone()).or_insert_with(|| Arc::clone(&entry));
        if latest.version.version < key.1 {
            *latest = Arc::clone(&entry);
        }
        self.all.insert(key, entry);
        Ok(())
    }

    /// Every version of every subject, in order.
    #[must_use]
    pub fn versions(&self) -> Vec<SchemaVersion> {
        let mut keys: Vec<_> = self.all.keys().collect();
        keys.sort();
        let version = |(subject, version): &(SchemaSubject, u32)| SchemaVersion {
            subject: subject.clone(),
            version: *version,
        };
        keys.into_iter().map(version).collect()
    }

    /// The latest version of every subject.
    pub(crate) fn latest(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.latest.values()
    }

    fn load(&mut self, file: &Path) -> Result<(), SchemaFault> {
        let version = file_version(file).map_err(SchemaFault::new)?;
        let bytes = read_bounded(file).map_err(SchemaFault::new)?;
        let schema = json::parse(&bytes)
            .map_err(|fault| SchemaFault::new(SchemaProblem::NotJson(fault.0)))?;
        self.add(version, &schema)
    }
}

fn json_files(folder: &Path) -> Result<Vec<std::path::PathBuf>, SchemaFault> {
    let fault = |error: std::io::Error| {
        SchemaFault::new(SchemaProblem::Unreadable(error.to_string()))
            .of_file(&folder.to_string_lossy())
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.extension().is_some_and(|end| end == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// `github.push.v2.json` is version 2 of `github.push`; without a version it is the first.
fn file_version(file: &Path) -> Result<SchemaVersion, SchemaProblem> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let (subject, version) = match stem.rsplit_once(".v") {
        Some((subject, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            let version = digits.parse().ok().filter(|version| *version > 0);
            (subject, version.ok_or_else(|| SchemaProblem::Name("version from 1".into()))?)
        }
        _ => (stem.as_ref(), 1),
    };
    let subject = subject.parse().map_err(|error| SchemaProblem::Name(format!("{error}")))?;
    Ok(SchemaVersion { subject, version })
}

fn read_bounded(file: &Path) -> Result<Vec<u8>, SchemaProblem> {
    let unreadable = |error: std::io::Error| SchemaProblem::Unreadable(error.to_string());
    let mut bytes = Vec::new();
    let limit = u64::try_from(SCHEMA_BYTES_MAX).unwrap_or(u64::MAX);
    let mut reader = fs::File::open(file).map_err(unreadable)?.take(limit + 1);
    reader.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > SCHEMA_BYTES_MAX {
        return Err(SchemaProblem::TooLarge(bytes.len()));
    }
    Ok(bytes)
}
