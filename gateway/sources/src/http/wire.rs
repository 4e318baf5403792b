//! Writes the head of an HTTP/1 response. The body follows it, byte for byte.

use std::time::Instant;

use super::date::push_date;
use super::message::Response;

/// What becomes of a connection after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// Another request may follow.
    Keep,
    /// Another request may follow, and an HTTP/1.0 client has to be told.
    KeepAndSay,
    /// Nothing follows.
    Close,
}

/// Puts the head of `response` at the end of `out`.
pub(crate) fn push_head(out: &mut Vec<u8>, response: &Response, then: Afterwards, now: Instant) {
    out.extend_from_slice(b"HTTP/1.1 ");
    push_number(out, u64::from(response.status));
    out.push(b' ');
    out.extend_from_slice(reason(response.status).as_bytes());
    out.extend_from_slice(b"\r\ndate: ");
    push_date(out, now);
    for (name, value) in &response.headers {
        // A value that could end its line early would let a sender write headers: it is left out.
        if value.bytes().all(|b| b == b'\t' || (b >= b' ' && b != 0x7f)) {
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
        }
    }
    if response.status != 204 && response.status != 304 {
        out.extend_from_slice(b"\r\ncontent-length: ");
        push_number(out, response.body.len() as u64);
    }
    out.extend_from_slice(match then {
        Afterwards::Keep => b"\r\n\r\n",
        Afterwards::KeepAndSay => b"\r\nconnection: keep-alive\r\n\r\n",
        Afterwards::Close => b"\r\nconnection: close\r\n\r\n",
    });
}

fn push_number(out: &mut Vec<u8>, number: u64) {
    use std::io::Write as _;
    // Writing to a vector does not fail.
    let _ = write!(out, "{number}");
}

fn reason(status: u16) -> &'static str {
    hyper::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_write_headers() {
        let response = Response::new(200)
            .with("x-bad", "a\r\nset-cookie: b")
            .with("x-good", "a\tb")
            .body("text/plain", "hi");
        let mut out = Vec::new();
        push_head(&mut out, &response, Afterwards::Close, Instant::now());
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\ndate: "), "{text}");
        assert!(!text.contains("set-cookie") && !text.contains("x-bad"), "{text}");
        assert!(text.contains("\r\nx-good: a\tb\r\n"), "{text}");
        assert!(text.ends_with("\r\ncontent-length: 2\r\nconnection: close\r\n\r\n"), "{text}");
    }
}
