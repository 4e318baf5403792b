//! `GET /v1/keys`: the keys of every source, their use, and what to do about them. No secret.
//! `GET /v1/keys/learned/{source}`: the one secret that is ever shown, since its provider wants it
//! typed into a page of its own.

use serde_json::{Value, json};
use sluicegate_admission::KeyState;
use sluicegate_core::ids::SourceName;
use sluicegate_core::time::Timestamp;
use sluicegate_sources::http::Response;

use super::reply;
use crate::keys::{Ledger, SecretWatch, advice};
use crate::notary::Learned;

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

/// The secret that the handshake of a source handed over. Who may see it was asked before.
pub(super) async fn learned(learned: &Learned, source: SourceName) -> Response {
    let (folder, name) = (learned.clone(), source.clone());
    let found = tokio::task::spawn_blocking(move || folder.find(&name)).await;
    let secret = match found.unwrap_or_else(|fault| Err(std::io::Error::other(fault))) {
        Ok(Some(secret)) => secret,
        Ok(None) => {
            let why = "no handshake of this source has handed over a secret";
            return reply::problem(404, "learned_not_found", why);
        }
        Err(error) => {
            tracing::error!(%source, %error, "failed to read the secret of a handshake");
            return reply::problem(500, "internal", "the secret cannot be read: see the log");
        }
    };
    // It came as a field of a header or of JSON.
    let Ok(text) = std::str::from_utf8(secret.expose()) else {
        return reply::problem(500, "internal", "the secret is no text");
    };
    tracing::warn!(%source, "the secret of its handshake was shown over the admin API");
    let shown = json!({ "source": source.as_str(), "secret": text });
    reply::json(&shown).with("cache-control", "no-store")
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
