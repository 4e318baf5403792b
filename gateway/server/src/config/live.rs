//! One queue as the admin API is given it, and as it shows it: the shape that the configuration
//! has, as JSON. What is shown can be given again, and changes nothing then.

use serde_json::{Map, Value, json};
use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Delivery, OnExpiry};
use sluicegate_core::refusal::Violation;
use sluicegate_queue::{Field, Hold, QueueConfig, Retain, WhenFull};

use super::check::DEAD_LETTERS;
use super::field::FieldName;
use super::published::Published;
use super::queues::{Wrong, config, judge, wrong_as_dead_letter_queue};
use super::scalars::{Size, Span};
use super::shape;

/// A queue as somebody wants it.
#[derive(Debug, PartialEq, Eq)]
pub struct WantedQueue {
    /// Its configuration.
    pub config: QueueConfig,
    /// Whether it is to hand out events, if that was said.
    pub delivery: Option<Delivery>,
    /// Whether it is to be under a legal hold, if that was said.
    pub hold: Option<Hold>,
}

/// Reads a queue of this name; `others` are all queues that are there.
///
/// # Errors
/// Everything that is wrong with it, with JSON Pointers into `body`.
pub fn read_queue(
    name: QueueName,
    body: &Value,
    others: &[QueueConfig],
) -> Result<WantedQueue, Vec<Violation>> {
    let published = Published::new(shape::queue_json_schema())
        .map_err(|fault| vec![violation("", "schema", fault.to_string())])?;
    let violations = published.violations(body, VIOLATIONS_MAX);
    if !violations.is_empty() {
        return Err(violations);
    }
    let queue: shape::Queue = serde_json::from_value(body.clone())
        .map_err(|fault| vec![violation("", "schema", fault.to_string())])?;
    let written = queue.dead_letter.as_deref();
    let dead_letter: QueueName = written
        .unwrap_or(DEAD_LETTERS)
        .parse()
        .map_err(|fault| vec![violation("/dead_letter", "name_invalid", format!("{fault}"))])?;
    let names_another = written.is_some_and(|written| written != name.as_str());
    let config = config(name, dead_letter, &queue);
    let mut wrongs = Vec::new();
    judge(&queue, &mut wrongs);
    wrongs.extend(wrong_as_dead_letter_queue(&config, names_another, others.iter()));
    wrongs.extend(wrong_dead_letter_queue(&config, others));
    if wrongs.is_empty() {
        let delivery = queue.paused.map(|_| config.delivery);
        let hold = queue.retain.as_ref().and_then(|retain| retain.hold);
        let hold = hold.map(|_| config.retain.hold);
        return Ok(WantedQueue { config, delivery, hold });
    }
    Err(wrongs.into_iter().map(|wrong| violation(wrong.at, wrong.code, wrong.message)).collect())
}

/// What makes no sense in the queue that this one gives its events up to.
fn wrong_dead_letter_queue(config: &QueueConfig, others: &[QueueConfig]) -> Option<Wrong> {
    let to = others.iter().find(|other| other.name == config.dead_letter)?;
    let chained = to.name != config.name && to.on_expiry == OnExpiry::DeadLetter;
    chained.then(|| Wrong {
        at: "/dead_letter",
        code: "dead_letter_chain",
        message: format!("{} gives up what expires in it: it cannot be one for others", to.name),
    })
}

fn violation(at: &str, code: &str, message: String) -> Violation {
    let (instance, keyword) = (at.to_owned(), code.to_owned());
    Violation { instance, schema: String::new(), keyword, message }
}

/// The settings of a queue. `gives_up`: it is no dead-letter queue, which gives up nothing.
#[must_use]
pub fn queue_settings(config: &QueueConfig, gives_up: bool) -> Value {
    let mut all = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    };
    let retry = &config.retry;
    let (min, max) = (Span(retry.wait_min).written(), Span(retry.wait_max).written());
    set("retry", Some(json!({ "attempts": retry.attempts_max, "min": min, "max": max })));
    set("dead_letter", gives_up.then(|| config.dead_letter.as_str().into()));
    set("retain", Some(retain(config.retain)));
    set("limits", Some(limits(config)));
    let when_full = match config.when_full {
        WhenFull::Reject => "reject",
        WhenFull::DropOldest => "drop-oldest",
    };
    set("when_full", Some(when_full.into()));
    let field = |field: &Option<Field>| Some(FieldName::written(field.as_ref()?).into());
    let terms = &config.terms;
    set("order_by", field(&terms.order_by));
    set("priority_by", field(&terms.priority_by));
    set("delay", Some(Span(terms.delay).written().into()));
    set("deliver_at", field(&terms.deliver_at));
    set("ttl", terms.ttl.map(|ttl| Span(ttl).written().into()));
    set("expires_at", field(&terms.expires_at));
    let on_expiry = match config.on_expiry {
        OnExpiry::Drop => "drop",
        OnExpiry::DeadLetter => "dead-letter",
    };
    let expires = terms.ttl.is_some() || terms.expires_at.is_some();
    set("on_expiry", expires.then(|| on_expiry.into()));
    set("paused", Some((config.delivery == Delivery::Paused).into()));
    set("delivery_rate", config.delivery_rate.map(Value::from));
    Value::Object(all)
}

fn retain(retain: Retain) -> Value {
    let mut written = json!({ "hold": retain.hold == Hold::Held });
    if let Some(map) = written.as_object_mut() {
        map.extend(retain.time.map(|time| ("time".to_owned(), Span(time).written().into())));
        map.extend(retain.bytes.map(|bytes| ("bytes".to_owned(), Size(bytes).written().into())));
    }
    written
}

fn limits(config: &QueueConfig) -> Value {
    let mut written = json!({ "held": config.held_max });
    if let Some(map) = written.as_object_mut() {
        map.extend(config.events_max.map(|events| ("events".to_owned(), events.into())));
        let bytes = config.bytes_max.map(|bytes| Size(bytes).written().into());
        map.extend(bytes.map(|bytes| ("bytes".to_owned(), bytes)));
        map.extend(config.rate_max.map(|rate| ("rate".to_owned(), rate.into())));
    }
    written
}

/// Violations told at once.
const VIOLATIONS_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> QueueName {
        text.parse().unwrap()
    }

    fn read(body: &Value) -> Result<WantedQueue, Vec<Violation>> {
        read_queue(name("orders"), body, &[])
    }

    /// Where it is wrong, and with which code.
    #[track_caller]
    fn wrong(body: &Value) -> Vec<(String, String)> {
        let wrongs = read(body).expect_err(&body.to_string());
        wrongs.into_iter().map(|one| (one.instance, one.keyword)).collect()
    }

    fn everything() -> Value {
        json!({
            "retry": { "attempts": 3, "min": "5s", "max": "1h" },
            "dead_letter": "orders-dead",
            "retain": { "time": "7d", "bytes": "10GiB", "hold": true },
            "limits": { "events": 1_000_000, "bytes": "1GiB", "rate": 5000, "held": 100_000 },
            "when_full": "drop-oldest",
            "order_by": "subject",
            "priority_by": "attributes.priority",
            "delay": "5s",
            "deliver_at": "attributes.deliverat",
            "ttl": "1d",
            "expires_at": "headers.x-expires",
            "on_expiry": "dead-letter",
            "paused": true,
            "delivery_rate": 100
        })
    }

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        let wanted = read(&everything()).unwrap();
        assert_eq!(queue_settings(&wanted.config, true), everything());
        for body in [json!({}), json!({ "retain": "7d" }), json!({ "limits": { "bytes": 1000 } })] {
            let config = read(&body).unwrap().config;
            let again = read(&queue_settings(&config, true)).unwrap().config;
            assert_eq!(again, config, "{body}");
        }
        let plain = read(&json!({})).unwrap();
        assert_eq!(plain.config, QueueConfig::new(name("orders"), name(DEAD_LETTERS)));
        assert_eq!((plain.delivery, plain.hold), (None, None), "what was not said is not changed");
    }

    #[test]
    fn what_makes_no_sense_is_told_where_it_stands() {
        let one = |at: &str, code: &str| vec![(at.to_owned(), code.to_owned())];
        for (body, at, code) in [
            (json!({ "ttl": "5s", "delay": "5s" }), "/ttl", "value_out_of_range"),
            (json!({ "ttl": "0s" }), "/ttl", "value_out_of_range"),
            (json!({ "ttl": "3651d" }), "/ttl", "value_out_of_range"),
            (json!({ "delay": "31d" }), "/delay", "value_out_of_range"),
            (json!({ "retry": { "max": "31d" } }), "/retry/max", "value_out_of_range"),
            (json!({ "retry": { "min": "2s", "max": "1s" } }), "/retry", "value_out_of_range"),
            (json!({ "retain": "9999d" }), "/retain", "value_out_of_range"),
            (json!({ "limits": { "bytes": 0 } }), "/limits/bytes", "value_out_of_range"),
            (json!({ "when_full": "drop-oldest" }), "/when_full", "value_missing"),
            (json!({ "on_expiry": "drop" }), "/on_expiry", "value_missing"),
            (json!({ "retain": { "tme": "7d" } }), "/retain/tme", "additionalProperties"),
            (json!({ "order_by": "payload.id" }), "/order_by", "anyOf"),
            (json!({ "limits": { "rate": 0 } }), "/limits/rate", "minimum"),
            (json!({ "dead_letter": "no/name" }), "/dead_letter", "name_invalid"),
            (json!([]), "", "type"),
        ] {
            assert_eq!(wrong(&body), one(at, code), "{body}");
        }
    }

    #[test]
    fn a_dead_letter_queue_gives_nothing_up_itself() {
        let user = QueueConfig::new(name("user"), name("orders"));
        let read = |body| read_queue(name("orders"), &body, std::slice::from_ref(&user));
        let code =
            |result: Result<WantedQueue, Vec<Violation>>| result.unwrap_err()[0].keyword.clone();
        assert_eq!(code(read(json!({ "dead_letter": "other" }))), "dead_letter_chain");
        let expiring = json!({ "ttl": "1d", "on_expiry": "dead-letter" });
        assert_eq!(code(read(expiring.clone())), "dead_letter_chain");
        assert!(read(json!({ "dead_letter": "orders" })).is_ok(), "it may say so itself");
        let shown = queue_settings(&read(json!({})).unwrap().config, false);
        assert_eq!(shown.get("dead_letter"), None);
        // And no queue that gives something up becomes one.
        let expiring = read_queue(name("orders"), &expiring, &[]).unwrap().config;
        let wanted = json!({ "dead_letter": "orders" });
        assert_eq!(code(read_queue(name("new"), &wanted, &[expiring])), "dead_letter_chain");
    }
}
