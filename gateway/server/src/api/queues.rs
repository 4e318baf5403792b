//! What consumers and operators ask of queues: receive, settle, and their numbers.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sluicegate_core::ids::QueueName;
use sluicegate_core::limits::{
    DELAY_MS_MAX, LEASE_MS_DEFAULT, LEASE_MS_MAX, RECEIVE_BATCH_MAX, RECEIVE_WAIT_MS_MAX,
    SETTLE_BATCH_MAX, bounded_reason,
};
use sluicegate_core::queue::{LeaseReceipt, QueueFault, QueueStats, Settled, Settlement, Verb};
use sluicegate_core::seams::{Ask, Engine};
use sluicegate_sources::http::Response;

use super::event_json;
use super::reply;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ReceiveBody {
    max: usize,
    wait_ms: u64,
    lease_ms: u64,
}

impl Default for ReceiveBody {
    fn default() -> Self {
        Self { max: 10, wait_ms: 0, lease_ms: LEASE_MS_DEFAULT }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SettleBody {
    ack: Vec<String>,
    nack: Vec<NackBody>,
    extend: Vec<ExtendBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NackBody {
    receipt: String,
    delay_ms: Option<u64>,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtendBody {
    receipt: String,
    lease_ms: u64,
}

/// What became of one receipt.
#[derive(Serialize)]
struct ResultJson {
    receipt: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

/// The numbers of every queue.
#[derive(Serialize)]
struct QueuesJson<'a> {
    queues: Vec<StatsJson<'a>>,
}

/// The numbers of a queue.
#[derive(Serialize)]
struct StatsJson<'a> {
    name: &'a str,
    depth: u64,
    ready: u64,
    leased: u64,
    delayed: u64,
    dead: u64,
    oldest_age_ms: u64,
    bytes: u64,
}

/// `POST /v1/queues/{queue}/receive`. A long poll is answered empty once the gateway is `stopped`.
pub(super) async fn receive(
    engine: &dyn Engine,
    queue: &QueueName,
    body: &[u8],
    stopped: impl Future<Output = ()>,
) -> Response {
    let ask: ReceiveBody = match parse(body) {
        Ok(ask) => ask,
        Err(reply) => return reply,
    };
    if !(1..=RECEIVE_BATCH_MAX).contains(&ask.max) {
        return out_of_range("max", 1, RECEIVE_BATCH_MAX as u64);
    }
    if ask.wait_ms > RECEIVE_WAIT_MS_MAX {
        return out_of_range("wait_ms", 0, RECEIVE_WAIT_MS_MAX);
    }
    if !(1..=LEASE_MS_MAX).contains(&ask.lease_ms) {
        return out_of_range("lease_ms", 1, LEASE_MS_MAX);
    }
    let ask = Ask {
        max: ask.max,
        wait: Duration::from_millis(ask.wait_ms),
        lease: Duration::from_millis(ask.lease_ms),
    };
    let received = tokio::select! {
        // What came is handed out, even at the last moment.
        biased;
        received = engine.receive(queue, ask) => received,
        () = stopped => Ok(Vec::new()),
    };
    match received {
        Ok(batch) => match event_json::deliveries(&batch) {
            Ok(json) => reply::text("application/json", json),
            Err(fault) => reply::problem(500, "internal", &fault.to_string()),
        },
        Err(fault) => refuse(&fault),
    }
}

/// `POST /v1/queues/{queue}/settle`.
pub(super) async fn settle(engine: &dyn Engine, queue: &QueueName, body: &[u8]) -> Response {
    let body: SettleBody = match parse(body) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    if body.ack.len() + body.nack.len() + body.extend.len() > SETTLE_BATCH_MAX {
        return out_of_range("receipts", 0, SETTLE_BATCH_MAX as u64);
    }
    if body.nack.iter().any(|nack| nack.delay_ms.is_some_and(|ms| ms > DELAY_MS_MAX)) {
        return out_of_range("delay_ms", 0, DELAY_MS_MAX);
    }
    if body.extend.iter().any(|extend| !(1..=LEASE_MS_MAX).contains(&extend.lease_ms)) {
        return out_of_range("lease_ms", 1, LEASE_MS_MAX);
    }
    let settlements = settlements(body);
    let receipts: Vec<String> = settlements.iter().map(|s| s.receipt.0.clone()).collect();
    match engine.settle(queue, settlements).await {
        Ok(settled) => {
            let results: Vec<_> = receipts.into_iter().zip(settled).map(result).collect();
            reply::json(&json!({ "results": results }))
        }
        Err(fault) => refuse(&fault),
    }
}

fn settlements(body: SettleBody) -> Vec<Settlement> {
    let settle = |receipt: String, verb| Settlement { receipt: LeaseReceipt(receipt), verb };
    let acks = body.ack.into_iter().map(|receipt| settle(receipt, Verb::Ack));
    let nacks = body.nack.into_iter().map(|nack| {
        let delay = nack.delay_ms.map(Duration::from_millis);
        settle(nack.receipt, Verb::Nack { delay, reason: bounded_reason(nack.reason) })
    });
    let extends = body.extend.into_iter().map(|extend| {
        settle(extend.receipt, Verb::Extend { lease: Duration::from_millis(extend.lease_ms) })
    });
    acks.chain(nacks).chain(extends).collect()
}

fn result((receipt, settled): (String, Settled)) -> ResultJson {
    match settled {
        Settled::Done => ResultJson { receipt, status: "done", code: None },
        Settled::Refused(fault) => {
            ResultJson { receipt, status: "refused", code: Some(fault.code()) }
        }
    }
}

/// `GET /v1/queues`.
pub(super) async fn list(engine: &dyn Engine) -> Response {
    let all = engine.stats().await;
    let queues = all.iter().map(|(name, stats)| stats_json(name, stats)).collect();
    reply::json(&QueuesJson { queues })
}

/// `GET /v1/queues/{queue}`.
pub(super) async fn show(engine: &dyn Engine, queue: &QueueName) -> Response {
    let all = engine.stats().await;
    match all.iter().find(|(name, _)| name == queue) {
        Some((name, stats)) => reply::json(&stats_json(name, stats)),
        None => refuse(&QueueFault::NoQueue),
    }
}

fn stats_json<'a>(name: &'a QueueName, stats: &QueueStats) -> StatsJson<'a> {
    StatsJson {
        name: name.as_str(),
        depth: stats.depth,
        ready: stats.ready,
        leased: stats.leased,
        delayed: stats.delayed,
        dead: stats.dead,
        oldest_age_ms: u64::try_from(stats.oldest_age.as_millis()).unwrap_or(u64::MAX),
        bytes: stats.bytes,
    }
}

/// An empty body stands for `{}`. A list is refused, though serde would read one field by field.
pub(super) fn parse<'a, T: Deserialize<'a> + Default>(body: &'a [u8]) -> Result<T, Response> {
    let refuse = |why: &str| {
        let detail = format!("the body is not what is asked: {why}");
        reply::problem(400, "request_malformed", &detail)
    };
    match body.trim_ascii_start().first() {
        None => Ok(T::default()),
        Some(b'{') => serde_json::from_slice(body).map_err(|fault| refuse(&fault.to_string())),
        Some(_) => Err(refuse("a JSON object is asked")),
    }
}

fn out_of_range(what: &str, least: u64, most: u64) -> Response {
    reply::problem(422, "value_out_of_range", &format!("{what} must be {least} to {most}"))
}

/// The answer to a fault of a queue as a whole.
pub(super) fn refuse(fault: &QueueFault) -> Response {
    let status = match fault {
        QueueFault::NoQueue => 404,
        QueueFault::NotEmpty | QueueFault::InUse { .. } => 409,
        QueueFault::Gone => 410,
        QueueFault::NoDeadLetterQueue { .. } | QueueFault::TooManyQueues => 422,
        QueueFault::StoreUnavailable { .. } | QueueFault::Stopping => 503,
    };
    reply::problem(status, fault.code(), &fault.to_string())
}
