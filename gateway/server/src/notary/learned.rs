//! Secrets that providers handed over in their handshake: one file for each source, in a folder
//! that only the gateway's user can read. They are durable before the handshake is answered.
//!
//! `NAME.sealed` is sealed with the keys of the data folder; `NAME.secret` is plain, and there only
//! where nothing is encrypted. What is plain is sealed at the first start with encryption, and what
//! an older key sealed is sealed again with the new one.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sluicegate_admission::{Admission, Secret};
use sluicegate_core::ids::SourceName;
use sluicegate_queue::Notes;

use crate::durable;

/// The folder of secrets that were handed over.
#[derive(Debug, Clone)]
pub struct Learned {
    folder: PathBuf,
    notes: Notes,
    turn: Arc<Mutex<()>>,
}

impl Learned {
    /// The folder within the data folder, sealed by these keys. It is made when there is something
    /// to keep.
    #[must_use]
    pub fn new(data: &Path, notes: Notes) -> Self {
        Self { folder: data.join("learned"), notes, turn: Arc::default() }
    }

    /// Gives every source that waits for a secret the one that is kept for it. What is not sealed
    /// as it should be is sealed first.
    ///
    /// # Errors
    /// When a file is there, but cannot be read or used: a source must not wait for a new secret
    /// then, from whoever comes first.
    pub fn recall(&self, admission: &Admission) -> io::Result<()> {
        self.seal_all()?;
        let names: Vec<SourceName> = admission.learners().cloned().collect();
        for name in names {
            let Some(secret) = self.find(&name)? else {
                tracing::warn!(source = %name, "waits for the secret of its handshake");
                continue;
            };
            let taken = admission.learn(&name, secret);
            taken.map_err(|problem| io::Error::other(format!("{name}: {problem}")))?;
        }
        Ok(())
    }

    /// The secret that is kept for a source.
    ///
    /// # Errors
    /// When it cannot be read, or not be opened with the keys of the folder.
    pub fn find(&self, source: &SourceName) -> io::Result<Option<Secret>> {
        if let Some(sealed) = read(&self.path(source, SEALED))? {
            let opened = self.notes.open(&about(source), &sealed);
            let secret = opened.map_err(|fault| io::Error::other(format!("{source}: {fault}")))?;
            return Ok(Some(Secret::new(secret.as_slice())));
        }
        Ok(read(&self.path(source, PLAIN))?.map(Secret::new))
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
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let (sealed, plain) = (self.path(source, SEALED), self.path(source, PLAIN));
        if sealed.exists() || plain.exists() {
            return Ok(false);
        }
        let path = match self.notes.seal(&about(source), secret.expose()) {
            Some(note) => durable::replace(&sealed, &note).map(|()| sealed)?,
            None => durable::replace(&plain, secret.expose()).map(|()| plain)?,
        };
        // The folder itself may be new.
        self.folder.parent().map_or(Ok(()), durable::flush_folder)?;
        if take() {
            return Ok(true);
        }
        fs::remove_file(&path)?;
        Ok(false)
    }

    /// Seals what is not sealed with the key that seals now, where the folder is encrypted. Drafts
    /// of a process that was killed are taken away: they may be plain.
    fn seal_all(&self) -> io::Result<()> {
        let names = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(fault) => return Err(fault),
        };
        for entry in names {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let source = |ending| name.strip_suffix(ending).and_then(|name| name.parse().ok());
            if name.ends_with(durable::DRAFT) {
                fs::remove_file(&path)?;
            } else if let Some(source) = source(PLAIN) {
                self.seal_plain(&source, &path)?;
            } else if let Some(source) = source(SEALED) {
                self.seal_again(&source, &path)?;
            }
        }
        durable::flush_folder(&self.folder)
    }

    fn seal_plain(&self, source: &SourceName, plain: &Path) -> io::Result<()> {
        let secret = Secret::new(fs::read(plain)?);
        let Some(note) = self.notes.seal(&about(source), secret.expose()) else { return Ok(()) };
        let sealed = self.path(source, SEALED);
        // A start before this one may have got that far.
        if !sealed.exists() {
            durable::replace(&sealed, &note)?;
        }
        fs::remove_file(plain)?;
        tracing::info!(%source, "secret of a handshake is sealed from now on");
        Ok(())
    }

    fn seal_again(&self, source: &SourceName, path: &Path) -> io::Result<()> {
        let sealed = fs::read(path)?;
        if self.notes.is_current(&sealed) {
            return Ok(());
        }
        // One that cannot be opened is for its source to say, if it needs it still.
        let Ok(secret) = self.notes.open(&about(source), &sealed) else { return Ok(()) };
        match self.notes.seal(&about(source), &secret) {
            Some(note) => durable::replace(path, &note),
            None => Ok(()),
        }
    }

    fn path(&self, source: &SourceName, ending: &str) -> PathBuf {
        self.folder.join(format!("{source}{ending}"))
    }
}

/// What a note is about: one that is put in another's place does not open.
fn about(source: &SourceName) -> String {
    format!("learned/{source}")
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

const PLAIN: &str = ".secret";
const SEALED: &str = ".sealed";

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_admission::{Gate, Registry, Scheme};
    use sluicegate_queue::{Encryption, LocalKey, Store, StoreConfig};

    const SECRET: &str = "a long enough secret";

    fn asana() -> Admission {
        let gate = Gate::new("tasks".parse().unwrap(), Scheme::preset("asana").unwrap(), vec![]);
        Admission::build(vec![gate], Registry::empty()).unwrap_or_else(|_| panic!())
    }

    fn tasks() -> SourceName {
        "tasks".parse().unwrap()
    }

    /// The folder of a data folder, sealed with these keys: the first one seals.
    fn learned(data: &Path, keys: &[&str]) -> Learned {
        let key = |name: &str| {
            let mut bytes = [7; 32];
            bytes.iter_mut().zip(name.bytes()).for_each(|(byte, letter)| *byte = letter);
            Arc::new(LocalKey::new(name, &bytes))
        };
        let mut config = StoreConfig::new(data);
        if let Some((first, old)) = keys.split_first() {
            let mut encryption = Encryption::new(key(first));
            for name in old {
                encryption.open_also.push(key(name));
            }
            config.encryption = Some(encryption);
        }
        let store = Store::open(config, crate::clock::machine_clock()).unwrap();
        Learned::new(data, store.notes())
    }

    fn files(data: &Path) -> Vec<String> {
        let entries = fs::read_dir(data.join("learned")).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn holds_the_secret(file: &Path) -> bool {
        fs::read(file).unwrap().windows(SECRET.len()).any(|some| some == SECRET.as_bytes())
    }

    #[tokio::test]
    async fn a_secret_outlives_the_gateway_and_is_taken_once() {
        for keys in [&[][..], &["one"]] {
            let data = tempfile::tempdir().unwrap();
            let kept = learned(data.path(), keys);
            kept.recall(&asana()).unwrap();
            let secret = Secret::from(SECRET);
            assert!(!kept.keep(&tasks(), &secret, || false).unwrap(), "it cannot be used");
            assert!(kept.keep(&tasks(), &secret, || true).unwrap());
            assert!(!kept.keep(&tasks(), &Secret::from("another"), || true).unwrap(), "late");
            let (admission, kept) = (asana(), learned(data.path(), keys));
            kept.recall(&admission).unwrap();
            assert!(admission.learn(&tasks(), Secret::from("another long secret")).is_err());
            assert_eq!(kept.find(&tasks()).unwrap(), Some(secret));
            let file = data.path().join("learned").join(&files(data.path())[0]);
            assert_eq!(holds_the_secret(&file), keys.is_empty());
            fs::write(file, "").unwrap();
            assert!(kept.recall(&asana()).is_err(), "damage is no reason to take another");
        }
    }

    #[tokio::test]
    async fn a_plain_secret_is_sealed_at_the_first_start_with_encryption() {
        let data = tempfile::tempdir().unwrap();
        let plain = learned(data.path(), &[]);
        assert!(plain.keep(&tasks(), &Secret::from(SECRET), || true).unwrap());
        fs::write(data.path().join("learned/tasks.secret.new"), SECRET).unwrap();
        let sealed = learned(data.path(), &["one"]);
        sealed.recall(&asana()).unwrap();
        assert_eq!(files(data.path()), ["tasks.sealed"]);
        assert!(!holds_the_secret(&data.path().join("learned/tasks.sealed")));
        assert_eq!(sealed.find(&tasks()).unwrap(), Some(Secret::from(SECRET)));
        // As after a kill between the two.
        fs::write(data.path().join("learned/tasks.secret"), SECRET).unwrap();
        sealed.recall(&asana()).unwrap();
        assert_eq!(files(data.path()), ["tasks.sealed"]);
    }

    #[tokio::test]
    async fn a_new_key_seals_again_what_an_older_one_sealed() {
        let data = tempfile::tempdir().unwrap();
        let first = learned(data.path(), &["one"]);
        assert!(first.keep(&tasks(), &Secret::from(SECRET), || true).unwrap());
        let file = data.path().join("learned/tasks.sealed");
        let before = fs::read(&file).unwrap();
        let second = learned(data.path(), &["two", "one"]);
        second.recall(&asana()).unwrap();
        assert_ne!(fs::read(&file).unwrap(), before);
        assert_eq!(second.find(&tasks()).unwrap(), Some(Secret::from(SECRET)));
        assert!(first.find(&tasks()).is_err(), "the older key alone does not open it");
    }

    #[tokio::test]
    async fn a_secret_that_is_put_in_the_place_of_another_does_not_open() {
        let data = tempfile::tempdir().unwrap();
        let kept = learned(data.path(), &["one"]);
        assert!(kept.keep(&tasks(), &Secret::from(SECRET), || true).unwrap());
        let folder = data.path().join("learned");
        fs::copy(folder.join("tasks.sealed"), folder.join("other.sealed")).unwrap();
        assert!(kept.find(&"other".parse().unwrap()).is_err());
    }

    #[tokio::test]
    async fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        for keys in [&[][..], &["one"]] {
            let data = tempfile::tempdir().unwrap();
            let kept = learned(data.path(), keys);
            assert!(kept.keep(&tasks(), &Secret::from(SECRET), || true).unwrap());
            let file = data.path().join("learned").join(&files(data.path())[0]);
            let mode = fs::metadata(file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
