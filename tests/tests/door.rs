//! The door, as a stranger meets it: every malformed, oversized, slow or hasty request is answered
//! with its code, the connection is closed where the framing is in doubt, and nothing is stored.

use std::thread;

use sluicegate_tests::config::{self, HEAD};
use sluicegate_tests::fixtures;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Connection, Response};
use sluicegate_tests::signing;
use sluicegate_tests::world::World;

const PATH: &str = "/hooks/open";

fn post(body: &[u8]) -> Vec<u8> {
    http::request("POST", PATH, &http::headers(&[("Content-Type", "text/plain")]), body)
}

/// A gateway whose patience is short, so that a test of it is.
fn hasty() -> World {
    World::new(&format!(
        "{}limits: {{ first_byte: 3s, head: 3s, body: 4s, idle: 3s }}\n",
        config::open_source("  inbox: {}")
    ))
}

/// Fails if another byte comes. The client says that it is done, so that a server that reads on
/// for a while after a refusal need not.
fn assert_ended(mut connection: Connection, what: &str) {
    // The server may have closed already.
    let _ = connection.finish_writing();
    assert!(connection.is_closed_by_peer().unwrap(), "{what}: answered once more");
}

fn assert_nothing_stored(gateway: &mut Gateway) {
    gateway.assert_unharmed();
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

#[test]
fn unknown_paths_methods_and_media_types_are_refused() {
    let world = World::new(&config::every_scheme());
    let mut gateway = world.start();
    let text = http::headers(&[("Content-Type", "text/plain")]);
    let send =
        |method: &str, target: &str| gateway.send(&http::request(method, target, &text, b"x"));
    for target in ["/", "/hooks", "/hooks/open/", "/hooks/%6fpen", "/hooks//open", "/healthz"] {
        send("POST", target).assert_problem(404, "source_not_found");
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let answer = send(method, PATH);
        answer.assert_problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    send("POST", "/hooks/github").assert_problem(415, "media_type_unsupported");
    let encoded = http::headers(&[("Content-Encoding", "gzip")]);
    let answer = gateway.send(&http::request("POST", PATH, &encoded, b"x"));
    answer.assert_problem(415, "media_type_unsupported");
    assert_nothing_stored(&mut gateway);
}

#[test]
fn a_body_over_the_limit_is_refused_with_and_without_a_length() {
    let world = World::new(&config::every_scheme());
    let mut gateway = world.start();
    let limit = 64 * 1024;
    let announced =
        format!("POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", limit + 1);
    // The head alone is enough: the body is never waited for.
    gateway.send(announced.as_bytes()).assert_problem(413, "payload_too_large");
    let huge = format!("POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", u64::MAX);
    gateway.send(huge.as_bytes()).assert_problem(413, "payload_too_large");
    let chunk = format!("{:x}\r\n{}\r\n", 8192, "a".repeat(8192));
    let chunked = format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        chunk.repeat(limit / 8192 + 1)
    );
    gateway.send(chunked.as_bytes()).assert_problem(413, "payload_too_large");
    assert_nothing_stored(&mut gateway);
    assert_eq!(gateway.send(&post(&vec![b'a'; limit])).status, 202);
}

#[test]
fn requests_whose_framing_is_in_doubt_are_refused_and_closed() {
    let world = World::new(&config::open_source("  inbox: {}"));
    let mut gateway = world.start();
    let line = format!("POST {PATH} HTTP/1.1\r\n");
    let bad: [(&str, String); 22] = [
        ("doubled host", format!("{line}Host: a\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")),
        ("no host", format!("{line}Content-Length: 1\r\n\r\nx")),
        ("host with a path", format!("{line}Host: a/b\r\nContent-Length: 1\r\n\r\nx")),
        ("host with a user", format!("{line}Host: u@a\r\nContent-Length: 1\r\n\r\nx")),
        (
            "length beside chunks",
            format!(
                "{line}Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        (
            "two lengths",
            format!("{line}Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
        ),
        ("signed length", format!("{line}Host: a\r\nContent-Length: +1\r\n\r\nx")),
        ("negative length", format!("{line}Host: a\r\nContent-Length: -1\r\n\r\nx")),
        ("hexadecimal length", format!("{line}Host: a\r\nContent-Length: 0x1\r\n\r\nx")),
        ("list of lengths", format!("{line}Host: a\r\nContent-Length: 1, 1\r\n\r\nx")),
        (
            "other coding",
            format!("{line}Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "misspelt coding",
            format!("{line}Host: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ),
        (
            "chunks in HTTP/1.0",
            format!(
                "POST {PATH} HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
        ),
        ("bare LF", format!("POST {PATH} HTTP/1.1\nHost: a\nContent-Length: 1\n\nx")),
        (
            "bare LF in a header",
            format!("{line}Host: a\r\nX: 1\nY: 2\r\nContent-Length: 1\r\n\r\nx"),
        ),
        ("folded header", format!("{line}Host: a\r\nX: 1\r\n 2\r\nContent-Length: 1\r\n\r\nx")),
        ("space before the colon", format!("{line}Host: a\r\nContent-Length : 1\r\n\r\nx")),
        ("control character", format!("{line}Host: a\r\nX: a\x01b\r\nContent-Length: 1\r\n\r\nx")),
        (
            "chunk size with a sign",
            format!("{line}Host: a\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n"),
        ),
        (
            "chunk size that overflows",
            format!(
                "{line}Host: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx\r\n"
            ),
        ),
        (
            "chunk longer than its size",
            format!("{line}Host: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n"),
        ),
        (
            "chunk with a bare LF",
            format!("{line}Host: a\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n"),
        ),
    ];
    for (what, request) in bad {
        // A request hidden behind the doubtful one must never be answered.
        let hidden = [request.as_bytes(), &post(b"smuggled")].concat();
        let mut connection = Connection::open(gateway.http()).unwrap();
        let answer = connection.exchange(&hidden).unwrap_or_else(|fault| panic!("{what}: {fault}"));
        assert!(matches!(answer.status, 400 | 413), "{what}: {answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{what}");
        assert_ended(connection, what);
    }
    assert_nothing_stored(&mut gateway);
}

#[test]
fn a_head_over_its_bounds_is_refused() {
    let world = World::new(&config::open_source("  inbox: {}"));
    let mut gateway = world.start();
    let wide = http::headers(&[("X", &"a".repeat(17 * 1024))]);
    let answer = gateway.send(&http::request("POST", PATH, &wide, b""));
    answer.assert_problem(431, "headers_too_large");
    let many: Vec<_> = (0..101).map(|at| (format!("X-{at}"), "1".to_owned())).collect();
    let answer = gateway.send(&http::request("POST", PATH, &many, b""));
    answer.assert_problem(431, "headers_too_large");
    assert_nothing_stored(&mut gateway);
}

#[test]
fn the_slow_are_told_so_and_the_others_are_served_meanwhile() {
    let world = hasty();
    let mut gateway = world.start();
    let head = format!("POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    let starts = ["", "POST", &head[..head.len() - 2], &head, &format!("{head}ab")];
    let slow: Vec<Connection> = starts
        .iter()
        .map(|start| {
            let mut connection = Connection::open(gateway.http()).unwrap();
            connection.write(start.as_bytes()).unwrap();
            connection
        })
        .collect();
    assert_eq!(gateway.send(&post(b"quick")).status, 202);
    for (mut connection, start) in slow.into_iter().zip(starts) {
        let answer = connection.read().unwrap_or_else(|fault| panic!("{start:?}: {fault}"));
        answer.assert_problem(408, "request_timeout");
        assert_ended(connection, start);
    }
    assert_eq!(gateway.consumer().take("inbox", 1)[0].payload, b"quick");
    assert_nothing_stored(&mut gateway);
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let world = hasty();
    let gateway = world.start();
    let mut connection = Connection::open(gateway.http()).unwrap();
    assert_eq!(connection.exchange(&post(b"one")).unwrap().status, 202);
    assert!(connection.is_closed_by_peer().unwrap());
}

#[test]
fn kept_alive_pipelined_and_chunked_requests_are_answered_in_order() {
    let world = World::new(&config::open_source("  inbox: {}"));
    let gateway = world.start();
    let mut connection = Connection::open(gateway.http()).unwrap();
    let chunked = format!(
        "POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n\
         Transfer-Encoding: chunked\r\n\r\n2\r\ntw\r\n1;ext=1\r\no\r\n0\r\n\r\n"
    );
    let missing = http::request("POST", "/none", &[], b"");
    let all = [post(b"one"), chunked.into_bytes(), missing, post(b"three")].concat();
    connection.write(&all).unwrap();
    let statuses: Vec<u16> = (0..4).map(|_| connection.read().unwrap().status).collect();
    assert_eq!(statuses, [202, 202, 404, 202]);
    // In the order of the wire: one connection, one line.
    let taken = gateway.consumer().take("inbox", 3);
    let payloads: Vec<_> = taken.iter().map(|one| one.payload.as_slice()).collect();
    assert_eq!(payloads, [b"one".as_slice(), b"two", b"three"]);
}

#[test]
fn a_source_over_its_rate_is_told_when_to_come_back() {
    let world = World::new(&format!(
        "{HEAD}\
sources:
  open:
    http: {{ path: {PATH} }}
    verify: {{ scheme: none }}
    limits: {{ events_per_second: 1, burst: 3 }}
  other:
    http: {{ path: /hooks/other }}
    verify: {{ scheme: none }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
"
    ));
    let gateway = world.start();
    let answers: Vec<Response> = (0..20).map(|_| gateway.send(&post(b"x"))).collect();
    let (taken, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 202);
    assert!(taken.len() >= 3, "the burst is {}", taken.len());
    assert!(!refused.is_empty());
    for answer in &refused {
        answer.assert_problem(429, "rate_limited");
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=20).contains(&seconds), "{seconds}");
    }
    assert_eq!(gateway.consumer().depth("inbox"), taken.len() as u64);
    // The other source has a rate of its own.
    assert_eq!(gateway.send(&http::request("POST", "/hooks/other", &[], b"x")).status, 202);
}

#[test]
fn strangers_cannot_use_up_the_rate_of_a_source() {
    let world = World::new(&format!(
        "{HEAD}\
sources:
  github:
    http: {{ path: {PATH} }}
    verify: {{ scheme: github, keys: [ {{ id: k, secret: github }} ] }}
    limits: {{ events_per_second: 1, burst: 3 }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
"
    ));
    let gateway = world.start();
    for _ in 0..20 {
        gateway.send(&post(b"x")).assert_problem(401, "signature_refused");
    }
    let signature = signing::github(fixtures::GITHUB_SECRET, b"x");
    let headers = http::headers(&[("X-Hub-Signature-256", &signature)]);
    assert_eq!(gateway.send(&http::request("POST", PATH, &headers, b"x")).status, 202);
}

#[test]
fn a_crowd_of_silent_connections_does_not_keep_the_others_out() {
    let world = World::new(&config::open_source("  inbox: {}"));
    let gateway = world.start();
    let silent: Vec<_> = (0..200).map(|_| Connection::open(gateway.http()).unwrap()).collect();
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let to = gateway.http();
            thread::spawn(move || {
                let mut connection = Connection::open(to).unwrap();
                for _ in 0..25 {
                    assert_eq!(connection.exchange(&post(b"x")).unwrap().status, 202);
                }
            })
        })
        .collect();
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!(gateway.consumer().depth("inbox"), 100);
    drop(silent);
}
