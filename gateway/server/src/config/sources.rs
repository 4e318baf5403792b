//! The checks of sources: their paths, how their senders prove themselves, and their schemas.

use std::collections::BTreeMap;
use std::time::Duration;

use sluicegate_admission as admission;
use sluicegate_admission::handshake::HandshakeSetting;
use sluicegate_admission::{Fact, FactsOverride, Gate, Key, SchemaRule, Scheme, Secret};
use sluicegate_core::ids::SourceName;
use sluicegate_core::limits::{PAYLOAD_BYTES_DEFAULT, PAYLOAD_BYTES_MAX};
use sluicegate_core::time::Timestamp;
use sluicegate_queue::SourceConfig;
use sluicegate_sources::Format;
use sluicegate_sources::http::PathRule;

use super::broker::format;
use super::check::{Checker, places};
use super::plan::{SourcePlan, WayIn};
use super::scalars::Size;
use super::shape;
use crate::limiter::Rate;

impl Checker<'_> {
    /// Every source: how it is admitted, and its path and rate.
    pub(super) fn sources(
        &mut self,
        sources: &BTreeMap<String, shape::Source>,
    ) -> (Vec<Gate>, Vec<SourcePlan>) {
        let (mut gates, mut plans) = (Vec::new(), Vec::<SourcePlan>::new());
        for (place, name, source) in places("sources", sources) {
            let Some(name) = self.name::<SourceName>(&place, name) else { continue };
            gates.extend(self.gate(&place, &name, source));
            let Some(plan) = self.source(&place, name, source) else { continue };
            if let Some(path) = plan.way.path().map(|rule| rule.path.clone())
                && plans.iter().any(|other| other.way.path().is_some_and(|rule| rule.path == path))
            {
                let message = format!("two sources listen at {path}");
                self.fault(&format!("{place}/http/path"), "path_doubled", message);
            }
            plans.push(plan);
        }
        (gates, plans)
    }

    fn source(
        &mut self,
        place: &str,
        name: SourceName,
        source: &shape::Source,
    ) -> Option<SourcePlan> {
        let rate = source.limits.events_per_second.map(|per_second| Rate {
            per_second,
            burst: source.limits.burst.unwrap_or(per_second),
        });
        if rate.is_none() && source.limits.burst.is_some() {
            let message = "a burst needs events_per_second";
            self.fault(&format!("{place}/limits/burst"), "value_missing", message);
        }
        let way = self.way_in(place, &name, source);
        let answer_within = source.answer_within.map(|span| span.0);
        let answer_within = answer_within.or_else(|| provider_waits(&source.verify.scheme));
        Some(SourcePlan { name, way: way?, rate, answer_within })
    }

    /// By which protocol it comes in: exactly one.
    fn way_in(&mut self, place: &str, name: &SourceName, source: &shape::Source) -> Option<WayIn> {
        let shape::Source { http, mqtt, mqtt_client, amqp, .. } = source;
        match (http, mqtt, mqtt_client, amqp) {
            (Some(http), None, None, None) => {
                Some(WayIn::Http(self.path(place, name, source, http)))
            }
            (None, Some(mqtt), None, None) => {
                let place = format!("{place}/mqtt");
                Some(WayIn::Mqtt(self.mqtt_source(&place, name, mqtt, messages(source))))
            }
            (None, None, Some(client), None) => {
                let place = format!("{place}/mqtt_client");
                let client = self.mqtt_client(&place, name, client, messages(source));
                client.map(|client| WayIn::MqttClient(Box::new(client)))
            }
            (None, None, None, Some(amqp)) => {
                let amqp = self.amqp_source(
                    &format!("{place}/amqp"),
                    name.clone(),
                    amqp,
                    messages(source),
                );
                amqp.map(|amqp| WayIn::Amqp(Box::new(amqp)))
            }
            _ => {
                let message =
                    "a source names exactly one protocol: http, mqtt, mqtt_client or amqp";
                self.fault(place, "protocol_missing", message);
                None
            }
        }
    }

    fn path(
        &mut self,
        place: &str,
        name: &SourceName,
        source: &shape::Source,
        http: &shape::HttpSource,
    ) -> PathRule {
        PathRule {
            path: http.path.clone(),
            source: name.clone(),
            payload_bytes_max: self.payload_max(&format!("{place}/http"), http.payload_max),
            handshake_methods: Vec::new(),
            gzip: takes_gzip(source),
            media_types: http.media_types.iter().map(|m| m.to_ascii_lowercase()).collect(),
        }
    }

    /// The largest payload that a source takes.
    pub(super) fn payload_max(&mut self, place: &str, size: Option<Size>) -> usize {
        let payload_bytes_max = bytes(size);
        if !(1..=PAYLOAD_BYTES_MAX).contains(&payload_bytes_max) {
            let message = format!("a payload limit is 1 to {PAYLOAD_BYTES_MAX} bytes");
            self.fault(&format!("{place}/payload_max"), "value_out_of_range", message);
        }
        payload_bytes_max
    }

    /// How much of each source may lie in the queues; sources without a bound are left out.
    pub(super) fn shares(
        &mut self,
        sources: &BTreeMap<String, shape::Source>,
    ) -> Vec<SourceConfig> {
        let mut shares = Vec::new();
        for (place, name, source) in places("sources", sources) {
            let (events_max, bytes) = (source.limits.events, source.limits.bytes);
            if bytes.is_some_and(|bytes| bytes.0 == 0) {
                let message = "a bound of no bytes lets nothing in";
                self.fault(&format!("{place}/limits/bytes"), "value_out_of_range", message);
            }
            // A name that is none was told with the source.
            let Ok(name) = name.parse() else { continue };
            if events_max.is_some() || bytes.is_some() {
                shares.push(SourceConfig { name, events_max, bytes_max: bytes.map(|b| b.0) });
            }
        }
        shares
    }

    fn gate(&mut self, place: &str, name: &SourceName, source: &shape::Source) -> Option<Gate> {
        let verify = &source.verify;
        let scheme = self.scheme(&format!("{place}/verify"), verify);
        let mut keys = Vec::new();
        for (at, key) in verify.keys.iter().enumerate() {
            keys.extend(self.key(&format!("{place}/verify/keys/{at}"), key));
        }
        self.tolerance(&format!("{place}/verify"), scheme.as_ref(), verify);
        // A key that could not be read has its own fault: the gate's would only repeat it.
        if keys.len() < verify.keys.len() {
            return None;
        }
        Some(Gate {
            source: name.clone(),
            scheme: scheme?,
            wrapping: match verify.envelope {
                true => admission::Wrapping::Envelope,
                false => admission::Wrapping::Bare,
            },
            keys,
            tolerance: verify.tolerance.map(|span| span.0),
            facts: self.facts(&format!("{place}/event"), &source.event),
            schema: source.schema.as_ref().map(schema_rule),
            format: self.format(place, source),
            public_url: verify.public_url.clone(),
            unpack_max: source
                .http
                .as_ref()
                .filter(|_| takes_gzip(source))
                .map(|http| bytes(http.payload_max)),
            handshake: self.handshake(&format!("{place}/verify/handshake"), &verify.handshake),
        })
    }

    /// What its deliveries hold. A sender of CloudEvents is known by its scheme.
    fn format(&mut self, place: &str, source: &shape::Source) -> admission::Format {
        let is_named = source.verify.scheme == "cloudevents";
        if messages(source) == Format::CloudEvents && source.http.is_none() {
            return admission::Format::CloudEvents;
        }
        match source.http.as_ref().and_then(|http| http.format) {
            Some(shape::Format::Webhook) if is_named => {
                let message = "the scheme cloudevents takes CloudEvents: leave format out";
                self.fault(&format!("{place}/http/format"), "scheme_incomplete", message);
                admission::Format::CloudEvents
            }
            None if is_named => admission::Format::CloudEvents,
            Some(shape::Format::Webhook) | None => admission::Format::Webhook,
            Some(shape::Format::Cloudevents) => admission::Format::CloudEvents,
        }
    }

    fn scheme(&mut self, place: &str, verify: &shape::Verify) -> Option<Scheme> {
        match (verify.scheme.as_str(), &verify.generic) {
            ("generic", Some(generic)) => {
                let at = format!("{place}/generic");
                self.generic(&at, generic).map(|hmac| Scheme::Generic(Box::new(hmac)))
            }
            ("generic", None) => {
                self.fault(
                    place,
                    "scheme_incomplete",
                    "the scheme generic is described under generic",
                );
                None
            }
            (name, _) => {
                let scheme = match (name, &verify.token_header) {
                    ("token", Some(header)) => Some(Scheme::Token { header: header.clone() }),
                    ("token", None) => {
                        let message = "the scheme token names its token_header";
                        self.fault(place, "scheme_incomplete", message);
                        return None;
                    }
                    (name, None) => Scheme::preset(name),
                    (name, Some(header)) => {
                        let scheme = Scheme::preset_with_header(name, header);
                        if scheme.is_none() && Scheme::preset(name).is_some() {
                            let message = "token_header is for schemes whose secret is in a header";
                            self.fault(
                                &format!("{place}/token_header"),
                                "scheme_incomplete",
                                message,
                            );
                            return None;
                        }
                        scheme
                    }
                };
                if scheme.is_none() {
                    let message =
                        format!("unknown scheme {name:?}: `sluicegate schemes` lists them all");
                    self.fault(&format!("{place}/scheme"), "scheme_unknown", message);
                } else if verify.generic.is_some() {
                    let message = "generic is only for the scheme generic";
                    self.fault(&format!("{place}/generic"), "scheme_incomplete", message);
                }
                scheme
            }
        }
    }

    /// A time that nothing signs proves nothing, and a tolerance of a day or more no more.
    fn tolerance(&mut self, place: &str, scheme: Option<&Scheme>, verify: &shape::Verify) {
        let signs_time = match scheme {
            Some(Scheme::Preset(preset)) => preset.signs_time(),
            Some(Scheme::Generic(generic)) => {
                let signed = generic.template.contains("{timestamp}");
                if generic.time.is_some() && !signed {
                    let message = "timestamp_header is read, but the template does not sign it: \
                                   put {timestamp} into the template";
                    self.fault(&format!("{place}/generic"), "scheme_incomplete", message);
                }
                signed
            }
            _ => false,
        };
        let Some(tolerance) = verify.tolerance else { return };
        let pointer = format!("{place}/tolerance");
        if tolerance.0 > TOLERANCE_MAX {
            self.fault(&pointer, "value_out_of_range", "a tolerance is at most 1d");
        } else if scheme.is_some() && !signs_time {
            let message =
                "this scheme signs no time: a tolerance would promise what is not checked";
            self.fault(&pointer, "scheme_incomplete", message);
        }
    }

    fn key(&mut self, place: &str, key: &shape::Key) -> Option<Key> {
        let id = self.name(&format!("{place}/id"), &key.id);
        let not_before = self.time(&format!("{place}/not_before"), key.not_before.as_deref());
        let not_after = self.time(&format!("{place}/not_after"), key.not_after.as_deref());
        let secret = Secret::new(self.secret(&format!("{place}/secret"), &key.secret)?.to_vec());
        Some(Key { id: id?, secret, issuer: key.issuer.clone(), not_before, not_after })
    }

    fn handshake(&mut self, place: &str, shape: &shape::Handshake) -> HandshakeSetting {
        let token = shape.token.as_ref();
        let token = token.and_then(|name| self.secret(&format!("{place}/token"), name));
        HandshakeSetting {
            token: token.map(|bytes| Secret::new(bytes.to_vec())),
            origins: shape.origins.clone(),
            rate: shape.rate,
        }
    }

    fn time(&mut self, pointer: &str, text: Option<&str>) -> Option<Timestamp> {
        let text = text?;
        let time = Timestamp::parse_rfc3339(text).ok();
        if time.is_none() {
            let message = format!("{text:?} is not a time such as 2026-11-22T00:00:00Z");
            self.fault(pointer, "time_invalid", message);
        }
        time
    }

    fn facts(&mut self, place: &str, facts: &shape::EventFacts) -> FactsOverride {
        let mut read = |name: &str, list: &Option<Vec<String>>| {
            let list = list.as_ref()?;
            let places = list.iter().enumerate();
            Some(
                places
                    .filter_map(|(at, text)| self.fact(&format!("{place}/{name}/{at}"), text))
                    .collect::<Vec<_>>(),
            )
        };
        FactsOverride {
            kind: read("type", &facts.kind),
            subject: read("subject", &facts.subject),
            time: read("time", &facts.time),
            dedupe: read("dedupe", &facts.dedupe),
        }
    }

    fn fact(&mut self, pointer: &str, text: &str) -> Option<Fact> {
        match text.split_once(':') {
            Some(("header", name)) if !name.is_empty() => {
                Some(Fact::Header(name.to_ascii_lowercase().into()))
            }
            Some(("pointer", at)) if at.starts_with('/') => {
                Some(Fact::Pointer(at.to_owned().into()))
            }
            Some(("form", field)) if !field.is_empty() => Some(Fact::Form(field.to_owned().into())),
            _ => {
                let message =
                    format!("{text:?} is not header:NAME, pointer:/json/pointer or form:FIELD");
                self.fault(pointer, "fact_invalid", message);
                None
            }
        }
    }
}

/// What messages of brokers and devices hold. A sender of CloudEvents is known by its scheme.
fn messages(source: &shape::Source) -> Format {
    if source.verify.scheme == "cloudevents" {
        return Format::CloudEvents;
    }
    let said = source.mqtt.as_ref().map(|mqtt| mqtt.format);
    let said = said.or(source.mqtt_client.as_ref().map(|client| client.format));
    format(said.or(source.amqp.as_ref().map(|amqp| amqp.format)).unwrap_or_default())
}

/// The largest payload, in bytes.
fn bytes(size: Option<Size>) -> usize {
    size.map_or(PAYLOAD_BYTES_DEFAULT, |size| usize::try_from(size.0).unwrap_or(usize::MAX))
}

/// Whether bodies may come packed.
fn takes_gzip(source: &shape::Source) -> bool {
    let said = source.http.as_ref().and_then(|http| http.gzip);
    said.unwrap_or(source.http.is_some() && source.verify.scheme == "nylas")
}

/// How long the provider of this scheme waits for an answer, where it says so.
fn provider_waits(scheme: &str) -> Option<Duration> {
    match Scheme::preset(scheme) {
        Some(Scheme::Preset(preset)) => preset.ack_s.map(|s| Duration::from_secs(s.into())),
        _ => None,
    }
}

/// Beyond a day a timestamp protects from nothing.
const TOLERANCE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

fn schema_rule(rule: &shape::SchemaRule) -> SchemaRule {
    SchemaRule {
        subject: rule.subject.clone(),
        on_unknown: match rule.on_unknown {
            shape::OnUnknown::Accept => admission::OnUnknown::Accept,
            shape::OnUnknown::Reject => admission::OnUnknown::Reject,
        },
        on_violation: match rule.on_violation {
            shape::OnViolation::Reject => admission::OnViolation::Reject,
            shape::OnViolation::DeadLetter => admission::OnViolation::DeadLetter,
            shape::OnViolation::Tag => admission::OnViolation::Tag,
        },
    }
}
