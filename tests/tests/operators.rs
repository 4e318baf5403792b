//! What operators do to queues through the API of the real binary: make, change and remove them,
//! pause, hold, purge, look inside; and what the gateway tells about itself.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use sluicegate_tests::config;
use sluicegate_tests::consumer::Delivered;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::fixtures::root;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Response};
use sluicegate_tests::world::World;

fn start(queues: &str) -> (World, Gateway) {
    let world = World::new(&config::open_source(queues));
    let gateway = world.start();
    (world, gateway)
}

/// Sends an event with these headers; the answer.
fn deliver(gateway: &Gateway, headers: &[(&str, &str)], body: &str) -> Response {
    let mut all = vec![("Content-Type", "application/json")];
    all.extend(headers);
    gateway.send(&http::request("POST", "/hooks/open", &http::headers(&all), body.as_bytes()))
}

fn post(gateway: &Gateway, body: &str) -> String {
    deliver(gateway, &[], body).accepted().id
}

fn ask(gateway: &Gateway, method: &str, target: &str, body: &Value) -> Response {
    let headers = http::headers(&[("Content-Type", "application/json")]);
    let body = body.to_string();
    http::send(gateway.admin(), &http::request(method, target, &headers, body.as_bytes()))
}

/// The answer of a call that must succeed with this status.
#[track_caller]
fn done(gateway: &Gateway, method: &str, target: &str, body: &Value, status: u16) -> Value {
    let answer = ask(gateway, method, target, body);
    assert_eq!(answer.status, status, "{method} {target}: {}", answer.text());
    if status == 204 { Value::Null } else { answer.json() }
}

fn next(gateway: &Gateway, queue: &str) -> Delivered {
    wait_for("a delivery", || gateway.consumer().receive(queue, 1, 1_000).pop())
}

fn ids(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().unwrap();
    events.iter().map(|one| one["event"]["id"].as_str().unwrap()).collect()
}

#[test]
fn a_queue_is_made_changed_and_removed_and_what_was_made_outlives_a_crash() {
    let (world, gateway) = start("  inbox: {}");
    let made = ask(&gateway, "PUT", "/v1/queues/late", &json!({ "delay": "5s", "retain": "7d" }));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.header("location"), Some("/v1/queues/late"));
    let made = made.json();
    assert_eq!((&made["name"], &made["origin"]), (&json!("late"), &json!("made")));
    assert_eq!(made["settings"]["delay"], "5s");
    assert_eq!(made["settings"]["retain"], json!({ "time": "7d", "hold": false }));

    // What is shown can be given again.
    let again = done(&gateway, "PUT", "/v1/queues/late", &made["settings"], 200);
    assert_eq!(again["settings"], made["settings"]);
    let changed = json!({ "limits": { "events": 5 }, "dead_letter": "late-dead" });
    ask(&gateway, "PUT", "/v1/queues/late", &changed)
        .assert_problem(422, "dead_letter_queue_not_found");
    done(&gateway, "PUT", "/v1/queues/late-dead", &json!({}), 201);
    done(&gateway, "PUT", "/v1/queues/late", &changed, 200);
    ask(&gateway, "DELETE", "/v1/queues/late-dead", &json!({})).assert_problem(409, "queue_in_use");

    gateway.kill();
    let gateway = world.start();
    let late = gateway.admin_get("/v1/queues/late").json();
    assert_eq!(late["settings"]["limits"]["events"], 5, "{late}");
    assert_eq!(late["settings"]["dead_letter"], "late-dead", "{late}");
    assert_eq!(late["settings"]["delay"], "0s", "a PUT replaces everything: {late}");
    let dead = gateway.admin_get("/v1/queues/late-dead").json();
    assert_eq!(dead["settings"].get("dead_letter"), None, "it gives nothing up: {dead}");

    done(&gateway, "DELETE", "/v1/queues/late", &json!({}), 204);
    gateway.admin_get("/v1/queues/late").assert_problem(404, "queue_not_found");
    done(&gateway, "DELETE", "/v1/queues/late-dead", &json!({}), 204);
    ask(&gateway, "DELETE", "/v1/queues/late", &json!({})).assert_problem(404, "queue_not_found");
}

#[test]
fn a_configured_queue_is_changed_until_a_restart_and_never_removed() {
    let (world, gateway) = start("  inbox: { limits: { events: 9 } }");
    let inbox = gateway.admin_get("/v1/queues/inbox").json();
    assert_eq!((&inbox["origin"], &inbox["changed"]), (&json!("configured"), &json!(false)));
    let changed =
        done(&gateway, "PUT", "/v1/queues/inbox", &json!({ "limits": { "events": 1 } }), 200);
    assert_eq!((&changed["origin"], &changed["changed"]), (&json!("configured"), &json!(true)));
    post(&gateway, "1");
    deliver(&gateway, &[], "2").assert_problem(503, "queue_full");
    ask(&gateway, "DELETE", "/v1/queues/inbox", &json!({})).assert_problem(409, "queue_in_use");
    gateway.kill();
    let gateway = world.start();
    let inbox = gateway.admin_get("/v1/queues/inbox").json();
    assert_eq!(inbox["settings"]["limits"]["events"], 9, "{inbox}");
    post(&gateway, "2");
}

#[test]
fn a_queue_that_makes_no_sense_is_refused_with_every_reason() {
    let (_world, gateway) = start("  inbox: {}");
    let body = json!({ "ttl": "1s", "delay": "2s", "when_full": "drop-oldest" });
    let answer = ask(&gateway, "PUT", "/v1/queues/odd", &body);
    answer.assert_problem(422, "queue_invalid");
    let violations = answer.json()["violations"].clone();
    let places: BTreeSet<&str> =
        violations.as_array().unwrap().iter().map(|v| v["instance"].as_str().unwrap()).collect();
    assert_eq!(places, BTreeSet::from(["/ttl", "/when_full"]), "{violations}");
    let answer = ask(&gateway, "PUT", "/v1/queues/odd", &json!({ "retri": {} }));
    answer.assert_problem(422, "queue_invalid");
    assert!(answer.text().contains("did you mean"), "{}", answer.text());
    ask(&gateway, "PUT", "/v1/queues/odd", &json!([])).assert_problem(422, "request_invalid");
    ask(&gateway, "PUT", "/v1/queues/-odd", &json!({})).assert_problem(422, "name_invalid");
    let start = json!({ "start": { "from": "yesterday" } });
    assert_eq!(ask(&gateway, "PUT", "/v1/queues/odd", &start).status, 422);
    gateway.admin_get("/v1/queues/odd").assert_problem(404, "queue_not_found");
    let answer = ask(&gateway, "POST", "/v1/queues/inbox", &json!({}));
    answer.assert_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("GET, PUT, DELETE"));
}

#[test]
fn a_queue_that_is_made_can_start_in_the_past() {
    let (_world, gateway) = start("  inbox: {}");
    let sent: BTreeSet<String> = (0..3).map(|at| post(&gateway, &at.to_string())).collect();
    let start = json!({ "start": { "from": "2026-01-01T00:00:00Z" } });
    let made = done(&gateway, "PUT", "/v1/queues/again", &start, 201);
    assert!(made["job"].is_string(), "{made}");
    let got: BTreeSet<String> = gateway
        .consumer()
        .take("again", 3)
        .iter()
        .map(|one| one.attribute("id").to_owned())
        .collect();
    assert_eq!(got, sent);
    ask(&gateway, "PUT", "/v1/queues/again", &start).assert_problem(409, "queue_exists");
}

#[test]
fn a_paused_queue_hands_out_nothing_until_it_is_resumed_even_after_a_crash() {
    let (world, gateway) = start("  inbox: {}");
    let paused = done(&gateway, "POST", "/v1/queues/inbox/pause", &json!({}), 200);
    assert_eq!(paused, json!({ "paused": true }));
    post(&gateway, "1");
    assert_eq!(gateway.consumer().receive("inbox", 1, 0).len(), 0);
    gateway.kill();
    let gateway = world.start();
    assert_eq!(gateway.consumer().stats("inbox")["settings"]["paused"], true);
    assert_eq!(gateway.consumer().receive("inbox", 1, 0).len(), 0);
    // A queue that is told to run runs, whoever paused it.
    done(&gateway, "PUT", "/v1/queues/inbox", &json!({ "delivery_rate": 1000 }), 200);
    assert_eq!(gateway.consumer().stats("inbox")["settings"]["paused"], true, "it was not said");
    done(&gateway, "POST", "/v1/queues/inbox/resume", &json!({}), 200);
    assert_eq!(next(&gateway, "inbox").payload, b"1");
    ask(&gateway, "POST", "/v1/queues/none/pause", &json!({}))
        .assert_problem(404, "queue_not_found");
    let body = json!({ "for": "1h" });
    ask(&gateway, "POST", "/v1/queues/inbox/pause", &body).assert_problem(422, "request_invalid");
}

#[test]
fn a_legal_hold_is_shown_and_outlives_a_crash() {
    let (world, gateway) = start("  inbox: { retain: 7d }");
    let held = done(&gateway, "PUT", "/v1/queues/inbox/hold", &json!({ "hold": true }), 200);
    assert_eq!(held, json!({ "hold": true }));
    gateway.kill();
    let gateway = world.start();
    let retain = gateway.consumer().stats("inbox")["settings"]["retain"].clone();
    assert_eq!(retain, json!({ "time": "7d", "hold": true }));
    done(&gateway, "PUT", "/v1/queues/inbox/hold", &json!({ "hold": false }), 200);
    assert_eq!(gateway.consumer().stats("inbox")["settings"]["retain"]["hold"], false);
    let hold = |body| ask(&gateway, "PUT", "/v1/queues/inbox/hold", &body);
    hold(json!({})).assert_problem(422, "request_invalid");
    hold(json!({ "hold": "yes" })).assert_problem(422, "request_invalid");
}

#[test]
fn a_purge_drops_all_but_what_is_leased() {
    let (_world, gateway) = start("  inbox: {}");
    (0..5).for_each(|at| drop(post(&gateway, &at.to_string())));
    let kept = next(&gateway, "inbox");
    let purged = done(&gateway, "POST", "/v1/queues/inbox/purge", &json!({}), 200);
    assert_eq!(purged, json!({ "purged": 4 }));
    let stats = gateway.consumer().stats("inbox");
    assert_eq!((&stats["depth"], &stats["purged"]), (&json!(1), &json!(4)), "{stats}");
    gateway.consumer().ack("inbox", &[kept]);
    assert_eq!(gateway.consumer().depth("inbox"), 0);
    ask(&gateway, "POST", "/v1/queues/none/purge", &json!({}))
        .assert_problem(404, "queue_not_found");
}

#[test]
fn events_are_looked_at_page_by_page_and_none_is_leased() {
    let (_world, gateway) = start("  inbox: { retry: { min: 1h, max: 1h } }");
    let sent: Vec<String> = (0..5).map(|at| post(&gateway, &format!("{{\"n\":{at}}}"))).collect();
    let look = |query: &str| {
        let answer = gateway.admin_get(&format!("/v1/queues/inbox/events{query}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = look(&query);
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["next"].as_str() else { break };
        query = format!("?limit=2&after={cursor}");
    }
    assert_eq!(seen, sent, "in the order in which they came");
    let whole = look("");
    let first = &whole["events"][0];
    assert_eq!((&first["standing"], &first["attempts"]), (&json!("ready"), &json!(0)), "{first}");
    assert_eq!(first["event"]["data"], json!({ "n": 0 }));
    assert!(look("?payload=none")["events"][0]["event"].get("data").is_none());

    let failed = next(&gateway, "inbox");
    let nack = json!({ "nack": [{ "receipt": failed.receipt, "reason": "disk is full" }] });
    gateway.consumer().settle("inbox", &nack);
    let leased = next(&gateway, "inbox");
    let delayed = look("?standing=delayed");
    assert_eq!(ids(&delayed), [failed.attribute("id")]);
    let one = &delayed["events"][0];
    assert_eq!((&one["attempts"], &one["failures"][0]["why"]), (&json!(1), &json!("disk is full")));
    assert!(one["until"].is_string() && one["failures"][0]["at"].is_string(), "{one}");
    assert_eq!(ids(&look("?standing=leased")), [leased.attribute("id")]);
    assert_eq!(ids(&look("?standing=ready")).len(), 3);
    assert_eq!(look("?standing=blocked")["events"], json!([]));

    let refused = |query: &str| gateway.admin_get(&format!("/v1/queues/inbox/events{query}"));
    refused("?limit=0").assert_problem(422, "value_out_of_range");
    refused("?after=here").assert_problem(422, "request_invalid");
    gateway.admin_get("/v1/queues/none/events").assert_problem(404, "queue_not_found");
}

#[test]
fn a_letter_tells_every_failed_attempt() {
    let (_world, gateway) = start(
        "  inbox: { retry: { attempts: 2, min: 1ms, max: 1ms }, dead_letter: dead }\n  dead: {}",
    );
    post(&gateway, "1");
    for why in ["no route to host", "connection refused"] {
        let one = next(&gateway, "inbox");
        let nack = json!({ "nack": [{ "receipt": one.receipt, "reason": why }] });
        gateway.consumer().settle("inbox", &nack);
    }
    let dead = next(&gateway, "dead");
    let failures = dead.whole["letter"]["failures"].as_array().unwrap();
    let told: Vec<(&Value, &Value)> = failures.iter().map(|f| (&f["attempt"], &f["why"])).collect();
    let (first, second) = (json!("no route to host"), json!("connection refused"));
    assert_eq!(told, [(&json!(1), &first), (&json!(2), &second)]);
    let looked = gateway.admin_get("/v1/queues/dead/events").json();
    assert_eq!(looked["events"][0]["letter"], dead.whole["letter"]);
}

#[test]
fn what_a_queue_is_configured_to_do_it_does() {
    let (_world, gateway) = start(
        "  inbox: { priority_by: headers.x-urgency, order_by: headers.x-line, delivery_rate: 1000 }",
    );
    let send =
        |headers: &[(&str, &str)], body: &str| deliver(&gateway, headers, body).accepted().id;
    // Within a line, urgency does not count: events go as they came.
    send(&[("X-Urgency", "1"), ("X-Line", "a")], "1");
    send(&[("X-Urgency", "8"), ("X-Line", "a")], "2");
    send(&[("X-Urgency", "9")], "3");
    let first = next(&gateway, "inbox");
    assert_eq!(first.payload, b"3", "the urgent one is first");
    let second = next(&gateway, "inbox");
    assert_eq!(second.payload, b"1");
    assert_eq!(gateway.consumer().receive("inbox", 5, 0).len(), 0, "one of a line at a time");
    assert_eq!(gateway.consumer().stats("inbox")["blocked"], 1);
    gateway.consumer().ack("inbox", &[second]);
    assert_eq!(next(&gateway, "inbox").payload, b"2");
}

#[test]
fn senders_over_the_rate_of_a_queue_or_the_share_of_a_source_are_told_so() {
    let queues = "  inbox: { limits: { rate: 2 } }";
    let text = config::open_source(queues)
        .replace("scheme: none }", "scheme: none }\n    limits: { events: 3 }");
    let world = World::new(&text);
    let gateway = world.start();
    // However long a commit takes: once three go at once.
    let over_rate = wait_for("more than two in a second", || {
        let answers: Vec<Response> = std::thread::scope(|scope| {
            let one = |at: usize| (&gateway, at.to_string());
            let sent =
                (0..3).map(one).map(|(to, body)| scope.spawn(move || deliver(to, &[], &body)));
            let sent: Vec<_> = sent.collect();
            sent.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let over =
            |answer: &Response| answer.status == 429 && answer.json()["code"] == "queue_over_rate";
        let found = answers.into_iter().find(over);
        let _ = gateway.consumer().drain("inbox");
        found
    });
    over_rate.assert_problem(429, "queue_over_rate");
    assert!(over_rate.header("retry-after").is_some());
    let full = wait_for("the share of the source", || {
        let answer = deliver(&gateway, &[], "0");
        (answer.status != 202 && answer.json()["code"] == "source_full").then_some(answer)
    });
    full.assert_problem(429, "source_full");
    assert_eq!(gateway.consumer().depth("inbox"), 3);
}

/// The families on a page: name and kind.
fn families(page: &str) -> BTreeSet<(String, String)> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split_once(' ')).map(|(n, k)| (n.into(), k.into())).collect()
}

/// The families in the manual: the first two columns of its tables.
fn documented(manual: &str) -> BTreeSet<(String, String)> {
    let rows = manual.lines().filter(|line| line.starts_with("| `sluicegate_"));
    rows.map(|row| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let name = cells.next().unwrap().trim_matches('`').to_owned();
        (name, cells.next().unwrap().to_owned())
    })
    .collect()
}

#[test]
fn every_metric_on_the_page_is_in_the_manual_and_the_other_way() {
    let (_world, gateway) = start("  inbox: {}");
    let page = families(&gateway.admin_get("/metrics").text());
    let manual = fs::read_to_string(root().join("gateway/docs/METRICS.md")).unwrap();
    let documented = documented(&manual);
    assert!(page.len() > 40, "the rule has stopped finding families: {page:?}");
    assert_eq!(
        page.difference(&documented).collect::<Vec<_>>(),
        Vec::<&_>::new(),
        "not in the manual"
    );
    assert_eq!(
        documented.difference(&page).collect::<Vec<_>>(),
        Vec::<&_>::new(),
        "not on the page"
    );
}

#[test]
fn the_mode_of_flushes_is_told_in_the_metrics_and_in_the_log() {
    let has = |gateway: &Gateway, line: &str| {
        gateway.admin_get("/metrics").text().lines().any(|other| other == line)
    };
    let (_world, gateway) = start("  inbox: {}");
    assert!(has(&gateway, "sluicegate_store_fsync_mode{mode=\"always\"} 1"));
    gateway.wait_for_log("fsync=always");
    let text = config::open_source("  inbox: {}") + "fsync: { interval: 100ms }\n";
    let gateway = World::new(&text).start();
    assert!(has(&gateway, "sluicegate_store_fsync_mode{mode=\"interval\"} 1"));
    assert!(has(&gateway, "sluicegate_store_fsync_interval_seconds 0.1"));
    gateway.wait_for_log("a power cut loses");
}

#[test]
fn a_full_disk_is_told_to_senders_and_does_not_take_consumers_away() {
    let text = config::open_source("  inbox: {}") + "limits: { free_disk_min: 999999GiB }\n";
    let gateway = World::new(&text).start();
    deliver(&gateway, &[], "1").assert_problem(503, "store_unavailable");
    let ready = gateway.admin_get("/readyz");
    assert_eq!(ready.status, 200, "{}", ready.text());
    let ready = ready.json();
    assert_eq!(
        (&ready["status"], &ready["reasons"][0]["code"]),
        (&json!("degraded"), &json!("disk_full"))
    );
    gateway.admin_get("/readyz/senders").assert_problem(503, "disk_full");
    assert_eq!(gateway.consumer().receive("inbox", 1, 0).len(), 0, "consumers are served");
    let (_world, roomy) = start("  inbox: {}");
    assert_eq!(roomy.admin_get("/readyz").json(), json!({ "status": "ready", "reasons": [] }));
    assert_eq!(roomy.admin_get("/readyz/senders").status, 200);
}
