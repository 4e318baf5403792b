//! What changes in a slot: another version, back to the one before, a shadow, a pause.
//!
//! A change never waits for an event and never takes one away: who took the old seat walks to its
//! end with it. A version that decides no more is retired: its instances end, its code stays as
//! long as it can be gone back to.

use std::sync::Arc;
use std::time::Instant;

use sluicegate_core::ids::Digest;

use crate::breaker::Probe;
use crate::fault::SlotFault;
use crate::plugin::Plugin;
use crate::shadow::Shadow;
use crate::slot::{Behind, Seat, Slot, Stands};

/// Whether a version that was quarantined may be put in place again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// It may not.
    No,
    /// It may, and is forgiven.
    Forgive,
}

/// What a slot was before the gateway stopped.
#[derive(Debug, Clone, Default)]
pub struct Restored {
    /// The version that decided, if it is not the one that is in place.
    pub current: Option<Plugin>,
    /// The version before it.
    pub previous: Option<Plugin>,
    /// Versions that failed too often.
    pub quarantined: Vec<Digest>,
    /// The failure for which it was paused.
    pub paused: Option<String>,
}

impl Slot {
    /// Whether a version of these bytes may be put in place.
    ///
    /// # Errors
    /// When it was quarantined, and is not forgiven.
    pub fn admits(&self, digest: Digest, force: Force) -> Result<(), SlotFault> {
        let is_bad = force == Force::No && self.behind().quarantined.contains(&digest);
        if is_bad { Err(SlotFault::Quarantined { digest }) } else { Ok(()) }
    }

    /// Takes up what the slot was before a restart. Counts as no swap.
    pub fn restore(&self, restored: Restored) {
        let mut behind = self.behind();
        let seat = self.seat();
        let plugin = restored.current.unwrap_or_else(|| seat.plugin.clone());
        behind.previous = restored.previous.filter(|previous| *previous != plugin);
        behind.previous.iter().for_each(Plugin::retire);
        behind.quarantined = restored.quarantined;
        let stands = restored.paused.map_or(Stands::Running, |why| Stands::Paused(why.into()));
        self.sit(&mut behind, Seat { plugin, stands, shadow: seat.shadow.clone() });
    }

    /// Asks it again: it is no longer paused, and its circuit is closed.
    pub fn resume(&self) {
        let mut behind = self.behind();
        let seat = self.seat();
        if !matches!(seat.stands, Stands::Running) {
            seat.plugin.0.failures.clear();
            self.stand(&mut behind, &seat, Stands::Running);
            tracing::info!(plugin = self.name().as_str(), "a plugin is asked again");
        }
    }

    /// Ends the shadow.
    ///
    /// # Errors
    /// When there is none.
    pub fn end_shadow(&self) -> Result<(), SlotFault> {
        let mut behind = self.behind();
        let seat = self.seat();
        if seat.shadow.is_none() {
            return Err(SlotFault::NoShadow);
        }
        let stands = seat.stands.again();
        self.sit(&mut behind, Seat { plugin: seat.plugin.clone(), stands, shadow: None });
        Ok(())
    }

    /// Puts another version in place.
    pub(crate) fn swap(&self, plugin: Plugin, force: Force) -> Result<(), SlotFault> {
        self.admits(plugin.digest(), force)?;
        let mut behind = self.behind();
        behind.quarantined.retain(|digest| *digest != plugin.digest());
        let seat = self.seat();
        self.replace(&mut behind, &seat, plugin);
        Ok(())
    }

    /// Puts the version in shadow in place.
    pub(crate) fn promote(&self) -> Result<(), SlotFault> {
        let mut behind = self.behind();
        let seat = self.seat();
        let shadow = seat.shadow.as_ref().ok_or(SlotFault::NoShadow)?;
        self.replace(&mut behind, &seat, shadow.plugin.clone());
        Ok(())
    }

    /// Goes back to the version before, because somebody said so.
    pub(crate) fn roll_back(&self) -> Result<(), SlotFault> {
        let mut behind = self.behind();
        let previous = behind.previous.take().ok_or(SlotFault::NoPrevious)?;
        let seat = self.seat();
        self.back_to(&mut behind, &seat, previous);
        let digest = self.current().digest().to_string();
        tracing::warn!(plugin = self.name().as_str(), digest, "rolled back to the version before");
        Ok(())
    }

    /// Sets a version beside the one that decides.
    pub(crate) fn set_shadow(&self, shadow: Arc<Shadow>, force: Force) -> Result<(), SlotFault> {
        self.admits(shadow.plugin.digest(), force)?;
        let mut behind = self.behind();
        let seat = self.seat();
        shadow.plugin.be_shadow(true);
        let stands = seat.stands.again();
        self.sit(&mut behind, Seat { plugin: seat.plugin.clone(), stands, shadow: Some(shadow) });
        Ok(())
    }

    /// A version has failed too often: back to the one before, which it is not any more itself; or,
    /// if there is none, it is asked no more for a while.
    pub(crate) fn tripped(&self, plugin: &Plugin) {
        let mut behind = self.behind();
        let seat = self.seat();
        if seat.plugin != *plugin || !matches!(seat.stands, Stands::Running) {
            return;
        }
        let name = self.name().as_str();
        let digest = plugin.digest().to_string();
        let Some(previous) = behind.previous.take() else {
            let retry = self.0.breaker.unwrap_or_default().retry;
            self.stand(&mut behind, &seat, Stands::Open(Probe::new(Instant::now(), retry)));
            tracing::error!(plugin = name, digest, "a plugin fails too often: it is not asked");
            return;
        };
        if behind.quarantined.len() >= QUARANTINED_MAX {
            behind.quarantined.remove(0);
        }
        behind.quarantined.push(plugin.digest());
        let back_to = previous.digest().to_string();
        self.back_to(&mut behind, &seat, previous);
        let why = "a version fails too often: quarantined, and rolled back to the one before";
        tracing::error!(plugin = name, digest, back_to, "{why}");
    }

    /// A version whose circuit is open has answered: it is asked again.
    pub(crate) fn recovered(&self, plugin: &Plugin) {
        let mut behind = self.behind();
        let seat = self.seat();
        if seat.plugin == *plugin && matches!(seat.stands, Stands::Open(_)) {
            plugin.0.failures.clear();
            self.stand(&mut behind, &seat, Stands::Running);
            tracing::info!(plugin = self.name().as_str(), "a plugin answers: it is asked again");
        }
    }

    /// A version has failed whose failure policy is to wait for an operator.
    pub(crate) fn pause(&self, plugin: &Plugin, why: &str) {
        let mut behind = self.behind();
        let seat = self.seat();
        if seat.plugin == *plugin && !matches!(seat.stands, Stands::Paused(_)) {
            self.stand(&mut behind, &seat, Stands::Paused(why.into()));
            let name = self.name().as_str();
            tracing::error!(plugin = name, why, "a plugin is paused: events are refused");
        }
    }

    /// Another version decides; the one that did is the one before. The same bytes once more are
    /// no other version to go back to.
    fn replace(&self, behind: &mut Behind, seat: &Seat, plugin: Plugin) {
        plugin.be_shadow(false);
        plugin.revive();
        if seat.plugin.digest() != plugin.digest() {
            behind.previous = Some(seat.plugin.clone());
        }
        if seat.plugin != plugin {
            seat.plugin.retire();
        }
        self.0.swaps.increment();
        let (old, new) = (seat.plugin.digest().to_string(), plugin.digest().to_string());
        let shadow = seat.shadow.clone();
        let shadow = shadow.filter(|shadow| shadow.plugin.digest() != plugin.digest());
        self.sit(behind, Seat { plugin, stands: Stands::Running, shadow });
        tracing::info!(plugin = self.name().as_str(), old, new, "another version decides");
    }

    fn back_to(&self, behind: &mut Behind, seat: &Seat, previous: Plugin) {
        previous.0.failures.clear();
        previous.revive();
        seat.plugin.retire();
        self.0.rollbacks.increment();
        let shadow = seat.shadow.clone();
        self.sit(behind, Seat { plugin: previous, stands: Stands::Running, shadow });
    }

    fn stand(&self, behind: &mut Behind, seat: &Seat, stands: Stands) {
        let (plugin, shadow) = (seat.plugin.clone(), seat.shadow.clone());
        self.sit(behind, Seat { plugin, stands, shadow });
    }
}

impl Stands {
    /// The same once more. An open circuit waits anew for its next try.
    fn again(&self) -> Self {
        match self {
            Self::Running => Self::Running,
            Self::Open(probe) => Self::Open(probe.again(Instant::now())),
            Self::Paused(why) => Self::Paused(Arc::clone(why)),
        }
    }
}

/// Versions that are remembered as bad, the oldest are forgotten first.
const QUARANTINED_MAX: usize = 64;
