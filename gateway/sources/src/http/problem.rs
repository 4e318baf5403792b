//! Problem bodies (RFC 9457): how a refusal reads to a program.

use std::time::Duration;

use serde::Serialize;
use sluicegate_core::refusal::{Refusal, Violation};

use super::answers::status_and_title;
use super::message::Response;

/// A problem body. `type` is the relative reference `/errors/<code>`: it names the problem
/// within this gateway, and claims no page on somebody else's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem<'a> {
    /// The status of the response.
    pub status: u16,
    /// The stable code.
    pub code: &'a str,
    /// A short text that is the same for every occurrence.
    pub title: &'a str,
    /// What happened this time.
    pub detail: &'a str,
    /// The violations, for a payload that breaks its schema.
    pub violations: &'a [Violation],
    /// When a next try may succeed.
    pub retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<BodyViolation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

#[derive(Serialize)]
struct BodyViolation<'a> {
    instance: &'a str,
    schema: &'a str,
    keyword: &'a str,
    message: &'a str,
}

impl Problem<'_> {
    /// The response. `Retry-After` is in whole seconds, rounded up.
    #[must_use]
    pub fn response(&self) -> Response {
        let body = Body {
            r#type: format!("/errors/{}", self.code),
            title: self.title,
            status: self.status,
            detail: self.detail,
            code: self.code,
            violations: self.violations.iter().map(BodyViolation::from).collect(),
            retry_after_ms: self.retry_after.map(whole_ms),
        };
        // Text and numbers always serialise; an empty body would still carry the status.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = Response::new(self.status)
            .body("application/problem+json", body)
            // The body can quote the sender: no browser may take it for a page.
            .with("x-content-type-options", "nosniff");
        if let Some(after) = self.retry_after {
            let seconds = whole_ms(after).div_ceil(1000);
            response = response.with("retry-after", seconds.to_string());
        }
        response
    }
}

impl From<&Refusal> for Response {
    fn from(refusal: &Refusal) -> Self {
        let (status, title) = status_and_title(refusal);
        answer(status, title, refusal)
    }
}

/// The response to a refusal under another status than the table's: 417 and 501 are malformed
/// requests to us, and have names of their own only in HTTP.
pub(crate) fn answer(status: u16, title: &str, refusal: &Refusal) -> Response {
    let violations = match refusal {
        Refusal::Invalid { violations } => violations.as_slice(),
        _ => &[],
    };
    // A stranger is never told why its signature was refused: each reason is a hint.
    let detail =
        if status == 401 { "the sender is not proven".into() } else { refusal.to_string() };
    let retry_after = refusal.retry_after();
    let problem =
        Problem { status, code: refusal.code(), title, detail: &detail, violations, retry_after };
    match status {
        // RFC 9110 section 15.5.2: a 401 names a way to authenticate.
        401 => problem.response().with("www-authenticate", "webhook-signature"),
        _ => problem.response(),
    }
}

impl<'a> From<&'a Violation> for BodyViolation<'a> {
    fn from(violation: &'a Violation) -> Self {
        Self {
            instance: &violation.instance,
            schema: &violation.schema,
            keyword: &violation.keyword,
            message: &violation.message,
        }
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_core::decision::{RejectCode, Rejection};
    use sluicegate_core::signature::SignatureFault;

    fn body(response: &Response) -> serde_json::Value {
        serde_json::from_slice(&response.body).unwrap()
    }

    fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
        response.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_ref())
    }

    #[test]
    fn a_401_never_says_why() {
        let faults = [SignatureFault::Mismatch, SignatureFault::NoLiveKey];
        let [one, two] = faults.map(|fault| Response::from(&Refusal::Unverified(fault)));
        assert_eq!(one, two);
        let filter = Refusal::Rejected(Rejection {
            code: RejectCode::Unauthenticated,
            reason: "secret reason".into(),
        });
        assert!(!format!("{:?}", Response::from(&filter).body).contains("secret reason"));
        assert_eq!(header(&one, "www-authenticate"), Some("webhook-signature"));
    }

    #[test]
    fn violations_are_listed_one_by_one() {
        let violation = Violation {
            instance: "/a/0".into(),
            schema: "/properties/a".into(),
            keyword: "type".into(),
            message: "is not a number".into(),
        };
        let response = Response::from(&Refusal::Invalid { violations: vec![violation] });
        assert_eq!(response.status, 422);
        assert_eq!(
            body(&response)["violations"],
            serde_json::json!([{
                "instance": "/a/0", "schema": "/properties/a",
                "keyword": "type", "message": "is not a number",
            }])
        );
        assert_eq!(body(&response)["type"], "/errors/payload_invalid");
    }

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds() {
        for (ms, seconds) in [(1, "1"), (1000, "1"), (1001, "2"), (0, "0")] {
            let retry_after = Duration::from_millis(ms);
            let response = Response::from(&Refusal::RateLimited { retry_after });
            assert_eq!((response.status, header(&response, "retry-after")), (429, Some(seconds)));
            assert_eq!(body(&response)["retry_after_ms"], ms);
        }
    }
}
