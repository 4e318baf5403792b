//! From what a guest answered to a decision that can be trusted to keep the contract.
//!
//! Every queue exists, every name is a name, every count is within its bound. Where one thing is
//! wrong the whole answer is, and the event is dead-lettered as it was: half a decision would be
//! a lost event.

use std::time::Duration;

use bytes::Bytes;
use sluicegate_core::decision::{Decision, Failure, Output, RejectCode, Rejection};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::QueueName;
use sluicegate_core::limits::{
    ATTRIBUTES_MAX, DESTINATIONS_MAX, HEADER_BYTES_MAX, HEADERS_MAX, OUTPUTS_MAX,
    PAYLOAD_BYTES_MAX, TYPE_BYTES_MAX, bounded_reason,
};

use crate::contract::sluicegate::plugin::types;
use crate::fault::Fault;
use crate::spec::Queues;

/// Translates a decision.
pub(crate) fn decision(said: types::Decision, queues: &dyn Queues) -> Result<Decision, Fault> {
    Ok(match said {
        types::Decision::Next => Decision::Next,
        types::Decision::Drop(reason) => Decision::Drop(bounded_reason(reason)),
        types::Decision::Route(names) if names.is_empty() => {
            return Err(Fault::bad("it routes to no queue"));
        }
        types::Decision::Route(names) => Decision::Route(known(&names, queues)?),
        types::Decision::Emit(outputs) => Decision::Emit(emitted(outputs, queues)?),
        types::Decision::Reject(rejection) => Decision::Reject(Rejection {
            code: reject_code(rejection.code),
            reason: bounded_reason(rejection.reason),
        }),
        types::Decision::DeadLetter(reason) => Decision::DeadLetter(bounded_reason(reason)),
    })
}

/// Translates a failure.
pub(crate) fn failure(said: types::Failure) -> Failure {
    match said {
        types::Failure::RetryAfter(ms) => Failure::RetryAfter(Duration::from_millis(ms.into())),
        types::Failure::Failed(why) => Failure::Failed(bounded_reason(why)),
    }
}

fn reject_code(code: types::RejectCode) -> RejectCode {
    match code {
        types::RejectCode::Invalid => RejectCode::Invalid,
        types::RejectCode::Unauthenticated => RejectCode::Unauthenticated,
        types::RejectCode::Forbidden => RejectCode::Forbidden,
        types::RejectCode::TooLarge => RejectCode::TooLarge,
        types::RejectCode::RateLimited => RejectCode::RateLimited,
        types::RejectCode::Unavailable => RejectCode::Unavailable,
    }
}

/// The queues of these names, each once.
fn known(names: &[String], queues: &dyn Queues) -> Result<Vec<QueueName>, Fault> {
    if names.len() > DESTINATIONS_MAX {
        return Err(Fault::bad(format!(
            "it names {} queues, the limit is {DESTINATIONS_MAX}",
            names.len()
        )));
    }
    let mut found: Vec<QueueName> = Vec::with_capacity(names.len());
    for name in names {
        let Some(queue) = queues.find(name) else {
            return Err(Fault::bad(format!("it names the queue {name:?}, which does not exist")));
        };
        if !found.contains(&queue) {
            found.push(queue);
        }
    }
    Ok(found)
}

fn emitted(outputs: Vec<types::Output>, queues: &dyn Queues) -> Result<Vec<Output>, Fault> {
    match outputs.len() {
        0 => Err(Fault::bad("it emits no event; a filter that lets one go says drop")),
        1..=OUTPUTS_MAX => outputs.into_iter().map(|said| output(said, queues)).collect(),
        more => Err(Fault::bad(format!("it emits {more} events, the limit is {OUTPUTS_MAX}"))),
    }
}

fn output(said: types::Output, queues: &dyn Queues) -> Result<Output, Fault> {
    for text in [&said.type_, &said.content_type].into_iter().flatten() {
        if text.is_empty() || text.len() > TYPE_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(Fault::bad("it sets a type or content type that is not one"));
        }
    }
    if let Some(name) = said.remove.iter().find(|name| is_ours(name)) {
        return Err(Fault::bad(format!("it removes {name:?}, which is the gateway's own")));
    }
    let payload = said.data.map(|data| match data {
        types::DataResult::Text(text) => Bytes::from(text.into_bytes()),
        types::DataResult::Binary(bytes) => Bytes::from(bytes),
    });
    if payload.as_ref().is_some_and(|payload| payload.len() > PAYLOAD_BYTES_MAX) {
        return Err(Fault::bad(format!("it emits a payload over {PAYLOAD_BYTES_MAX} bytes")));
    }
    Ok(Output {
        queues: known(&said.queues, queues)?,
        kind: said.type_,
        content_type: said.content_type,
        set_attributes: fields(&said.set_attributes, ATTRIBUTES_MAX, is_attribute_name)?,
        set_headers: fields(&said.set_headers, HEADERS_MAX, is_header_name)?,
        remove: said.remove,
        payload,
    })
}

fn fields(
    said: &[(String, String)],
    count_max: usize,
    is_name: fn(&str) -> bool,
) -> Result<Fields, Fault> {
    let bytes: usize = said.iter().map(|(name, value)| name.len() + value.len()).sum();
    if said.len() > count_max || bytes > HEADER_BYTES_MAX {
        return Err(Fault::bad("it sets more attributes or headers than an event may have"));
    }
    let mut fields = Fields::with_capacity(said.len(), bytes);
    for (name, value) in said {
        if !is_name(name) {
            return Err(Fault::bad(format!("it sets {name:?}, which is not a name it may set")));
        }
        // A line break in a value would be a second header on some way out.
        if value.chars().any(char::is_control) {
            return Err(Fault::bad(format!("it sets {name:?} to a value with control characters")));
        }
        fields.push(name, value);
    }
    Ok(fields)
}

/// An extension attribute as CloudEvents 1.0 section 3.1 has it, or `subject`: not one of the
/// context attributes that the gateway or another part of the output sets, and not `sg...`.
fn is_attribute_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && !CONTEXT_ATTRIBUTES.contains(&name)
        && !is_ours(name)
}

/// A field name as RFC 9110 section 5.1 has it, in lower case.
fn is_header_name(name: &str) -> bool {
    let token =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(token)
}

/// The gateway's own context: what it says about an event, no filter may say.
fn is_ours(name: &str) -> bool {
    name.starts_with("sg")
}

const CONTEXT_ATTRIBUTES: [&str; 8] =
    ["id", "source", "specversion", "type", "datacontenttype", "time", "data", "data_base64"];

/// Bytes of an attribute or header name that a filter sets.
const NAME_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn queues() -> BTreeSet<QueueName> {
        ["siem", "archive"].iter().map(|name| name.parse().unwrap()).collect()
    }

    fn blank() -> types::Output {
        types::Output {
            queues: vec![],
            type_: None,
            content_type: None,
            set_attributes: vec![],
            set_headers: vec![],
            remove: vec![],
            data: None,
        }
    }

    fn emit(output: types::Output) -> Result<Decision, Fault> {
        decision(types::Decision::Emit(vec![output]), &queues())
    }

    #[test]
    fn a_queue_named_twice_is_one_queue_and_an_unknown_one_is_a_fault() {
        let route = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            decision(types::Decision::Route(names), &queues())
        };
        let Ok(Decision::Route(found)) = route(&["siem", "siem", "archive"]) else { panic!() };
        assert_eq!(found.iter().map(QueueName::as_str).collect::<Vec<_>>(), ["siem", "archive"]);
        assert!(route(&["siem", "nowhere"]).unwrap_err().reason.contains("nowhere"));
        assert!(route(&[]).is_err());
        assert!(route(&["siem"; 65]).is_err());
    }

    #[test]
    fn outputs_are_counted_and_none_is_not_a_way_to_drop() {
        let many = |count| {
            let outputs = (0..count).map(|_| blank()).collect();
            decision(types::Decision::Emit(outputs), &queues())
        };
        assert!(many(OUTPUTS_MAX).is_ok());
        assert!(many(OUTPUTS_MAX + 1).is_err());
        assert!(many(0).is_err());
    }

    #[test]
    fn names_that_a_filter_may_not_set_are_faults() {
        for bad in ["", "Upper", "with-dash", "é", "sgparent", "id", "type", "data_base64", "a b"]
        {
            let set_attributes = vec![(bad.to_owned(), "v".to_owned())];
            assert!(emit(types::Output { set_attributes, ..blank() }).is_err(), "{bad:?}");
        }
        for bad in ["", "X-Upper", "a:b", "a b", "é"] {
            let set_headers = vec![(bad.to_owned(), "v".to_owned())];
            assert!(emit(types::Output { set_headers, ..blank() }).is_err(), "{bad:?}");
        }
        let set_headers = vec![("x-ok".to_owned(), "a\r\nx-evil: 1".to_owned())];
        assert!(emit(types::Output { set_headers, ..blank() }).is_err());
        assert!(emit(types::Output { remove: vec!["sgfilter".into()], ..blank() }).is_err());
        let set_attributes = vec![("subject".to_owned(), "s".to_owned())];
        assert!(emit(types::Output { set_attributes, ..blank() }).is_ok());
    }

    #[test]
    fn payloads_and_types_are_bounded() {
        let data = Some(types::DataResult::Binary(vec![0; PAYLOAD_BYTES_MAX + 1]));
        assert!(emit(types::Output { data, ..blank() }).is_err());
        for bad in ["", "a\nb", &"x".repeat(257)] {
            assert!(emit(types::Output { type_: Some(bad.into()), ..blank() }).is_err());
            assert!(emit(types::Output { content_type: Some(bad.into()), ..blank() }).is_err());
        }
    }
}
