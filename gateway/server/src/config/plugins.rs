//! The checks of plugins: their files, their pins, their bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use sluicegate_admission::sha256;
use sluicegate_core::ids::Digest;
use sluicegate_core::limits::{
    FILTER_DEADLINE_MS_MAX, PLUGIN_MEMORY_BYTES_MAX, STATE_BYTES_DEFAULT, STATE_BYTES_MAX,
    STATE_KEYS_DEFAULT, STATE_KEYS_MAX, STATE_VALUE_BYTES_DEFAULT, STATE_VALUE_BYTES_MAX,
};
use sluicegate_core::state::Grant;
use sluicegate_filters::{OnFailure, PluginSpec, Terms};

use super::check::{Checker, places};
use super::plan::PluginPlan;
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
        let state = plugin.state.as_ref().map(|state| self.state(&place, state));
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
                on_failure: match plugin.on_failure {
                    shape::OnFailure::DeadLetter => OnFailure::DeadLetter,
                    shape::OnFailure::Next => OnFailure::Next,
                    shape::OnFailure::Drop => OnFailure::Drop,
                    shape::OnFailure::Reject => OnFailure::Reject,
                },
                recycle_calls: 1_000_000,
                state,
            },
        };
        Some(PluginPlan { spec, pointer: place })
    }

    fn state(&mut self, place: &str, state: &shape::State) -> Grant {
        let bytes = state.bytes_max.map_or(STATE_BYTES_DEFAULT, |size| size.0);
        let value = state.value_bytes_max.map_or(STATE_VALUE_BYTES_DEFAULT as u64, |size| size.0);
        let keys = state.keys_max.unwrap_or(STATE_KEYS_DEFAULT);
        for (key, found, max) in [
            ("keys_max", keys, STATE_KEYS_MAX),
            ("bytes_max", bytes, STATE_BYTES_MAX),
            ("value_bytes_max", value, STATE_VALUE_BYTES_MAX as u64),
        ] {
            if !(1..=max).contains(&found) {
                let message = format!("{key} is 1 to {max}");
                self.fault(&format!("{place}/state/{key}"), "value_out_of_range", message);
            }
        }
        let value_bytes_max = usize::try_from(value).unwrap_or(STATE_VALUE_BYTES_MAX);
        Grant { keys_max: keys, bytes_max: bytes, value_bytes_max }
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
