//! `/v1/refused/{id}`: one refused delivery: shown, judged again, released, removed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::Repeat;
use sluicegate_core::refusal::Refusal;
use sluicegate_queue::RefusedFault;
use sluicegate_sources::http::{Problem, Response};

use super::list::standing;
use crate::api::query::{invalid, pairs};
use crate::api::reply;
use crate::refused::{Refused, ReleaseFault, Released};

/// `GET`: all of it. `?body=none` leaves the body out, `?body=base64` encodes it.
pub(super) async fn show(refused: &Refused, id: EventId, query: &str) -> Response {
    let body = match pairs(query).last() {
        None | Some(("body", "text")) => Body::Text,
        Some(("body", "base64")) => Body::Base64,
        Some(("body", "none")) => Body::None,
        Some(_) => return invalid("body", "text, base64 or none"),
    };
    match refused.read(id).await {
        Ok((one, stands)) => {
            let mut written = json!({
                "id": one.id.to_string(),
                "source": one.delivery.source.as_str(),
                "arrived": one.at.rfc3339(),
                "code": one.code,
                "why": one.why,
                "masked": one.masked,
                "delivery": delivery(&refused.shown(&one.delivery), body),
            });
            standing(&mut written, stands);
            reply::json(&written)
        }
        Err(fault) => gone(&fault),
    }
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Body {
    /// As text where it is text, else in base64.
    Text,
    Base64,
    None,
}

/// A delivery, as a person may see it, in the shape that `/v1/explain` takes.
pub(super) fn delivery(delivery: &Delivery, body: Body) -> Value {
    let headers = delivery.headers.iter();
    let headers: Vec<Value> = headers.map(|(name, value)| json!([name, value])).collect();
    let mut written = Map::new();
    written.insert("source".to_owned(), delivery.source.as_str().into());
    written.insert("method".to_owned(), delivery.method.as_str().into());
    written.insert("target".to_owned(), delivery.target.as_str().into());
    written.insert("peer".to_owned(), delivery.peer.map(|peer| peer.to_string()).into());
    written.insert("headers".to_owned(), headers.into());
    let Transport { attributes, kind, time, dedupe, .. } = &delivery.transport;
    if !attributes.is_empty() || kind.is_some() || time.is_some() || dedupe.is_some() {
        let attributes: Vec<Value> =
            attributes.iter().map(|(name, value)| json!([name, value])).collect();
        let time = time.map(|time| time.rfc3339());
        let beside =
            json!({ "attributes": attributes, "type": kind, "time": time, "dedupe": dedupe });
        written.insert("transport".to_owned(), beside);
    }
    match (body, std::str::from_utf8(&delivery.body)) {
        (Body::None, _) => {}
        (Body::Text, Ok(text)) => {
            written.insert("body".to_owned(), text.into());
        }
        _ => {
            written.insert("body_base64".to_owned(), STANDARD.encode(&delivery.body).into());
        }
    }
    written.into()
}

/// `POST .../reverify`: `{"accepted":true}`, or why not.
pub(super) async fn reverify(refused: &Refused, id: EventId) -> Response {
    match refused.reverify(id).await {
        Ok(()) => reply::json(&json!({ "accepted": true })),
        Err(ReleaseFault::Refused(refusal)) => reply::json(&json!({
            "accepted": false,
            "code": refusal.code(),
            "why": refusal.to_string(),
            "violations": violations(&refusal),
        })),
        Err(fault) => refuse(&fault),
    }
}

/// `POST .../release`: the event that it is now.
pub(super) async fn release(refused: &Refused, id: EventId) -> Response {
    match refused.release(id).await {
        Ok(Released { event, repeat }) => {
            let duplicate = repeat == Repeat::Duplicate;
            reply::json(&json!({ "event": event.to_string(), "duplicate": duplicate }))
        }
        Err(fault) => refuse(&fault),
    }
}

/// `DELETE`: 204.
pub(super) async fn remove(refused: &Refused, id: EventId) -> Response {
    match refused.remove(id).await {
        Ok(()) => Response::new(204),
        Err(fault) => gone(&fault),
    }
}

/// The violations of a refusal.
pub(super) fn violations(refusal: &Refusal) -> Vec<Value> {
    let Refusal::Invalid { violations } = refusal else { return Vec::new() };
    let one = |one: &sluicegate_core::refusal::Violation| {
        json!({
            "instance": one.instance,
            "schema": one.schema,
            "keyword": one.keyword,
            "message": one.message,
        })
    };
    violations.iter().map(one).collect()
}

/// The answer to a release that came to nothing.
fn refuse(fault: &ReleaseFault) -> Response {
    match fault {
        ReleaseFault::Kept(fault) => gone(fault),
        ReleaseFault::Masked => reply::problem(409, fault.code(), &fault.to_string()),
        ReleaseFault::Refused(refusal) => {
            let status = if refusal.retry_after().is_some() { 503 } else { 409 };
            let violations = match refusal {
                Refusal::Invalid { violations } => violations.as_slice(),
                _ => &[],
            };
            let (code, detail, title) = (fault.code(), &*fault.to_string(), "Still Refused");
            let retry_after = refusal.retry_after();
            Problem { status, code, title, detail, violations, retry_after }.response()
        }
    }
}

/// The answer to one that cannot be had.
pub(super) fn gone(fault: &RefusedFault) -> Response {
    let status = match fault {
        RefusedFault::Gone => 404,
        RefusedFault::Released(_) | RefusedFault::Releasing(_) => 409,
        RefusedFault::Damaged => 410,
        RefusedFault::Disk(_) => 503,
    };
    reply::problem(status, fault.code(), &fault.to_string())
}
