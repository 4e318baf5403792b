//! The registered schemas in the data folder: `schemas/SUBJECT.vN.json`, one file each, and
//! `settings.json` beside them.
//!
//! Each is written to another name, flushed and renamed, and the folder flushed: after a crash a
//! version is there whole or not at all. A file that cannot be read keeps the gateway from
//! starting: without the schema, what it would have refused would pass.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sluicegate_admission::schema::{Source, Submission};

use super::record::Record;
use super::settings::Settings;
use crate::durable::{self, DRAFT};

/// The folder of registered schemas.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// What a folder has: each schema with its file, and the settings.
pub(super) type Found = (Vec<(String, Submission)>, Settings);

impl Folder {
    /// Opens the folder, or makes it, and reads everything in it.
    ///
    /// # Errors
    /// When it cannot be read; what is damaged is told with its file.
    pub(super) fn open(path: PathBuf) -> io::Result<(Self, Found)> {
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        let folder = Self(path);
        let (mut schemas, mut settings) = (Vec::new(), Settings::default());
        for entry in fs::read_dir(&folder.0)? {
            let file = entry?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(DRAFT) {
                fs::remove_file(&file)?;
            } else if name == SETTINGS {
                let read = serde_json::from_slice(&fs::read(&file)?);
                settings = read.map_err(|fault| damaged(&file, &fault.to_string()))?;
            } else if name.ends_with(".json") {
                schemas.push((name.clone(), read(&file, &name)?));
            }
        }
        schemas.sort_by(|a, b| a.0.cmp(&b.0));
        Ok((folder, (schemas, settings)))
    }

    /// Writes a version; durable when this returns.
    pub(super) fn save(&self, source: &Source) -> io::Result<()> {
        let record = Record::of(source);
        self.write(&file_name(&record), &serde_json::to_vec_pretty(&record)?)
    }

    /// Writes the settings; durable when this returns.
    pub(super) fn save_settings(&self, settings: &Settings) -> io::Result<()> {
        self.write(SETTINGS, &serde_json::to_vec_pretty(settings)?)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        durable::replace(&self.0.join(name), bytes)
    }
}

fn read(file: &Path, name: &str) -> io::Result<Submission> {
    let record: Record = serde_json::from_slice(&fs::read(file)?)
        .map_err(|fault| damaged(file, &fault.to_string()))?;
    if file_name(&record) != name {
        return Err(damaged(file, "it says that it is another version"));
    }
    record.submission().map_err(|why| damaged(file, &why))
}

fn file_name(record: &Record) -> String {
    format!("{}.v{}.json", record.subject, record.version)
}

fn damaged(file: &Path, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", file.display()))
}

/// No subject has a version in its name's place, so this is no schema's name.
const SETTINGS: &str = "settings.json";

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_admission::Registry;
    use sluicegate_admission::schema::{Origin, Standing};
    use sluicegate_core::signature::SchemaVersion;

    fn given(subject: &str, version: u32, text: &str) -> Submission {
        let version = SchemaVersion { subject: subject.parse().unwrap(), version };
        Submission::new(version, text.to_owned(), Origin::Registered)
    }

    #[test]
    fn what_was_saved_is_read_back_and_drafts_are_cleared_away() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("schemas");
        let (folder, found) = Folder::open(path.clone()).unwrap();
        assert_eq!((found.0.len(), found.1), (0, Settings::default()));
        let mut registry = Registry::empty();
        let base = registry.insert(given("base", 1, r#"{"$id":"https://x/b"}"#)).unwrap();
        let text = "{ \"$ref\" : \"https://x/b\" }";
        let entry = registry.insert(given("a.v2", 1, text)).unwrap();
        folder.save(&base.source).unwrap();
        folder.save(&entry.source).unwrap();
        let mut settings =
            Settings { compatibility: "FULL".parse().unwrap(), ..Settings::default() };
        settings.subjects.insert("base".into(), Default::default());
        folder.save_settings(&settings).unwrap();
        fs::write(path.join("a.v2.v2.json.new"), "half").unwrap();
        let (_, (schemas, read)) = Folder::open(path.clone()).unwrap();
        assert_eq!(read, settings);
        assert!(!path.join("a.v2.v2.json.new").exists());
        let mut again = Registry::empty();
        again.insert_all(schemas).unwrap();
        let read = again.get(&"a.v2".parse().unwrap(), 1).unwrap();
        assert_eq!((&*read.source.text, read.source.id), (text, entry.source.id));
        assert_eq!(read.source.references, entry.source.references);
        assert_eq!(read.source.standing, Standing::Live);
    }

    #[test]
    fn a_damaged_file_is_told_and_not_passed_over() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("schemas");
        let (folder, _) = Folder::open(path.clone()).unwrap();
        let entry = Registry::empty().insert(given("a", 1, r#"{"type":"string"}"#)).unwrap();
        folder.save(&entry.source).unwrap();
        let file = path.join("a.v1.json");
        let whole = fs::read_to_string(&file).unwrap();
        for (from, to) in [
            ("string", "object"),
            ("\"version\": 1", "\"version\": 2"),
            ("\"format\": 1", "\"format\": 2"),
            ("}", ""),
        ] {
            fs::write(&file, whole.replace(from, to)).unwrap();
            let fault = Folder::open(path.clone()).unwrap_err();
            assert!(fault.to_string().contains("a.v1.json"), "{from}: {fault}");
        }
    }
}
