//! Looks at watched files and folders every second, and loads what is new in them.
//!
//! What is new is handed on, to be loaded and swapped in; a version that is not taken is told once,
//! and the one that runs goes on running. A file is read only when it looks the same twice: whoever
//! copies over it has time to finish. Nothing is taken out of service because a file is gone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sluicegate_admission::sha256;
use sluicegate_core::ids::{Digest, PluginName};
use sluicegate_core::metrics::Counter;
use sluicegate_filters::{PluginSpec, Terms};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::origin::{Look, Origin, OriginFault};
use super::shelf::Shelf;

/// All plugins that are watched.
pub struct Watch {
    /// Held as long as loading takes: numbers are read without it.
    watched: Mutex<Vec<Watched>>,
    counters: Vec<(PluginName, Arc<WatchCounters>)>,
    shelf: Shelf,
}

/// Why a new version is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotTaken {
    /// The stable code of the fault.
    pub code: &'static str,
    /// What is wrong.
    pub why: String,
}

/// A plugin whose file or folder is watched.
pub struct Watched {
    name: PluginName,
    origin: Origin,
    terms: Terms,
    counters: Arc<WatchCounters>,
    /// The version that was tried last, whatever came of it.
    tried: Digest,
    /// What the file looked like at the last look.
    seen: Option<Look>,
    /// What it looked like when it was last read.
    read: Option<Look>,
    /// The code of what stands in the way of looking, if that was told.
    told: Option<&'static str>,
}

/// What came of new versions.
#[derive(Debug, Default)]
pub struct WatchCounters {
    /// Versions that were taken.
    pub taken: Counter,
    /// Versions that were refused: the one before went on.
    pub refused: Counter,
}

impl Watched {
    /// A plugin that runs in the version of this digest.
    #[must_use]
    pub fn new(origin: Origin, running: &PluginSpec) -> Self {
        Self {
            name: running.name.clone(),
            origin,
            terms: running.terms.clone(),
            counters: Arc::default(),
            tried: running.digest,
            seen: None,
            read: None,
            told: None,
        }
    }

    /// Looks once; what to load, if there is something new.
    fn look(&mut self, shelf: &Shelf) -> Option<(PluginSpec, String)> {
        match self.changed(shelf) {
            Ok(found) => {
                if self.told.take().is_some() {
                    tracing::info!(plugin = %self.name, "its place can be read again");
                }
                found
            }
            Err(fault) => {
                let (plugin, code) = (&self.name, fault.code());
                if self.told.replace(code) != Some(code) {
                    tracing::warn!(%plugin, %fault, code, "{CANNOT_LOOK}");
                }
                None
            }
        }
    }

    fn changed(&mut self, shelf: &Shelf) -> Result<Option<(PluginSpec, String)>, OriginFault> {
        let look = self.origin.look()?;
        let is_still = self.seen.replace(look.clone()) == Some(look.clone());
        if !is_still || self.read.as_ref() == Some(&look) {
            return Ok(None);
        }
        let fetched = self.origin.fetch(shelf)?;
        self.read = Some(look);
        let digest = sha256(&fetched.bytes);
        if digest == self.tried {
            return Ok(None);
        }
        self.tried = digest;
        let (name, bytes, terms) = (self.name.clone(), fetched.bytes, self.terms.clone());
        Ok(Some((PluginSpec { name, bytes, digest, terms }, fetched.from)))
    }
}

impl Watch {
    /// Watches these; what is not watched is left out.
    #[must_use]
    pub fn new(watched: Vec<Watched>, shelf: Shelf) -> Self {
        let watched: Vec<_> = watched.into_iter().filter(|one| one.origin.is_watched()).collect();
        let counters = |one: &Watched| (one.name.clone(), Arc::clone(&one.counters));
        let counters = watched.iter().map(counters).collect();
        Self { watched: Mutex::new(watched), counters, shelf }
    }

    /// The plugins that are watched, with what they count.
    #[must_use]
    pub fn counters(&self) -> &[(PluginName, Arc<WatchCounters>)] {
        &self.counters
    }

    /// Looks at all once, and hands on what is new. Blocks as long as taking it does.
    pub fn look(&self, take: impl Fn(PluginSpec) -> Result<(), NotTaken>) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        for one in watched.iter_mut() {
            let Some((spec, from)) = one.look(&self.shelf) else { continue };
            let (plugin, digest) = (spec.name.clone(), spec.digest);
            match take(spec) {
                Ok(()) => {
                    one.counters.taken.increment();
                    tracing::info!(%plugin, %digest, from, "{TAKEN}");
                }
                Err(NotTaken { code, why }) => {
                    one.counters.refused.increment();
                    tracing::error!(%plugin, %digest, from, code, why, "{NOT_TAKEN}");
                }
            }
        }
    }

    /// Looks every second until it is told to stop.
    pub async fn run(
        self: Arc<Self>,
        take: impl Fn(PluginSpec) -> Result<(), NotTaken> + Send + Sync + 'static,
        mut stop: watch::Receiver<bool>,
    ) {
        if self.counters.is_empty() {
            return;
        }
        let take = Arc::new(take);
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                // Also when whoever could say it is gone.
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let (watch, take) = (Arc::clone(&self), Arc::clone(&take));
            let looking = tokio::task::spawn_blocking(move || watch.look(&*take));
            tokio::select! {
                looked = looking => {
                    if let Err(fault) = looked {
                        tracing::error!(%fault, "looking for new versions of plugins failed");
                    }
                }
                // What is being loaded is loaded to its end, for nobody.
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }
}

const EVERY: Duration = Duration::from_secs(1);

const TAKEN: &str = "a new version of the plugin is taken";
const NOT_TAKEN: &str = "a new version of the plugin is refused; the one that runs goes on";
const CANNOT_LOOK: &str = "cannot look for a new version; the one that runs goes on";

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    fn spec(bytes: &[u8]) -> PluginSpec {
        PluginSpec {
            name: "p".parse().unwrap(),
            bytes: bytes.to_vec(),
            digest: sha256(bytes),
            terms: Terms {
                config: "{}".into(),
                deadline: Duration::from_millis(10),
                memory_bytes_max: 1 << 20,
                on_failure: sluicegate_filters::OnFailure::DeadLetter,
                recycle_calls: 0,
                state: None,
            },
        }
    }

    /// Looks twice, and says what is to be loaded.
    fn found(watched: &mut Watched, shelf: &Shelf) -> Option<Vec<u8>> {
        let first = watched.look(shelf);
        first.or_else(|| watched.look(shelf)).map(|(spec, _)| spec.bytes)
    }

    fn watch(origin: Origin, running: &[u8]) -> (Watched, Shelf) {
        (Watched::new(origin, &spec(running)), Shelf::new(Path::new("/nowhere")))
    }

    #[test]
    fn a_file_is_read_when_it_has_changed_and_stands_still() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        fs::write(&path, "one").unwrap();
        let origin = Origin::File { path: path.clone(), is_watched: true };
        let (mut watched, shelf) = watch(origin, b"one");
        assert_eq!(found(&mut watched, &shelf), None, "it runs already");
        fs::write(&path, "two two").unwrap();
        assert!(watched.look(&shelf).is_none(), "it may still be written to");
        fs::write(&path, "three three three").unwrap();
        assert!(watched.look(&shelf).is_none());
        let (spec, _) = watched.look(&shelf).unwrap();
        assert_eq!(
            (&spec.bytes[..], spec.digest),
            (&b"three three three"[..], sha256(&spec.bytes))
        );
        assert_eq!(found(&mut watched, &shelf), None, "it was tried");
        fs::remove_file(&path).unwrap();
        assert_eq!(found(&mut watched, &shelf), None);
        assert_eq!(watched.told, Some("plugin_unreadable"));
        fs::write(&path, "one").unwrap();
        assert_eq!(found(&mut watched, &shelf).as_deref(), Some(&b"one"[..]), "it came back");
        assert_eq!(watched.told, None);
    }

    #[test]
    fn what_is_refused_is_counted_and_not_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        fs::write(&path, "bad").unwrap();
        let (watched, shelf) = watch(Origin::File { path, is_watched: true }, b"good");
        let still = watch(Origin::Folder(folder.path().to_owned()), b"bad").0;
        let watch = Watch::new(vec![watched, still], shelf);
        let tries = Counter::default();
        for _ in 0..5 {
            watch.look(|_| {
                tries.increment();
                Err(NotTaken { code: "plugin_not_wasm", why: "no".into() })
            });
        }
        let [(_, first), (_, second)] = watch.counters() else { panic!("two are watched") };
        assert_eq!((tries.value(), first.refused.value(), first.taken.value()), (1, 1, 0));
        assert_eq!((second.refused.value(), second.taken.value()), (0, 0));
    }

    #[test]
    fn removing_the_newest_of_a_folder_goes_back_to_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("a-1.0.0.wasm", "one");
        let (mut watched, shelf) = watch(Origin::Folder(folder.path().to_owned()), b"one");
        assert_eq!(found(&mut watched, &shelf), None);
        write("a-1.1.0.wasm", "two");
        assert_eq!(found(&mut watched, &shelf).as_deref(), Some(&b"two"[..]));
        write("a-1.0.1.wasm", "older");
        assert_eq!(found(&mut watched, &shelf), None);
        fs::remove_file(folder.path().join("a-1.1.0.wasm")).unwrap();
        assert_eq!(found(&mut watched, &shelf).as_deref(), Some(&b"older"[..]));
        for name in ["a-1.0.0.wasm", "a-1.0.1.wasm"] {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
        assert_eq!(found(&mut watched, &shelf), None);
        assert_eq!(watched.told, Some("plugin_folder_empty"));
    }
}
