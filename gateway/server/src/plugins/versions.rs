//! What the hall and the API hold: put, shadow, promote, roll back and resume versions.
//!
//! A version is loaded before anything changes: one that does not load leaves all as it was. What
//! was changed by somebody is on disk before the answer; what changed by itself (a version that
//! fails too often, a pause) is written by the keeper, a moment later.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sluicegate_admission::sha256;
use sluicegate_core::ids::{Digest, PluginName};
use sluicegate_filters::{Force, Host, Plugin, PluginSpec, Slot, SlotFault, Standing, Terms};
use tokio::sync::{Mutex as AsyncMutex, Notify, watch};

use super::fault::VersionFault;
use super::folder::Folder;
use super::index::{Hex, Index, Record};
use crate::blueprint::BuiltPlugin;
use crate::pipeline::Pipeline;

/// The plugins of a gateway, with their versions.
pub struct Versions {
    line: Arc<Pipeline>,
    pub(super) folder: Folder,
    plugins: BTreeMap<PluginName, Held>,
    /// Who holds it changes versions, or writes files: what is so last is written last.
    turn: AsyncMutex<()>,
    /// What the disk has.
    written: Mutex<Index>,
    changed: Arc<Notify>,
}

/// A plugin of the configuration.
#[derive(Debug)]
pub struct Held {
    /// Its place.
    pub slot: Slot,
    /// The digest of the file that the configuration names.
    pub configured: Digest,
    terms: Terms,
}

/// How a version is put.
#[derive(Debug, Clone, Copy)]
pub struct Put {
    /// The digest that its bytes must have.
    pub sha256: Option<Digest>,
    /// What it is to be.
    pub to_be: As,
    /// Whether it is taken even if it was quarantined.
    pub force: Force,
}

/// What a version is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    /// The one that decides.
    Current,
    /// The one beside it, that is only compared.
    Shadow,
}

/// What came of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutDone {
    /// The version is in place.
    Placed,
    /// It was before.
    Unchanged,
}

impl Versions {
    /// Takes up what was before a restart. Loads what must be loaded: call it where blocking is
    /// allowed. A version that cannot be taken up any more is said in the log; the configured one
    /// decides then.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub(crate) fn open(
        data: &Path,
        line: Arc<Pipeline>,
        built: Vec<BuiltPlugin>,
    ) -> io::Result<Self> {
        let (folder, index) = Folder::open(data.join("plugins"))?;
        let changed = Arc::new(Notify::new());
        let mut plugins = BTreeMap::new();
        for BuiltPlugin { slot, spec } in built {
            let PluginSpec { name, bytes, digest, terms } = spec;
            folder.keep(digest, &bytes)?;
            plugins.insert(name, Held { slot, configured: digest, terms });
        }
        let (turn, written) = (AsyncMutex::new(()), Mutex::new(index.clone()));
        let versions = Self { line, folder, plugins, turn, written, changed };
        for (name, held) in &versions.plugins {
            if let Some(record) = index.plugins.get(name.as_str()) {
                versions.take_up(held, record);
            }
            held.slot.tell(Arc::clone(&versions.changed));
        }
        versions.save()?;
        Ok(versions)
    }

    /// Writes down what changes by itself, until `stop` says so.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                biased;
                // The sender lives as long as the hall.
                _ = stop.wait_for(|stop| *stop) => break,
                () = self.changed.notified() => {}
            }
            if let Err(fault) = self.write_down().await {
                tracing::error!(%fault, "the versions of plugins cannot be written down");
                tokio::time::sleep(TRY_AGAIN).await;
                self.changed.notify_one();
            }
        }
        if let Err(fault) = self.write_down().await {
            tracing::error!(%fault, "the versions of plugins cannot be written down");
        }
    }

    /// Every plugin, by name.
    pub fn all(&self) -> impl Iterator<Item = &Held> {
        self.plugins.values()
    }

    /// A plugin.
    ///
    /// # Errors
    /// When the configuration has none of this name.
    pub fn get(&self, name: &PluginName) -> Result<&Held, VersionFault> {
        self.plugins.get(name).ok_or(VersionFault::NoPlugin)
    }

    /// Puts a version in place, or in shadow.
    ///
    /// # Errors
    /// When it is not the file that is meant, does not load, was quarantined, or cannot be kept.
    pub async fn put(
        self: &Arc<Self>,
        name: &PluginName,
        bytes: Bytes,
        put: Put,
    ) -> Result<PutDone, VersionFault> {
        let held = self.get(name)?;
        let digest = sha256(&bytes);
        if put.sha256.is_some_and(|wanted| wanted != digest) {
            return Err(VersionFault::Digest { digest });
        }
        let slot = held.slot.clone();
        let spec =
            PluginSpec { name: name.clone(), bytes: Vec::new(), digest, terms: held.terms() };
        self.blocking(move |versions| {
            slot.admits(digest, put.force)?;
            let is_in_place = put.to_be == As::Current && slot.current().digest() == digest;
            if is_in_place && put.force == Force::No {
                return Ok(PutDone::Unchanged);
            }
            let host = versions.host();
            let plugin = host.load(PluginSpec { bytes: bytes.to_vec(), ..spec })?;
            versions.folder.keep(digest, &bytes)?;
            match put.to_be {
                As::Current => host.swap(&slot, plugin, put.force)?,
                As::Shadow => host.shadow(&slot, plugin, put.force)?,
            }
            Ok(PutDone::Placed)
        })
        .await
    }

    /// Brings back the version that decided before.
    ///
    /// # Errors
    /// When there is none, or it cannot be written down.
    pub async fn roll_back(self: &Arc<Self>, name: &PluginName) -> Result<(), VersionFault> {
        self.change(name, |host, slot| host.roll_back(slot)).await
    }

    /// Puts the version in shadow in place.
    ///
    /// # Errors
    /// When there is none, or it cannot be written down.
    pub async fn promote(self: &Arc<Self>, name: &PluginName) -> Result<(), VersionFault> {
        self.change(name, |host, slot| host.promote(slot)).await
    }

    /// Asks a plugin again that is paused or whose circuit is open.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub async fn resume(self: &Arc<Self>, name: &PluginName) -> Result<(), VersionFault> {
        let resume = |_: &Host, slot: &Slot| {
            slot.resume();
            Ok(())
        };
        self.change(name, resume).await
    }

    /// Ends the shadow.
    ///
    /// # Errors
    /// When there is none, or it cannot be written down.
    pub async fn end_shadow(self: &Arc<Self>, name: &PluginName) -> Result<(), VersionFault> {
        self.change(name, |_, slot| slot.end_shadow()).await
    }

    async fn change(
        self: &Arc<Self>,
        name: &PluginName,
        change: impl FnOnce(&Host, &Slot) -> Result<(), SlotFault> + Send + 'static,
    ) -> Result<(), VersionFault> {
        let slot = self.get(name)?.slot.clone();
        self.blocking(move |versions| Ok(change(versions.host(), &slot)?)).await
    }

    /// Changes something where blocking is allowed, one at a time, and writes down what is so then.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&Self) -> Result<T, VersionFault> + Send + 'static,
    ) -> Result<T, VersionFault> {
        let _turn = self.turn.lock().await;
        let versions = Arc::clone(self);
        let work = move || {
            let done = change(&versions)?;
            versions.save()?;
            Ok(done)
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|fault| Err(VersionFault::File(io::Error::other(fault))))
    }

    async fn write_down(self: &Arc<Self>) -> Result<(), VersionFault> {
        self.blocking(|_| Ok(())).await
    }

    /// Writes the index, if it says another thing than before, and removes what nobody needs.
    fn save(&self) -> io::Result<()> {
        let index = self.index();
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if *written != index {
            self.folder.save(&index)?;
            written.clone_from(&index);
        }
        self.folder.prune(&index.needed())
    }

    fn index(&self) -> Index {
        let mut index = Index::default();
        for (name, held) in &self.plugins {
            let view = held.slot.view();
            let hex = |plugin: &Plugin| Hex(plugin.digest());
            let record = Record {
                configured: Hex(held.configured),
                current: hex(&view.current),
                previous: view.previous.as_ref().map(hex),
                shadow: view.shadow.as_ref().map(hex),
                quarantined: view.quarantined.into_iter().map(Hex).collect(),
                paused: match view.standing {
                    Standing::Paused(why) => Some(why),
                    Standing::Running | Standing::Open => None,
                },
            };
            index.plugins.insert(name.to_string(), record);
        }
        index
    }

    pub(super) fn host(&self) -> &Host {
        &self.line.filters
    }
}

impl Held {
    pub(super) fn terms(&self) -> Terms {
        self.terms.clone()
    }
}

/// How long before what could not be written is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);
