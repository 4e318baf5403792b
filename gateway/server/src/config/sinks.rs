//! The checks of sinks: their secrets, networks and authorities.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_admission::{Secret, hmac_sha256};
use sluicegate_sinks::http::{AllowPrivate, HttpSinkConfig, Network, Roots, Signer};

use super::check::{Checker, places};
use super::plan::{FetchPlan, SinkPlan, WayOut};
use super::shape;

impl Checker<'_> {
    /// Every sink, its secrets looked up and decoded.
    pub(super) fn sinks(&mut self, sinks: &BTreeMap<String, shape::Sink>) -> Vec<SinkPlan> {
        places("sinks", sinks)
            .into_iter()
            .filter_map(|(place, name, sink)| self.sink(place, name, sink))
            .collect()
    }

    fn sink(&mut self, place: String, name: &str, sink: &shape::Sink) -> Option<SinkPlan> {
        let own = self.name(&place, name);
        let from = self.reference(&format!("{place}/from"), "queues", &sink.from);
        let way = match (&sink.http, &sink.mqtt, &sink.amqp) {
            (Some(http), None, None) => {
                let http = self.http_sink(&format!("{place}/http"), http);
                Some(WayOut::Http(Box::new(http)))
            }
            (None, Some(mqtt), None) => {
                let mqtt = self.mqtt_sink(&format!("{place}/mqtt"), mqtt);
                mqtt.map(|mqtt| WayOut::Mqtt(Box::new(mqtt)))
            }
            (None, None, Some(amqp)) => {
                self.amqp_sink(&format!("{place}/amqp"), name, amqp).map(WayOut::Amqp)
            }
            _ => {
                let message = "a sink names exactly one protocol: http, mqtt or amqp";
                self.fault(&place, "protocol_missing", message);
                None
            }
        };
        Some(SinkPlan {
            name: own?,
            from: from?,
            way: way?,
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
        for (header, secret) in &http.secret_headers {
            let pointer = format!("{place}/secret_headers/{header}");
            let value = self.secret(&pointer, secret).map(<[u8]>::to_vec);
            match value.map(String::from_utf8) {
                Some(Ok(value)) => config.headers.push((header.clone(), value)),
                Some(Err(_)) => self.fault(&pointer, "secret_invalid", "a header is text"),
                None => {}
            }
        }
        if let Some(timeout) = http.timeout {
            config.timeout = timeout.0;
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(600)).contains(&config.timeout) {
            let message = "a timeout is 1ms to 10m";
            self.fault(&format!("{place}/timeout"), "value_out_of_range", message);
        }
        config.allow_private = self.allowed(place, http.allow_private, &http.allow_networks);
        config.roots = self.roots(&format!("{place}/ca_file"), http.ca_file.as_deref());
        config
    }

    /// How what proves senders is fetched.
    pub(super) fn fetch(&mut self, fetch: &shape::Fetch) -> FetchPlan {
        let allow = self.allowed("/fetch", fetch.allow_private, &fetch.allow_networks);
        let roots = self.roots("/fetch/ca_file", fetch.ca_file.as_deref());
        let signers = self.roots("/fetch/signer_ca_file", fetch.signer_ca_file.as_deref());
        FetchPlan { allow, roots, signers }
    }

    fn roots(&mut self, pointer: &str, file: Option<&str>) -> Roots {
        let Some(file) = file else { return Roots::Web };
        match std::fs::read(self.base.join(file)) {
            Ok(pem) => Roots::Pem(pem),
            Err(fault) => {
                let message = format!("cannot read {file}: {fault}");
                self.fault(pointer, "file_unreadable", message);
                Roots::Web
            }
        }
    }

    pub(super) fn allowed(
        &mut self,
        place: &str,
        everything: bool,
        listed: &[String],
    ) -> AllowPrivate {
        if everything {
            return AllowPrivate::Everything;
        }
        let mut networks = Vec::new();
        for (at, text) in listed.iter().enumerate() {
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
                let message =
                    "a Standard Webhooks secret is whsec_ and the base64 of 24 to 64 bytes";
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
