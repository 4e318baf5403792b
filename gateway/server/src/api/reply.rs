//! An answer of the admin API: JSON, or a problem (RFC 9457) with a stable code.

use bytes::Bytes;
use serde::Serialize;

/// An answer: status, media type, body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    /// The method that the path takes, where another was tried.
    pub(super) allow: Option<&'static str>,
}

impl Reply {
    /// 200 with a JSON body.
    pub(super) fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::new(200, "application/json", Bytes::from(body)),
            Err(fault) => Self::problem(500, "internal", &format!("cannot write JSON: {fault}")),
        }
    }

    /// Text, as it is.
    pub(super) fn text(status: u16, content_type: &'static str, text: String) -> Self {
        Self::new(status, content_type, Bytes::from(text))
    }

    /// A problem with a stable code.
    pub(super) fn problem(status: u16, code: &str, detail: &str) -> Self {
        let problem =
            Problem { kind: format!("/errors/{code}"), title: title(status), status, detail, code };
        // Texts and a number: there is nothing in it that JSON cannot say.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        Self::new(status, "application/problem+json", Bytes::from(body))
    }

    fn new(status: u16, content_type: &'static str, body: Bytes) -> Self {
        Self { status, content_type, body, allow: None }
    }
}

/// A problem body (RFC 9457 section 3.1).
#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        422 => "Unprocessable Content",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
