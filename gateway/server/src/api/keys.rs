//! `GET /v1/keys`: the keys of every source, their use, and what to do about them. No secret.

use serde_json::{Value, json};
use sluicegate_admission::KeyState;
use sluicegate_core::time::Timestamp;
use sluicegate_sources::http::Response;

use super::reply;
use crate::keys::{Ledger, SecretWatch, advice};

pub(super) fn list(ledger: &Ledger, secrets: &SecretWatch) -> Response {
    let (keys, now) = (ledger.keys(), ledger.now());
    let written: Vec<Value> = keys.iter().map(|one| key(one, &keys, now)).collect();
    let secrets: Vec<Value> = secrets
        .standing()
        .into_iter()
        .map(|(name, fault)| json!({ "secret": name, "in_force": fault.is_none(), "why": fault }))
        .collect();
    reply::json(&json!({ "keys": written, "secrets": secrets }))
}

fn key(one: &KeyState, all: &[KeyState], now: Timestamp) -> Value {
    let beside: Vec<KeyState> =
        all.iter().filter(|other| other.used.source == one.used.source).cloned().collect();
    let live =
        one.not_before.is_none_or(|from| from <= now) && one.not_after.is_none_or(|to| now < to);
    let time = |time: Option<Timestamp>| time.map(Timestamp::rfc3339);
    json!({
        "source": one.used.source.as_str(),
        "key": one.used.key.as_str(),
        "live": live,
        "not_before": time(one.not_before),
        "not_after": time(one.not_after),
        "known_since": one.used.known_since.rfc3339(),
        "matched": one.used.matched,
        "last_used": time(one.used.last_used),
        "advice": advice(one, &beside, now),
    })
}
