//! The shelf: what was pulled from registries, in the data folder, so that a start needs none.
//!
//! A file is named by the digest of its content, and is held against it whenever it is read: what
//! is damaged is as good as not there. Which manifest a tag meant when it was last asked for is the
//! one thing that no digest proves; so the folder is private.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sluicegate_admission::sha256;
use sluicegate_core::ids::Digest;
use sluicegate_core::limits::PLUGIN_BYTES_MAX;

use crate::oci::{Pulled, Reference};

/// A folder of pulled artifacts.
#[derive(Debug, Clone)]
pub struct Shelf {
    folder: PathBuf,
}

impl Shelf {
    /// The shelf of a data folder. Nothing is made yet.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self { folder: data.join("plugins").join("oci") }
    }

    /// A component, if it is here and whole.
    #[must_use]
    pub fn component(&self, digest: Digest) -> Option<Vec<u8>> {
        self.get(digest, COMPONENT)
    }

    /// A manifest, if it is here and whole.
    #[must_use]
    pub fn manifest(&self, digest: Digest) -> Option<Vec<u8>> {
        self.get(digest, MANIFEST)
    }

    /// What a tag meant when it was last asked for.
    #[must_use]
    pub fn tagged(&self, reference: &Reference) -> Option<Digest> {
        let about = fs::metadata(&self.folder).ok()?;
        if about.mode() & 0o077 != 0 {
            let folder = self.folder.display();
            tracing::warn!(%folder, "the folder is not private: tags in it are not believed");
            return None;
        }
        let text = read(&self.tag_file(reference), TAG_BYTES_MAX).ok()?;
        str::from_utf8(&text).ok()?.trim().strip_prefix("sha256:")?.parse().ok()
    }

    /// Keeps what was pulled, and what its tag meant.
    ///
    /// # Errors
    /// When the folder cannot be written. What was pulled can be used all the same.
    pub fn keep(&self, reference: &Reference, pulled: &Pulled) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        self.make_room()?;
        self.put(sha256(&pulled.component), COMPONENT, &pulled.component)?;
        self.put(pulled.manifest_digest, MANIFEST, &pulled.manifest)?;
        if reference.digest().is_none() {
            let text = format!("sha256:{}\n", pulled.manifest_digest);
            self.write(&self.tag_file(reference), text.as_bytes())?;
        }
        Ok(())
    }

    fn tag_file(&self, reference: &Reference) -> PathBuf {
        self.folder.join(format!("{}{TAG}", sha256(reference.to_string().as_bytes())))
    }

    fn get(&self, digest: Digest, suffix: &str) -> Option<Vec<u8>> {
        let path = self.folder.join(format!("{digest}{suffix}"));
        let bytes = read(&path, PLUGIN_BYTES_MAX).ok()?;
        if sha256(&bytes) != digest {
            let file = path.display();
            tracing::warn!(%file, "a pulled plugin is damaged: it is pulled again");
            return None;
        }
        // Now it is the newest. If that cannot be said, it only goes sooner.
        let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(bytes)
    }

    fn put(&self, digest: Digest, suffix: &str, bytes: &[u8]) -> io::Result<()> {
        if self.get(digest, suffix).is_some() {
            return Ok(());
        }
        self.write(&self.folder.join(format!("{digest}{suffix}")), bytes)
    }

    /// Writes a file whole or not at all.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let draft = self.folder.join(format!("{}{DRAFT}", std::process::id()));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        File::open(&self.folder)?.sync_all()
    }

    /// Removes the files that were not used for the longest time.
    fn make_room(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
        files.sort();
        let surplus = (files.len() + 3).saturating_sub(FILES_MAX);
        files.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

fn read(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

const COMPONENT: &str = ".wasm";
const MANIFEST: &str = ".json";
const TAG: &str = ".tag";
const DRAFT: &str = ".draft";

/// Three for each artifact: some versions of some dozen plugins.
const FILES_MAX: usize = 384;

const TAG_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn pulled(component: &[u8]) -> Pulled {
        let manifest = [b"manifest of ", component].concat();
        Pulled { manifest_digest: sha256(&manifest), manifest, component: component.to_vec() }
    }

    #[test]
    fn what_is_kept_is_found_by_its_digests_and_private() {
        let data = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(data.path());
        let (reference, pulled) = ("a.io/x:1".parse().unwrap(), pulled(b"one"));
        let digest = sha256(b"one");
        assert_eq!((shelf.component(digest), shelf.tagged(&reference)), (None, None));
        shelf.keep(&reference, &pulled).unwrap();
        assert_eq!(shelf.component(digest).as_deref(), Some(&b"one"[..]));
        assert_eq!(shelf.manifest(pulled.manifest_digest), Some(pulled.manifest));
        assert_eq!(shelf.tagged(&reference), Some(pulled.manifest_digest));
        assert_eq!(shelf.tagged(&"a.io/x:2".parse().unwrap()), None);
        assert_eq!(fs::metadata(&shelf.folder).unwrap().mode() & 0o777, 0o700);
        for file in fs::read_dir(&shelf.folder).unwrap() {
            assert_eq!(file.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        }
        fs::set_permissions(&shelf.folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(shelf.tagged(&reference), None, "others could have written it");
    }

    #[test]
    fn what_is_damaged_is_as_good_as_not_there_and_written_again() {
        let data = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(data.path());
        let (reference, pulled) = ("a.io/x:1".parse().unwrap(), pulled(b"one"));
        shelf.keep(&reference, &pulled).unwrap();
        let file = shelf.folder.join(format!("{}.wasm", sha256(b"one")));
        fs::write(&file, b"two").unwrap();
        assert_eq!(shelf.component(sha256(b"one")), None);
        shelf.keep(&reference, &pulled).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"one");
    }

    #[test]
    fn the_shelf_does_not_grow_without_end() {
        let data = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(data.path());
        fs::create_dir_all(&shelf.folder).unwrap();
        for number in 0..FILES_MAX + 10 {
            fs::write(shelf.folder.join(number.to_string()), "").unwrap();
        }
        shelf.keep(&"a.io/x:1".parse().unwrap(), &pulled(b"one")).unwrap();
        assert_eq!(fs::read_dir(&shelf.folder).unwrap().count(), FILES_MAX);
        assert!(shelf.component(sha256(b"one")).is_some());
    }
}
