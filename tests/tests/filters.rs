//! Wasm filters through the real binary: the example plugins decide, and broken ones lose nothing.

use sluicegate_tests::config::filtered;
use sluicegate_tests::fixtures::{self, Encoding};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::signing;
use sluicegate_tests::world::World;

/// A world whose route `main` asks one plugin and then places events in `inbox`.
fn world(plugin: &str) -> World {
    World::new(&filtered(
        &format!("  asked: {plugin}"),
        "  - { name: main, filters: [ asked ], to: [ inbox ] }",
        "  inbox: {}\n  urgent: {}",
    ))
}

fn deliver(gateway: &Gateway, event: &str, id: &str) -> String {
    let delivery = fixtures::github(event, Encoding::Json, id);
    gateway.deliver("/hooks/github", &delivery).accepted().id
}

/// The SHA-256 of a file of the repository.
fn digest(path: &str) -> String {
    signing::hex(&signing::sha256(&std::fs::read(fixtures::root().join(path)).unwrap()))
}

#[test]
fn the_severity_router_sends_high_alerts_to_the_urgent_queue_and_the_rest_on() {
    let world = world(
        "{ path: \"{ROOT}/plugins/severity-router/rust/severity-router.wasm\", \
         config: { threshold: high, queues: [ urgent ] } }",
    );
    let gateway = world.start();
    for (event, queue) in [
        ("code_scanning_alert", "urgent"),
        ("dependabot_alert", "urgent"),
        ("push", "inbox"),
        ("issues", "inbox"),
    ] {
        let id = deliver(&gateway, event, event);
        let taken = gateway.consumer().take(queue, 1).remove(0);
        assert_eq!(taken.attribute("id"), id, "{event}");
        assert_eq!(taken.payload, fixtures::github_payload(event), "{event}");
    }
    // A low severity stays on its route.
    let low = String::from_utf8(fixtures::github_payload("dependabot_alert")).unwrap();
    let low = low.replace(r#""severity":"high""#, r#""severity":"low""#).into_bytes();
    let low = fixtures::github_signed("dependabot_alert", "application/json", "low", low);
    let id = gateway.deliver("/hooks/github", &low).accepted().id;
    assert_eq!(gateway.consumer().take("inbox", 1)[0].attribute("id"), id);
    assert_eq!(gateway.consumer().depth("urgent"), 0);
}

#[test]
fn the_redactor_rewrites_what_it_is_told_to_and_not_a_byte_more() {
    let world = world(
        "{ path: \"{ROOT}/plugins/redactor/rust/redactor.wasm\", \
         config: { keys: [ email ], headers: [ user-agent ] } }",
    );
    let gateway = world.start();
    deliver(&gateway, "push", "a");
    let taken = gateway.consumer().take("inbox", 1).remove(0);
    let before = fixtures::github_payload("push");
    let after: serde_json::Value = serde_json::from_slice(&taken.payload).unwrap();
    let mask = after["pusher"]["email"].as_str().unwrap().to_owned();
    assert!(!mask.contains('@'), "{mask}");
    let email = "\"21031067+Codertocat@users.noreply.github.com\"";
    let expected = String::from_utf8(before).unwrap().replace(email, &format!("\"{mask}\""));
    assert_eq!(String::from_utf8(taken.payload).unwrap(), expected);
    assert!(taken.event["sgheaders"].get("user-agent").is_none());
    assert_eq!(taken.event["sgheaders"]["x-github-event"], "push");
}

#[test]
fn a_plugin_that_traps_loops_or_hogs_dead_letters_with_reason_and_digest() {
    for (plugin, cause) in
        [("trap", "filter_trap"), ("loop", "filter_deadline"), ("hog", "filter_memory")]
    {
        let path = format!("tests/fixtures/plugins/{plugin}.wasm");
        let world = world(&format!("{{ path: \"{{ROOT}}/{path}\", memory: 1MiB }}"));
        let mut gateway = world.start();
        for at in 0..3 {
            let id = deliver(&gateway, "issues", &format!("{plugin}-{at}"));
            let dead = gateway.consumer().take("dead-letters", 1).remove(0);
            assert_eq!(dead.attribute("id"), id);
            assert_eq!(dead.payload, fixtures::github_payload("issues"));
            let letter = &dead.whole["letter"];
            assert_eq!(letter["cause"], cause, "{plugin}: {letter}");
            assert_eq!(letter["plugin"], "asked");
            assert_eq!(letter["digest"], digest(&path));
            assert_eq!(letter["route"], "main");
            assert!(letter["reason"].as_str().is_some_and(|why| !why.is_empty()));
        }
        assert_eq!(gateway.consumer().depth("inbox"), 0);
        gateway.assert_unharmed();
    }
}

#[test]
fn an_answer_that_comes_later_than_the_sender_waits_is_counted_and_said() {
    let slow = "  asked: { path: \"{ROOT}/tests/fixtures/plugins/loop.wasm\", deadline: 50ms }";
    let route = "  - { name: main, when: { type: [ push ] }, filters: [ asked ], to: [ inbox ] }
  - { name: rest, default: true, to: [ inbox ] }";
    let text = filtered(slow, route, "  inbox: {}");
    let text =
        text.replace("  github:\n    http:", "  github:\n    answer_within: 40ms\n    http:");
    let gateway = World::new(&text).start();
    deliver(&gateway, "push", "slow");
    gateway.wait_for_log("answered later than the sender waits");
    let metrics = gateway.admin_get("/metrics").text();
    assert!(metrics.contains("sluicegate_source_late_total{source=\"github\"} 1"), "{metrics}");
}

#[test]
fn a_failing_plugin_does_what_its_policy_says() {
    let path = "{ROOT}/tests/fixtures/plugins/trap.wasm";
    let gateway = world(&format!("{{ path: \"{path}\", on_failure: next }}")).start();
    let id = deliver(&gateway, "issues", "a");
    assert_eq!(gateway.consumer().take("inbox", 1)[0].attribute("id"), id);

    let gateway = world(&format!("{{ path: \"{path}\", on_failure: drop }}")).start();
    deliver(&gateway, "issues", "a");
    assert_eq!(gateway.consumer().depth("inbox"), 0);
    assert_eq!(gateway.consumer().depth("dead-letters"), 0);

    let gateway = world(&format!("{{ path: \"{path}\", on_failure: reject }}")).start();
    let delivery = fixtures::github("issues", Encoding::Json, "a");
    let answer = gateway.deliver("/hooks/github", &delivery);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

#[test]
fn a_plugin_whose_bytes_are_not_the_pinned_ones_is_refused_at_load() {
    let path = "{ROOT}/tests/fixtures/plugins/trap.wasm";
    let right = digest("tests/fixtures/plugins/trap.wasm");
    let pinned = world(&format!("{{ path: \"{path}\", sha256: \"{right}\" }}"));
    let wrong = world(&format!("{{ path: \"{path}\", sha256: \"{}\" }}", "0".repeat(64)));
    let check = |world: &World| world.run(&["check", &world.configuration().to_string_lossy()]);
    assert_eq!(check(&pinned).status.code(), Some(0));
    let refused = check(&wrong);
    assert_eq!(refused.status.code(), Some(1));
    let said = [refused.stdout, refused.stderr].concat();
    assert!(String::from_utf8_lossy(&said).contains("plugins.asked.sha256"), "{said:?}");
}
