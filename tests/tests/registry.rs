//! The schema registry over both of its APIs and the command line, through the real binary:
//! registered schemas judge at once, survive a kill, and cannot harm the gateway.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sluicegate_tests::config::HEAD;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Response};
use sluicegate_tests::world::World;

/// An open source whose payloads must keep to the schema of its type, if there is one.
fn world(rule: &str) -> World {
    let world = World::new(&format!(
        "{HEAD}\
schemas: ./schemas
sources:
  shop:
    http: {{ path: /hooks/shop }}
    verify: {{ scheme: none }}
    event: {{ type: [ \"header:x-type\" ] }}
    schema: {{ subject: \"shop.{{type}}\", {rule} }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
"
    ));
    world.write("schemas/shop.filed.json", r#"{ "type": "object" }"#);
    world
}

fn ask(gateway: &Gateway, method: &str, target: &str, body: &Value) -> Response {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    http::send(gateway.admin(), &http::request(method, target, &[], body.as_bytes()))
}

fn post(gateway: &Gateway, kind: &str, body: &str) -> Response {
    let headers = http::headers(&[("x-type", kind), ("content-type", "application/json")]);
    gateway.send(&http::request("POST", "/hooks/shop", &headers, body.as_bytes()))
}

fn register(gateway: &Gateway, subject: &str, schema: &Value) -> Response {
    ask(gateway, "POST", &format!("/v1/schemas/{subject}"), &json!({ "schema": schema }))
}

#[test]
fn a_registered_schema_judges_at_once_and_after_a_kill() {
    let world = world("on_unknown: reject");
    let gateway = world.start();
    post(&gateway, "order", r#"{"n":1}"#).assert_problem(422, "schema_unknown");
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "additionalProperties": false });
    let made = register(&gateway, "shop.order", &schema);
    assert_eq!((made.status, made.json()["version"].as_u64()), (201, Some(1)), "{}", made.text());
    let _ = post(&gateway, "order", r#"{"n":1}"#).accepted();
    post(&gateway, "order", r#"{"n":"x"}"#).assert_problem(422, "payload_invalid");
    assert_eq!(register(&gateway, "shop.order", &schema).status, 200, "it is there already");
    let wider = json!({ "type": "object", "properties": { "n": { "type": ["integer", "string"] } }, "additionalProperties": false });
    assert_eq!(register(&gateway, "shop.order", &wider).json()["version"], 2);
    let _ = post(&gateway, "order", r#"{"n":"x"}"#).accepted();
    gateway.kill();

    let gateway = world.start();
    let _ = post(&gateway, "order", r#"{"n":"x"}"#).accepted();
    post(&gateway, "order", r#"{"n":[]}"#).assert_problem(422, "payload_invalid");
    let listed = ask(&gateway, "GET", "/v1/schemas/shop.order", &Value::Null).json();
    assert_eq!(listed["versions"].as_array().unwrap().len(), 2, "{listed}");
    let gone = ask(&gateway, "DELETE", "/v1/schemas/shop.order/versions/2", &Value::Null);
    assert_eq!(gone.status, 204, "{}", gone.text());
    post(&gateway, "order", r#"{"n":"x"}"#).assert_problem(422, "payload_invalid");
    assert_eq!(register(&gateway, "shop.order", &wider).json()["version"], 3, "no number twice");
}

#[test]
fn an_incompatible_version_is_refused_with_its_place() {
    let world = world("on_unknown: accept");
    let gateway = world.start();
    let first = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    assert_eq!(register(&gateway, "s", &first).status, 201);
    let narrower =
        json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] });
    let refused = register(&gateway, "s", &narrower);
    refused.assert_problem(409, "schema_incompatible");
    assert!(refused.text().contains("/required"), "{}", refused.text());
    let checked =
        ask(&gateway, "POST", "/v1/schemas/s/check", &json!({ "schema": narrower })).json();
    assert_eq!(checked["compatible"], false);
    assert_eq!(checked["findings"][0]["at"], "/required");
    assert_eq!(checked["findings"][0]["verdict"], "narrowed");
    let set = ask(&gateway, "PUT", "/v1/schemas/s", &json!({ "compatibility": "FORWARD" }));
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(register(&gateway, "s", &narrower).status, 201);
    let set = ask(&gateway, "PUT", "/v1/schemas", &json!({ "compatibility": "NONE" }));
    assert_eq!(set.json()["compatibility"], "NONE");
    assert_eq!(register(&gateway, "t", &json!(true)).status, 201);
    assert_eq!(register(&gateway, "t", &json!(false)).status, 201, "nothing is asked");
    let bad = ask(&gateway, "PUT", "/v1/schemas/s", &json!({ "compatibility": "SIDEWAYS" }));
    bad.assert_problem(422, "request_invalid");
}

#[test]
fn files_are_read_only_and_references_are_pinned() {
    let world = world("on_unknown: accept");
    let gateway = world.start();
    register(&gateway, "shop.filed", &json!({})).assert_problem(409, "schema_subject_is_file");
    let gone = ask(&gateway, "DELETE", "/v1/schemas/shop.filed", &Value::Null);
    gone.assert_problem(409, "schema_subject_is_file");
    let money = |kind: &str| json!({ "$id": "https://example.com/money", "type": kind });
    assert_eq!(register(&gateway, "money", &money("integer")).status, 201);
    let order = json!({ "type": "object", "properties": { "price": { "$ref": "https://example.com/money" } } });
    assert_eq!(register(&gateway, "shop.order", &order).status, 201);
    // A later version of what it refers to does not change what it says.
    assert_eq!(register(&gateway, "money", &money("number")).status, 201);
    let _ = post(&gateway, "order", r#"{"price":1}"#).accepted();
    post(&gateway, "order", r#"{"price":1.5}"#).assert_problem(422, "payload_invalid");
    let gone = ask(&gateway, "DELETE", "/v1/schemas/money", &Value::Null);
    gone.assert_problem(409, "schema_referred_to");
    let lost = json!({ "$ref": "https://example.com/nowhere" });
    let refused = register(&gateway, "x", &lost);
    refused.assert_problem(422, "schema_invalid");
    assert!(refused.text().contains("nothing is fetched"), "{}", refused.text());
    register(&gateway, "x", &json!({ "$ref": "#" })).assert_problem(422, "schema_invalid");
    gateway.kill();
    let gateway = world.start();
    post(&gateway, "order", r#"{"price":1.5}"#).assert_problem(422, "payload_invalid");
}

#[test]
fn a_schema_that_would_hold_the_gateway_up_is_refused_and_harms_nobody() {
    let world = world("on_unknown: accept");
    let mut gateway = world.start();
    let many = |n: usize| -> Value {
        let one = |n: usize| {
            (format!("p{n}"), json!({ "pattern": format!("^({n}[a-z]{{1,900}}){{1,9}}x$") }))
        };
        json!({ "properties": (0..n).map(one).collect::<serde_json::Map<_, _>>() })
    };
    let mut defs = serde_json::Map::new();
    defs.insert("d0".into(), json!({ "type": "string" }));
    for step in 1..30 {
        let last = json!({ "$ref": format!("#/$defs/d{}", step - 1) });
        defs.insert(format!("d{step}"), json!({ "anyOf": [last, last] }));
    }
    let begun = Instant::now();
    for bomb in [many(4000), json!({ "$ref": "#/$defs/d29", "$defs": defs })] {
        let refused = register(&gateway, "bomb", &bomb);
        assert_eq!(refused.status, 422, "{}", refused.text());
        let code = refused.json()["code"].as_str().unwrap().to_owned();
        assert!(["schema_invalid", "schema_too_costly"].contains(&code.as_str()), "{code}");
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
    gateway.assert_unharmed();
    let _ = post(&gateway, "order", "{}").accepted();
}

#[test]
fn tools_of_confluents_registry_register_here() {
    let world = world("on_unknown: accept");
    let gateway = world.start();
    let call = |method: &str, target: &str, body: Value| {
        let answer = ask(&gateway, method, target, &body);
        assert_eq!(
            answer.header("content-type"),
            Some("application/vnd.schemaregistry.v1+json"),
            "{target}: {}",
            answer.text()
        );
        (answer.status, answer.json())
    };
    let text =
        r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#;
    let given = |text: &str| json!({ "schemaType": "JSON", "schema": text });
    assert_eq!(call("GET", "/subjects/orders-value/versions", Value::Null).1["error_code"], 40401);
    let (status, made) = call("POST", "/subjects/orders-value/versions", given(text));
    let id = made["id"].as_u64().unwrap();
    assert!(status == 200 && id > 0, "{made}");
    assert_eq!(call("POST", "/subjects/orders-value/versions", given(text)).1["id"], id);
    assert_eq!(call("GET", "/subjects", Value::Null).1, json!(["orders-value", "shop.filed"]));
    assert_eq!(call("GET", "/subjects/orders-value/versions", Value::Null).1, json!([1]));
    let (_, shown) = call("GET", "/subjects/orders-value/versions/latest", Value::Null);
    assert_eq!(
        shown,
        json!({ "subject": "orders-value", "version": 1, "id": id, "schemaType": "JSON", "schema": text })
    );
    assert_eq!(call("GET", &format!("/schemas/ids/{id}"), Value::Null).1["schema"], text);
    let versions = call("GET", &format!("/schemas/ids/{id}/versions"), Value::Null).1;
    assert_eq!(versions, json!([{ "subject": "orders-value", "version": 1 }]));
    assert_eq!(call("POST", "/subjects/orders-value", given(text)).1["version"], 1);
    assert_eq!(
        call("POST", "/subjects/orders-value", given("true")),
        (404, json!({ "error_code": 40403, "message": "Schema not found" }))
    );

    let narrower = r#"{"type":"object","additionalProperties":false}"#;
    let (status, refused) = call("POST", "/subjects/orders-value/versions", given(narrower));
    assert_eq!((status, refused["error_code"].as_u64()), (409, Some(409)), "{refused}");
    let target = "/compatibility/subjects/orders-value/versions/latest?verbose=true";
    let (_, told) = call("POST", target, given(narrower));
    assert_eq!(told["is_compatible"], false);
    assert!(told["messages"][0].as_str().unwrap().contains("/additionalProperties"), "{told}");
    assert_eq!(call("GET", "/config", Value::Null).1, json!({ "compatibilityLevel": "BACKWARD" }));
    assert_eq!(call("GET", "/config/orders-value", Value::Null).1["error_code"], 40408);
    let put = call("PUT", "/config/orders-value", json!({ "compatibility": "NONE" }));
    assert_eq!(put, (200, json!({ "compatibility": "NONE" })));
    assert_eq!(call("PUT", "/config", json!({ "compatibility": "MOST" })).1["error_code"], 42203);
    assert_eq!(call("POST", "/subjects/orders-value/versions", given(narrower)).0, 200);
    let reset = call("DELETE", "/config/orders-value", Value::Null).1;
    assert_eq!(reset, json!({ "compatibilityLevel": "NONE" }));

    let avro = json!({ "schema": "{\"type\":\"string\"}", "schemaType": "AVRO" });
    assert_eq!(call("POST", "/subjects/a/versions", avro).1["error_code"], 42201);
    assert_eq!(call("POST", "/subjects/a/versions", given("{\"type\":7}")).1["error_code"], 42201);
    assert_eq!(
        call("GET", "/subjects/orders-value/versions/0", Value::Null).1["error_code"],
        42202
    );
    assert_eq!(
        call("GET", "/subjects/orders-value/versions/9", Value::Null).1["error_code"],
        40402
    );
    assert_eq!(call("GET", "/schemas/ids/77", Value::Null).1["error_code"], 40403);
    let filed = call("POST", "/subjects/shop.filed/versions", given("{}")).1;
    assert_eq!(filed["error_code"], 42205, "{filed}");
    assert_eq!(call("DELETE", "/subjects/orders-value/versions/1", Value::Null).1, json!(1));
    assert_eq!(call("DELETE", "/subjects/orders-value?permanent=true", Value::Null).0, 422);
    assert_eq!(call("DELETE", "/subjects/orders-value", Value::Null).1, json!([2]));
    assert_eq!(call("GET", "/subjects", Value::Null).1, json!(["shop.filed"]));
    assert_eq!(
        call("GET", "/subjects?deleted=true", Value::Null).1,
        json!(["orders-value", "shop.filed"])
    );
}

#[test]
fn formats_are_a_demand_where_a_subject_says_so() {
    let world = world("on_unknown: accept");
    let gateway = world.start();
    let schema = json!({ "properties": { "at": { "format": "date-time" } } });
    assert_eq!(register(&gateway, "shop.order", &schema).status, 201);
    let _ = post(&gateway, "order", r#"{"at":"yesterday"}"#).accepted();
    let set = ask(&gateway, "PUT", "/v1/schemas/shop.order", &json!({ "formats": "assert" }));
    assert_eq!(set.status, 200, "{}", set.text());
    post(&gateway, "order", r#"{"at":"yesterday"}"#).assert_problem(422, "payload_invalid");
    gateway.kill();
    let gateway = world.start();
    post(&gateway, "order", r#"{"at":"yesterday"}"#).assert_problem(422, "payload_invalid");
    let _ = post(&gateway, "order", r#"{"at":"2026-11-22T00:00:00Z"}"#).accepted();
}

#[test]
fn a_damaged_schema_keeps_the_gateway_from_starting() {
    let world = world("on_unknown: accept");
    let gateway = world.start();
    assert_eq!(register(&gateway, "shop.order", &json!({ "type": "object" })).status, 201);
    gateway.stop();
    let file = world.path("data/schemas/shop.order.v1.json");
    let text = std::fs::read_to_string(&file).unwrap();
    world.write("data/schemas/shop.order.v1.json", text.replace("object", "string"));
    let ended = world.run(&["run", "gateway.yaml"]);
    assert_eq!(ended.status.code(), Some(3));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("schema_store_damaged") && said.contains("shop.order.v1.json"), "{said}");
}

#[test]
fn the_command_line_compares_infers_lints_and_registers() {
    let world = world("on_unknown: accept");
    world.write("old.json", r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"a":{"type":"string"}}}"#);
    world.write("new.json", r#"{"type":"object","requried":["a"],"required":["a"]}"#);
    let run = |arguments: &[&str]| {
        let ended = world.run(&[&["schema"], arguments].concat());
        let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
        (ended.status.code().unwrap(), said)
    };
    let (code, said) = run(&["check", "old.json", "new.json"]);
    assert!(code == 1 && said.contains("/required"), "{said}");
    let (code, said) = run(&["check", "new.json", "old.json", "--mode", "forward", "--json"]);
    assert!(code == 1 && said.contains("\"compatible\":false"), "{said}");
    assert_eq!(run(&["check", "old.json", "old.json", "--mode", "full"]).0, 0);
    let (code, said) = run(&["lint", "old.json", "new.json"]);
    assert!(code == 1 && said.contains("did you mean \"required\"?"), "{said}");
    assert_eq!(run(&["lint", "old.json"]), (0, String::new()));
    world.write("samples.ndjson", "{\"a\":1}\n{\"a\":2.5,\"b\":null}\n");
    let (code, said) = run(&["infer", "samples.ndjson"]);
    let inferred: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &inferred["properties"]["a"]["type"]), (0, &json!("number")));

    let gateway = world.start();
    let admin = format!("http://{}", gateway.admin());
    let (code, said) = run(&["register", "shop.order", "old.json", "--admin", &admin]);
    assert!(code == 0 && said.contains("version 1"), "{said}");
    let (code, said) = run(&["register", "shop.order", "new.json", "--dry-run", "--admin", &admin]);
    assert!(code == 1 && said.contains("/required"), "{said}");
    let (code, said) = run(&["register", "shop.order", "new.json", "--admin", &admin]);
    assert!(code == 1 && said.contains("schema_incompatible"), "{said}");
    let (code, said) = run(&["ls", "--admin", &admin]);
    assert!(code == 0 && said.contains("shop.order") && said.contains("file"), "{said}");
    let (code, said) = run(&["show", "shop.order", "--admin", &admin]);
    assert_eq!(
        (code, said.trim()),
        (0, std::fs::read_to_string(world.path("old.json")).unwrap().trim())
    );
}
