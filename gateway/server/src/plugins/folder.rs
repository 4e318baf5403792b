//! The bytes of versions in the data folder: `plugins/DIGEST.wasm`, and the index beside them.
//!
//! Everything is private and written atomically; what is read is held against its digest. An index
//! that cannot be read is set aside and reported; it never keeps the gateway from starting.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sluicegate_admission::sha256;
use sluicegate_core::ids::Digest;

use super::index::Index;
use crate::durable::{self, DRAFT};

/// The folder of the versions.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Opens the folder, or makes it, and reads the index in it.
    pub(super) fn open(path: PathBuf) -> io::Result<(Self, Index)> {
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        let folder = Self(path);
        let file = folder.0.join(INDEX);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
                return Ok((folder, Index::default()));
            }
            Err(fault) => return Err(fault),
        };
        let index = match Index::read(&bytes) {
            Ok(index) => index,
            Err(why) => {
                let file = file.display();
                tracing::error!(%file, why, "the index of plugins cannot be read: set aside");
                let damaged = folder.0.join(format!("{INDEX}.damaged"));
                fs::rename(folder.0.join(INDEX), damaged)?;
                Index::default()
            }
        };
        Ok((folder, index))
    }

    /// Keeps the bytes of a version; durable when this returns.
    pub(super) fn keep(&self, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        if self.read(digest).is_ok() {
            return Ok(());
        }
        self.write(&format!("{digest}{WASM}"), bytes)
    }

    /// The bytes of a version.
    pub(super) fn read(&self, digest: Digest) -> io::Result<Vec<u8>> {
        let bytes = fs::read(self.0.join(format!("{digest}{WASM}")))?;
        if sha256(&bytes) == digest {
            return Ok(bytes);
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "it does not have its digest any more"))
    }

    /// Writes the index; durable when this returns.
    pub(super) fn save(&self, index: &Index) -> io::Result<()> {
        self.write(INDEX, &serde_json::to_vec_pretty(index)?)
    }

    /// Removes versions that nobody needs, and forgotten drafts.
    pub(super) fn prune(&self, needed: &BTreeSet<String>) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if is_surplus(&path, needed) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        durable::replace(&self.0.join(name), bytes)
    }
}

fn is_surplus(path: &Path, needed: &BTreeSet<String>) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    name.ends_with(DRAFT) || name.strip_suffix(WASM).is_some_and(|name| !needed.contains(name))
}

const INDEX: &str = "index.json";
const WASM: &str = ".wasm";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::index::{Hex, Record};

    fn index(current: Digest) -> Index {
        let mut index = Index::default();
        let record = Record {
            configured: Hex(Digest([1; 32])),
            current: Hex(current),
            previous: None,
            shadow: None,
            quarantined: vec![Hex(Digest([2; 32]))],
            paused: Some("it trapped".into()),
        };
        index.plugins.insert("router".into(), record);
        index
    }

    #[test]
    fn what_was_kept_is_read_back_and_what_is_damaged_is_not() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("plugins");
        let (folder, none) = Folder::open(path.clone()).unwrap();
        assert_eq!(none, Index::default());
        let (bytes, other) = (b"one".to_vec(), b"two".to_vec());
        let digest = sha256(&bytes);
        folder.keep(digest, &bytes).unwrap();
        folder.keep(sha256(&other), &other).unwrap();
        let index = index(digest);
        folder.save(&index).unwrap();
        folder.prune(&index.needed()).unwrap();
        assert_eq!(folder.read(digest).unwrap(), bytes);
        assert!(folder.read(sha256(&other)).is_err(), "nobody needs it");
        fs::write(path.join(format!("{digest}.wasm")), "0ne").unwrap();
        assert!(folder.read(digest).is_err(), "it is damaged");
        folder.keep(digest, &bytes).unwrap();
        assert_eq!(folder.read(digest).unwrap(), bytes, "it is made again");
        assert_eq!(Folder::open(path.clone()).unwrap().1, index);
        fs::write(path.join(INDEX), "{").unwrap();
        assert_eq!(Folder::open(path.clone()).unwrap().1, Index::default());
        assert!(path.join("index.json.damaged").exists());
    }
}
