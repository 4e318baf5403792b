//! The place of a plugin, by its name: the version that decides, the one before it, one in shadow,
//! and how the plugin stands.
//!
//! What an event needs of it is one immutable [`Seat`], which is replaced as a whole: an event that
//! took a seat keeps it over its whole walk, and a swap waits for nobody. Changes stand in
//! `change`; here is what is read.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use sluicegate_core::event::Event;
use sluicegate_core::ids::{Digest, PluginName, RouteName};
use sluicegate_core::metrics::Counter;
use tokio::sync::Notify;

use crate::breaker::{Breaker, Probe};
use crate::differences::Differences;
use crate::fault::Fault;
use crate::plugin::Plugin;
use crate::shadow::Shadow;
use crate::trial::Said;
use crate::walk::Verdict;

/// A plugin by its name, whatever version of it decides. Cloning it is cheap.
#[derive(Clone)]
pub struct Slot(pub(crate) Arc<Place>);

/// What the handles of a slot share.
pub(crate) struct Place {
    name: PluginName,
    pub(crate) breaker: Option<Breaker>,
    /// Replaced only by who holds `behind`.
    seat: RwLock<Arc<Seat>>,
    behind: Mutex<Behind>,
    pub(crate) swaps: Counter,
    pub(crate) rollbacks: Counter,
    changed: OnceLock<Arc<Notify>>,
}

/// What one event sees of a plugin.
pub(crate) struct Seat {
    pub(crate) plugin: Plugin,
    pub(crate) stands: Stands,
    pub(crate) shadow: Option<Arc<Shadow>>,
}

/// How a plugin stands, with what an event needs of that.
pub(crate) enum Stands {
    Running,
    Open(Probe),
    Paused(Arc<str>),
}

/// What no event needs.
#[derive(Default)]
pub(crate) struct Behind {
    pub(crate) previous: Option<Plugin>,
    pub(crate) quarantined: Vec<Digest>,
}

/// How a plugin stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is asked.
    Running,
    /// It failed too often, and no version was before it: it is not asked, but for a try now and
    /// then. Its failure policy applies.
    Open,
    /// It failed, and its failure policy is to wait for an operator, with this failure.
    Paused(String),
}

/// A slot at one moment.
#[derive(Debug, Clone)]
pub struct SlotView {
    /// The version that decides.
    pub current: Plugin,
    /// The version that decided before it, if it can be gone back to.
    pub previous: Option<Plugin>,
    /// The version in shadow.
    pub shadow: Option<Plugin>,
    /// How the plugin stands.
    pub standing: Standing,
    /// Versions that failed too often, oldest first.
    pub quarantined: Vec<Digest>,
    /// How often another version was put in its place.
    pub swaps: u64,
    /// How often it went back to the version before, by itself or because somebody said so.
    pub rollbacks: u64,
    /// What came of the shadow; `None` without one.
    pub differences: Option<Differences>,
}

impl Slot {
    /// The place of a plugin, with its first version. `None`: it has no circuit breaker.
    #[must_use]
    pub fn new(plugin: Plugin, breaker: Option<Breaker>) -> Self {
        Self(Arc::new(Place {
            name: plugin.name().clone(),
            breaker,
            seat: RwLock::new(Arc::new(Seat { plugin, stands: Stands::Running, shadow: None })),
            behind: Mutex::default(),
            swaps: Counter::default(),
            rollbacks: Counter::default(),
            changed: OnceLock::new(),
        }))
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &PluginName {
        &self.0.name
    }

    /// The version that decides now.
    #[must_use]
    pub fn current(&self) -> Plugin {
        self.seat().plugin.clone()
    }

    /// Its circuit breaker.
    #[must_use]
    pub fn breaker(&self) -> Option<Breaker> {
        self.0.breaker
    }

    /// All of it at this moment.
    #[must_use]
    pub fn view(&self) -> SlotView {
        let behind = self.behind();
        let seat = self.seat();
        SlotView {
            current: seat.plugin.clone(),
            previous: behind.previous.clone(),
            shadow: seat.shadow.as_ref().map(|shadow| shadow.plugin.clone()),
            standing: match &seat.stands {
                Stands::Running => Standing::Running,
                Stands::Open(_) => Standing::Open,
                Stands::Paused(why) => Standing::Paused(why.to_string()),
            },
            quarantined: behind.quarantined.clone(),
            swaps: self.0.swaps.value(),
            rollbacks: self.0.rollbacks.value(),
            differences: seat.shadow.as_ref().map(|shadow| shadow.differences()),
        }
    }

    /// Who is woken after every change of a version or of the standing; the first who says so.
    pub fn tell(&self, changed: Arc<Notify>) {
        // Set once: a slot has one keeper.
        let _ = self.0.changed.set(changed);
    }

    /// What an event sees of it now.
    pub(crate) fn seat(&self) -> Arc<Seat> {
        Arc::clone(&self.0.seat.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the seat without taking it.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Seat) -> T) -> T {
        at(&self.0.seat.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who holds this may replace the seat.
    pub(crate) fn behind(&self) -> MutexGuard<'_, Behind> {
        // What this lock guards is whole at every moment.
        self.0.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the seat, and tells who wants to know.
    pub(crate) fn sit(&self, _held: &mut Behind, seat: Seat) {
        let seat = Arc::new(seat);
        let old = {
            let mut place = self.0.seat.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, seat)
        };
        // Not under the lock: with the last handle a version goes, and its instances with it.
        drop(old);
        if let Some(changed) = self.0.changed.get() {
            changed.notify_one();
        }
    }
}

impl Standing {
    /// In one word, for the API and metrics.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Open => "open",
            Self::Paused(_) => "paused",
        }
    }
}

impl Seat {
    /// Whether an event of this type is anything to it.
    pub(crate) fn wants(&self, kind: &str) -> bool {
        self.plugin.wants(kind)
            || self.shadow.as_ref().is_some_and(|shadow| shadow.plugin.wants(kind))
    }

    /// Whether it may be asked about several events in one call now.
    pub(crate) fn takes_several(&self) -> bool {
        matches!(self.stands, Stands::Running) && self.plugin.0.together.is_some()
    }

    /// The event that tries a version again whose circuit is open, or that may just ask.
    pub(crate) fn may_ask(&self) -> Result<(), Fault> {
        match &self.stands {
            Stands::Open(probe) if !probe.is_due(Instant::now()) => Err(Fault::circuit_open()),
            _ => Ok(()),
        }
    }

    /// Hands an event that was decided to the shadow, if there is one.
    pub(crate) fn compare(&self, event: &Event, route: &RouteName, verdict: &Verdict) {
        if let Some(shadow) = &self.shadow {
            shadow.compare(event, route, Said::from(verdict.clone()));
        }
    }

    /// Hands over an event that the version that decides did not subscribe to.
    pub(crate) fn compare_unasked(&self, event: &Event, route: &RouteName) {
        if let Some(shadow) = &self.shadow
            && shadow.plugin.wants(&event.kind)
        {
            shadow.compare(event, route, Said::NotAsked);
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({:?})", self.current())
    }
}
