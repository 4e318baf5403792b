//! What the versions of a plugin are after a restart: those of before, unless the configuration
//! names another file. It never keeps the gateway from starting.

use sluicegate_core::ids::Digest;
use sluicegate_filters::{Force, LoadFault, Plugin, PluginSpec, Restored};

use super::fault::VersionFault;
use super::index::{Hex, Record};
use super::versions::{Held, Versions};

impl Versions {
    /// Takes up what a plugin was before a restart. Where the configuration names another file than
    /// then, that one decides, and the one that did is the one before.
    pub(super) fn take_up(&self, held: &Held, record: &Record) {
        let slot = &held.slot;
        let name = slot.name().as_str();
        let mut quarantined: Vec<Digest> = record.quarantined.iter().map(|hex| hex.0).collect();
        if record.configured.0 != held.configured {
            let digest = held.configured.to_string();
            let was = record.current.0.to_string();
            let why = "the configuration names another file than before: it decides";
            tracing::warn!(plugin = name, digest, was, "{why}");
            quarantined.retain(|digest| *digest != held.configured);
            let previous = self.load(held, record.current);
            slot.restore(Restored { previous, quarantined, ..Restored::default() });
            return;
        }
        let configured = slot.current();
        let version = |hex: Hex| match hex.0 == held.configured {
            true => Some(configured.clone()),
            false => self.load(held, hex),
        };
        let current = version(record.current);
        let mut restored = Restored { quarantined, ..Restored::default() };
        if let Some(current) = current {
            restored.previous = record.previous.and_then(version);
            restored.paused.clone_from(&record.paused);
            if current != configured {
                let digest = current.digest().to_string();
                tracing::info!(plugin = name, digest, "a version that was put here decides");
                restored.current = Some(current);
            }
        }
        slot.restore(restored);
        let shadow = record.shadow.and_then(|hex| self.load(held, hex));
        if let Some(shadow) = shadow
            && let Err(fault) = self.host().shadow(slot, shadow, Force::Forgive)
        {
            tracing::error!(plugin = name, %fault, "a shadow cannot be taken up");
        }
    }

    /// A version that was kept, loaded; `None` if that cannot be.
    fn load(&self, held: &Held, Hex(digest): Hex) -> Option<Plugin> {
        let name = held.slot.name();
        let load = |bytes| -> Result<Plugin, LoadFault> {
            let (name, terms) = (name.clone(), held.terms());
            self.host().load(PluginSpec { name, bytes, digest, terms })
        };
        let loaded = self.folder.read(digest).map_err(VersionFault::from);
        match loaded.and_then(|bytes| Ok(load(bytes)?)) {
            Ok(plugin) => Some(plugin),
            Err(fault) => {
                let (name, digest) = (name.as_str(), digest.to_string());
                tracing::error!(plugin = name, digest, %fault, "a version cannot be taken up");
                None
            }
        }
    }
}
