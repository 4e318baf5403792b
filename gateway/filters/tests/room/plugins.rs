//! The two committed plugins, on payloads of the shape that GitHub sends.

use std::fs;

use crate::guest::{chain, event, host, only_branch, spec};
use bytes::Bytes;
use sluicegate_core::event::Event;
use sluicegate_core::letter::Cause;
use sluicegate_filters::{End, Host, Plugin};

fn plugin(host: &Host, name: &str, config: &str) -> Plugin {
    let path = format!("{}/../../plugins/{name}/rust/{name}.wasm", env!("CARGO_MANIFEST_DIR"));
    let bytes = fs::read(&path).expect("the component is committed; plugins/build makes it");
    assert!((15_000..96_000).contains(&bytes.len()), "{name} has {} bytes", bytes.len());
    let mut spec = spec(name, bytes);
    spec.terms.config = config.into();
    host.load(spec).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

fn with_payload(kind: &str, payload: &str) -> Event {
    let mut event = event(kind, b"");
    event.parts_mut().payload = Bytes::copy_from_slice(payload.as_bytes());
    event
}

fn code_scanning_alert(severity: &str) -> Event {
    let payload = include_str!("payloads/code_scanning_alert.json");
    assert!(payload.contains("\"security_severity_level\": \"high\""));
    with_payload(
        "code_scanning_alert",
        &payload.replace(
            "\"security_severity_level\": \"high\"",
            &format!("\"security_severity_level\": \"{severity}\""),
        ),
    )
}

#[tokio::test]
async fn the_severity_router_routes_alerts_at_or_above_its_threshold() {
    let host = host();
    let router = plugin(&host, "severity-router", r#"{"threshold":"high","queues":["siem"]}"#);
    let urgent = End::To(vec!["siem".parse().unwrap()]);
    for (severity, end) in [
        ("critical", urgent.clone()),
        ("high", urgent.clone()),
        ("medium", End::Through),
        ("low", End::Through),
    ] {
        let event = code_scanning_alert(severity);
        assert_eq!(only_branch(&host, &event, &[&router]).await.end, end, "{severity}");
    }
    let dependabot = include_str!("payloads/dependabot_alert.json");
    let event = with_payload("dependabot_alert", dependabot);
    assert_eq!(only_branch(&host, &event, &[&router]).await.end, urgent);
    let push = with_payload("push", "{}");
    assert_eq!(only_branch(&host, &push, &[&router]).await.end, End::Through);
    assert_eq!(router.metrics().calls, 5, "a push is not asked about");
}

#[tokio::test]
async fn the_severity_router_refuses_a_configuration_that_is_wrong() {
    let host = host();
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../plugins/severity-router/rust/severity-router.wasm"
    );
    let mut spec = spec("router", fs::read(path).unwrap());
    spec.terms.config = r#"{"threshold":"hi","queues":["siem"]}"#.into();
    let fault = host.load(spec).unwrap_err();
    assert_eq!(fault.code(), "plugin_config_refused");
    assert!(fault.to_string().contains("threshold"), "{fault}");
}

#[tokio::test]
async fn the_redactor_rewrites_only_what_it_masks() {
    let host = host();
    let config =
        r#"{"keys":["email"],"pointers":["/alert/html_url"],"headers":["x-forwarded-for"]}"#;
    let redactor = plugin(&host, "redactor", config);
    let mut event = code_scanning_alert("high");
    event.parts_mut().headers =
        [("x-github-event", "code_scanning_alert"), ("x-forwarded-for", "192.0.2.7")]
            .into_iter()
            .collect();
    let branch = only_branch(&host, &event, &[&redactor]).await;
    assert_eq!(branch.end, End::Through);
    let before = std::str::from_utf8(&event.payload).unwrap();
    let after = std::str::from_utf8(&branch.event.payload).unwrap();
    let masked = before
        .replace("\"https://github.com/octo-org/octo-repo/security/code-scanning/10\"", "\"***\"")
        .replace("\"octocat@example.com\"", "\"***\"");
    assert_eq!(after, masked);
    assert_ne!(after, before);
    assert_eq!(branch.event.headers.first("x-forwarded-for"), None);
    assert_eq!(branch.event.headers.first("x-github-event"), Some("code_scanning_alert"));
    assert_eq!(branch.event.attributes.first("sgfilter"), Some("redactor@abababababab"));
}

#[tokio::test]
async fn the_redactor_lets_nothing_through_that_it_cannot_read() {
    let host = host();
    let redactor = plugin(&host, "redactor", r#"{"keys":["email"]}"#);
    for payload in [&b"{\"email\":"[..], b"\xff\xfe", &[b'['; 10_000]] {
        let mut event = event("push", b"");
        event.parts_mut().payload = Bytes::copy_from_slice(payload);
        let branch = only_branch(&host, &event, &[&redactor]).await;
        let End::Dead(letter) = branch.end else { panic!("{:?}", branch.end) };
        assert_eq!((letter.cause, branch.event), (Cause::Failed, event), "{letter}");
    }
}

#[tokio::test]
async fn a_redacted_alert_is_routed_by_the_next_plugin() {
    let host = host();
    let redactor = plugin(&host, "redactor", r#"{"keys":["email"]}"#);
    let router = plugin(&host, "severity-router", r#"{"threshold":"high","queues":["siem"]}"#);
    let event = code_scanning_alert("critical");
    let chains = host.decide(event.clone(), vec![chain(&[&redactor, &router])]).await.unwrap();
    let branch = &chains[0][0];
    assert_eq!(branch.end, End::To(vec!["siem".parse().unwrap()]));
    assert_eq!(branch.event.id, event.id.part(1));
}
