//! CloudEvents over HTTP through the real binary: binary, structured, batched, and what is none.

use serde_json::{Value, json};
use sluicegate_core::ids::EventId;
use sluicegate_tests::config::HEAD;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::fixtures;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Repeat, Response};
use sluicegate_tests::world::World;

fn world() -> World {
    let world = World::new(&format!(
        "{HEAD}\
schemas: ./schemas
sources:
  events:
    http: {{ path: /events, format: cloudevents }}
    verify: {{ scheme: none }}
    schema: {{ subject: \"ce.{{type}}\", on_unknown: accept }}
  named:
    http: {{ path: /named, format: cloudevents }}
    verify: {{ scheme: none }}
    schema: {{ subject: \"{{dataschema}}\", on_unknown: reject }}
  signed:
    http: {{ path: /signed, format: cloudevents }}
    verify: {{ scheme: standard-webhooks, keys: [ {{ id: k1, secret: standard }} ] }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
"
    ));
    world.write(
        "schemas/ce.order.json",
        r#"{ "$id": "https://example.com/order", "properties": { "n": { "type": "integer" } } }"#,
    );
    world.write("schemas/ce.order.v2.json", r#"{ "$id": "https://example.com/order2", "properties": { "n": { "type": ["integer", "string"] } } }"#);
    world.write("schemas/ce.other.json", r#"{ "$id": "https://example.com/other" }"#);
    world
}

fn binary(gateway: &Gateway, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    gateway.send(&http::request("POST", path, &http::headers(headers), body))
}

fn structured(gateway: &Gateway, path: &str, event: &Value) -> Response {
    let headers = [("content-type", "application/cloudevents+json; charset=utf-8")];
    binary(gateway, path, &headers, event.to_string().as_bytes())
}

fn batch(gateway: &Gateway, path: &str, events: &str) -> Response {
    let headers = [("content-type", "application/cloudevents-batch+json")];
    binary(gateway, path, &headers, events.as_bytes())
}

const HEADERS: [(&str, &str); 7] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "a-1"),
    ("ce-source", "/shop"),
    ("ce-type", "sale"),
    ("ce-time", "2026-11-22T10:00:00Z"),
    ("ce-subject", "Gr%C3%BC%C3%9Fe"),
    ("ce-priority", "7"),
];

#[test]
fn binary_and_structured_events_are_the_same_event() {
    let world = world();
    let gateway = world.start();
    let mut headers = HEADERS.to_vec();
    headers.push(("content-type", "application/json"));
    // What only sources say is not believed of a sender.
    headers.extend([("ce-amqpreplyto", "evil"), ("ce-mqtttopic", "evil")]);
    let body = b"{ \"n\":  1.0 }";
    let receipt = binary(&gateway, "/events", &headers, body).accepted();
    let one = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!((one.attribute("id"), one.payload.as_slice()), (&*receipt.id, &body[..]));
    let wanted = [
        ("source", "events"),
        ("type", "sale"),
        ("subject", "Grüße"),
        ("time", "2026-11-22T10:00:00Z"),
        ("datacontenttype", "application/json"),
        ("priority", "7"),
        ("sgid", "a-1"),
        ("sgsource", "/shop"),
    ];
    for (name, value) in wanted {
        assert_eq!(one.attribute(name), value, "{name}");
    }
    for name in ["amqpreplyto", "mqtttopic"] {
        assert!(one.event.get(name).is_none(), "{}", one.event);
    }
    let mut event = json!({ "specversion": "1.0", "id": "a-2", "source": "/shop", "type": "sale",
        "time": "2026-11-22T10:00:00Z", "subject": "Grüße", "priority": 7, "gone": null,
        "data": { "n": 1 } });
    let _ = structured(&gateway, "/events", &event).accepted();
    let two = gateway.consumer().take("inbox", 1).remove(0);
    for (name, value) in wanted.iter().filter(|(name, _)| *name != "sgid") {
        assert_eq!(two.attribute(name), *value, "{name}");
    }
    assert_eq!(two.payload, br#"{"n":1}"#);
    // A repetition is known by source and id, whatever it looks like.
    event["id"] = json!("a-1");
    assert_eq!(structured(&gateway, "/events", &event).accepted().repeat, Repeat::Duplicate);
    event["source"] = json!("/elsewhere");
    assert_eq!(structured(&gateway, "/events", &event).accepted().repeat, Repeat::First);
}

#[test]
fn payloads_of_every_kind_keep_their_bytes() {
    let world = world();
    let gateway = world.start();
    for (number, (more, payload)) in [
        (
            r#","data": { "b" : 1,  "a":10000000000000000000001 }"#,
            &b"{ \"b\" : 1,  \"a\":10000000000000000000001 }"[..],
        ),
        (r#","datacontenttype":"text/plain","data":"na\u00efve""#, "naïve".as_bytes()),
        (r#","datacontenttype":"image/png","data_base64":"AAH/""#, b"\x00\x01\xff"),
        (r#","data":"text in JSON""#, b"\"text in JSON\""),
        (r#","data":null"#, b"null"),
        (r#","data":null,"data_base64":"AAH/""#, b"\x00\x01\xff"),
    ]
    .into_iter()
    .enumerate()
    {
        let event =
            format!(r#"{{"specversion":"1.0","id":"p-{number}","source":"s","type":"t"{more}}}"#);
        let headers = [("content-type", "application/cloudevents+json")];
        let _ = binary(&gateway, "/events", &headers, event.as_bytes()).accepted();
        assert_eq!(gateway.consumer().take("inbox", 1)[0].payload, payload, "{event}");
    }
}

#[test]
fn what_is_no_cloud_event_is_refused_with_a_reason() {
    let world = world();
    let mut gateway = world.start();
    let without = |name: &str| -> Vec<(&str, &str)> {
        HEADERS.into_iter().filter(|(known, _)| *known != name).collect()
    };
    let with = |name: &'static str, value: &'static str| -> Vec<(&str, &str)> {
        let mut all = without(name);
        all.push((name, value));
        all
    };
    for (headers, why) in [
        (without("ce-specversion"), "specversion is missing"),
        (with("ce-specversion", "0.3"), "specversion is not 1.0"),
        (without("ce-id"), "id is missing"),
        (with("ce-id", ""), "id is empty"),
        (without("ce-source"), "source is missing"),
        (with("ce-source", "a b"), "URI"),
        (without("ce-type"), "type is missing"),
        (with("ce-time", "yesterday"), "time"),
        (with("ce-time", "2026-11-22 12:00:00Z"), "time"),
        (with("ce-subject", "%zz"), "ce-subject"),
        (with("ce-subject", "%0A"), "control"),
        (with("ce-my_name", "x"), "letters"),
        (with("ce-sgviolations", "0"), "the gateway's"),
        (with("ce-datacontenttype", "text/plain"), "content-type says it"),
        (with("content-type", "application/cloudevents+avro"), "read as JSON"),
    ] {
        let answer = binary(&gateway, "/events", &headers, b"{}");
        answer.assert_problem(400, "cloudevent_invalid");
        assert!(answer.json()["detail"].as_str().unwrap().contains(why), "{}", answer.text());
    }
    let mut twice = HEADERS.to_vec();
    twice.push(("ce-id", "a-2"));
    binary(&gateway, "/events", &twice, b"").assert_problem(400, "cloudevent_invalid");
    let base = r#""specversion":"1.0","id":"1","source":"s","type":"t""#;
    let deep = format!(r#"{{{base},"x":{}}}"#, "[".repeat(100_000));
    for bad in [
        "[]",
        "{",
        r#"{"specversion":1.0}"#,
        &format!(r#"{{{base},"id":"2"}}"#),
        &format!(r#"{{{base},"x":{{}}}}"#),
        &format!(r#"{{{base},"x":1.5}}"#),
        &format!(r#"{{{base},"data":1,"data_base64":"AA=="}}"#),
        &format!(r#"{{{base},"data":1,"data":2}}"#),
        &format!(r#"{{{base},"data_base64":"A"}}"#),
        &deep,
    ] {
        let headers = [("content-type", "application/cloudevents+json")];
        let answer = binary(&gateway, "/events", &headers, bad.as_bytes());
        answer.assert_problem(400, "cloudevent_invalid");
    }
    assert_eq!(gateway.consumer().depth("inbox"), 0);
    gateway.assert_unharmed();
}

#[test]
fn a_batch_is_taken_as_a_whole_or_not_at_all() {
    let world = world();
    let gateway = world.start();
    let event = |id: &str, kind: &str, data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/b","type":"{kind}","data":{data}}}"#
        )
    };
    let bad = format!("[{},{}]", event("1", "sale", "1"), event("2", "order", r#"{"n":[]}"#));
    let refused = batch(&gateway, "/events", &bad);
    refused.assert_problem(422, "payload_invalid");
    assert_eq!(refused.json()["violations"][0]["instance"], "/1/data/n");
    let bad = format!("[{},{}]", event("1", "sale", "1"), event("", "sale", "1"));
    let refused = batch(&gateway, "/events", &bad);
    refused.assert_problem(400, "cloudevent_invalid");
    assert!(refused.text().contains("event 1: id is empty"), "{}", refused.text());
    assert_eq!(gateway.consumer().depth("inbox"), 0);

    let good = format!(
        "[{},{},{}]",
        event("1", "sale", "1"),
        event("2", "order", r#"{"n":2}"#),
        event("3", "sale", "3")
    );
    let receipt = batch(&gateway, "/events", &good).accepted();
    assert_eq!(receipt.repeat, Repeat::First);
    assert_eq!(batch(&gateway, "/events", &good).accepted().id, receipt.id);
    let taken = gateway.consumer().take("inbox", 3);
    let mut ids: Vec<&str> = taken.iter().map(|one| one.attribute("id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each has an id of its own");
    let sent: Vec<&str> = taken.iter().map(|one| one.attribute("sgid")).collect();
    assert_eq!(sent, ["1", "2", "3"]);
    assert_eq!(gateway.consumer().depth("inbox"), 0, "the repetition was not placed");
    let _ = batch(&gateway, "/events", "[]").accepted();
    let many: Vec<String> = (0..257).map(|n| event(&n.to_string(), "sale", "1")).collect();
    let many = format!("[{}]", many.join(","));
    batch(&gateway, "/events", &many).assert_problem(400, "cloudevent_invalid");
    assert_eq!(gateway.consumer().depth("inbox"), 0);
}

#[test]
fn dataschema_names_the_schema_that_judges() {
    let world = world();
    let gateway = world.start();
    let event = |id: &str, schema: &str, data: Value| json!({ "specversion": "1.0", "id": id, "source": "s", "type": "order", "dataschema": schema, "data": data });
    let text = || json!({ "n": "x" });
    // The latest version takes a text, the first does not.
    let _ = structured(&gateway, "/events", &event("1", "https://example.com/order2", text()))
        .accepted();
    let one = gateway.consumer().take("inbox", 1).remove(0);
    assert_eq!(one.attribute("dataschema"), "https://example.com/order2");
    for first in ["https://example.com/order", "/subjects/ce.order/versions/1"] {
        let answer = structured(&gateway, "/events", &event("2", first, text()));
        answer.assert_problem(422, "payload_invalid");
    }
    let conflict =
        structured(&gateway, "/events", &event("3", "https://example.com/other", text()));
    conflict.assert_problem(422, "payload_invalid");
    assert_eq!(conflict.json()["violations"][0]["keyword"], "dataschema");
    // One that nobody registered names nothing: the source's own rule holds.
    let _ = structured(&gateway, "/events", &event("4", "https://example.com/unknown", text()))
        .accepted();
    let bare = |schema: &str| event("5", schema, text());
    let unknown = structured(&gateway, "/named", &bare("https://example.com/unknown"));
    unknown.assert_problem(422, "schema_unknown");
    structured(&gateway, "/named", &bare("https://example.com/order"))
        .assert_problem(422, "payload_invalid");
    let _ = structured(&gateway, "/named", &bare("https://example.com/other")).accepted();
}

#[test]
fn send_makes_cloud_events_in_every_mode() {
    let world = world();
    let gateway = world.start();
    world.write("push.json", fixtures::github_payload("push"));
    let url = format!("http://{}", gateway.http());
    for mode in ["binary", "structured", "batch"] {
        let sent = world.run(&[
            "send",
            "gateway.yaml",
            "signed",
            "push.json",
            "--type",
            "com.github.push",
            "--cloudevents",
            mode,
            "--id",
            mode,
            "--url",
            &url,
        ]);
        assert!(sent.status.success(), "{mode}: {}", String::from_utf8_lossy(&sent.stdout));
        let one = gateway.consumer().take("inbox", 1).remove(0);
        assert_eq!((one.attribute("type"), one.attribute("sgid")), ("com.github.push", mode));
        let payload: Value = serde_json::from_slice(&one.payload).unwrap();
        assert_eq!(
            payload["ref"],
            serde_json::from_slice::<Value>(&fixtures::github_payload("push")).unwrap()["ref"]
        );
    }
    let forged = structured(&gateway, "/signed", &json!({ "specversion": "1.0" }));
    forged.assert_problem(401, "signature_refused");
}

#[test]
fn a_refused_batch_is_explained_and_released_as_a_whole_once_its_schema_is_mended() {
    let world = world();
    let gateway = world.start();
    let post = |path: &str, body: &Value| gateway.consumer().call(path, body);
    let register = |schema: &Value| {
        let answer = post("/v1/schemas/ce.ticket", &json!({ "schema": schema.to_string() }));
        assert!(answer.status < 300, "{}", answer.text());
    };
    register(&json!({ "type": "object", "required": ["n"] }));
    let event = |id: &str, data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"{id}","source":"/t","type":"ticket","data":{data}}}"#
        )
    };
    let sent = format!("[{},{}]", event("1", r#"{"n":1}"#), event("2", "{}"));
    batch(&gateway, "/events", &sent).assert_problem(422, "payload_invalid");
    let one = wait_for("the batch to be kept", || {
        let page = gateway.admin_get("/v1/refused?source=events").json();
        page["refused"].as_array().unwrap().first().cloned()
    });
    let place = format!("/v1/refused/{}", one["id"].as_str().unwrap());
    let explained = gateway.admin_get(&format!("{place}/explain")).json();
    let passes: Vec<_> = explained["events"].as_array().unwrap().iter().collect();
    let passes: Vec<_> = passes.iter().map(|event| &event["schema"]["passes"]).collect();
    assert_eq!(passes, [&json!(true), &json!(false)], "{explained}");
    post(&format!("{place}/release"), &json!({})).assert_problem(409, "payload_invalid");
    assert_eq!(gateway.consumer().depth("inbox"), 0, "none of it was taken");

    register(&json!({ "type": "object" }));
    let released = post(&format!("{place}/release"), &json!({})).json();
    assert_eq!(released, json!({ "event": one["id"], "duplicate": false }));
    post(&format!("{place}/release"), &json!({})).assert_problem(409, "refused_released");
    let whole: EventId = one["id"].as_str().unwrap().parse().unwrap();
    let wanted = [0, 1].map(|number| whole.of_batch(number).to_string());
    let taken = gateway.consumer().take("inbox", 2);
    let ids: Vec<_> = taken.iter().map(|one| one.attribute("id")).collect();
    assert_eq!(ids, wanted);
    for one in &taken {
        assert_eq!(one.event["sgarrival"], explained["arrived"]);
    }
    // The sender tries again: the batch is known as a whole.
    assert_eq!(batch(&gateway, "/events", &sent).accepted().repeat, Repeat::Duplicate);
    assert_eq!(gateway.consumer().depth("inbox"), 0);

    // What is no batch of CloudEvents at all is kept, too, and told so.
    let broken = format!("[{},{{}}]", event("3", "{}"));
    batch(&gateway, "/events", &broken).assert_problem(400, "cloudevent_invalid");
    let page = wait_for("it to be kept", || {
        let page = gateway.admin_get("/v1/refused?code=cloudevent_invalid").json();
        page["refused"].as_array().unwrap().first().cloned()
    });
    let place = format!("/v1/refused/{}/explain", page["id"].as_str().unwrap());
    let explained = gateway.admin_get(&place).json();
    assert_eq!(explained["refusal"]["code"], "cloudevent_invalid");
    assert_eq!(explained["events"], json!([]));
}
