//! Payloads against their schemas, through the real binary: pointers to what is wrong, and bombs.

use std::time::{Duration, Instant};

use sluicegate_tests::config::HEAD;
use sluicegate_tests::fixtures::{self, Encoding};
use sluicegate_tests::http;
use sluicegate_tests::world::World;

/// A schema of a push that is easy to break in several places.
const PUSH: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["ref", "repository", "commits"],
    "properties": {
        "ref": { "type": "string", "pattern": "^refs/" },
        "repository": {
            "type": "object",
            "required": ["id", "full_name"],
            "properties": { "id": { "type": "integer" } }
        },
        "commits": { "type": "array", "items": { "required": ["id"] } }
    }
}"#;

/// A world with a source whose payloads must keep to a schema, and one that asks for none.
fn world(rule: &str) -> World {
    let world = World::new(&format!(
        "{HEAD}\
schemas: ./schemas
sources:
  github:
    http: {{ path: /hooks/github }}
    verify: {{ scheme: github, keys: [ {{ id: k1, secret: github }} ] }}
    schema: {{ subject: \"github.{{type}}\", {rule} }}
  open:
    http: {{ path: /hooks/open }}
    verify: {{ scheme: none }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
"
    ));
    world.write("schemas/github.push.json", PUSH);
    world
}

fn push(id: &str, body: &[u8]) -> fixtures::Delivery {
    fixtures::github_signed("push", "application/json", id, body.to_vec())
}

/// JSON of so many levels.
fn deep(levels: usize) -> Vec<u8> {
    ["[".repeat(levels), "]".repeat(levels)].concat().into_bytes()
}

#[test]
fn a_payload_that_breaks_its_schema_is_answered_with_pointers() {
    let world = world("on_unknown: accept, on_violation: reject");
    let gateway = world.start();
    let body = br#"{"ref":"main","repository":{"id":"x","full_name":"a/b"},"commits":[{}]}"#;
    let answer = gateway.deliver("/hooks/github", &push("a", body));
    answer.assert_problem(422, "payload_invalid");
    let problem = answer.json();
    let violations = problem["violations"].as_array().unwrap();
    let mut found: Vec<(&str, &str)> = violations
        .iter()
        .map(|one| (one["instance"].as_str().unwrap(), one["keyword"].as_str().unwrap()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [("/commits/0", "required"), ("/ref", "pattern"), ("/repository/id", "type")]
    );
    for one in violations {
        assert!(one["schema"].as_str().unwrap().starts_with('/'), "{one}");
        assert!(one["message"].is_string(), "{one}");
    }
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

#[test]
fn real_deliveries_keep_to_the_schema_in_both_encodings() {
    let world = world("on_unknown: accept, on_violation: reject");
    let gateway = world.start();
    for (id, encoding) in [("a", Encoding::Json), ("b", Encoding::Form)] {
        let delivery = fixtures::github("push", encoding, id);
        let receipt = gateway.deliver("/hooks/github", &delivery).accepted();
        assert_eq!(gateway.consumer().take("inbox", 1)[0].attribute("id"), receipt.id);
    }
}

#[test]
fn a_type_without_a_schema_is_taken_or_refused_as_the_source_says() {
    let ping = fixtures::github("ping", Encoding::Json, "a");
    let gateway = world("on_unknown: accept, on_violation: reject").start();
    let receipt = gateway.deliver("/hooks/github", &ping).accepted();
    assert_eq!(gateway.consumer().take("inbox", 1)[0].attribute("id"), receipt.id);

    let gateway = world("on_unknown: reject, on_violation: reject").start();
    gateway.deliver("/hooks/github", &ping).assert_problem(422, "schema_unknown");
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

#[test]
fn a_violation_is_dead_lettered_where_the_source_says_so() {
    let gateway = world("on_unknown: accept, on_violation: dead-letter").start();
    let body = br#"{"ref":"refs/heads/main"}"#;
    let receipt = gateway.deliver("/hooks/github", &push("a", body)).accepted();
    let letter = gateway.consumer().take("dead-letters", 1).remove(0);
    assert_eq!(letter.attribute("id"), receipt.id);
    assert_eq!(letter.payload, body);
    assert_eq!(letter.whole["letter"]["cause"], "schema_violation");
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

#[test]
fn what_is_not_json_is_refused_where_a_schema_asks_for_json() {
    let world = world("on_unknown: accept, on_violation: reject");
    let mut gateway = world.start();
    let deep = deep(10_000);
    let not_utf8 = [br#"{"ref":""#.as_slice(), &[0xff], br#""}"#].concat();
    let bad: [&[u8]; 6] = [b"", b"{", b"{\"ref\":}", b"{} trailing", &not_utf8, &deep];
    for (at, body) in bad.into_iter().enumerate() {
        let answer = gateway.deliver("/hooks/github", &push(&at.to_string(), body));
        answer.assert_problem(422, "payload_invalid");
        assert_eq!(answer.json()["violations"][0]["keyword"], "json", "body {at}");
    }
    assert_eq!(gateway.consumer().depth("inbox"), 0);
    gateway.assert_unharmed();
}

#[test]
fn any_bytes_pass_byte_for_byte_where_no_schema_asks_for_json() {
    let world = world("on_unknown: accept, on_violation: reject");
    let mut gateway = world.start();
    let deep = deep(10_000);
    let all_bytes: Vec<u8> = (0..=255).collect();
    let bodies: [(&str, &[u8]); 6] = [
        ("application/octet-stream", &all_bytes),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"{\"not\": json"),
        ("application/json", &deep),
        ("application/json", b"{ \"b\" : 1.0,\r\n \"a\":10000000000000000000001 }"),
        ("text/plain", "naïve".as_bytes()),
    ];
    for (content_type, body) in bodies {
        let headers = http::headers(&[("Content-Type", content_type)]);
        let answer = gateway.send(&http::request("POST", "/hooks/open", &headers, body));
        let receipt = answer.accepted();
        let taken = gateway.consumer().take("inbox", 1).remove(0);
        assert_eq!((taken.attribute("id"), taken.payload.as_slice()), (&*receipt.id, body));
    }
    gateway.assert_unharmed();
}

#[test]
fn who_is_judged_quickly_does_not_wait_for_who_is_judged_long() {
    let world = World::new(&format!(
        "{HEAD}\
schemas: ./schemas
sources:
  open:
    http: {{ path: /hooks/open }}
    verify: {{ scheme: none }}
    schema: {{ subject: slow, on_violation: reject }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
"
    ));
    world.write("schemas/slow.json", r#"{ "pattern": "[01]*1[01]{800}2" }"#);
    let gateway = world.start();
    let post = |text: &str| {
        let body = format!("\"{text}\"");
        gateway.send(&http::request("POST", "/hooks/open", &[], body.as_bytes()))
    };
    // Longer than its work may be: refused at once.
    let refused = post(&"01".repeat(500_000));
    refused.assert_problem(422, "payload_invalid");
    assert_eq!(refused.json()["violations"][0]["keyword"], "json");
    // More at once than there are threads, each of seconds if nothing is optimised.
    let long = "01".repeat(10_000);
    std::thread::scope(|scope| {
        let long: Vec<_> = (0..8).map(|_| scope.spawn(|| post(&long))).collect();
        let mut quick = 0;
        while quick < 20 || (quick < 200 && long.iter().any(|one| !one.is_finished())) {
            let start = Instant::now();
            post("0123").assert_problem(422, "payload_invalid");
            assert!(start.elapsed() < Duration::from_secs(10), "it took {:?}", start.elapsed());
            quick += 1;
        }
        for one in long {
            let answer = one.join().unwrap();
            match answer.status {
                422 => answer.assert_problem(422, "payload_invalid"),
                _ => answer.assert_problem(503, "overloaded"),
            }
        }
    });
}
