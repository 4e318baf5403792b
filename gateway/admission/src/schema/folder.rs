//! The registry of a folder of files: `SUBJECT.json`, `SUBJECT.v2.json`.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sluicegate_core::signature::SchemaVersion;

use crate::schema::bounds::SCHEMA_BYTES_MAX;
use crate::schema::entry::{Origin, Submission};
use crate::schema::fault::{SchemaFault, SchemaProblem};
use crate::schema::registry::Registry;

impl Registry {
    /// Every `.json` file of a folder: `github.push.json` is version 1 of subject `github.push`,
    /// `github.push.v2.json` is version 2. Other files are passed over. Files may refer to one
    /// another.
    ///
    /// # Errors
    /// When the folder cannot be read, or a file is not a schema: every fault, with its file.
    pub fn from_folder(folder: &Path) -> Result<Self, Vec<SchemaFault>> {
        let mut registry = Self::empty();
        let (mut given, mut faults) = (Vec::new(), Vec::new());
        for file in json_files(folder).map_err(|fault| vec![fault])? {
            let shown = file.to_string_lossy().into_owned();
            match read(&file) {
                Ok(one) => given.push((shown, one)),
                Err(problem) => faults.push(SchemaFault::new(problem).of_file(&shown)),
            }
        }
        faults.extend(registry.insert_all(given).err().into_iter().flatten());
        faults.sort_by(|a, b| a.file.cmp(&b.file));
        if faults.is_empty() { Ok(registry) } else { Err(faults) }
    }
}

fn read(file: &Path) -> Result<Submission, SchemaProblem> {
    let version = file_version(file)?;
    let text = String::from_utf8(read_bounded(file)?)
        .map_err(|_| SchemaProblem::NotJson("payload is not JSON: it is not UTF-8".into()))?;
    Ok(Submission::new(version, text, Origin::File))
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>, SchemaFault> {
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
