//! A loaded plugin: a cheap handle to what all workers share of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sluicegate_core::ids::{Digest, PluginName};
use sluicegate_core::letter::Cause;
use sluicegate_core::state::Grant;
use wasmtime::component::InstancePre;

use crate::breaker::Failures;
use crate::exports::{Exports, World};
use crate::fault::Fault;
use crate::imports::{Context, LogGate};
use crate::instance::{Instance, Started};
use crate::metrics::{Counts, PluginMetrics};
use crate::pace::Pace;
use crate::series::SeriesTable;
use crate::spec::OnFailure;
use crate::subscription::Subscription;
use crate::together::Together;
use crate::trial::Meter;

/// A loaded plugin. Cloning it is cheap; its instances end when the last handle is gone.
#[derive(Clone)]
pub struct Plugin(pub(crate) Arc<Loaded>);

/// What all workers share of a plugin.
pub(crate) struct Loaded {
    pub(crate) about: Arc<About>,
    pub(crate) instances: InstancePre<Context>,
    pub(crate) exports: Exports,
    pub(crate) limits: Limits,
    pub(crate) on_failure: OnFailure,
    pub(crate) subscription: Subscription,
    pub(crate) pace: Pace,
    /// How many events it is asked about in one call; `None`: one.
    pub(crate) together: Option<Together>,
    pub(crate) failures: Failures,
    /// It decides no more: its instances end where they are swept.
    retired: AtomicBool,
}

/// How an instance is held in.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) config: Arc<str>,
    pub(crate) deadline: Duration,
    pub(crate) memory_bytes_max: usize,
    pub(crate) recycle_calls: u64,
    pub(crate) state: Option<Grant>,
    pub(crate) meter: Meter,
}

/// Who a plugin is and what it counted: shared with its instances.
pub(crate) struct About {
    pub(crate) name: PluginName,
    pub(crate) digest: Digest,
    /// The first twelve digits of the digest.
    pub(crate) digest_short: String,
    /// What an event that it emits carries: `name@0123456789ab`.
    pub(crate) signature: String,
    pub(crate) counts: Counts,
    pub(crate) series: SeriesTable,
    /// For what the plugin logs.
    pub(crate) log: LogGate,
    /// For what the gateway logs about its failures.
    pub(crate) failures: LogGate,
    /// It is only compared: what it logs and counts says so.
    pub(crate) shadow: AtomicBool,
}

impl Plugin {
    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &PluginName {
        &self.0.about.name
    }

    /// The digest of its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.about.digest
    }

    /// Whether it subscribed to events of this type.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        self.0.subscription.wants(kind)
    }

    /// From now on it decides nothing, until it is revived.
    pub(crate) fn retire(&self) {
        self.0.retired.store(true, Ordering::Relaxed);
    }

    pub(crate) fn revive(&self) {
        self.0.retired.store(false, Ordering::Relaxed);
    }

    pub(crate) fn be_shadow(&self, is: bool) {
        self.0.about.shadow.store(is, Ordering::Relaxed);
    }

    /// Its numbers now.
    #[must_use]
    pub fn metrics(&self) -> PluginMetrics {
        self.0.about.metrics()
    }
}

impl Loaded {
    pub(crate) fn new(
        about: Arc<About>,
        instances: InstancePre<Context>,
        exports: Exports,
        run: (Limits, OnFailure),
        subscription: Subscription,
    ) -> Self {
        let (limits, on_failure) = run;
        // What one event leaves behind, the next one sees: they are asked about one by one.
        let takes_several = exports.world() == World::Batch && limits.state.is_none();
        let together = takes_several.then(Together::default);
        Self {
            about,
            instances,
            exports,
            limits,
            on_failure,
            subscription,
            pace: Pace::new(takes_several),
            together,
            failures: Failures::default(),
            retired: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    /// A fresh instance, ready to be asked. The subscription is the one of the load: an instance
    /// cannot change it.
    pub(crate) fn start(&self) -> Result<Box<Instance>, Fault> {
        match Instance::start(&self.about, &self.instances, &self.exports, &self.limits)? {
            Started::Ready(instance, _) => Ok(instance),
            Started::Refused(why) => {
                let why = format!("configure refused on a fresh instance: {why}");
                Err(Fault::new(Cause::Failed, why))
            }
        }
    }
}

impl About {
    pub(crate) fn is_shadow(&self) -> bool {
        self.shadow.load(Ordering::Relaxed)
    }

    fn metrics(&self) -> PluginMetrics {
        let counts = &self.counts;
        let call_time_ns = counts.call_time_ns.snapshot();
        PluginMetrics {
            plugin: self.name.clone(),
            digest: self.digest,
            is_shadow: self.is_shadow(),
            calls: call_time_ns.buckets.iter().sum(),
            decisions: counts.decisions(),
            failures: counts.failures(),
            call_time_ns,
            instances: counts.living.load(Ordering::Relaxed),
            starts: counts.starts.value(),
            recycled: counts.recycled.value(),
            retries: counts.retries.value(),
            log_lines_dropped: counts.log_lines_dropped.value(),
            state_refused: counts.state_refused.value(),
            memory_bytes_max: counts.memory_bytes_max.load(Ordering::Relaxed),
            series: self.series.snapshot(),
        }
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plugin({}@{})", self.0.about.name, self.0.about.digest_short)
    }
}

impl PartialEq for Plugin {
    /// The same plugin as it was loaded once, not one that looks like it.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
