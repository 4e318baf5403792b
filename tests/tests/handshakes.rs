//! Handshakes and schemes with fetched keys, as a provider meets them: over HTTP, with a gateway
//! whose configuration is three lines a source. What is called back is a real server with TLS.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_tests::config::HEAD;
use sluicegate_tests::deadline::wait_for;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Response};
use sluicegate_tests::metrics::value;
use sluicegate_tests::registry::Registry;
use sluicegate_tests::signing;
use sluicegate_tests::world::World;

const SECRET: &str = "It's a Secret to Everybody";

fn world() -> World {
    let source = |name: &str, more: &str| {
        let keys = "keys: [ { id: k1, secret: github } ]";
        format!(
            "  {name}:\n    http: {{ path: /hooks/{name} }}\n    verify: {{ scheme: {name}, {keys}{more} }}\n"
        )
    };
    let sources = [
        source("dropbox", ""),
        source("twitter", ""),
        source("meta", ", handshake: { token: stripe }"),
        source("cloudevents", ", handshake: { origins: [ e.example ], rate: 100 }"),
        source("aws-sns", ""),
        source("paypal", ""),
        "  asana:\n    http: { path: /hooks/asana }\n    verify: { scheme: asana }\n".to_owned(),
    ];
    let routes = "routes:\n  - { name: all, default: true, to: [ inbox ] }\nqueues:\n  inbox: {}\n";
    World::new(&format!("{HEAD}sources:\n{}{routes}", sources.concat()))
}

fn ask(
    gateway: &Gateway,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    gateway.send(&http::request(method, target, &http::headers(headers), body.as_bytes()))
}

#[test]
fn providers_are_answered_and_nothing_is_stored() {
    let gateway = world().start();
    let get = |target: &str| ask(&gateway, "GET", target, &[], "");
    let answer = get("/hooks/dropbox?challenge=abc");
    assert_eq!((answer.status, answer.text().as_str()), (200, "abc"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let answer = get("/hooks/twitter?crc_token=abc").json();
    let expected = signing::hmac_sha256(SECRET.as_bytes(), b"abc");
    let expected = STANDARD.encode(expected);
    assert_eq!(answer["response_token"], format!("sha256={expected}"));
    let hub = "/hooks/meta?hub.mode=subscribe&hub.challenge=12&hub.verify_token=";
    let token = sluicegate_tests::config::STRIPE_SECRET;
    assert_eq!(get(&format!("{hub}{token}")).text(), "12");
    get(&format!("{hub}wrong")).assert_problem(403, "handshake_refused");
    let origin = [("WebHook-Request-Origin", "e.example"), ("WebHook-Request-Rate", "120")];
    let answer = ask(&gateway, "OPTIONS", "/hooks/cloudevents", &origin, "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("webhook-allowed-origin"), Some("e.example"));
    assert_eq!(answer.header("webhook-allowed-rate"), Some("100"));
    get("/hooks/cloudevents").assert_problem(405, "method_not_allowed");
    assert_eq!(gateway.consumer().depth("inbox"), 0);
    let metrics = gateway.admin_get("/metrics").text();
    assert!(metrics.contains("sluicegate_source_handshakes_total{source=\"meta\"} 1"), "{metrics}");
    gateway.wait_for_log("answered a handshake");
    assert!(!gateway.log().contains(token), "{}", gateway.log());
}

#[test]
fn a_secret_that_was_handed_over_is_durable_and_taken_once() {
    let world = world();
    let gateway = world.start();
    let secret = "b537207f20cbfa02357cf448134da559";
    let shake = |gateway: &Gateway, secret: &str| {
        ask(gateway, "POST", "/hooks/asana", &[("X-Hook-Secret", secret)], "")
    };
    let body = r#"{"events":[{"action":"added"}]}"#;
    let tag = signing::hex(&signing::hmac_sha256(secret.as_bytes(), body.as_bytes()));
    let event = |gateway: &Gateway| {
        ask(gateway, "POST", "/hooks/asana", &[("X-Hook-Signature", &tag)], body)
    };
    event(&gateway).assert_problem(401, "signature_refused");
    let answer = shake(&gateway, secret);
    assert_eq!((answer.status, answer.header("x-hook-secret")), (200, Some(secret)));
    assert!(!event(&gateway).accepted().id.is_empty());
    shake(&gateway, "a secret of somebody else").assert_problem(401, "signature_refused");
    gateway.kill();
    let gateway = world.start();
    assert!(!event(&gateway).accepted().id.is_empty());
    shake(&gateway, "a secret of somebody else").assert_problem(401, "signature_refused");
    assert!(!gateway.log().contains(secret));
    let kept = fs::read_to_string(world.path("data/learned/asana.secret")).unwrap();
    assert_eq!(kept, secret);
}

#[test]
fn a_secret_that_was_handed_over_is_sealed_with_the_folder_and_shown_to_the_operator() {
    let secret = "b537207f20cbfa02357cf448134da559";
    let key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let world = world().with_variable("DATA_KEY", key);
    let plain = fs::read_to_string(world.configuration()).unwrap();
    let shown = |gateway: &Gateway| {
        let admin = format!("http://{}", gateway.admin());
        let output = world.run(&["keys", "learned", "asana", "--admin", &admin]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let gateway = world.start();
    assert_eq!(shown(&gateway), (Some(1), String::new()), "there is none yet");
    let learned = "/v1/keys/learned/asana";
    gateway.admin_get(learned).assert_problem(404, "learned_not_found");
    let shake = ask(&gateway, "POST", "/hooks/asana", &[("X-Hook-Secret", secret)], "");
    assert_eq!(shake.status, 200);
    assert_eq!(shown(&gateway), (Some(0), format!("{secret}\n")));
    assert_eq!(gateway.admin_get(learned).header("cache-control"), Some("no-store"));
    let page = http::headers(&[("Origin", "http://evil.example")]);
    let asked = http::send(gateway.admin(), &http::request("GET", learned, &page, b""));
    asked.assert_problem(403, "origin_not_allowed");
    gateway.wait_for_log("was shown over the admin API");
    gateway.stop();
    assert!(world.path("data/learned/asana.secret").exists(), "nothing is encrypted");

    let encrypted = plain.replace("secrets:\n", "secrets:\n  data: { env: DATA_KEY }\n");
    let encryption = "encryption: { key: { id: a, secret: data } }\n";
    world.write("gateway.yaml", format!("{encrypted}{encryption}"));
    for _ in 0..2 {
        let gateway = world.start();
        let body = r#"{"events":[{"action":"added"}]}"#;
        let tag = signing::hex(&signing::hmac_sha256(secret.as_bytes(), body.as_bytes()));
        let event = ask(&gateway, "POST", "/hooks/asana", &[("X-Hook-Signature", &tag)], body);
        assert!(!event.accepted().id.is_empty());
        assert_eq!(shown(&gateway), (Some(0), format!("{secret}\n")));
        assert!(!gateway.log().contains(secret), "{}", gateway.log());
        gateway.kill();
        let files: Vec<_> = fs::read_dir(world.path("data/learned")).unwrap().collect();
        assert_eq!(files.len(), 1);
        let sealed = fs::read(world.path("data/learned/asana.sealed")).unwrap();
        assert!(!sealed.windows(8).any(|some| some == &secret.as_bytes()[..8]));
    }
}

#[test]
fn whoever_asks_for_consents_makes_the_gateway_call_few_addresses() {
    let gateway = world().start();
    for number in 0..100 {
        // No address that is called: the guard refuses it, and that is a call all the same.
        let url = format!("https://127.0.0.1/never-logged-{number}");
        let asked = [("WebHook-Request-Origin", "e.example"), ("WebHook-Request-Callback", &url)];
        let answer = ask(&gateway, "OPTIONS", "/hooks/cloudevents", &asked, "");
        assert_eq!(answer.status, 200, "the consent does not hang on it");
    }
    gateway.wait_for_log("failed to complete a handshake");
    let calls = |result: &str| {
        value(&gateway, &format!("sluicegate_handshake_calls_total{{result=\"{result}\"}}"))
    };
    wait_for("every call to have ended", || {
        (calls("failed") + calls("held_back") == 100.0).then_some(())
    });
    // Four at once, and one a second for as long as this has taken.
    assert!(calls("failed") < 40.0, "{}", calls("failed"));
    assert!(!gateway.log().contains("never-logged"), "{}", gateway.log());
}

#[test]
fn a_certificate_of_another_place_is_not_fetched() {
    let gateway = world().start();
    let sns = |url: &str| {
        format!(
            r#"{{"Type":"Notification","MessageId":"m","TopicArn":"t","Message":"x","Timestamp":"t","SignatureVersion":"2","Signature":"AAAA","SigningCertURL":"{url}"}}"#
        )
    };
    for url in [
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/SimpleNotificationService-1.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
    ] {
        let answer = ask(&gateway, "POST", "/hooks/aws-sns", &[], &sns(url));
        answer.assert_problem(401, "signature_refused");
        let headers = [
            ("paypal-transmission-id", "1"),
            ("paypal-transmission-time", "t"),
            ("paypal-transmission-sig", "AAAA"),
            ("paypal-auth-algo", "SHA256withRSA"),
            ("paypal-cert-url", url),
        ];
        let answer = ask(&gateway, "POST", "/hooks/paypal", &headers, "{}");
        answer.assert_problem(401, "signature_refused");
    }
    let metrics = gateway.admin_get("/metrics").text();
    assert!(metrics.contains("sluicegate_proof_fetches_total{result=\"failed\"} 0"), "{metrics}");
}

#[test]
fn a_consent_is_told_to_the_callback_but_never_within_the_own_network() {
    let registry = Registry::start_with_tls();
    let url = format!("https://{}?token=never-logged", registry.reference("v2/"));
    let asked = [("WebHook-Request-Origin", "e.example"), ("WebHook-Request-Callback", &url)];
    let allowed = format!("fetch: {{ allow_private: true, ca_file: {:?} }}\n", registry.ca_file());
    for (fetch, logged) in [
        (allowed.as_str(), "completed a handshake"),
        ("", "failed to complete a handshake"),
        // Without the authority nobody is believed.
        ("fetch: { allow_private: true }\n", "failed to complete a handshake"),
    ] {
        let world = world();
        let text = fs::read_to_string(world.configuration()).unwrap();
        world.write("gateway.yaml", format!("{text}{fetch}"));
        let gateway = world.start();
        let answer = ask(&gateway, "OPTIONS", "/hooks/cloudevents", &asked, "");
        assert_eq!(answer.status, 200, "the consent does not hang on it");
        gateway.wait_for_log(logged);
        assert!(!gateway.log().contains("never-logged"), "{}", gateway.log());
    }
}
