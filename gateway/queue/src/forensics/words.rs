//! The entries of the log as JSON, for people and programs to read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use sluicegate_core::event::Event;
use sluicegate_core::fields::Fields;
use sluicegate_core::letter::{Failure, Letter};
use sluicegate_core::queue::{Place, QueueNumber, Terms};

use super::dump::Payloads;
use crate::format::changes::{Changes, Happened};
use crate::format::commit::Commit;
use crate::format::state::StoredWrite;
use crate::store::Cursor;

/// The names of the queues, by number.
#[derive(Debug, Default)]
pub(super) struct Names(pub(super) Vec<String>);

impl Names {
    pub(super) fn of(&self, queue: QueueNumber) -> String {
        let known = self.0.get(usize::from(queue.0)).cloned();
        known.unwrap_or_else(|| format!("recovered-{}", queue.0))
    }
}

/// A commit; `None` if an event in it cannot be read.
pub(super) fn commit(
    commit: &Commit<'_>,
    position: u64,
    names: &Names,
    payloads: Payloads,
) -> Option<Map<String, Value>> {
    let verdict = commit.verdict()?;
    let mut events = Vec::new();
    for (part, received, _) in commit.distinct() {
        let (event, _) = commit.event(part, Bytes::copy_from_slice)?;
        let mut one = self::event(&event, payloads);
        one.insert("place".into(), cursor(Place { position, part }));
        one.insert("received".into(), received.into());
        events.push(Value::Object(one));
    }
    let placed = commit.placed().map(|placed| {
        let mut one = terms(&placed.terms);
        one.insert("place".into(), cursor(Place { position, part: placed.part }));
        one.insert("queue".into(), names.of(placed.queue).into());
        let letter = commit.event(placed.part, |_| Bytes::new()).and_then(|(_, letter)| letter);
        if let Some(letter) = letter {
            one.insert("letter".into(), self::letter(&letter));
        }
        Value::Object(one)
    });
    let drops: Vec<Value> = commit
        .drops
        .iter()
        .map(|(route, reason)| json!({ "route": route, "reason": reason }))
        .collect();
    let received = commit.received()?;
    let schema = verdict
        .schema
        .map(|schema| json!({ "subject": schema.subject.to_string(), "version": schema.version }));
    object(json!({
        "received": { "id": received.id.to_string(), "source": received.source() },
        "dedupe": commit.dedupe,
        "verdict": {
            "scheme": verdict.scheme,
            "key": verdict.key.map(|key| key.to_string()),
            "skew_ms": verdict.skew_ms,
            "schema": schema,
        },
        "events": events,
        "placed": placed.collect::<Vec<_>>(),
        "drops": drops,
        "state": commit.state.iter().map(|write| state(write, payloads)).collect::<Vec<_>>(),
    }))
}

/// What a filter wrote. Keys are content too: without payloads only their lengths are told.
fn state(write: &StoredWrite<'_>, payloads: Payloads) -> Value {
    let mut one = Map::from_iter([
        ("plugin".to_owned(), write.plugin.into()),
        ("route".to_owned(), write.route.into()),
        ("key_bytes".to_owned(), write.key.len().into()),
        ("value_bytes".to_owned(), write.value.map(<[u8]>::len).into()),
        ("expires_at".to_owned(), write.expires_at.map(|end| end.rfc3339()).into()),
    ]);
    if payloads == Payloads::Shown {
        one.insert("key".into(), write.key.into());
        match write.value.map(|value| (value, std::str::from_utf8(value))) {
            Some((_, Ok(text))) => drop(one.insert("value".into(), text.into())),
            Some((bytes, Err(_))) => {
                drop(one.insert("value_base64".into(), STANDARD.encode(bytes).into()));
            }
            None => {}
        }
    }
    Value::Object(one)
}

/// What happened to events of a queue.
pub(super) fn changes(
    changes: &Changes,
    position: u64,
    names: &Names,
) -> Option<Map<String, Value>> {
    let one = |((id, happened), part): (&(Place, Happened), u16)| {
        let here = cursor(Place { position, part });
        let mut one = match happened {
            Happened::Acked => json!({ "what": "acked" }),
            Happened::Attempted(number) => json!({ "what": "attempted", "attempt": number }),
            Happened::Failed(until, why) => {
                json!({ "what": "failed", "until": until.rfc3339(), "why": why })
            }
            Happened::DeadLettered(item, to, letter) => json!({
                "what": "dead_lettered", "to": names.of(*to), "place": here,
                "letter": self::letter(letter), "bytes_at": cursor(item.event),
            }),
            Happened::Redriven(item, to) => json!({
                "what": "redriven", "to": names.of(*to), "place": here,
                "bytes_at": cursor(item.event),
            }),
            Happened::Lost => json!({ "what": "lost" }),
            Happened::Returned => json!({ "what": "returned" }),
            Happened::Dropped(why) => json!({ "what": "dropped", "why": why.code() }),
        };
        if let Some(one) = one.as_object_mut() {
            one.insert("event".into(), cursor(*id));
        }
        one
    };
    object(json!({
        "queue": names.of(changes.queue),
        "at": changes.at.rfc3339(),
        "changes": changes.all.iter().zip(0_u16..).map(one).collect::<Vec<_>>(),
    }))
}

/// A place as people hold it.
pub(super) fn cursor(place: Place) -> Value {
    Cursor(place).to_string().into()
}

/// An event. Headers and attributes are content too: without payloads only their names are told.
pub(super) fn event(event: &Event, payloads: Payloads) -> Map<String, Value> {
    let mut one = object(json!({
        "id": event.id.to_string(),
        "source": event.source.to_string(),
        "type": event.kind,
        "subject": event.subject,
        "time": event.time.map(|time| time.rfc3339()),
        "received_at": event.received_at.rfc3339(),
        "content_type": event.content_type,
        "attributes": fields(&event.attributes, payloads),
        "headers": fields(&event.headers, payloads),
        "payload_bytes": event.payload.len(),
    }))
    .unwrap_or_default();
    if payloads == Payloads::Shown {
        match std::str::from_utf8(&event.payload) {
            Ok(text) => one.insert("payload".into(), text.into()),
            Err(_) => one.insert("payload_base64".into(), STANDARD.encode(&event.payload).into()),
        };
    }
    one
}

/// Why an event is in a dead-letter queue.
pub(super) fn letter(letter: &Letter) -> Value {
    let plugin = letter
        .plugin
        .as_ref()
        .map(|(name, digest)| json!({ "name": name.to_string(), "digest": digest.to_string() }));
    json!({
        "cause": letter.cause.code(),
        "reason": letter.reason,
        "origin": letter.origin.as_ref().map(ToString::to_string),
        "route": letter.route.as_ref().map(ToString::to_string),
        "plugin": plugin,
        "attempts": letter.attempts,
        "failures": letter.failures.iter().map(failure).collect::<Vec<_>>(),
    })
}

fn failure(failure: &Failure) -> Value {
    json!({ "at": failure.at.rfc3339(), "attempt": failure.attempt, "why": &*failure.why })
}

fn terms(terms: &Terms) -> Map<String, Value> {
    let key = terms.order_key.map(|key| format!("{:016x}", key.0));
    object(json!({
        "priority": terms.priority.level(),
        "order_key": key,
        "deliver_at": terms.deliver_at.map(|at| at.rfc3339()),
        "expires_at": terms.expires_at.map(|at| at.rfc3339()),
    }))
    .unwrap_or_default()
}

fn fields(fields: &Fields, payloads: Payloads) -> Value {
    // A name may stand there twice: a list keeps both.
    let one = |(name, value): (&str, &str)| match payloads {
        Payloads::Shown => json!([name, value]),
        Payloads::Left => json!([name]),
    };
    fields.iter().map(one).collect::<Vec<_>>().into()
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(map) => Some(map),
        _ => None,
    }
}
