//! Holds a configuration of the right shape against the world, and makes the plan.
//!
//! Every check reports and goes on, so that one run tells everything.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sluicegate_admission::{Registry, sha256};
use sluicegate_core::ids::NameError;
use sluicegate_core::limits::LIFE_MS_MAX;
use sluicegate_core::time::Clock;
use sluicegate_queue::{FsyncMode, StoreConfig};
use sluicegate_sources::http::HttpLimits;

use super::document::{Document, escape};
use super::fault::ConfigFault;
use super::plan::{AdminPlan, Plan};
use super::secrets::{Secrets, key_plans};
use super::shape::{Config, Fsync, Limits};
use crate::clock::Dice;
use crate::origins::Shelf;

/// The queue for events that no queue could take. It always exists.
pub const DEAD_LETTERS: &str = "dead-letters";

/// What every check needs, and the faults so far.
pub(super) struct Checker<'a> {
    pub(super) base: &'a Path,
    pub(super) document: &'a Document,
    pub(super) secrets: Secrets,
    pub(super) clock: &'a Clock,
    pub(super) faults: Vec<ConfigFault>,
}

/// Checks a configuration; `faults` are those that its shape had. The plan knows all faults.
pub(super) fn check(
    file: &Path,
    document: Document,
    config: &Config,
    clock: &Clock,
    mut faults: Vec<ConfigFault>,
) -> Plan {
    let base = file.parent().map(Path::to_owned).unwrap_or_default();
    let secrets = Secrets::read(&config.secrets, &base, &document, &mut faults);
    let mut checker = Checker { base: &base, document: &document, secrets, clock, faults };
    checker.vault_secrets(config);
    checker.deadlines(&config.limits);
    let http = checker.address("/listen/http", &config.listen.http);
    let admin = checker.admin(config);
    let (gates, sources) = checker.sources(&config.sources);
    let fetch = checker.fetch(&config.fetch);
    let registry = checker.registry(config.schemas.as_deref());
    let store = checker.store(config);
    let plugins = checker.plugins(&config.plugins, &Shelf::new(&store.folder));
    let routes = checker.routes(&config.routes);
    let sinks = checker.sinks(&config.sinks);
    let refused = checker.refused(&config.sources, &store);
    let secrets = checker.secrets.take();
    let found = std::mem::take(&mut checker.faults);
    Plan {
        file: file.to_owned(),
        document,
        found,
        http,
        http_limits: http_limits(&config.limits),
        admin,
        store,
        gates,
        registry,
        sources,
        fetch,
        keys: key_plans(&config.sources),
        secrets,
        refused,
        plugins,
        routes,
        sinks,
        filter_threads: config.limits.filter_threads.unwrap_or(0),
        drain: config.limits.drain.map_or(DRAIN, |span| span.0),
    }
}

impl Checker<'_> {
    /// Notes a fault.
    pub(super) fn fault(&mut self, pointer: &str, code: &'static str, message: impl Into<String>) {
        self.faults.push(self.document.fault(pointer, code, message));
    }

    /// Reads a name; notes a fault if it is none.
    pub(super) fn name<N: FromStr<Err = NameError>>(
        &mut self,
        pointer: &str,
        text: &str,
    ) -> Option<N> {
        match text.parse() {
            Ok(name) => Some(name),
            Err(fault) => {
                self.fault(pointer, "name_invalid", format!("{text:?}: {fault}"));
                None
            }
        }
    }

    /// Reads a name that must be a key of `section`; notes a fault if it is none.
    pub(super) fn reference<N: FromStr<Err = NameError>>(
        &mut self,
        pointer: &str,
        section: &str,
        text: &str,
    ) -> Option<N> {
        if section == "queues" && text == DEAD_LETTERS {
            return text.parse().ok();
        }
        let known = self.document.value.get(section).and_then(|section| section.as_object());
        if known.is_some_and(|known| known.contains_key(text)) {
            return text.parse().ok();
        }
        self.fault(pointer, "reference_unknown", format!("{text:?} is not one of {section}"));
        None
    }

    /// A deadline of nothing lets nobody in.
    fn deadlines(&mut self, limits: &Limits) {
        for (name, span) in [
            ("first_byte", limits.first_byte),
            ("head", limits.head),
            ("body", limits.body),
            ("idle", limits.idle),
        ] {
            if span.is_some_and(|span| span.0 < Duration::from_millis(10)) {
                let message = "a deadline of connections is at least 10ms";
                self.fault(&format!("/limits/{name}"), "value_out_of_range", message);
            }
        }
    }

    /// Reads an address; a fault stands for any loopback port, which is never listened on.
    fn address(&mut self, pointer: &str, text: &str) -> SocketAddr {
        text.parse().unwrap_or_else(|_| {
            let message = format!("{text:?} is not ADDRESS:PORT, such as 0.0.0.0:8080 or [::1]:0");
            self.fault(pointer, "address_invalid", message);
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    fn admin(&mut self, config: &Config) -> AdminPlan {
        let listen = self.address("/listen/admin", &config.listen.admin);
        let named = config.listen.admin_token.as_ref();
        let token = named.and_then(|name| self.secret("/listen/admin_token", name).map(sha256));
        if named.is_none() && !listen.ip().is_loopback() {
            let message = "the admin API listens on a loopback address only, unless admin_token \
                           names a secret";
            self.fault("/listen/admin", "admin_exposed", message);
        }
        AdminPlan { listen, token }
    }

    /// A secret by name; notes a fault if no such secret is configured.
    pub(super) fn secret(&mut self, pointer: &str, name: &str) -> Option<&[u8]> {
        let known = self.document.value.get("secrets").and_then(|secrets| secrets.as_object());
        if !known.is_some_and(|known| known.contains_key(name)) {
            // What stands here may be the secret itself, put in by mistake: it is not repeated.
            let message = "this is not the name of one of secrets";
            self.fault(pointer, "reference_unknown", message);
        }
        self.secrets.get(name)
    }

    fn registry(&mut self, folder: Option<&str>) -> Registry {
        let Some(folder) = folder else { return Registry::empty() };
        match Registry::from_folder(&self.base.join(folder)) {
            Ok(registry) => registry,
            Err(faults) => {
                for fault in faults {
                    self.fault("/schemas", "schema_invalid", fault.to_string());
                }
                Registry::empty()
            }
        }
    }

    fn store(&mut self, config: &Config) -> StoreConfig {
        let mut store =
            StoreConfig::new(self.base.join(&config.data).components().collect::<PathBuf>());
        store.queues = self.queues(&config.queues);
        store.sources = self.shares(&config.sources);
        store.seed = Dice::new().roll();
        store.fsync = match &config.fsync {
            Fsync::Always => FsyncMode::Always,
            Fsync::Interval(span) => {
                if !(Duration::from_millis(1)..=Duration::from_secs(60)).contains(&span.0) {
                    let message = "an interval of flushes is 1ms to 60s";
                    self.fault("/fsync/interval", "value_out_of_range", message);
                }
                FsyncMode::Interval(span.0)
            }
        };
        store.encryption = config.encryption.as_ref().and_then(|one| self.encryption(one));
        let limits = &config.limits;
        if let Some(window) = limits.dedupe.window {
            if window.0 > Duration::from_millis(LIFE_MS_MAX) {
                let message = "keys are remembered for at most 3650d";
                self.fault("/limits/dedupe/window", "value_out_of_range", message);
            }
            store.dedupe_window = window.0;
        }
        if let Some(size) = limits.segment_size {
            if !SEGMENT_BYTES.contains(&size.0) {
                let message = "a file of the log has 64KiB to 1GiB";
                self.fault("/limits/segment_size", "value_out_of_range", message);
            }
            store.segment_bytes = size.0;
        }
        if let Some(keys) = limits.dedupe.keys {
            store.dedupe_keys_max = keys;
        }
        if let Some(free) = limits.free_disk_min {
            store.free_bytes_min = free.0;
        }
        store
    }
}

fn http_limits(limits: &Limits) -> HttpLimits {
    let mut http = HttpLimits::default();
    if let Some(connections) = limits.connections {
        http.connections_max = connections;
    }
    if let Some(connections) = limits.connections_per_address {
        http.connections_per_address_max = connections;
    }
    for (span, into) in [
        (limits.first_byte, &mut http.first_byte),
        (limits.head, &mut http.head),
        (limits.body, &mut http.body),
        (limits.idle, &mut http.idle),
    ] {
        if let Some(span) = span {
            *into = span.0;
        }
    }
    http
}

/// Where a key of a section stands.
pub(super) fn place(section: &str, key: &str) -> String {
    format!("/{section}/{}", escape(key))
}

/// Pairs of a section with where they stand.
pub(super) fn places<'c, T>(
    section: &str,
    map: &'c BTreeMap<String, T>,
) -> Vec<(String, &'c String, &'c T)> {
    map.iter().map(|(key, value)| (place(section, key), key, value)).collect()
}

/// Bytes of one file of the log.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 64 * 1024..=1024 * 1024 * 1024;

/// How long requests in flight may take after a stop, unless configured.
const DRAIN: Duration = Duration::from_secs(20);
