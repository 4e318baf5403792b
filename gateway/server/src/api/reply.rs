//! The answers of the admin API: JSON, text, or a problem (RFC 9457) with a stable code.

use bytes::Bytes;
use serde::Serialize;
use sluicegate_sources::http::{Problem, Response};

/// 200 with a JSON body.
pub(super) fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => text("application/json", body),
        Err(fault) => problem(500, "internal", &format!("cannot write JSON: {fault}")),
    }
}

/// 200 with a body of this media type.
pub(super) fn text(content_type: &'static str, body: impl Into<Bytes>) -> Response {
    Response::new(200).with("x-content-type-options", "nosniff").body(content_type, body)
}

/// A problem with a stable code.
pub(super) fn problem(status: u16, code: &str, detail: &str) -> Response {
    let title = title(status);
    Problem { status, code, title, detail, violations: &[], retry_after: None }.response()
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Content",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
