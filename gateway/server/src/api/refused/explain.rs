//! `GET /v1/refused/{id}/explain` and `POST /v1/explain`: every step of the line, and what it says.

use serde_json::{Value, json};
use sluicegate_admission::{SignatureExplained, SupposedEvent};
use sluicegate_core::ids::EventId;
use sluicegate_core::refusal::Refusal;
use sluicegate_sources::http::Response;

use super::given::Given;
use super::one::{Body, delivery, gone, violations};
use crate::api::reply;
use crate::refused::{Explained, Refused, RouteWalk, Step};

/// Explains one that was kept.
pub(super) async fn kept(refused: &Refused, id: EventId) -> Response {
    let one = match refused.read(id).await {
        Ok((one, _)) => one,
        Err(fault) => return gone(&fault),
    };
    match refused.explain(one.delivery, (one.id, one.at), one.masked).await {
        Some(explained) => reply::json(&written(refused, &explained)),
        None => no_source(),
    }
}

/// Explains one that somebody wrote down.
pub(super) async fn given(refused: &Refused, body: &[u8]) -> Response {
    let given: Given = match serde_json::from_slice(body) {
        Ok(given) => given,
        Err(fault) => return reply::problem(422, "request_invalid", &fault.to_string()),
    };
    let now = refused.now();
    let (delivery, at) = match given.read(now) {
        Ok(read) => read,
        Err(why) => return reply::problem(422, "request_invalid", &why),
    };
    match refused.explain(delivery, (EventId::new(at, 0), at), false).await {
        Some(explained) => reply::json(&written(refused, &explained)),
        None => no_source(),
    }
}

fn no_source() -> Response {
    reply::problem(404, "source_not_found", "no source of this configuration has this name")
}

fn written(refused: &Refused, explained: &Explained) -> Value {
    let source = &explained.delivery.source;
    let masked = explained.masked;
    json!({
        "id": explained.id.to_string(),
        "source": source.as_str(),
        "arrived": explained.at.rfc3339(),
        "delivery": delivery(&refused.shown(&explained.delivery), Body::None),
        "signature": signature(&explained.signature, masked),
        "refusal": explained.refusal.as_ref().map(refusal),
        "events": explained.events.iter().map(event).collect::<Vec<_>>(),
    })
}

fn refusal(refusal: &Refusal) -> Value {
    json!({ "code": refusal.code(), "why": refusal.to_string() })
}

fn signature(explained: &SignatureExplained, masked: bool) -> Value {
    let likely = explained
        .likely
        .iter()
        .map(|likely| json!({ "mistake": likely.mistake.word(), "detail": likely.detail }));
    // What was masked cannot be right: nothing that is found there says anything.
    let likely: Vec<Value> = likely.filter(|_| !masked).collect();
    json!({
        "scheme": explained.scheme,
        "proven": explained.fault.is_none(),
        "masked": masked,
        "key": explained.key.as_ref().map(ToString::to_string),
        "skew_ms": explained.skew_ms,
        "fault": explained.fault.as_ref().map(|fault| fault.code()),
        "why": explained.fault.as_ref().map(ToString::to_string),
        "likely": likely,
        "tried": explained.tried,
    })
}

fn schema(supposed: &SupposedEvent) -> Value {
    let schema = supposed.schema.as_ref();
    json!({
        "passes": supposed.refusal.is_none() && supposed.letter.is_none(),
        "subject": schema.map(|schema| schema.subject.to_string()),
        "version": schema.map(|schema| schema.version),
        "code": supposed.refusal.as_ref().map(|refusal| refusal.code()),
        "why": supposed.refusal.as_ref().map(ToString::to_string),
        "violations": supposed.refusal.as_ref().map(violations).unwrap_or_default(),
        "dead_letter": supposed.letter.as_ref().map(|letter| letter.reason.clone()),
        "tagged_violations": supposed.tags,
    })
}

fn event((supposed, routes): &(SupposedEvent, Vec<RouteWalk>)) -> Value {
    let event = &supposed.event;
    json!({
        "id": event.id.to_string(),
        "type": event.kind,
        "subject": event.subject,
        "content_type": event.content_type,
        "bytes": event.payload.len(),
        "schema": schema(supposed),
        "routes": routes.iter().map(route).collect::<Vec<_>>(),
    })
}

fn route(walk: &RouteWalk) -> Value {
    json!({
        "route": walk.route.as_str(),
        "takes": walk.takes,
        "filters": walk.steps.iter().map(step).collect::<Vec<_>>(),
        "queues": walk.queues.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn step(step: &Step) -> Value {
    json!({
        "plugin": step.plugin.as_str(),
        "digest": step.digest.to_string(),
        "took_us": u64::try_from(step.took.as_micros()).unwrap_or(u64::MAX),
        "decision": step.decision,
        "detail": step.detail,
    })
}
