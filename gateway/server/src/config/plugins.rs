//! The checks of plugins: their files, their pins, their bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use sluicegate_admission::sha256;
use sluicegate_core::ids::Digest;
use sluicegate_core::limits::{FILTER_DEADLINE_MS_MAX, PLUGIN_MEMORY_BYTES_MAX};
use sluicegate_filters::{Breaker, OnFailure, PluginSpec, Terms};

use super::check::{Checker, places};
use super::plan::PluginPlan;
use super::scalars::Span;
use super::shape;

impl Checker<'_> {
    /// Every plugin, its file read and its digest held against the pinned one.
    pub(super) fn plugins(&mut self, plugins: &BTreeMap<String, shape::Plugin>) -> Vec<PluginPlan> {
        places("plugins", plugins)
            .into_iter()
            .filter_map(|(place, name, plugin)| self.plugin(place, name, plugin))
            .collect()
    }

    fn plugin(&mut self, place: String, name: &str, plugin: &shape::Plugin) -> Option<PluginPlan> {
        let name = self.name(&place, name);
        let deadline = plugin.deadline.map_or(Duration::from_millis(10), |span| span.0);
        if !(1..=u128::from(FILTER_DEADLINE_MS_MAX)).contains(&deadline.as_millis()) {
            let message = format!("a deadline is 1ms to {FILTER_DEADLINE_MS_MAX}ms");
            self.fault(&format!("{place}/deadline"), "value_out_of_range", message);
        }
        let memory = plugin.memory.map_or(64 << 20, |size| size.0);
        let memory_bytes_max = usize::try_from(memory).unwrap_or(usize::MAX);
        if !((64 << 10)..=PLUGIN_MEMORY_BYTES_MAX).contains(&memory_bytes_max) {
            let message = format!("memory is 64KiB to {PLUGIN_MEMORY_BYTES_MAX} bytes");
            self.fault(&format!("{place}/memory"), "value_out_of_range", message);
        }
        let file = self.base.join(&plugin.path);
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(fault) => {
                let message = format!("cannot read {}: {fault}", plugin.path);
                self.fault(&format!("{place}/path"), "plugin_unreadable", message);
                return None;
            }
        };
        let digest = sha256(&bytes);
        self.pinned(&place, plugin.sha256.as_deref(), digest);
        let spec = PluginSpec {
            name: name?,
            bytes,
            digest,
            terms: Terms {
                config: serde_json::Value::Object(plugin.config.clone()).to_string(),
                deadline,
                memory_bytes_max,
                on_failure: on_failure(plugin.on_failure),
                recycle_calls: 1_000_000,
            },
        };
        let breaker = self.breaker(&place, plugin.breaker.as_ref());
        Some(PluginPlan { spec, breaker, pointer: place })
    }

    fn breaker(&mut self, place: &str, written: Option<&shape::Breaker>) -> Option<Breaker> {
        let none = shape::BreakerSection::default();
        let section = match written {
            Some(shape::Breaker::Off) => return None,
            Some(shape::Breaker::On(section)) => section,
            None => &none,
        };
        let usual = Breaker::default();
        let span = |span: Option<Span>, usual: Duration| span.map_or(usual, |span| span.0);
        let breaker = Breaker {
            failures: section.failures.unwrap_or(usual.failures),
            within: span(section.within, usual.within),
            retry: span(section.retry, usual.retry),
        };
        for (name, time) in [("within", breaker.within), ("retry", breaker.retry)] {
            if !(Duration::from_millis(1)..=BREAKER_TIME_MAX).contains(&time) {
                let message = format!("a breaker's `{name}` is 1ms to 1d");
                self.fault(&format!("{place}/breaker/{name}"), "value_out_of_range", message);
            }
        }
        Some(breaker)
    }

    fn pinned(&mut self, place: &str, pinned: Option<&str>, digest: Digest) {
        let Some(pinned) = pinned else { return };
        let message = match pinned.parse::<Digest>() {
            Ok(pinned) if pinned == digest => return,
            Ok(_) => format!("the file's digest is {digest}, and not the pinned one"),
            Err(fault) => fault.to_string(),
        };
        self.fault(&format!("{place}/sha256"), "plugin_digest", message);
    }
}

fn on_failure(written: shape::OnFailure) -> OnFailure {
    match written {
        shape::OnFailure::DeadLetter => OnFailure::DeadLetter,
        shape::OnFailure::Next => OnFailure::Next,
        shape::OnFailure::Drop => OnFailure::Drop,
        shape::OnFailure::Reject => OnFailure::Reject,
        shape::OnFailure::Pause => OnFailure::Pause,
    }
}

/// What is longer is no circuit breaker any more.
const BREAKER_TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
