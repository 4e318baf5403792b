//! Whatever bytes come: no panic, no hang, and nothing is handed on that a second, slower and
//! separate reading does not find well formed.

use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;

use crate::world::World;

/// The body of the first request in `wire` if it is well formed: written from RFC 9112 without a
/// look at the code under test, for requests without `transfer-encoding` only.
fn body_of_well_formed(wire: &str) -> Option<Vec<u8>> {
    let wire = wire.strip_prefix("\r\n").unwrap_or(wire);
    let (head, rest) = wire.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let line: Vec<&str> = lines.next()?.split(' ').collect();
    let path = line.get(1)?.strip_prefix("http://test").unwrap_or(line.get(1)?);
    let version = *line.get(2)?;
    let path_is_hook = path.split('?').next() == Some("/hook");
    if line.len() != 3 || line[0] != "POST" || !path_is_hook {
        return None;
    }
    let (mut hosts, mut lengths) = (0, Vec::new());
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let clean = value.chars().all(|c| c == '\t' || !c.is_control());
        if name.is_empty() || !name.chars().all(token) || !clean {
            return None;
        }
        match name.to_ascii_lowercase().as_str() {
            "host" => hosts += 1,
            "content-length" => lengths.push(value.trim().to_owned()),
            "transfer-encoding" => return None,
            _ => {}
        }
    }
    let hosts_are_right = hosts == 1 || (hosts == 0 && version == "HTTP/1.0");
    if !hosts_are_right || !["HTTP/1.1", "HTTP/1.0"].contains(&version) || lengths.len() > 1 {
        return None;
    }
    let length = lengths.pop().unwrap_or("0".into());
    if !length.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    rest.as_bytes().get(..length.parse().ok()?).map(<[u8]>::to_vec)
}

/// Sends the bytes and half-closes; the server must close too. The first body handed on, if any.
fn first_body(runtime: &Runtime, wire: &[u8]) -> Option<Vec<u8>> {
    runtime.block_on(async {
        let world = World::new().await;
        let mut client = world.connect().await;
        client.send(wire).await;
        // The server may be gone already.
        let _ = client.stream.shutdown().await;
        client.rest().await;
        assert!(!world.task.is_finished(), "the listener died");
        let bodies = world.intake.bodies();
        bodies.into_iter().next()
    })
}

const GOOD: &str =
    "POST /hook?a HTTP/1.1\r\nHost: test\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello";
const PIECES: [&str; 16] = [
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    "0",
    "5",
    "Host: test\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    ",",
    "\0",
    "+",
    "@",
    "é",
];

proptest! {
    // A failure prints its input; nothing is written beside the tests.
    #![proptest_config(ProptestConfig {
        cases: 300, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_mutated_request_is_handed_on_only_if_it_is_still_well_formed(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..PIECES.len(), 0_usize..3), 0..3)
    ) {
        let mut wire: Vec<char> = GOOD.chars().collect();
        for (at, piece, cut) in edits {
            let at = at.index(wire.len());
            let end = (at + cut).min(wire.len());
            wire.splice(at..end, PIECES[piece].chars());
        }
        let wire: String = wire.into_iter().collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let body = first_body(&runtime, wire.as_bytes());
        if body.is_some() {
            prop_assert_eq!(body, body_of_well_formed(&wire), "{:?}", wire);
        }
    }

    #[test]
    fn random_bytes_are_never_handed_on(wire: Vec<u8>, line in "POST /hook HTTP/1.1\r\n|PRI \\* HTTP/2.0\r\n\r\nSM\r\n\r\n|") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let wire = [line.as_bytes(), &wire].concat();
        prop_assert_eq!(first_body(&runtime, &wire), None);
    }
}

#[test]
fn the_unchanged_request_is_handed_on() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(first_body(&runtime, GOOD.as_bytes()).as_deref(), Some(&b"hello"[..]));
    assert_eq!(body_of_well_formed(GOOD).as_deref(), Some(&b"hello"[..]));
}
