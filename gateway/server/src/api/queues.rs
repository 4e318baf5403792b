//! What consumers ask of queues: receive and settle.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use serde_json::json;
use sluicegate_core::ids::QueueName;
use sluicegate_core::limits::{
    DELAY_MS_MAX, LEASE_MS_DEFAULT, LEASE_MS_MAX, RECEIVE_BATCH_MAX, RECEIVE_WAIT_MS_MAX,
    SETTLE_BATCH_MAX, bounded_reason,
};
use sluicegate_core::queue::{LeaseReceipt, QueueFault, Settled, Settlement, Verb};
use sluicegate_core::seams::{Ask, Engine};
use sluicegate_sources::http::Response;

use super::event_json;
use super::reply;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ReceiveBody {
    max: i64,
    wait_ms: i64,
    lease_ms: Option<i64>,
}

impl Default for ReceiveBody {
    fn default() -> Self {
        Self { max: 10, wait_ms: 0, lease_ms: None }
    }
}

impl ReceiveBody {
    fn checked(&self) -> Result<Ask, Response> {
        let max = within("max", self.max, 1, RECEIVE_BATCH_MAX as u64)?;
        let wait = within("wait_ms", self.wait_ms, 0, RECEIVE_WAIT_MS_MAX)?;
        let lease = self.lease_ms.map(|ms| within("lease_ms", ms, 1, LEASE_MS_MAX)).transpose()?;
        Ok(Ask {
            max: usize::try_from(max).unwrap_or(RECEIVE_BATCH_MAX),
            wait: Duration::from_millis(wait),
            lease: Duration::from_millis(lease.unwrap_or(LEASE_MS_DEFAULT)),
        })
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
    delay_ms: Option<i64>,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtendBody {
    receipt: String,
    lease_ms: i64,
}

/// What became of one receipt.
#[derive(Serialize)]
struct ResultJson {
    receipt: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
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
    let ask = match ask.checked() {
        Ok(ask) => ask,
        Err(reply) => return reply,
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
    let settlements = match settlements(body) {
        Ok(settlements) => settlements,
        Err(reply) => return reply,
    };
    let receipts: Vec<String> = settlements.iter().map(|s| s.receipt.0.clone()).collect();
    match engine.settle(queue, settlements).await {
        Ok(settled) => {
            let results: Vec<_> = receipts.into_iter().zip(settled).map(result).collect();
            reply::json(&json!({ "results": results }))
        }
        Err(fault) => refuse(&fault),
    }
}

fn settlements(body: SettleBody) -> Result<Vec<Settlement>, Response> {
    let settle = |receipt: String, verb| Settlement { receipt: LeaseReceipt(receipt), verb };
    let mut all: Vec<_> = body.ack.into_iter().map(|receipt| settle(receipt, Verb::Ack)).collect();
    for nack in body.nack {
        let delay = nack.delay_ms.map(|ms| within("delay_ms", ms, 0, DELAY_MS_MAX)).transpose()?;
        let delay = delay.map(Duration::from_millis);
        let reason = bounded_reason(nack.reason);
        all.push(settle(nack.receipt, Verb::Nack { delay, reason }));
    }
    for extend in body.extend {
        let lease = within("lease_ms", extend.lease_ms, 1, LEASE_MS_MAX)?;
        all.push(settle(extend.receipt, Verb::Extend { lease: Duration::from_millis(lease) }));
    }
    Ok(all)
}

fn result((receipt, settled): (String, Settled)) -> ResultJson {
    match settled {
        Settled::Done => ResultJson { receipt, status: "done", code: None },
        Settled::Refused(fault) => {
            ResultJson { receipt, status: "refused", code: Some(fault.code()) }
        }
    }
}

/// An empty body stands for `{}`. What is no JSON is 400; what is JSON but not what is asked, 422.
/// A list is refused, though serde would read one field by field.
pub(super) fn parse<'a, T: Deserialize<'a> + Default>(body: &'a [u8]) -> Result<T, Response> {
    let refuse = |fault: serde_json::Error| {
        let detail = format!("the body is not what is asked: {fault}");
        match fault.classify() {
            Category::Data => reply::problem(422, "request_invalid", &detail),
            _ => reply::problem(400, "request_malformed", &detail),
        }
    };
    match body.trim_ascii_start().first() {
        None => Ok(T::default()),
        Some(b'[') => Err(reply::problem(422, "request_invalid", "the body is a JSON object")),
        Some(_) => serde_json::from_slice(body).map_err(refuse),
    }
}

/// A number that must be within these bounds.
fn within(what: &str, value: i64, least: u64, most: u64) -> Result<u64, Response> {
    let value = u64::try_from(value).ok().filter(|value| (least..=most).contains(value));
    value.ok_or_else(|| out_of_range(what, least, most))
}

pub(super) fn out_of_range(what: &str, least: u64, most: u64) -> Response {
    reply::problem(422, "value_out_of_range", &format!("{what} must be {least} to {most}"))
}

/// The answer to a fault of a queue as a whole.
pub(super) fn refuse(fault: &QueueFault) -> Response {
    let status = match fault {
        QueueFault::NoQueue => 404,
        QueueFault::NotEmpty | QueueFault::Held | QueueFault::InUse { .. } => 409,
        QueueFault::Gone => 410,
        QueueFault::NoDeadLetterQueue { .. }
        | QueueFault::TooManyQueues
        | QueueFault::TooManyEvents { .. } => 422,
        QueueFault::StoreUnavailable { .. } | QueueFault::Stopping => 503,
    };
    reply::problem(status, fault.code(), &fault.to_string())
}
