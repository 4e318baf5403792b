//! What queues are: their numbers now, what was counted since the start, and their settings.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;
use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{QueueFault, QueueStats};
use sluicegate_core::seams::Engine;
use sluicegate_queue::{QueueInfo, QueueOrigin, Store};
use sluicegate_sources::http::Response;

use super::queues::refuse;
use super::reply;
use crate::config::queue_settings;

/// The queues that there are.
#[derive(Serialize)]
struct QueuesJson<'a> {
    queues: Vec<QueueJson<'a>>,
}

/// A queue.
#[derive(Serialize)]
struct QueueJson<'a> {
    name: &'a str,
    /// `configured`, `made` by this API, or `found` in the data folder.
    origin: &'static str,
    /// Of a configured queue: whether its settings are those of this API, until a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<bool>,
    depth: u64,
    ready: u64,
    leased: u64,
    delayed: u64,
    blocked: u64,
    dead: u64,
    oldest_age_ms: u64,
    bytes: u64,
    #[serde(flatten)]
    totals: Totals,
    /// In the configuration's shape.
    settings: Value,
}

/// What was counted since the gateway started.
#[derive(Serialize)]
struct Totals {
    enqueued: u64,
    handed_out: u64,
    redelivered: u64,
    acked: u64,
    requeued: u64,
    lease_expiries: u64,
    dead_lettered: u64,
    redriven: u64,
    expired: u64,
    overflowed: u64,
    purged: u64,
    lost: u64,
}

/// The queues that the configuration has: routes, filters and sinks may name them.
pub type Configured = BTreeSet<QueueName>;

/// `GET /v1/queues`.
pub(super) async fn list(store: &Store, configured: &Configured) -> Response {
    let (infos, stats) = (store.queues(), store.stats().await);
    let queues = infos.iter().map(|info| queue_json(info, &infos, &stats, configured)).collect();
    reply::json(&QueuesJson { queues })
}

/// `GET /v1/queues/{queue}`.
pub(super) async fn show(store: &Store, configured: &Configured, queue: &QueueName) -> Response {
    match one(store, configured, queue).await {
        Some(json) => reply::json(&json),
        None => refuse(&QueueFault::NoQueue),
    }
}

/// A queue as it is shown; `None` if there is none of this name.
pub(super) async fn one(
    store: &Store,
    configured: &Configured,
    queue: &QueueName,
) -> Option<Value> {
    let (infos, stats) = (store.queues(), store.stats().await);
    let info = infos.iter().find(|info| info.config.name == *queue)?;
    serde_json::to_value(queue_json(info, &infos, &stats, configured)).ok()
}

fn queue_json<'a>(
    info: &'a QueueInfo,
    all: &[QueueInfo],
    stats: &[(QueueName, QueueStats)],
    configured: &Configured,
) -> QueueJson<'a> {
    let name = &info.config.name;
    // A queue that was made a moment ago has no numbers yet: it is empty.
    let stats = stats.iter().find(|(other, _)| other == name).map(|(_, stats)| *stats);
    let stats = stats.unwrap_or_default();
    let is_configured = configured.contains(name);
    let origin = match info.origin {
        _ if is_configured => "configured",
        QueueOrigin::Configured | QueueOrigin::Made => "made",
        QueueOrigin::Found => "found",
    };
    let gives_up = !all.iter().any(|other| other.config.dead_letter == *name);
    QueueJson {
        name: name.as_str(),
        origin,
        changed: is_configured.then_some(info.origin == QueueOrigin::Made),
        depth: stats.depth,
        ready: stats.ready,
        leased: stats.leased,
        delayed: stats.delayed,
        blocked: stats.blocked,
        dead: stats.dead,
        oldest_age_ms: u64::try_from(stats.oldest_age.as_millis()).unwrap_or(u64::MAX),
        bytes: stats.bytes,
        totals: Totals::new(&stats),
        settings: queue_settings(&info.config, gives_up),
    }
}

impl Totals {
    fn new(stats: &QueueStats) -> Self {
        Self {
            enqueued: stats.enqueued,
            handed_out: stats.handed_out,
            redelivered: stats.redelivered,
            acked: stats.acked,
            requeued: stats.requeued,
            lease_expiries: stats.lease_expiries,
            dead_lettered: stats.dead_lettered,
            redriven: stats.redriven,
            expired: stats.expired,
            overflowed: stats.overflowed,
            purged: stats.purged,
            lost: stats.lost,
        }
    }
}
