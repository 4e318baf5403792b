//! `GET /metrics`: the numbers of every room, by the names of `gateway/docs/METRICS.md`. Every
//! family is there from the start, also where there is nothing to count yet.

mod amqp;
mod brokers;
mod filters;
mod keys;
mod mqtt;
mod mqtt_brokers;
mod queues;
mod refused;
mod store;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_core::ids::{SinkName, SourceName};
use sluicegate_core::seams::Engine;
use sluicegate_queue::{FsyncMode, Store};
use sluicegate_sources::http::{HttpMetrics, Response};
use sluicegate_sources::mqtt::MqttMetrics;

pub use brokers::Brokers;

use super::reply;
use super::show::Configured;
use crate::jobs::Jobs;
use crate::keys::{Ledger, SecretWatch};
use crate::metrics::{Kind, Page, SinkCounters, SourceCounters};
use crate::notary::{ErrandCounters, Keeper, Learned};
use crate::origins::Watch;
use crate::plugins::Versions;
use crate::refused::Refused;
use crate::schemas::Registrar;

/// The rooms whose numbers are written out.
pub struct Rooms {
    /// The embedded engine.
    pub store: Arc<Store>,
    /// Redrives and replays.
    pub jobs: Arc<Jobs>,
    /// The schema registry.
    pub schemas: Arc<Registrar>,
    /// The versions of plugins.
    pub plugins: Arc<Versions>,
    /// What came of each source's deliveries.
    pub sources: BTreeMap<SourceName, Arc<SourceCounters>>,
    /// What came of each sink's attempts.
    pub sinks: BTreeMap<SinkName, Arc<SinkCounters>>,
    /// The listener for webhooks.
    pub http: Arc<HttpMetrics>,
    /// The listener for MQTT.
    pub mqtt: Arc<MqttMetrics>,
    /// The sources and sinks that speak to brokers.
    pub brokers: Brokers,
    /// The queues that the configuration has.
    pub configured: Configured,
    /// When commits are flushed.
    pub fsync: FsyncMode,
    /// The plugins whose files are watched.
    pub watch: Arc<Watch>,
    /// What was fetched to prove senders.
    pub keeper: Arc<Keeper>,
    /// The secrets that handshakes handed over.
    pub learned: Learned,
    /// The calls that complete handshakes.
    pub errands: Arc<ErrandCounters>,
    /// What was refused and is kept.
    pub refused: Arc<Refused>,
    /// The uses of keys.
    pub ledger: Arc<Ledger>,
    /// The secrets that are read again.
    pub secrets: Arc<SecretWatch>,
}

/// Microseconds written as seconds.
const US: f64 = 1e-6;

pub(super) async fn page(rooms: &Rooms, engine: &dyn Engine) -> Response {
    let mut page = Page::default();
    write_sources(&mut page, rooms);
    write_http(&mut page, rooms);
    mqtt::write(&mut page, &rooms.mqtt.snapshot());
    mqtt_brokers::write(&mut page, &rooms.brokers.mqtt);
    amqp::write(&mut page, &rooms.brokers.amqp);
    keys::write(&mut page, &rooms.ledger.keys(), &rooms.secrets.standing());
    refused::write(&mut page, &rooms.refused).await;
    let views: Vec<_> = rooms.plugins.all().map(|held| held.slot.view()).collect();
    filters::write(&mut page, &views);
    versions::write(&mut page, &views);
    filters::write_watch(&mut page, &rooms.watch);
    queues::write(&mut page, &engine.stats().await, &rooms.store.queue_metrics());
    store::write(&mut page, &rooms.store.metrics(), rooms.fsync);
    write_schemas(&mut page, rooms);
    write_sinks(&mut page, rooms);
    reply::text("text/plain; version=0.0.4; charset=utf-8", page.into_text())
}

fn write_sources(page: &mut Page, rooms: &Rooms) {
    const NAME: &str = "sluicegate_source_deliveries_total";
    const HELP: &str = "Deliveries by what came of them.";
    page.begin(NAME, HELP, Kind::Counter);
    for (source, counters) in &rooms.sources {
        let source = source.as_str();
        let mut count = |result: &str, value| {
            page.counter(NAME, HELP, &[("source", source), ("result", result)], value);
        };
        count("accepted", counters.accepted.value());
        count("duplicate", counters.duplicates.value());
        for (code, refused) in counters.refusals() {
            count(code, refused);
        }
    }
    let (name, help) = ("sluicegate_source_handshakes_total", "Handshakes answered.");
    page.begin(name, help, Kind::Counter);
    for (source, counters) in &rooms.sources {
        page.counter(name, help, &[("source", source.as_str())], counters.handshakes.value());
    }
    let (name, help) = ("sluicegate_source_late_total", "Answers that came too late.");
    page.begin(name, help, Kind::Counter);
    for (source, counters) in &rooms.sources {
        page.counter(name, help, &[("source", source.as_str())], counters.late.value());
    }
    let keeper = &rooms.keeper;
    let fetches = [
        ("fetched", &keeper.fetched),
        ("failed", &keeper.failed),
        ("held_back", &keeper.held_back),
    ];
    for (result, count) in fetches {
        let (name, help) = ("sluicegate_proof_fetches_total", "Fetches of what proves senders.");
        page.counter(name, help, &[("result", result)], count.value());
    }
    let errands = &rooms.errands;
    let calls =
        [("done", &errands.done), ("failed", &errands.failed), ("held_back", &errands.held_back)];
    for (result, count) in calls {
        let (name, help) = ("sluicegate_handshake_calls_total", "Calls that complete handshakes.");
        page.counter(name, help, &[("result", result)], count.value());
    }
    let name = "sluicegate_source_line_seconds";
    let help = "Time of a delivery through the line, the commit included.";
    page.begin(name, help, Kind::Histogram);
    for (source, counters) in &rooms.sources {
        let labels = [("source", source.as_str())];
        page.histogram(name, help, &labels, &counters.line_us.snapshot(), US);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are read as floats")]
fn write_http(page: &mut Page, rooms: &Rooms) {
    let http = rooms.http.snapshot();
    let open = http.connections_open as f64;
    page.gauge("sluicegate_http_connections", "Connections open.", &[], open);
    for (name, help, value) in [
        ("sluicegate_http_connections_total", "Connections taken.", http.connections_total),
        ("sluicegate_http_refused_total", "Connections over a bound.", http.connections_refused),
        ("sluicegate_http_timeouts_total", "Connections too slow.", http.timeouts),
        ("sluicegate_http_body_bytes_total", "Bytes of bodies.", http.body_bytes),
    ] {
        page.counter(name, help, &[], value);
    }
    for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(http.by_class) {
        page.counter("sluicegate_http_answers_total", "Answers.", &[("class", class)], count);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are read as floats")]
fn write_schemas(page: &mut Page, rooms: &Rooms) {
    let versions = rooms.schemas.registry().versions().len() as f64;
    page.gauge("sluicegate_schema_versions", "Versions of schemas that are live.", &[], versions);
}

fn write_sinks(page: &mut Page, rooms: &Rooms) {
    let (name, help) = ("sluicegate_sink_attempts_total", "Attempts to hand over, by outcome.");
    page.begin(name, help, Kind::Counter);
    for (sink, counters) in &rooms.sinks {
        for (outcome, counter) in
            [("done", &counters.done), ("retry", &counters.retry), ("give_up", &counters.give_up)]
        {
            let labels = [("sink", sink.as_str()), ("outcome", outcome)];
            page.counter(name, help, &labels, counter.value());
        }
    }
    let (name, help) = ("sluicegate_sink_attempt_seconds", "Time of one attempt.");
    page.begin(name, help, Kind::Histogram);
    for (sink, counters) in &rooms.sinks {
        let labels = [("sink", sink.as_str())];
        page.histogram(name, help, &labels, &counters.attempt_us.snapshot(), US);
    }
}
