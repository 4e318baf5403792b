//! Reads secrets again while the gateway runs, and puts new keys in place of old ones.
//!
//! A file is read when it has changed and then stood still for one look, so that one that is being
//! written is not taken half; a vault is asked so often as its secret says. A new value that cannot
//! be used changes nothing: the old one stays, and that is said until it is mended. All keys of a
//! source are replaced at once.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sluicegate_admission::{Key, Secret};
use sluicegate_core::ids::{KeyId, SourceName};
use sluicegate_core::time::Timestamp;
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::pipeline::Pipeline;
use crate::vault::{KvPlace, VaultReader};

/// Where a secret comes from.
#[derive(Debug, Clone)]
pub enum SecretFrom {
    /// The environment: it never changes.
    Env,
    /// A file.
    File(PathBuf),
    /// A vault, asked so often.
    Vault {
        /// The vault.
        reader: VaultReader,
        /// Where it is there.
        place: KvPlace,
        /// How often it is asked.
        every: Duration,
    },
}

/// A secret, as it was when the configuration was read.
#[derive(Clone)]
pub struct SecretPlan {
    /// Where it comes from.
    pub from: SecretFrom,
    /// What it is.
    pub value: Zeroizing<Vec<u8>>,
}

/// A key of a source, by the name of its secret.
#[derive(Debug, Clone)]
pub struct KeyPlan {
    /// Its id.
    pub id: KeyId,
    /// The name of its secret.
    pub secret: String,
    /// Whose it is, where tokens name who signed them.
    pub issuer: Option<String>,
    /// Live from this moment on.
    pub not_before: Option<Timestamp>,
    /// Live until just before this moment.
    pub not_after: Option<Timestamp>,
}

/// Watches the secrets of keys.
pub struct SecretWatch {
    line: Arc<Pipeline>,
    keys: BTreeMap<SourceName, Vec<KeyPlan>>,
    watched: Mutex<BTreeMap<String, Watched>>,
}

/// A secret that is watched.
struct Watched {
    from: SecretFrom,
    value: Zeroizing<Vec<u8>>,
    /// What the file was when it was last read.
    read: Option<Stat>,
    /// What the file was at the last look.
    seen: Option<Stat>,
    asked: Instant,
    /// Why the newest value is not in force.
    fault: Option<String>,
}

/// What tells a file from what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    inode: u64,
    len: u64,
    changed: (i64, i64),
}

impl SecretWatch {
    /// A watch over these secrets, for the keys of each source.
    #[must_use]
    pub fn new(
        line: Arc<Pipeline>,
        secrets: BTreeMap<String, SecretPlan>,
        keys: BTreeMap<SourceName, Vec<KeyPlan>>,
    ) -> Self {
        let used = |name: &String| keys.values().flatten().any(|key| key.secret == *name);
        let watched = secrets.into_iter().filter(|(name, _)| used(name));
        let watched = watched.map(|(name, plan)| {
            let SecretPlan { from, value } = plan;
            // What it was when the configuration was read is not known: it is read once more.
            let (read, seen, asked) = (None, None, Instant::now());
            (name, Watched { from, value, read, seen, asked, fault: None })
        });
        let watched = Mutex::new(watched.collect());
        Self { line, keys, watched }
    }

    /// Watches until the gateway stops.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                // The hall is gone: that is a stop.
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let this = Arc::clone(&self);
            if tokio::task::spawn_blocking(move || this.look()).await.is_err() {
                tracing::error!("a look at the secrets has failed");
            }
        }
    }

    /// Every secret that is watched, and why its newest value is not in force.
    #[must_use]
    pub fn standing(&self) -> Vec<(String, Option<String>)> {
        self.lock().iter().map(|(name, one)| (name.clone(), one.fault.clone())).collect()
    }

    /// Looks at every secret once.
    fn look(&self) {
        let names: Vec<String> = self.lock().keys().cloned().collect();
        for name in names {
            let Some(found) = self.due(&name) else { continue };
            let taken = found.and_then(|value| self.take(&name, value));
            self.tell(&name, taken.err());
        }
    }

    /// What a secret is now, if it is time to ask. Nobody else waits while a vault is asked.
    fn due(&self, name: &str) -> Option<Result<Zeroizing<Vec<u8>>, String>> {
        let (reader, place) = {
            let mut watched = self.lock();
            let one = watched.get_mut(name)?;
            match &one.from {
                SecretFrom::Env => return None,
                SecretFrom::File(file) => {
                    let file = file.clone();
                    return one.file(&file);
                }
                SecretFrom::Vault { reader, place, every } => {
                    if one.asked.elapsed() < *every {
                        return None;
                    }
                    one.asked = Instant::now();
                    (reader.clone(), place.clone())
                }
            }
        };
        Some(reader.read(&place))
    }

    /// Puts a value in force, if it is another one.
    fn take(&self, name: &str, value: Zeroizing<Vec<u8>>) -> Result<(), String> {
        if value.is_empty() {
            return Err("the new secret is empty".to_owned());
        }
        let mut values: BTreeMap<String, Zeroizing<Vec<u8>>> = {
            let watched = self.lock();
            if watched.get(name).is_none_or(|one| one.value == value) {
                return Ok(());
            }
            watched.iter().map(|(name, one)| (name.clone(), one.value.clone())).collect()
        };
        values.insert(name.to_owned(), value.clone());
        let uses = |keys: &Vec<KeyPlan>| keys.iter().any(|key| key.secret == name);
        let users: Vec<_> = self.keys.iter().filter(|(_, keys)| uses(keys)).collect();
        // All sources can use it, or none does.
        let mut rings = Vec::with_capacity(users.len());
        for (source, plans) in users {
            let ring = ring(plans, &values).ok_or("a secret beside it is not known")?;
            self.line.admission.check_keys(source, ring.clone()).map_err(|problems| {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                format!("source {source}: {}", problems.join("; "))
            })?;
            rings.push((source, ring));
        }
        for (source, ring) in rings {
            // It was checked just now.
            if self.line.admission.replace_keys(source, ring).is_ok() {
                tracing::info!(%source, secret = name, "keys were replaced: a secret has changed");
            }
        }
        if let Some(one) = self.lock().get_mut(name) {
            one.value = value;
        }
        Ok(())
    }

    /// Notes whether a secret is in force, and says what has changed about that.
    fn tell(&self, name: &str, fault: Option<String>) {
        let mut watched = self.lock();
        let Some(one) = watched.get_mut(name) else { return };
        match &fault {
            Some(why) if one.fault.as_ref() != Some(why) => {
                let code = "secret_not_taken";
                tracing::error!(
                    secret = name,
                    code,
                    why,
                    "a secret is not taken: the old one stays"
                );
            }
            None if one.fault.is_some() => tracing::info!(secret = name, "a secret is right again"),
            _ => {}
        }
        one.fault = fault;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Watched>> {
        // Nothing panics with the lock held; if it did, the values are whole all the same.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// The content of a file that has changed since it was read, and not since the last look.
    fn file(&mut self, file: &Path) -> Option<Result<Zeroizing<Vec<u8>>, String>> {
        let told = |fault: std::io::Error| format!("cannot read {}: {fault}", file.display());
        let now = match Stat::of(file) {
            Ok(now) => now,
            Err(fault) => {
                (self.read, self.seen) = (None, None);
                return Some(Err(told(fault)));
            }
        };
        let (still, known) = (self.seen == Some(now), self.read == Some(now));
        self.seen = Some(now);
        if known || !still {
            return None;
        }
        let found = read(file).map_err(told);
        // What was changed while it was read is read again.
        self.read = Stat::of(file).ok().filter(|after| *after == now);
        Some(found)
    }
}

impl Stat {
    fn of(file: &Path) -> std::io::Result<Self> {
        let found = fs::metadata(file)?;
        let changed = (found.ctime(), found.ctime_nsec());
        Ok(Self { inode: found.ino(), len: found.len(), changed })
    }
}

/// A secret in a file, without the newline that editors put at its end.
///
/// # Errors
/// Those of the disk.
pub fn read(file: &Path) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(fs::read(file)?);
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(bytes)
}

/// The keys of a source with their secrets.
fn ring(plans: &[KeyPlan], values: &BTreeMap<String, Zeroizing<Vec<u8>>>) -> Option<Vec<Key>> {
    let key = |plan: &KeyPlan| {
        let secret = Secret::new(values.get(&plan.secret)?.to_vec());
        let KeyPlan { id, issuer, not_before, not_after, .. } = plan.clone();
        Some(Key { id, secret, issuer, not_before, not_after })
    };
    plans.iter().map(key).collect()
}

const LOOK_EVERY: Duration = Duration::from_secs(1);
