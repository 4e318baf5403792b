//! What an answer means for the event: a pure table.

use std::time::{Duration, SystemTime};

use hyper::StatusCode;
use sluicegate_core::outcome::Outcome;
use sluicegate_core::time::Timestamp;

/// The outcome of an attempt that was answered.
///
/// 2xx is done and 410 is final (Standard Webhooks: the endpoint is gone for good). All else is
/// tried again: receivers answer 4xx while they are being deployed, and the queue bounds the
/// attempts. A redirect is never followed: it would carry the payload to a place that nobody
/// configured.
pub(crate) fn outcome(status: StatusCode, after: Option<Duration>, body: &[u8]) -> Outcome {
    let why = || {
        let words = excerpt(body);
        let colon = if words.is_empty() { "" } else { ": " };
        format!("the receiver answered {status}{colon}{words}")
    };
    match status {
        _ if status.is_success() => Outcome::Done,
        StatusCode::GONE => Outcome::GiveUp { why: why() },
        _ if status.is_redirection() => {
            Outcome::Retry { after, why: format!("{} (redirects are not followed)", why()) }
        }
        _ => Outcome::Retry { after, why: why() },
    }
}

/// What `Retry-After` asks for (RFC 9110 section 10.2.3): seconds or a date; at most an hour, so
/// that no receiver can park an event for ever.
pub(crate) fn retry_after(value: Option<&[u8]>, now: Timestamp) -> Option<Duration> {
    let text = std::str::from_utf8(value?).ok()?.trim_ascii();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // Digits that do not fit are more than an hour.
        let seconds = text.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(now.unix_ns()))?;
    // A date that has passed: at once.
    Some(date.duration_since(now).unwrap_or_default().min(RETRY_AFTER_MAX))
}

/// The start of a body for a person to read, on one line and without control characters.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..EXCERPT_CHARS * 4).unwrap_or(body));
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let line: String = text.chars().take(EXCERPT_CHARS).map(plain).collect();
    line.trim().to_owned()
}

const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);
const EXCERPT_CHARS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(status: u16) -> &'static str {
        outcome(StatusCode::from_u16(status).unwrap(), None, b"").code()
    }

    #[test]
    fn only_2xx_is_done_and_only_410_is_final() {
        for status in 200..300 {
            assert_eq!(code(status), "done", "{status}");
        }
        for status in (300..600).filter(|status| *status != 410) {
            assert_eq!(code(status), "retry", "{status}");
        }
        assert_eq!(code(410), "give_up");
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_capped() {
        let now = Timestamp::from_unix_ms(1_700_000_000_000);
        let read = |text: &str| retry_after(Some(text.as_bytes()), now).map(|d| d.as_secs());
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("99999999999999999999999"), Some(3600));
        assert_eq!(read("Tue, 14 Nov 2023 22:14:20 GMT"), Some(60));
        assert_eq!(read("Tue, 14 Nov 2023 22:13:00 GMT"), Some(0));
        assert_eq!(read("Tue, 14 Nov 2028 22:13:00 GMT"), Some(3600));
        for bad in ["", "-1", "+1", "1.5", "soon", "Tue, 99 Nov 2023 22:14:20 GMT"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(retry_after(None, now), None);
    }

    #[test]
    fn reasons_quote_little_and_no_control_characters() {
        let body = format!("<h1>\r\n\x1b[31mno\0{}", "é".repeat(1000));
        let Outcome::Retry { why, .. } =
            outcome(StatusCode::INTERNAL_SERVER_ERROR, None, body.as_bytes())
        else {
            panic!("500 is retried");
        };
        assert!(why.starts_with("the receiver answered 500 Internal Server Error: <h1>"), "{why}");
        assert!(!why.contains(char::is_control) && why.chars().count() < 260, "{why}");
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(body: Vec<u8>, header: Vec<u8>, now: u64) {
            let after = retry_after(Some(&header), Timestamp::from_unix_ns(now));
            prop_assert!(after.is_none_or(|after| after <= RETRY_AFTER_MAX));
            outcome(StatusCode::BAD_GATEWAY, after, &body);
        }
    }
}
