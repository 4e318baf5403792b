//! Explanations as an operator gets them: the mistake by its name, the schema, the routes, the
//! filters; for what was kept, for a file, and for a command line of curl. A sender is told nothing.

use serde_json::{Value, json};
use sluicegate_tests::config::{self, HEAD};
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::fixtures::{self, Delivery, Encoding};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http;
use sluicegate_tests::signing;
use sluicegate_tests::world::World;

fn config() -> String {
    format!(
        "{HEAD}  other: {{ env: OTHER_SECRET }}
schemas: ./schemas
sources:
  github:
    http: {{ path: /hooks/github }}
    verify:
      scheme: github
      keys:
        - {{ id: now, secret: github }}
        - {{ id: old, secret: stripe, not_after: \"2026-01-01T00:00:00Z\" }}
  sibling:
    http: {{ path: /hooks/sibling }}
    verify: {{ scheme: github, keys: [ {{ id: theirs, secret: other }} ] }}
  stripe:
    http: {{ path: /hooks/stripe }}
    verify: {{ scheme: stripe, keys: [ {{ id: k1, secret: stripe }} ] }}
  judged:
    http: {{ path: /hooks/judged }}
    verify: {{ scheme: none }}
    schema: {{ subject: judged }}
plugins:
  severity:
    path: \"{{ROOT}}/plugins/severity-router/rust/severity-router.wasm\"
    config: {{ threshold: high, queues: [ siem ] }}
routes:
  - {{ name: security, when: {{ source: [ github ] }}, filters: [ severity ], to: [ inbox ] }}
  - {{ name: stripes, when: {{ source: [ stripe ] }}, to: [ siem ] }}
  - {{ name: rest, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
  siem: {{}}
"
    )
}

const OTHER: &str = "the-secret-of-another-source";

fn world() -> World {
    let world = World::new(&config()).with_variable("OTHER_SECRET", OTHER);
    world.write("schemas/judged.json", r#"{"type":"object","required":["id"]}"#);
    world
}

/// Refuses the delivery, and explains it.
fn explained(gateway: &Gateway, path: &str, delivery: &Delivery) -> Value {
    let before = kept(gateway).len();
    let answer = gateway.deliver(path, delivery);
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    for word in ["likely", "mistake", "secret of", "clock"] {
        assert!(!answer.text().contains(word), "a sender is told nothing: {}", answer.text());
    }
    let id = wait_for("it to be kept", || {
        let all = kept(gateway);
        (all.len() > before).then(|| all[before].clone())
    });
    gateway.admin_get(&format!("/v1/refused/{id}/explain")).json()
}

fn kept(gateway: &Gateway) -> Vec<String> {
    let page = gateway.admin_get("/v1/refused?limit=100").json();
    let all = page["refused"].as_array().unwrap().iter();
    all.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

fn push() -> Delivery {
    fixtures::github("push", Encoding::Json, "d-1")
}

fn with_signature(delivery: Delivery, value: &str) -> Delivery {
    delivery.without("X-Hub-Signature").with("X-Hub-Signature-256", value)
}

#[test]
fn each_mistake_is_named_with_what_to_do_and_without_a_secret() {
    let world = world();
    let gateway = world.start();
    let body = push().body;
    let parsed: Value = serde_json::from_slice(&body).unwrap();
    let right = signing::github(fixtures::GITHUB_SECRET, &body);
    let digits = right.strip_prefix("sha256=").unwrap().to_owned();
    let lines = [body.as_slice(), b"\r\n"].concat();
    let now = signing::unix_s_now();
    let stale = |ago: u64| {
        let body = br#"{"id":"evt_1","type":"invoice.paid"}"#.to_vec();
        let signed = signing::stripe(config::STRIPE_SECRET, now - ago, &body);
        Delivery { headers: http::headers(&[("Stripe-Signature", &signed)]), body }
    };
    let github = "/hooks/github";
    for (path, delivery, mistake, says) in [
        (github, with_signature(push(), &digits), "prefix", "sha256="),
        (github, with_signature(push(), &signing::github(OTHER, &body)), "other_source", "sibling"),
        (
            github,
            with_signature(push(), &signing::github(config::STRIPE_SECRET, &body)),
            "key_window",
            "old",
        ),
        (
            github,
            with_signature(push(), &signing::github(fixtures::GITHUB_SECRET, &lines)),
            "line_ends",
            "CR LF",
        ),
        (github, push().without("X-Hub-Signature-256"), "wrong_header", "x-hub-signature"),
        (
            github,
            push().without("X-Hub-Signature-256").without("X-Hub-Signature"),
            "unsigned",
            "did not come",
        ),
        (
            github,
            with_signature(
                push(),
                &signing::github(&format!("{}\n", fixtures::GITHUB_SECRET), &body),
            ),
            "secret_form",
            "newline",
        ),
        ("/hooks/stripe", stale(3600), "clock_skew", "1h"),
    ] {
        let explained = explained(&gateway, path, &delivery);
        let likely = &explained["signature"]["likely"][0];
        assert_eq!(likely["mistake"], mistake, "{}", explained["signature"]);
        assert!(likely["detail"].as_str().unwrap().contains(says), "{likely}");
        let text = explained.to_string();
        for secret in [fixtures::GITHUB_SECRET, OTHER, config::STRIPE_SECRET] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    // What a proxy wrote anew.
    let signature = signing::github(fixtures::GITHUB_SECRET, parsed.to_string().as_bytes());
    let pretty = serde_json::to_vec_pretty(&parsed).unwrap();
    let delivery = Delivery { body: pretty, ..with_signature(push(), &signature) };
    let explained = explained(&gateway, github, &delivery);
    assert_eq!(explained["signature"]["likely"][0]["mistake"], "reserialised");
    // Nobody's secret is no mistake of these.
    let foreign = with_signature(push(), &signing::github("nobody knows this one", &body));
    let explained = self::explained(&gateway, github, &foreign);
    assert_eq!(explained["signature"]["likely"], json!([]));
    assert!(explained["signature"]["tried"].as_u64().unwrap() > 50);
}

#[test]
fn the_schema_the_routes_and_the_filters_are_told_step_by_step() {
    let world = world();
    let gateway = world.start();
    let headers = http::headers(&[("Content-Type", "application/json")]);
    let broken = Delivery { headers, body: br#"{"name":1}"#.to_vec() };
    let one = explained(&gateway, "/hooks/judged", &broken);
    assert_eq!(one["signature"]["proven"], true);
    assert_eq!(one["events"][0]["schema"]["passes"], false);
    assert_eq!(one["events"][0]["schema"]["violations"][0]["keyword"], "required");

    let alert = fixtures::github("code_scanning_alert", Encoding::Json, "a-1");
    let refused = with_signature(alert, "sha256=00");
    let two = explained(&gateway, "/hooks/github", &refused);
    assert_eq!(two["events"][0]["type"], "code_scanning_alert");
    let routes = two["events"][0]["routes"].as_array().unwrap();
    let takes: Vec<_> =
        routes.iter().map(|route| (route["route"].as_str().unwrap(), &route["takes"])).collect();
    let (yes, no) = (&json!(true), &json!(false));
    assert_eq!(takes, [("security", yes), ("stripes", no), ("rest", no)]);
    let step = &routes[0]["filters"][0];
    assert_eq!(step["plugin"], "severity");
    assert!(step["decision"].is_string() && step["took_us"].is_u64(), "{step}");
    assert!(!routes[0]["queues"].as_array().unwrap().is_empty(), "{two}");
    assert_eq!(gateway.consumer().depth("inbox") + gateway.consumer().depth("siem"), 0);
}

#[test]
fn a_file_and_a_command_line_of_curl_are_explained_by_the_command_line() {
    let world = world();
    let gateway = world.start();
    let admin = format!("http://{}", gateway.admin());
    let run = |arguments: &[&str]| {
        let mut all = vec!["explain"];
        all.extend(arguments);
        all.extend(["--admin", &admin]);
        let output = world.run(&all);
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), said + &String::from_utf8(output.stderr).unwrap())
    };
    let body = r#"{"zen":"Design for failure."}"#;
    let right = signing::github(fixtures::GITHUB_SECRET, body.as_bytes());
    let wrong = signing::github(OTHER, body.as_bytes());
    let file = |signature: &str| {
        json!({
            "source": "github",
            "headers": { "X-Hub-Signature-256": signature, "X-GitHub-Event": "ping" },
            "body": body
        })
    };
    world.write("right.json", file(&right).to_string());
    world.write("wrong.json", file(&wrong).to_string());
    let (code, said) = run(&["--file", "right.json"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("signature  proven (github) by key now"), "{said}");
    assert!(said.contains("route      security: matches"), "{said}");
    let (code, said) = run(&["--file", "wrong.json"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("likely   other_source"), "{said}");

    let curl = |signature: &str| {
        format!(
            "curl -X POST 'https://hooks.example/hooks/github' \\\n  -H 'X-GitHub-Event: ping' \\\n  \
             -H 'X-Hub-Signature-256: {signature}' --data-raw '{body}'\n"
        )
    };
    world.write("right.sh", curl(&right));
    assert_eq!(run(&["--curl", "right.sh", "--source", "github"]).0, Some(0));
    world.write("wrong.sh", curl(&wrong));
    let (code, said) = run(&["--curl", "wrong.sh", "--source", "github"]);
    assert_eq!((code, said.contains("other_source")), (Some(1), true), "{said}");

    // What is kept is shown in the shape that is read.
    let answer = gateway.deliver("/hooks/github", &with_signature(push(), &wrong));
    assert_eq!(answer.status, 401);
    let id = wait_for("it to be kept", || kept(&gateway).pop());
    let shown = world.run(&["refused", "show", &id, "--json", "--admin", &admin]);
    world.write("shown.json", shown.stdout);
    let (of_file, of_id) = (run(&["--file", "shown.json"]), run(&[&id]));
    let without_head = |said: &str| said.split_once('\n').map(|(_, rest)| rest.to_owned());
    let steps = |said: &str| -> Option<Vec<String>> {
        let lines = without_head(said)?;
        Some(lines.lines().filter(|line| !line.contains(" us)")).map(str::to_owned).collect())
    };
    assert_eq!((of_file.0, steps(&of_file.1)), (of_id.0, steps(&of_id.1)));
    for bad in ["{", "{\"source\":\"nobody\"}", "{\"source\":\"github\",\"arrived\":\"noon\"}"] {
        world.write("bad.json", bad);
        let (code, said) = run(&["--file", "bad.json"]);
        assert_eq!(code, Some(1), "{said}");
    }
}
