//! The cache of compiled components. What is in it is run as it is, so nothing is taken from a
//! folder or a file that another user could have written, or that is not byte for byte what was
//! put there.
//!
//! A file is named `PLUGIN-ENGINE-CONTENT.cwasm`: the digest of the plugin, the hash of the
//! engine's version and settings, the digest of the file itself.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sluicegate_core::ids::Digest;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::compiler::Cache;

impl Cache {
    /// What was compiled of a plugin by this engine; `None` if it is not here.
    pub(super) fn find(&self, engine: &Engine, plugin: Digest) -> io::Result<Option<Component>> {
        if !self.folder.exists() {
            return Ok(None);
        }
        private(&self.folder)?;
        let prefix = format!("{plugin}-{}-", engine_hash(engine));
        for entry in fs::read_dir(&self.folder)? {
            let (name, path) = named(entry?);
            let Some(content) = name.strip_prefix(&prefix).and_then(|it| it.strip_suffix(SUFFIX))
            else {
                continue;
            };
            private(&path)?;
            let bytes = fs::read(&path)?;
            if (self.sha256)(&bytes).to_string() == content
                && let Ok(component) = deserialize(engine, &bytes)
            {
                // Now it is the newest. If that cannot be said, it only goes sooner.
                let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
                return Ok(Some(component));
            }
            let file = path.display();
            tracing::warn!(%file, "a compiled plugin is damaged: it is made again");
            fs::remove_file(&path)?;
        }
        Ok(None)
    }

    /// Keeps what was compiled.
    pub(super) fn keep(&self, engine: &Engine, plugin: Digest, bytes: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        private(&self.folder)?;
        self.make_room()?;
        let content = (self.sha256)(bytes);
        let name = format!("{plugin}-{}-{content}{SUFFIX}", engine_hash(engine));
        let draft = self.folder.join(format!("{plugin}-{}{DRAFT}", std::process::id()));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        // Whoever made the draft before: it is private from here on.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        drop(file);
        // Not flushed: what a power cut leaves of it does not have the digest in its name.
        fs::rename(draft, self.folder.join(name))
    }

    /// Removes the files that were not used for the longest time, and forgotten drafts.
    fn make_room(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let modified = entry.metadata()?.modified()?;
            let (name, path) = named(entry);
            if name.ends_with(SUFFIX) || name.ends_with(DRAFT) {
                files.push((modified, path));
            }
        }
        files.sort();
        let surplus = (files.len() + 1).saturating_sub(self.files_max.max(1));
        files.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

fn named(entry: fs::DirEntry) -> (String, PathBuf) {
    (entry.file_name().to_string_lossy().into_owned(), entry.path())
}

/// Refuses what another user could have written.
fn private(path: &Path) -> io::Result<()> {
    let about = fs::symlink_metadata(path)?;
    let is_ours = about.uid() == rustix::process::geteuid().as_raw();
    if is_ours && about.mode() & 0o077 == 0 && !about.is_symlink() {
        return Ok(());
    }
    let why = format!("{} is not private: another user could have written it", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Says that the cache is of no use. Plugins are compiled without it.
pub(super) fn tell(doing: &str, folder: &Path, fault: &io::Error) {
    let folder = folder.display();
    tracing::warn!(%folder, %fault, "cannot {doing} the cache of compiled plugins");
}

/// A component from what the compiler wrote.
pub(super) fn deserialize(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
    #[expect(
        unsafe_code,
        reason = "the bytes are what our own compiler wrote: straight from our child, or from a \
                  private file whose digest is the one in its name"
    )]
    unsafe {
        Component::deserialize(engine, bytes)
    }
}

/// The version and the settings of an engine: what was compiled for another is of no use.
fn engine_hash(engine: &Engine) -> String {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

const SUFFIX: &str = ".cwasm";
const DRAFT: &str = ".draft";
