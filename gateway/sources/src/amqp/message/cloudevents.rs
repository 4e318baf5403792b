//! The names of CloudEvents over AMQP: attributes stand in headers `cloudEvents:NAME` or
//! `cloudEvents_NAME` (AMQP binding 1.0.2, section 3.1.3). They are handed on as the headers that
//! HTTP has for them, `ce-NAME`, so that one reader in the house judges both. Nothing is judged
//! here.

use std::borrow::Cow;

use lapin::types::AMQPValue;
use sluicegate_core::time::Timestamp;

use crate::format::http_value;

/// The attribute that a header is, if it is one.
pub(super) fn attribute(header: &str) -> Option<&str> {
    let (prefix, rest) = header.split_at_checked("cloudEvents".len())?;
    prefix.eq_ignore_ascii_case("cloudEvents").then_some(rest)?.strip_prefix([':', '_'])
}

/// The value of an attribute as HTTP has it (HTTP binding 1.0.2, section 3.1.3.2); `text` is what
/// it is as a header.
pub(super) fn value(value: &AMQPValue, text: &str) -> String {
    let said = match value {
        AMQPValue::Timestamp(seconds) => {
            Cow::Owned(Timestamp::from_unix_ms(seconds.saturating_mul(1000)).rfc3339())
        }
        _ => Cow::Borrowed(text),
    };
    http_value(&said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_known_under_both_prefixes_in_any_case() {
        for header in ["cloudEvents:id", "cloudEvents_id", "cloudevents:id", "CloudEvents_id"] {
            assert_eq!(attribute(header), Some("id"), "{header}");
        }
        for header in ["cloudEvents", "cloudEvents-id", "ce-id", "cloudEventé:id", "id", ""] {
            assert_eq!(attribute(header), None, "{header}");
        }
    }

    #[test]
    fn values_are_written_as_http_has_them_and_times_as_rfc_3339() {
        let text = |text: &str| value(&AMQPValue::LongString(text.into()), text);
        assert_eq!(text("/a?b=c"), "/a?b=c");
        assert_eq!(text(" \"5 %\"€"), "%20%225%20%25%22%E2%82%AC");
        let time = value(&AMQPValue::Timestamp(1_700_000_000), "1700000000");
        assert_eq!(time, "2023-11-14T22:13:20Z");
        assert_eq!(value(&AMQPValue::LongInt(7), "7"), "7");
    }
}
