//! Schemes that the configuration describes: as rich as any provider's own.

use sluicegate_tests::config::{HEAD, STANDARD_SECRET, STRIPE_SECRET};
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Response};
use sluicegate_tests::signing;
use sluicegate_tests::world::World;

const QUEUES: &str =
    "routes:\n  - { name: all, default: true, to: [ inbox ] }\nqueues:\n  inbox: {}\n";

fn post(gateway: &Gateway, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
    gateway.send(&http::request("POST", path, &http::headers(headers), body.as_bytes()))
}

#[test]
fn a_scheme_like_stripe_s_or_standard_webhooks_can_be_spelled_out() {
    let sources = "sources:
  pairs:
    http: { path: /pairs }
    verify:
      scheme: generic
      keys: [ { id: k1, secret: stripe } ]
      generic:
        header: Stripe-Signature
        pairs: { timestamp: t, signatures: [ v1 ] }
        template: '{timestamp}.{body}'
        timestamp_past: 10m
  list:
    http: { path: /list }
    verify:
      scheme: generic
      keys: [ { id: k1, secret: standard } ]
      generic:
        header: webhook-signature
        header_aliases: [ svix-signature ]
        separator: ' '
        prefix: v1,
        encoding: base64
        secret_encoding: base64
        secret_prefix: whsec_
        id_header: webhook-id
        timestamp_header: webhook-timestamp
        template: '{id}.{timestamp}.{body}'
";
    let gateway = World::new(&format!("{HEAD}{sources}{QUEUES}")).start();
    let (body, time) = ("{\"n\":1}", signing::unix_s_now());
    let signed = signing::stripe(STRIPE_SECRET, time, body.as_bytes());
    let send = |signed: &str| post(&gateway, "/pairs", &[("stripe-signature", signed)], body);
    let first = send(&signed).accepted();
    let again = send(&signed).accepted();
    assert_eq!(first.id, again.id, "signed time and body are the same: it is a repetition");
    send(&signed.replace("v1=", "v0=")).assert_problem(401, "signature_refused");
    let old = signing::stripe(STRIPE_SECRET, time - 601, body.as_bytes());
    send(&old).assert_problem(401, "signature_refused");
    let within = signing::stripe(STRIPE_SECRET, time - 500, body.as_bytes());
    assert!(!send(&within).accepted().id.is_empty());

    let (id, stamp) = ("msg_1", time.to_string());
    let signed = signing::standard_webhooks(STANDARD_SECRET, id, time, body.as_bytes());
    let two = format!("v1,AAAA {signed}");
    for name in ["webhook-signature", "svix-signature"] {
        let headers = [("webhook-id", id), ("webhook-timestamp", stamp.as_str()), (name, &two)];
        assert!(!post(&gateway, "/list", &headers, body).accepted().id.is_empty(), "{name}");
    }
}

#[test]
fn a_secret_in_a_header_of_the_sender_s_choice_is_a_scheme() {
    let sources = "sources:
  own:
    http: { path: /own }
    verify: { scheme: token, token_header: X-Token, keys: [ { id: k1, secret: slack } ] }
  okta:
    http: { path: /okta }
    verify: { scheme: okta, token_header: X-Okta-Key, keys: [ { id: k1, secret: slack } ] }
";
    let gateway = World::new(&format!("{HEAD}{sources}{QUEUES}")).start();
    let secret = sluicegate_tests::config::SLACK_SECRET;
    for (path, header) in [("/own", "x-token"), ("/okta", "x-okta-key")] {
        assert!(!post(&gateway, path, &[(header, secret)], "{}").accepted().id.is_empty());
        post(&gateway, path, &[(header, "another")], "{}").assert_problem(401, "signature_refused");
        let elsewhere = [("authorization", secret)];
        post(&gateway, path, &elsewhere, "{}").assert_problem(401, "signature_refused");
        let taken = gateway.consumer().take("inbox", 1).remove(0);
        assert!(taken.event["sgheaders"].get(header).is_none(), "no event holds the secret");
    }
    let asked = [("x-okta-verification-challenge", "abc")];
    let answer = gateway.send(&http::request("GET", "/okta", &http::headers(&asked), b""));
    assert_eq!(answer.json()["verification"], "abc");
}

#[test]
fn what_contradicts_itself_is_told_with_its_place() {
    for (generic, says) in [
        ("{ header: a, tag_mark: / }", "tag_mark needs a separator"),
        ("{ header: a, separator: ',', pairs: { signatures: [ v1 ] } }", "separator of their own"),
        (
            "{ header: a, timestamp_header: t, timestamp_pointer: /t, template: '{timestamp}' }",
            "one place only",
        ),
        ("{ header: a, secret_prefix: x_ }", "secret_encoding: base64"),
        ("{ header: a, pairs: { signatures: [] } }", "less than 1 item"),
    ] {
        let source = format!(
            "sources:\n  own:\n    http: {{ path: /own }}\n    verify:\n      scheme: generic\n      \
             keys: [ {{ id: k1, secret: slack }} ]\n      generic: {generic}\n"
        );
        let output = World::new(&format!("{HEAD}{source}{QUEUES}")).run(&["check", "gateway.yaml"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && said.contains(says), "{generic}: {said}");
        assert!(said.contains("sources.own"), "{said}");
    }
}
