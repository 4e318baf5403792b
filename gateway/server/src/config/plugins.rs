//! The checks of plugins: where they come from, their pins, their bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use sluicegate_admission::sha256;
use sluicegate_core::ids::Digest;
use sluicegate_core::limits::{
    FILTER_DEADLINE_MS_MAX, PLUGIN_MEMORY_BYTES_MAX, STATE_BYTES_DEFAULT, STATE_BYTES_MAX,
    STATE_KEYS_DEFAULT, STATE_KEYS_MAX, STATE_VALUE_BYTES_DEFAULT, STATE_VALUE_BYTES_MAX,
};
use sluicegate_core::state::Grant;
use sluicegate_filters::{Breaker, OnFailure, PluginSpec, Terms};
use zeroize::Zeroizing;

use super::check::{Checker, places};
use super::plan::PluginPlan;
use super::scalars::Span;
use super::shape;
use crate::oci::{Credentials, Reference, Registry};
use crate::origins::{Artifact, Origin, Shelf};

impl Checker<'_> {
    /// Every plugin, fetched, and its digest held against the pinned one.
    pub(super) fn plugins(
        &mut self,
        plugins: &BTreeMap<String, shape::Plugin>,
        shelf: &Shelf,
    ) -> Vec<PluginPlan> {
        places("plugins", plugins)
            .into_iter()
            .filter_map(|(place, name, plugin)| self.plugin(place, name, plugin, shelf))
            .collect()
    }

    fn plugin(
        &mut self,
        place: String,
        name: &str,
        plugin: &shape::Plugin,
        shelf: &Shelf,
    ) -> Option<PluginPlan> {
        let name = self.name(&place, name);
        let terms = self.terms(&place, plugin);
        let (key, origin) = self.origin(&place, plugin)?;
        let fetched = match origin.fetch(shelf) {
            Ok(fetched) => fetched,
            Err(fault) => {
                let code = fault.code();
                self.fault(&format!("{place}/{key}"), code, fault.to_string());
                return None;
            }
        };
        let digest = sha256(&fetched.bytes);
        self.pinned(&place, plugin.sha256.as_deref(), digest);
        let breaker = self.breaker(&place, plugin.breaker.as_ref());
        let spec = PluginSpec { name: name?, bytes: fetched.bytes, digest, terms };
        Some(PluginPlan { spec, origin, pulled: fetched.pulled, breaker, pointer: place })
    }

    fn terms(&mut self, place: &str, plugin: &shape::Plugin) -> Terms {
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
        let state = plugin.state.as_ref().map(|state| self.state(place, state));
        Terms {
            config: serde_json::Value::Object(plugin.config.clone()).to_string(),
            deadline,
            memory_bytes_max,
            on_failure: on_failure(plugin.on_failure),
            recycle_calls: 1_000_000,
            state,
        }
    }

    /// Where it comes from, and the key that says so.
    fn origin(&mut self, place: &str, plugin: &shape::Plugin) -> Option<(&'static str, Origin)> {
        let (key, origin) = match (&plugin.path, &plugin.folder, &plugin.oci) {
            (Some(path), None, None) => {
                let path = self.base.join(path);
                ("path", Origin::File { path, is_watched: plugin.watch })
            }
            (None, Some(folder), None) => ("folder", Origin::Folder(self.base.join(folder))),
            (None, None, Some(oci)) => ("oci", self.artifact(place, oci, plugin)?),
            _ => {
                let message = "a plugin comes from exactly one of path, folder and oci";
                self.fault(place, "plugin_origin", message);
                return None;
            }
        };
        for (name, is_there, of) in [
            ("watch", plugin.watch, "path"),
            ("allow_tag", plugin.allow_tag, "oci"),
            ("credentials", plugin.credentials.is_some(), "oci"),
            ("ca_file", plugin.ca_file.is_some(), "oci"),
        ] {
            if is_there && of != key {
                let message = format!("{name} goes with {of}");
                self.fault(&format!("{place}/{name}"), "plugin_origin", message);
            }
        }
        if origin.is_watched() && plugin.sha256.is_some() {
            let message = "what is pinned does not change: watch it, or pin it";
            self.fault(&format!("{place}/sha256"), "plugin_origin", message);
        }
        Some((key, origin))
    }

    fn artifact(&mut self, place: &str, name: &str, plugin: &shape::Plugin) -> Option<Origin> {
        let reference = match name.parse::<Reference>() {
            Ok(reference) => reference,
            Err(fault) => {
                self.fault(&format!("{place}/oci"), "oci_reference", fault.to_string());
                return None;
            }
        };
        if reference.digest().is_none() && !plugin.allow_tag {
            let message = "a tag can come to mean another plugin: add @sha256:DIGEST (`sluicegate \
                           plugin pull` prints it), or say allow_tag: true";
            self.fault(&format!("{place}/oci"), "oci_tag", message);
            return None;
        }
        let credentials = match &plugin.credentials {
            None => None,
            Some(given) => Some(self.credentials(&format!("{place}/credentials"), given)?),
        };
        let ca = match &plugin.ca_file {
            None => None,
            Some(file) => match std::fs::read(self.base.join(file)) {
                Ok(pem) => Some(pem),
                Err(fault) => {
                    let message = format!("cannot read {file}: {fault}");
                    self.fault(&format!("{place}/ca_file"), "file_unreadable", message);
                    return None;
                }
            },
        };
        let registry = Registry { credentials, ca };
        Some(Origin::Registry(Box::new(Artifact { reference, registry })))
    }

    fn credentials(&mut self, place: &str, given: &shape::Credentials) -> Option<Credentials> {
        let pointer = format!("{place}/password");
        let password = self.secret(&pointer, &given.password)?.to_vec();
        let Ok(password) = String::from_utf8(password) else {
            self.fault(&pointer, "secret_invalid", "a password is UTF-8");
            return None;
        };
        if given.user.contains(':') {
            self.fault(&format!("{place}/user"), "name_invalid", "a name has no `:`");
            return None;
        }
        Some(Credentials { user: given.user.clone(), password: Zeroizing::new(password) })
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
