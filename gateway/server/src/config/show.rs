//! The configuration as it is in force: what is written, with what is left out filled in, and
//! without anything secret.

use serde_json::{Map, Value, json};
use sluicegate_core::limits::PAYLOAD_BYTES_DEFAULT;
use sluicegate_core::queue::OnExpiry;
use sluicegate_queue::{FsyncMode, RefusedBounds};

use super::check::DEAD_LETTERS;
use super::live::queue_settings;
use super::plan::Plan;
use super::scalars::{Size, Span};

/// The configuration of a plan as it is in force. Secrets are masked wherever one may stand: those
/// that are named, credentials in headers, and names and passwords in URLs.
#[must_use]
pub fn effective(plan: &Plan) -> Value {
    let mut all = plan.document.value.clone();
    mask(&mut all, "");
    let Some(map) = all.as_object_mut() else { return all };
    if let Some(secrets) = map.get_mut("secrets").and_then(Value::as_object_mut) {
        for reference in secrets.values_mut().filter_map(Value::as_object_mut) {
            reference.insert("value".to_owned(), MASK.into());
        }
    }
    map.insert("data".to_owned(), plan.store.folder.display().to_string().into());
    map.insert(
        "fsync".to_owned(),
        match plan.store.fsync {
            FsyncMode::Always => "always".into(),
            FsyncMode::Interval(span) => json!({ "interval": Span(span).written() }),
        },
    );
    if let Some(sources) = map.get_mut("sources").and_then(Value::as_object_mut) {
        sources.iter_mut().for_each(|(name, source)| fill_source(plan, name, source));
    }
    map.insert("queues".to_owned(), queues(plan));
    map.insert("limits".to_owned(), limits(plan));
    all
}

fn queues(plan: &Plan) -> Value {
    let all = &plan.store.queues;
    let settings = all.iter().map(|queue| {
        let gives_up = queue.name.as_str() != DEAD_LETTERS
            && all.iter().all(|other| other.dead_letter != queue.name || other.name == queue.name);
        let mut settings = queue_settings(queue, gives_up);
        if let (OnExpiry::Drop, Some(settings)) = (queue.on_expiry, settings.as_object_mut()) {
            settings.entry("on_expiry").or_insert_with(|| "drop".into());
        }
        (queue.name.to_string(), settings)
    });
    settings.collect::<Map<_, _>>().into()
}

fn fill_source(plan: &Plan, name: &str, source: &mut Value) {
    let Some(source) = source.as_object_mut() else { return };
    if let Some(http) = source.get_mut("http").and_then(Value::as_object_mut) {
        let bytes = Size(PAYLOAD_BYTES_DEFAULT as u64).written();
        http.entry("payload_max").or_insert_with(|| bytes.into());
    }
    let bounds = plan.refused.bounds.iter().find(|(source, _)| source.as_str() == name);
    if let Some((_, bounds)) = bounds {
        source.insert("refused".to_owned(), refused(bounds));
    }
}

fn refused(bounds: &RefusedBounds) -> Value {
    if bounds.events_max == 0 {
        return json!({ "keep": "0s" });
    }
    json!({
        "keep": Span(bounds.age_max).written(),
        "deliveries": bounds.events_max,
        "bytes": Size(bounds.bytes_max).written()
    })
}

fn limits(plan: &Plan) -> Value {
    let (http, store) = (&plan.http_limits, &plan.store);
    let span = |span| Span(span).written();
    json!({
        "connections": http.connections_max,
        "connections_per_address": http.connections_per_address_max,
        "first_byte": span(http.first_byte),
        "head": span(http.head),
        "body": span(http.body),
        "idle": span(http.idle),
        "filter_threads": plan.filter_threads,
        "free_disk_min": Size(store.free_bytes_min).written(),
        "segment_size": Size(store.segment_bytes).written(),
        "drain": span(plan.drain),
        "dedupe": { "window": span(store.dedupe_window), "keys": store.dedupe_keys_max }
    })
}

/// Masks credentials in headers, and names and passwords in URLs.
fn mask(value: &mut Value, name: &str) {
    match value {
        Value::Object(map) => map.iter_mut().for_each(|(name, inner)| mask(inner, name)),
        Value::Array(list) => list.iter_mut().for_each(|inner| mask(inner, name)),
        Value::String(text) => {
            let name = name.to_ascii_lowercase();
            if CREDENTIALS.iter().any(|part| name.contains(part)) && !is_reference(&name) {
                MASK.clone_into(text);
            } else if let Some(masked) = without_password(text) {
                *text = masked;
            }
        }
        _ => {}
    }
}

/// Keys of our own that name a secret, and are none.
fn is_reference(name: &str) -> bool {
    ["secret", "password", "token", "admin_token", "secret_id", "secret_encoding"].contains(&name)
}

/// A URL with its name and password masked; `None` if it has none.
fn without_password(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (_, host) = authority.rsplit_once('@')?;
    let after = rest.get(authority.len()..)?;
    Some(format!("{scheme}://{MASK}@{host}{after}"))
}

const MASK: &str = "***";
const CREDENTIALS: [&str; 7] =
    ["authorization", "cookie", "secret", "token", "password", "api-key", "apikey"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_masked_and_names_of_secrets_are_not() {
        let mut value = json!({
            "listen": { "admin_token": "admin" },
            "sinks": { "a": { "http": {
                "url": "https://me:pass@a.example/x?y=@z",
                "headers": { "Authorization": "Bearer s3cret", "x-api-key": "k", "x-team": "t" }
            } } },
            "plugins": { "p": { "config": { "api-key": ["k1", "k2"] } } },
            "sources": { "s": { "verify": { "keys": [ { "id": "a", "secret": "name" } ] } } }
        });
        mask(&mut value, "");
        assert_eq!(
            value,
            json!({
                "listen": { "admin_token": "admin" },
                "sinks": { "a": { "http": {
                    "url": "https://***@a.example/x?y=@z",
                    "headers": { "Authorization": "***", "x-api-key": "***", "x-team": "t" }
                } } },
                "plugins": { "p": { "config": { "api-key": ["***", "***"] } } },
                "sources": { "s": { "verify": { "keys": [ { "id": "a", "secret": "name" } ] } } }
            })
        );
        assert_eq!(without_password("https://a.example/@b"), None);
    }
}
