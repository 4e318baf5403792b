//! Where a plugin comes from, and fetching it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sluicegate_core::ids::Digest;
use sluicegate_core::limits::PLUGIN_BYTES_MAX;

use super::folder::newest;
use super::shelf::Shelf;
use crate::oci::{self, Manifest, OciFault, Pulled, Reference, Registry};

/// Where a plugin comes from.
#[derive(Clone)]
pub enum Origin {
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether a new version of it is taken while the gateway runs.
        is_watched: bool,
    },
    /// The newest file of a folder, which is watched.
    Folder(PathBuf),
    /// An artifact in a registry.
    Registry(Box<Artifact>),
}

/// An artifact in a registry.
#[derive(Clone)]
pub struct Artifact {
    /// Its name.
    pub reference: Reference,
    /// How the registry is asked.
    pub registry: Registry,
}

/// What was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The plugin.
    pub bytes: Vec<u8>,
    /// The file that it is from, for messages; the name of the artifact.
    pub from: String,
    /// What a registry gave, to be put on the shelf.
    pub pulled: Option<Pulled>,
}

/// Why a plugin cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub enum OriginFault {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {fault}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        fault: io::Error,
    },
    /// The file is over the limit. It was not read.
    #[error("{} has {bytes} bytes, the limit is {PLUGIN_BYTES_MAX}", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The folder has no plugin.
    #[error("{} has no file *.wasm", .0.display())]
    Empty(PathBuf),
    /// The registry does not give it.
    #[error("cannot pull {reference}: {fault}")]
    Pull {
        /// The artifact.
        reference: Box<Reference>,
        /// Why.
        #[source]
        fault: OciFault,
    },
}

impl OriginFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "plugin_unreadable",
            Self::TooLarge { .. } => "plugin_too_large",
            Self::Empty(_) => "plugin_folder_empty",
            Self::Pull { fault, .. } => fault.code(),
        }
    }
}

/// What a file looked like: another look means that it may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    path: PathBuf,
    modified: (i64, i64),
    bytes: u64,
    inode: (u64, u64),
}

impl Origin {
    /// Fetches the plugin. A registry is asked only for what is not on the shelf, and for what a
    /// tag means; where it does not answer, the tag means what it meant. Blocks. Writes nothing.
    ///
    /// # Errors
    /// When it is not there, or not what its digest says.
    pub fn fetch(&self, shelf: &Shelf) -> Result<Fetched, OriginFault> {
        match self {
            Self::Registry(artifact) => artifact.fetch(shelf),
            Self::File { .. } | Self::Folder(_) => {
                let path = self.file()?;
                let bytes = read(&path)?;
                Ok(Fetched { bytes, from: path.display().to_string(), pulled: None })
            }
        }
    }

    /// Whether new versions are taken while the gateway runs.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        matches!(self, Self::File { is_watched: true, .. } | Self::Folder(_))
    }

    /// What its file looks like now.
    pub(super) fn look(&self) -> Result<Look, OriginFault> {
        let path = self.file()?;
        match std::fs::metadata(&path) {
            Ok(about) => Ok(Look {
                modified: (about.mtime(), about.mtime_nsec()),
                bytes: about.len(),
                inode: (about.dev(), about.ino()),
                path,
            }),
            Err(fault) => Err(OriginFault::Unreadable { path, fault }),
        }
    }

    fn file(&self) -> Result<PathBuf, OriginFault> {
        match self {
            Self::File { path, .. } => Ok(path.clone()),
            Self::Folder(folder) => match newest(folder) {
                Ok(Some(file)) => Ok(file),
                Ok(None) => Err(OriginFault::Empty(folder.clone())),
                Err(fault) => Err(OriginFault::Unreadable { path: folder.clone(), fault }),
            },
            Self::Registry(artifact) => {
                let fault = io::Error::other("an artifact is no file");
                let path = PathBuf::from(artifact.reference.to_string());
                Err(OriginFault::Unreadable { path, fault })
            }
        }
    }
}

impl Artifact {
    fn fetch(&self, shelf: &Shelf) -> Result<Fetched, OriginFault> {
        let reference = &self.reference;
        let from = reference.to_string();
        if let Some(bytes) = reference.digest().and_then(|digest| on_shelf(shelf, digest)) {
            return Ok(Fetched { bytes, from, pulled: None });
        }
        match oci::pull(&self.registry, reference, |digest| shelf.component(digest)) {
            Ok(pulled) => {
                Ok(Fetched { bytes: pulled.component.clone(), from, pulled: Some(pulled) })
            }
            Err(fault @ OciFault::Unreachable { .. }) => {
                let known = shelf.tagged(reference).and_then(|digest| on_shelf(shelf, digest));
                let Some(bytes) = known else {
                    return Err(OriginFault::Pull {
                        reference: Box::new(reference.clone()),
                        fault,
                    });
                };
                tracing::warn!(%reference, %fault, "no registry: the tag means what it meant last");
                Ok(Fetched { bytes, from, pulled: None })
            }
            Err(fault) => Err(OriginFault::Pull { reference: Box::new(reference.clone()), fault }),
        }
    }
}

/// The component of a manifest, if both are here and whole.
fn on_shelf(shelf: &Shelf, manifest: Digest) -> Option<Vec<u8>> {
    let manifest = Manifest::read(&shelf.manifest(manifest)?).ok()?;
    shelf.component(manifest.component)
}

/// Reads a file, if it can be a plugin.
fn read(path: &Path) -> Result<Vec<u8>, OriginFault> {
    let unreadable = |fault| OriginFault::Unreadable { path: path.to_owned(), fault };
    // Before it is opened: to open a pipe is to wait for who writes to it.
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(unreadable(io::Error::other("it is not a file")));
    }
    if about.len() > PLUGIN_BYTES_MAX as u64 {
        return Err(OriginFault::TooLarge { path: path.to_owned(), bytes: about.len() });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    // It may have grown meanwhile: one byte more is enough for the host to refuse it.
    file.take(PLUGIN_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
