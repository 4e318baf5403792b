//! The checks of queues, plugins, routes and sinks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sluicegate_admission::{Secret, hmac_sha256, sha256};
use sluicegate_core::ids::{Digest, QueueName};
use sluicegate_core::limits::{FILTER_DEADLINE_MS_MAX, PLUGIN_MEMORY_BYTES_MAX};
use sluicegate_core::retry::RetryPolicy;
use sluicegate_filters::{OnFailure, PluginSpec};
use sluicegate_queue::QueueConfig;
use sluicegate_sinks::http::{AllowPrivate, HttpSinkConfig, Network, Roots, Signer};

use super::check::{Checker, DEAD_LETTERS, places};
use super::plan::{PluginPlan, RoutePlan, SinkPlan};
use super::shape;
use crate::routes::{Pattern, Written};

impl Checker<'_> {
    /// Every queue, and the one for dead letters if it is not configured.
    pub(super) fn queues(&mut self, queues: &BTreeMap<String, shape::Queue>) -> Vec<QueueConfig> {
        let implied = shape::Queue::default();
        let mut all = places("queues", queues);
        let dead_letters = DEAD_LETTERS.to_owned();
        if !queues.contains_key(&dead_letters) {
            all.push((String::new(), &dead_letters, &implied));
        }
        all.into_iter().filter_map(|(place, name, queue)| self.queue(&place, name, queue)).collect()
    }

    fn queue(&mut self, place: &str, name: &str, queue: &shape::Queue) -> Option<QueueConfig> {
        let own_name: Option<QueueName> = self.name(place, name);
        let dead_letter = queue.dead_letter.as_deref().unwrap_or(DEAD_LETTERS);
        let dead_letter = self.reference(&format!("{place}/dead_letter"), "queues", dead_letter);
        let usual = RetryPolicy::default();
        let retry = RetryPolicy {
            attempts_max: queue.retry.attempts.unwrap_or(usual.attempts_max),
            wait_min: queue.retry.min.map_or(usual.wait_min, |span| span.0),
            wait_max: queue.retry.max.map_or(usual.wait_max, |span| span.0),
        };
        if retry.wait_min > retry.wait_max {
            let message = "the least wait is longer than the longest";
            self.fault(&format!("{place}/retry"), "value_out_of_range", message);
        }
        Some(QueueConfig {
            name: own_name?,
            retry,
            dead_letter: dead_letter?,
            retain: queue.retain.map_or(Duration::ZERO, |span| span.0),
            events_max: queue.limits.events,
            bytes_max: queue.limits.bytes.map(|size| size.0),
        })
    }

    /// Every plugin, its file read and its digest held against the pinned one.
    pub(super) fn plugins(
        &mut self,
        plugins: &BTreeMap<String, shape::Plugin>,
    ) -> Vec<PluginPlan> {
        places("plugins", plugins)
            .into_iter()
            .filter_map(|(place, name, plugin)| self.plugin(place, name, plugin))
            .collect()
    }

    fn plugin(
        &mut self,
        place: String,
        name: &str,
        plugin: &shape::Plugin,
    ) -> Option<PluginPlan> {
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
        };
        Some(PluginPlan { spec, pointer: place })
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

    /// Every route, its pattern compiled and its names looked up.
    pub(super) fn routes(&mut self, routes: &[shape::Route]) -> Vec<RoutePlan> {
        let mut seen = BTreeSet::new();
        let mut plans = Vec::new();
        for (at, route) in routes.iter().enumerate() {
            let place = format!("/routes/{at}");
            if !seen.insert(&route.name) {
                let message = format!("two routes are named {:?}", route.name);
                self.fault(&format!("{place}/name"), "name_doubled", message);
            }
            plans.extend(self.route(&place, route));
        }
        plans
    }

    fn route(&mut self, place: &str, route: &shape::Route) -> Option<RoutePlan> {
        let name = self.name(&format!("{place}/name"), &route.name);
        let pattern = match &route.when {
            Some(when) => self.pattern(&format!("{place}/when"), when),
            None => Some(Pattern::default()),
        };
        let mut filters = Vec::new();
        for (at, filter) in route.filters.iter().enumerate() {
            filters.extend(self.reference(&format!("{place}/filters/{at}"), "plugins", filter));
        }
        let mut to = Vec::new();
        for (at, queue) in route.to.iter().enumerate() {
            to.extend(self.reference(&format!("{place}/to/{at}"), "queues", queue));
        }
        Some(RoutePlan { name: name?, pattern: pattern?, default: route.default, filters, to })
    }

    fn pattern(&mut self, place: &str, when: &shape::When) -> Option<Pattern> {
        let written = Written {
            source: when.source.as_deref(),
            kind: when.kind.as_deref(),
            subject: when.subject.as_deref(),
            attributes: Some(&when.attributes),
            headers: Some(&when.headers),
            payload: when.payload.as_ref(),
        };
        for (at, source) in when.source.iter().flatten().enumerate() {
            if let Some(name) = source.as_str() {
                let pointer = format!("{place}/source/{at}");
                let _: Option<QueueName> = self.reference(&pointer, "sources", name);
            }
        }
        match Pattern::compile(&written) {
            Ok(pattern) => Some(pattern),
            Err(faults) => {
                for fault in faults {
                    let pointer = format!("{place}{}", fault.pointer);
                    self.fault(&pointer, "pattern_invalid", fault.message);
                }
                None
            }
        }
    }

    /// Every sink, its secrets looked up and decoded.
    pub(super) fn sinks(&mut self, sinks: &BTreeMap<String, shape::Sink>) -> Vec<SinkPlan> {
        places("sinks", sinks)
            .into_iter()
            .filter_map(|(place, name, sink)| self.sink(place, name, sink))
            .collect()
    }

    fn sink(&mut self, place: String, name: &str, sink: &shape::Sink) -> Option<SinkPlan> {
        let name = self.name(&place, name);
        let from = self.reference(&format!("{place}/from"), "queues", &sink.from);
        let Some(http) = &sink.http else {
            self.fault(&place, "protocol_missing", "a sink names its protocol: http");
            return None;
        };
        let http = self.http_sink(&format!("{place}/http"), http);
        Some(SinkPlan {
            name: name?,
            from: from?,
            http,
            batch: sink.batch.events.unwrap_or(1),
            concurrency: sink.concurrency.unwrap_or(4),
            pointer: place,
        })
    }

    fn http_sink(&mut self, place: &str, http: &shape::HttpSink) -> HttpSinkConfig {
        let mut config = HttpSinkConfig::new(http.url.clone(), self.clock.clone());
        for (at, secret) in http.sign.iter().enumerate() {
            let secret = self.signing_secret(&format!("{place}/sign/{at}"), secret);
            config.signers.extend(secret.map(signer));
        }
        config.headers = http.headers.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        if let Some(timeout) = http.timeout {
            config.timeout = timeout.0;
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(600)).contains(&config.timeout) {
            let message = "a timeout is 1ms to 10m";
            self.fault(&format!("{place}/timeout"), "value_out_of_range", message);
        }
        config.allow_private = self.allowed(place, http);
        if let Some(file) = &http.ca_file {
            match std::fs::read(self.base.join(file)) {
                Ok(pem) => config.roots = Roots::Pem(pem),
                Err(fault) => {
                    let message = format!("cannot read {file}: {fault}");
                    self.fault(&format!("{place}/ca_file"), "file_unreadable", message);
                }
            }
        }
        config
    }

    fn allowed(&mut self, place: &str, http: &shape::HttpSink) -> AllowPrivate {
        if http.allow_private {
            return AllowPrivate::Everything;
        }
        let mut networks = Vec::new();
        for (at, text) in http.allow_networks.iter().enumerate() {
            match text.parse::<Network>() {
                Ok(network) => networks.push(network),
                Err(fault) => {
                    let pointer = format!("{place}/allow_networks/{at}");
                    self.fault(&pointer, "network_invalid", format!("{text:?}: {fault}"));
                }
            }
        }
        if networks.is_empty() { AllowPrivate::Nothing } else { AllowPrivate::Networks(networks) }
    }

    /// A secret as Standard Webhooks writes it: `whsec_` and base64.
    fn signing_secret(&mut self, pointer: &str, name: &str) -> Option<Secret> {
        use base64::Engine as _;
        let text = String::from_utf8(self.secret(pointer, name)?.to_vec()).unwrap_or_default();
        let encoded = text.strip_prefix("whsec_").unwrap_or(&text);
        match base64::engine::general_purpose::STANDARD.decode(encoded) {
            Ok(secret) if (24..=64).contains(&secret.len()) => Some(Secret::new(secret)),
            _ => {
                let message = "a Standard Webhooks secret is whsec_ and the base64 of 24 to 64 bytes";
                self.fault(pointer, "secret_invalid", message);
                None
            }
        }
    }
}

/// The room of sinks has no cryptography of its own: it gets a function for each secret.
fn signer(secret: Secret) -> Signer {
    Arc::new(move |parts: &[&[u8]]| hmac_sha256(secret.expose(), parts))
}
