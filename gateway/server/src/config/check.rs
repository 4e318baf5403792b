//! Holds a configuration of the right shape against the world, and makes the plan.
//!
//! Every check reports and goes on, so that one run tells everything.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sluicegate_admission::{Registry, sha256};
use sluicegate_core::ids::{NameError, QueueName};
use sluicegate_queue::{FsyncMode, StoreConfig};
use sluicegate_sources::http::HttpLimits;

use super::document::{Document, escape};
use super::fault::{ConfigFault, ConfigFaults};
use super::plan::{AdminPlan, Plan};
use super::secrets::Secrets;
use super::shape::{Config, Fsync, Limits};

/// The queue for events that no queue could take, unless it is configured under that name.
const DEAD_LETTERS: &str = "dead-letters";

/// What every check needs, and the faults so far.
pub(super) struct Checker<'a> {
    pub(super) base: &'a Path,
    pub(super) document: &'a Document,
    pub(super) secrets: Secrets,
    pub(super) faults: Vec<ConfigFault>,
}

/// Checks a configuration; `faults` are those that its shape had.
pub(super) fn check(
    file: &Path,
    document: Document,
    config: Config,
    mut faults: Vec<ConfigFault>,
) -> Result<Plan, ConfigFaults> {
    let base = file.parent().map(Path::to_owned).unwrap_or_default();
    let secrets = Secrets::read(&config.secrets, &base, &document, &mut faults);
    let mut checker = Checker { base: &base, document: &document, secrets, faults };
    let parts = checker.parts(&config);
    let faults = std::mem::take(&mut checker.faults);
    match parts {
        Some(parts) if faults.is_empty() => Ok(parts.into_plan(file, document)),
        _ => Err(ConfigFaults::new(file, faults)),
    }
}

/// A plan without its document.
struct Parts {
    plan: Box<dyn FnOnce(PathBuf, Document) -> Plan>,
}

impl Parts {
    fn into_plan(self, file: &Path, document: Document) -> Plan {
        (self.plan)(file.to_owned(), document)
    }
}

impl Checker<'_> {
    /// `None` where something that the whole plan needs is missing; its fault is noted.
    fn parts(&mut self, config: &Config) -> Option<Parts> {
        let http = self.address("/listen/http", &config.listen.http);
        let admin = self.admin(config);
        let dead_letters = self.name::<QueueName>("", DEAD_LETTERS);
        let queues = self.queues(&config.queues);
        let registry = self.registry(config.schemas.as_deref());
        let (gates, sources) = self.sources(&config.sources);
        let plugins = self.plugins(&config.plugins);
        let routes = self.routes(&config.routes);
        let sinks = self.sinks(&config.sinks);
        let http_limits = http_limits(&config.limits);
        let mut store = StoreConfig::new(self.base.join(&config.data));
        store.queues = queues;
        self.store(&mut store, config);
        let filter_threads = config.limits.filter_threads.unwrap_or(0);
        let drain = config.limits.drain.map_or(DRAIN, |span| span.0);
        let (http, admin, dead_letters) = (http?, admin?, dead_letters?);
        let plan = move |file, document| Plan {
            file,
            document,
            http,
            http_limits,
            admin,
            store,
            gates,
            registry,
            sources,
            plugins,
            routes,
            sinks,
            dead_letters,
            filter_threads,
            drain,
        };
        Some(Parts { plan: Box::new(plan) })
    }

    /// Notes a fault.
    pub(super) fn fault(
        &mut self,
        pointer: &str,
        code: &'static str,
        message: impl Into<String>,
    ) {
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

    fn address(&mut self, pointer: &str, text: &str) -> Option<SocketAddr> {
        let address = text.parse().ok();
        if address.is_none() {
            let message = format!("{text:?} is not ADDRESS:PORT, such as 0.0.0.0:8080 or [::1]:0");
            self.fault(pointer, "address_invalid", message);
        }
        address
    }

    fn admin(&mut self, config: &Config) -> Option<AdminPlan> {
        let listen = self.address("/listen/admin", &config.listen.admin)?;
        let token = match &config.listen.admin_token {
            Some(name) => Some(sha256(self.secret("/listen/admin_token", name)?)),
            None => None,
        };
        if token.is_none() && !listen.ip().is_loopback() {
            let message = "the admin API listens on a loopback address only, unless admin_token \
                           names a secret";
            self.fault("/listen/admin", "admin_exposed", message);
        }
        Some(AdminPlan { listen, token })
    }

    /// A secret by name; notes a fault if no such secret is configured.
    pub(super) fn secret(&mut self, pointer: &str, name: &str) -> Option<&[u8]> {
        let known = self.document.value.get("secrets").and_then(|secrets| secrets.as_object());
        if !known.is_some_and(|known| known.contains_key(name)) {
            self.fault(pointer, "reference_unknown", format!("{name:?} is not one of secrets"));
        }
        self.secrets.get(name)
    }

    fn registry(&mut self, folder: Option<&str>) -> Registry {
        let Some(folder) = folder else { return Registry::empty() };
        match Registry::from_folder(&self.base.join(folder)) {
            Ok(registry) => registry,
            Err(faults) => {
                for fault in faults {
                    self.fault("/schemas", fault.code(), fault.to_string());
                }
                Registry::empty()
            }
        }
    }

    fn store(&mut self, store: &mut StoreConfig, config: &Config) {
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
        let limits = &config.limits;
        if let Some(window) = limits.dedupe.window {
            store.dedupe_window = window.0;
        }
        if let Some(keys) = limits.dedupe.keys {
            store.dedupe_keys_max = keys;
        }
        if let Some(free) = limits.free_disk_min {
            store.free_bytes_min = free.0;
        }
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

/// How long requests in flight may take after a stop, unless configured.
const DRAIN: Duration = Duration::from_secs(20);
