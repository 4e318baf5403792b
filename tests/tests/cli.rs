//! The command line as people and scripts use it: `send`, `verify`, `schema`, exit codes.

use std::process::Output;

use serde_json::json;
use sluicegate_tests::config;
use sluicegate_tests::fixtures::{self, GITHUB_SECRET};
use sluicegate_tests::signing;
use sluicegate_tests::world::World;

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn send_signs_and_posts_a_file_as_each_provider_does() {
    let world = World::new(&config::every_scheme());
    let gateway = world.start();
    let push = fixtures::github_payload("push");
    world.write("push.json", &push);
    world.write("stripe.json", r#"{"id":"evt_1","type":"invoice.paid"}"#);
    let url = format!("http://{}", gateway.http());
    for (source, file) in [
        ("github", "push.json"),
        ("standard", "push.json"),
        ("slack", "push.json"),
        ("stripe", "stripe.json"),
        ("open", "push.json"),
    ] {
        let sent =
            world.run(&["send", "gateway.yaml", source, file, "--type", "push", "--url", &url]);
        let (said, faults) = text(&sent);
        assert_eq!(sent.status.code(), Some(0), "{source}: {said}{faults}");
        assert!(said.contains("\"duplicate\":false"), "{source}: {said}");
        let taken = gateway.consumer().take("inbox", 1).remove(0);
        assert_eq!(taken.attribute("source"), source);
        assert_eq!(taken.payload, std::fs::read(world.path(file)).unwrap());
    }
}

#[test]
fn send_repeats_and_says_how_many_were_new() {
    let world = World::new(&config::every_scheme());
    let gateway = world.start();
    world.write("push.json", fixtures::github_payload("push"));
    let url = format!("http://{}", gateway.http());
    let send = |more: &[&str]| {
        let base = ["send", "gateway.yaml", "github", "push.json", "--type", "push", "--url", &url];
        world.run(&[&base, more].concat())
    };
    let (said, _) = text(&send(&["--repeat", "5"]));
    assert!(said.contains("5 accepted, 0 duplicates, 0 refused"), "{said}");
    let (said, _) = text(&send(&["--repeat", "3", "--id", "the-same"]));
    assert!(said.contains("1 accepted, 2 duplicates, 0 refused"), "{said}");
    assert_eq!(gateway.consumer().take("inbox", 6).len(), 6);

    let refused = world.run(&["send", "gateway.yaml", "nobody", "push.json", "--url", &url]);
    assert_eq!(refused.status.code(), Some(1));
    let missing = world.run(&["send", "gateway.yaml", "github", "none.json", "--url", &url]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn verify_runs_vectors_and_fails_when_one_does() {
    let vector = |id: &str, signature: &str, expected: &str| {
        json!({
            "id": id, "provider": "github", "scheme": "hub-sha256", "secret": GITHUB_SECRET,
            "headers": { "X-Hub-Signature-256": signature }, "body": "Hello, World!",
            "expected": expected, "source": "test", "origin": "test", "note": id,
        })
    };
    let right = signing::github(GITHUB_SECRET, b"Hello, World!");
    let wrong = signing::github("another", b"Hello, World!");
    let world = World::new("");
    let verify = |vectors: serde_json::Value| {
        world.write("vectors.json", vectors.to_string());
        let output = world.run(&["verify", "--vectors", "vectors.json"]);
        (text(&output).0, output.status.code())
    };
    let (said, code) =
        verify(json!([vector("good", &right, "valid"), vector("bad", &wrong, "invalid")]));
    assert_eq!(said.lines().last(), Some("2 passed, 0 failed, 0 unsupported"), "{said}");
    assert_eq!(code, Some(0));
    let (said, code) = verify(json!([vector("lie", &right, "invalid")]));
    assert_eq!(said.lines().last(), Some("0 passed, 1 failed, 0 unsupported"), "{said}");
    assert!(said.lines().any(|line| line.contains("lie")), "{said}");
    assert_eq!(code, Some(1));
}

#[test]
fn help_version_and_misuse_have_their_exit_codes() {
    let world = World::new("");
    let help = world.run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let (said, _) = text(&help);
    for command in ["run", "check", "send", "verify", "schema"] {
        assert!(said.contains(command), "{command} is not in {said}");
    }
    assert!(text(&world.run(&["--version"])).0.starts_with("sluicegate 0."));
    assert_eq!(world.run(&[]).status.code(), Some(2));
    assert_eq!(world.run(&["run"]).status.code(), Some(2));
    assert_eq!(world.run(&["run", "--fast"]).status.code(), Some(2));
}
