//! Reads the head of an HTTP/1 request, and refuses what two parsers could read in two ways.
//!
//! `httparse` splits the lines: it refuses white space before a colon, folded lines, control
//! characters and methods or names that are no tokens. What it cannot know stands here and in
//! `framing`: what a target may be, which fields may come once, and where the body ends.

use std::mem::MaybeUninit;
use std::net::IpAddr;

use httparse::Status;
use sluicegate_core::fields::Fields;
use sluicegate_core::limits::HEADERS_MAX;
use sluicegate_core::refusal::Refusal;

use super::fault::Fault;
use super::framing::{Framing, Seen, Version};
use super::message::Head;

/// Reads a whole head: `bytes` ends with its empty line.
///
/// # Errors
/// When anything in it is not exactly right.
pub(crate) fn parse(
    bytes: &[u8],
    headers_max: usize,
    peer: IpAddr,
) -> Result<(Head, Framing), Fault> {
    let mut space = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let space = space.get_mut(..headers_max.min(HEADERS_MAX)).unwrap_or_default();
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, space) {
        Ok(Status::Complete(used)) if used == bytes.len() => {}
        Ok(_) => return Err(Fault::malformed("the request line is empty")),
        Err(error) => return Err(refused(error)),
    }
    let version = match request.version {
        Some(0) => Version::Http10,
        _ => Version::Http11,
    };
    let method = known_method(request.method.unwrap_or_default())?;
    let mut seen = Seen::default();
    let mut headers = Fields::with_capacity(request.headers.len(), bytes.len());
    for header in request.headers.iter() {
        seen.note(header.name, header.value)?;
        push_field(&mut headers, header.name, header.value);
    }
    if seen.host.is_none() && version == Version::Http11 {
        return Err(Fault::malformed("host is missing"));
    }
    let target = origin_form(method, request.path.unwrap_or_default(), seen.host)?;
    let head = Head { method: method.to_owned(), target: target.to_owned(), headers, peer };
    Ok((head, seen.framing(version)?))
}

/// The method, if the front lets it through to a handler at all. `CONNECT` makes a tunnel, and a
/// method from nowhere is not ours to guess about.
pub(crate) fn known_method(method: &str) -> Result<&str, Fault> {
    match method {
        "POST" | "GET" | "HEAD" | "OPTIONS" | "PUT" | "PATCH" | "DELETE" | "TRACE" => Ok(method),
        _ => Err(Fault::UnknownMethod),
    }
}

/// Adds a field; bytes outside UTF-8 are read as ISO 8859-1 (RFC 9110 section 5.5).
pub(crate) fn push_field(fields: &mut Fields, name: &str, value: &[u8]) {
    match std::str::from_utf8(value.trim_ascii()) {
        Ok(text) => fields.push(name, text),
        Err(_) => {
            let text: String = value.trim_ascii().iter().map(|b| char::from(*b)).collect();
            fields.push(name, &text);
        }
    }
}

/// The target as path and query. The absolute form must name the same host as `Host` does: if
/// they differ, a proxy and we would not mean the same site.
fn origin_form<'t>(method: &str, target: &'t str, host: Option<&[u8]>) -> Result<&'t str, Fault> {
    let visible = |b: u8| b.is_ascii_graphic() && b != b'#';
    if !target.bytes().all(visible) {
        return Err(Fault::malformed("the request target has characters that it must not have"));
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Ok(target);
    }
    let absolute = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    let absolute = absolute.ok_or(Fault::malformed("the request target is not a path"))?;
    let (authority, _) = absolute.split_at(absolute.find(['/', '?']).unwrap_or(absolute.len()));
    let path = absolute.get(authority.len()..).filter(|path| path.starts_with('/'));
    match (path, host) {
        (Some(path), Some(host)) if authority.as_bytes().eq_ignore_ascii_case(host) => Ok(path),
        _ => Err(Fault::malformed("the request target names another host")),
    }
}

fn refused(error: httparse::Error) -> Fault {
    use httparse::Error;
    match error {
        Error::TooManyHeaders => Fault::Refused(Refusal::HeadersTooLarge),
        Error::HeaderName => Fault::malformed("a header name is malformed"),
        Error::HeaderValue => Fault::malformed("a header value is malformed"),
        Error::Version => Fault::malformed("the version is not http/1.0 or http/1.1"),
        Error::NewLine => Fault::malformed("a line does not end with CRLF"),
        Error::Token | Error::Status => Fault::malformed("the request line is malformed"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::framing::Length;
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn read(head: &str) -> Result<(Head, Framing), Fault> {
        parse(head.as_bytes(), HEADERS_MAX, PEER)
    }

    #[test]
    fn a_head_is_read_once_into_fields() {
        let (head, framing) = read(
            "POST /a?b=c HTTP/1.1\r\nHost: x\r\nX-A:  1 \r\nx-a:\t2\r\nContent-Length: 7\r\n\r\n",
        )
        .unwrap();
        assert_eq!(
            (head.method.as_str(), head.target.as_str(), head.path()),
            ("POST", "/a?b=c", "/a")
        );
        let fields: Vec<_> = head.headers.iter().collect();
        assert_eq!(fields, [("host", "x"), ("x-a", "1"), ("x-a", "2"), ("content-length", "7")]);
        assert_eq!(framing.length, Length::Exact(7));
        assert!(framing.persistent && !framing.expects_continue);
    }

    #[test]
    fn bytes_outside_utf_8_are_read_as_iso_8859_1() {
        let head = b"GET / HTTP/1.1\r\nhost: x\r\na: \xe9\r\nb: \xc3\xa9\r\n\r\n";
        let (head, _) = parse(head, HEADERS_MAX, PEER).unwrap();
        assert_eq!((head.headers.first("a"), head.headers.first("b")), (Some("é"), Some("é")));
    }

    #[test]
    fn what_two_parsers_could_read_in_two_ways_is_refused() {
        let lines = [
            "host: x\r\nhost: x\r\n",
            "host: x\r\nHost: y\r\n",
            "host: u@x\r\n",
            "host: x/y\r\n",
            "host:\r\n",
            "",
            "host: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n",
            "host: x\r\ncontent-length: 1\r\ncontent-length: 1\r\n",
            "host: x\r\ncontent-length: 1, 1\r\n",
            "host: x\r\ncontent-length: +1\r\n",
            "host: x\r\ncontent-length: -1\r\n",
            "host: x\r\ncontent-length: 1 1\r\n",
            "host: x\r\ncontent-length: 0x1\r\n",
            "host: x\r\ncontent-length:\r\n",
            "host: x\r\ncontent-length: 99999999999999999999\r\n",
            "host: x\r\ntransfer-encoding: chunked, chunked\r\n",
            "host: x\r\ntransfer-encoding: gzip, chunked\r\n",
            "host: x\r\ntransfer-encoding: identity\r\n",
            "host: x\r\ntransfer-encoding:\r\n",
            "host: x\r\ntransfer-encoding: \x0bchunked\r\n",
            "host: x\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
            "host: x\r\na : b\r\n",
            "host : x\r\n",
            "host: x\r\n b\r\n",
            " host: x\r\n",
            "host: x\r\na: b\r\n\tc\r\n",
            "host: x\r\na\r\n",
            "host: x\r\n: b\r\n",
            "host: x\r\na: b\rc\r\n",
            "host: x\r\na: \x00\r\n",
            "host: x\r\na: \x7f\r\n",
            "host: x\r\na: \x1b[0m\r\n",
            "host: x\r\na(b: c\r\n",
            "host: x\r\nexpect: 200\r\n",
        ];
        for lines in lines {
            let head = format!("POST / HTTP/1.1\r\n{lines}\r\n");
            assert!(read(&head).is_err(), "{}", head.escape_debug());
        }
    }

    #[test]
    fn request_lines_that_are_not_exactly_right_are_refused() {
        let lines = [
            "POST /",
            "POST / HTTP/1.2",
            "POST / HTTP/2.0",
            "POST / http/1.1",
            "POST  / HTTP/1.1",
            "POST /  HTTP/1.1",
            "POST\t/ HTTP/1.1",
            "POST / HTTP/1.1 ",
            " POST / HTTP/1.1",
            "POST a HTTP/1.1",
            "POST * HTTP/1.1",
            "POST /#a HTTP/1.1",
            "POST /\u{e9} HTTP/1.1",
            "POST http://y/ HTTP/1.1",
            "POST http://x HTTP/1.1",
            "POST ftp://x/ HTTP/1.1",
            "CONNECT x:1 HTTP/1.1",
            "FROB / HTTP/1.1",
            "post / HTTP/1.1",
            "P(ST / HTTP/1.1",
            "",
            "POST / HTTP/1.1\r",
            "POST /\0 HTTP/1.1",
        ];
        for line in lines {
            assert!(read(&format!("{line}\r\nhost: x\r\n\r\n")).is_err(), "{line:?}");
        }
        let (head, _) = read("POST http://X/a?b HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        assert_eq!(head.target, "/a?b");
        assert!(read("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n").is_ok());
    }

    #[test]
    fn http_1_0_closes_unless_asked_and_never_has_a_coding() {
        assert!(!read("GET / HTTP/1.0\r\n\r\n").unwrap().1.persistent);
        assert!(read("GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n").unwrap().1.persistent);
        assert!(read("GET / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        let both = "GET / HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Close\r\n\r\n";
        assert!(!read(both).unwrap().1.persistent);
    }

    #[test]
    fn one_field_too_many_is_refused() {
        let head = |count| format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(count));
        assert!(read(&head(HEADERS_MAX - 1)).is_ok());
        assert_eq!(read(&head(HEADERS_MAX)).err(), Some(Fault::Refused(Refusal::HeadersTooLarge)));
        assert!(parse(head(3).as_bytes(), 3, PEER).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, text in "(POST|GET) [ -~\r\n]{0,80}") {
            let _ = parse(&bytes, HEADERS_MAX, PEER);
            let _ = read(&format!("{text}\r\n\r\n"));
        }
    }
}
