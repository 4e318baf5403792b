//! Secrets that providers handed over in their handshake: one file for each source, in a folder
//! that only the gateway's user can read. They are durable before the handshake is answered.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sluicegate_admission::{Admission, Secret};
use sluicegate_core::ids::SourceName;

use crate::durable;

/// The folder of secrets that were handed over.
#[derive(Debug, Clone)]
pub struct Learned {
    folder: PathBuf,
    turn: Arc<Mutex<()>>,
}

impl Learned {
    /// The folder within the data folder. It is made when there is something to keep.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self { folder: data.join("learned"), turn: Arc::default() }
    }

    /// Gives every source that waits for a secret the one that is kept for it.
    ///
    /// # Errors
    /// When a file is there, but cannot be read or used: a source must not wait for a new secret
    /// then, from whoever comes first.
    pub fn recall(&self, admission: &Admission) -> io::Result<()> {
        let names: Vec<SourceName> = admission.learners().cloned().collect();
        for name in names {
            match fs::read(self.path(&name)) {
                Ok(bytes) => admission
                    .learn(&name, Secret::new(bytes))
                    .map_err(|problem| io::Error::other(format!("{name}: {problem}")))?,
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
                    tracing::warn!(source = %name, "waits for the secret of its handshake");
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// Keeps a secret and takes it into use; durable when this returns. `take` says whether it can
    /// be taken: it is asked once the secret is written, and what was not taken is not kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(
        &self,
        source: &SourceName,
        secret: &Secret,
        take: impl FnOnce() -> bool,
    ) -> io::Result<bool> {
        // One at a time: of two that come at once, the second finds the file of the first.
        let _turn = self.turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let path = self.path(source);
        if path.exists() {
            return Ok(false);
        }
        durable::replace(&path, secret.expose())?;
        // The folder itself may be new.
        self.folder.parent().map_or(Ok(()), durable::flush_folder)?;
        if take() {
            return Ok(true);
        }
        fs::remove_file(&path)?;
        Ok(false)
    }

    fn path(&self, source: &SourceName) -> PathBuf {
        self.folder.join(format!("{source}.secret"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_admission::{Gate, Registry, Scheme};

    fn asana() -> Admission {
        let gate = Gate::new("tasks".parse().unwrap(), Scheme::preset("asana").unwrap(), vec![]);
        Admission::build(vec![gate], Registry::empty()).unwrap_or_else(|_| panic!())
    }

    #[test]
    fn a_secret_outlives_the_gateway_and_is_taken_once() {
        let data = tempfile::tempdir().unwrap();
        let (learned, name) = (Learned::new(data.path()), "tasks".parse().unwrap());
        learned.recall(&asana()).unwrap();
        let secret = Secret::from("a long enough secret");
        assert!(!learned.keep(&name, &secret, || false).unwrap(), "it cannot be used");
        assert!(learned.keep(&name, &secret, || true).unwrap());
        assert!(!learned.keep(&name, &Secret::from("another"), || true).unwrap(), "it is late");
        let admission = asana();
        learned.recall(&admission).unwrap();
        assert!(admission.learn(&name, Secret::from("another long secret")).is_err());
        fs::write(data.path().join("learned/tasks.secret"), "").unwrap();
        assert!(learned.recall(&asana()).is_err(), "a damaged secret is no reason to take another");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let data = tempfile::tempdir().unwrap();
        let learned = Learned::new(data.path());
        let secret = Secret::from("a long enough secret");
        assert!(learned.keep(&"tasks".parse().unwrap(), &secret, || true).unwrap());
        let mode = fs::metadata(data.path().join("learned/tasks.secret")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
}
