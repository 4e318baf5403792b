//! Handshakes: what each provider asks, what it is answered, and what is never answered.

use bytes::Bytes;
use sluicegate_admission::handshake::{Asks, HandshakeSetting, Method};
use sluicegate_admission::{
    Admission, Gate, GateProblem, Key, Registry, Scheme, SignRequest, hmac_sha256, preset, sign,
};
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::handshake::Reply;
use sluicegate_core::refusal::Refusal;

use crate::senders::{NOW, URL, hex, key};

const SECRET: &str = "It's a Secret to Everybody";

fn gate(name: &str, keys: Vec<Key>, handshake: HandshakeSetting) -> Gate {
    let scheme = Scheme::preset(name).unwrap();
    let source = "in".parse().unwrap();
    Gate { public_url: Some(URL.into()), handshake, ..Gate::new(source, scheme, keys) }
}

fn door(gate: Gate) -> Admission {
    Admission::build(vec![gate], Registry::empty()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn plain(name: &str) -> Admission {
    door(gate(name, vec![key("k", SECRET)], HandshakeSetting::default()))
}

fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Delivery {
    Delivery {
        source: "in".parse().unwrap(),
        method: method.into(),
        target: target.into(),
        headers: headers.iter().copied().collect(),
        body: Bytes::from(body.to_owned()),
        peer: None,
        transport: Transport::default(),
    }
}

fn get(target: &str) -> Delivery {
    request("GET", target, &[], "")
}

/// A request that the provider signs.
fn signed(name: &str, headers: &[(&str, &str)], body: &str) -> Delivery {
    let scheme = Scheme::preset(name).unwrap();
    let ask = SignRequest {
        body: body.as_bytes(),
        id: "m",
        now: NOW,
        url: URL,
        method: "POST",
        kind: "",
    };
    let made = sign(&scheme, &key("k", SECRET), ask).unwrap();
    let made = made.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all: Vec<_> = headers.iter().copied().chain(made).collect();
    request("POST", "/in?x=1", &all, body)
}

fn answer(door: &Admission, delivery: &Delivery) -> Reply {
    assert!(door.greets(delivery), "{delivery:?}");
    door.greet(delivery, NOW, None).unwrap_or_else(|refusal| panic!("{refusal}")).reply
}

fn text(reply: &Reply) -> (u16, &str, &str) {
    let body = std::str::from_utf8(&reply.body).unwrap();
    (reply.status, reply.media_type.unwrap_or_default(), body)
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

#[test]
fn signed_handshakes_are_answered_once_they_are_verified() {
    let ping = r#"{"type":"url_verification","challenge":"abc","token":"x"}"#;
    let validation = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8"}}"#;
    let zoom = format!(
        r#"{{"encryptedToken":"{}","plainToken":"qgg8"}}"#,
        hex(&hmac_sha256(SECRET.as_bytes(), &[b"qgg8"]))
    );
    let twitch = [("twitch-eventsub-message-type", "webhook_callback_verification")];
    let xero = r#"{"events":[],"firstEventSequence":0,"lastEventSequence":0}"#;
    for (name, headers, body, expected) in [
        ("slack", &[][..], ping, (200, TEXT, "abc")),
        ("zoom", &[], validation, (200, JSON, zoom.as_str())),
        ("twitch", &twitch, r#"{"challenge":"pogchamp"}"#, (200, TEXT, "pogchamp")),
        ("xero", &[], xero, (200, "", "")),
    ] {
        let (door, asked) = (plain(name), signed(name, headers, body));
        assert_eq!(text(&answer(&door, &asked)), expected, "{name}");
        let forged =
            Delivery { body: Bytes::from(body.replace('a', "b").replace('0', "0 ")), ..asked };
        let refused = door.greet(&forged, NOW, None);
        assert!(!door.greets(&forged) || matches!(refused, Err(Refusal::Unverified(_))), "{name}");
        let bare = request("POST", "/in", headers, body);
        assert!(matches!(door.greet(&bare, NOW, None), Err(Refusal::Unverified(_))), "{name}");
    }
}

#[test]
fn a_challenge_in_the_query_is_reflected_as_plain_text() {
    for name in ["dropbox", "nylas"] {
        let door = plain(name);
        assert_eq!(door.handshake_methods(&"in".parse().unwrap()), ["GET"]);
        let asked = get("/in?challenge=%3Cscript%3Ealert(1)%3C%2Fscript%3E");
        assert_eq!(text(&answer(&door, &asked)), (200, TEXT, "<script>alert(1)</script>"));
        let long = get(&format!("/in?challenge={}", "a".repeat(1025)));
        for bad in
            [long, get("/in?challenge="), get("/in?challenge=a%0d%0ab"), get("/in?challenge=%ff")]
        {
            assert!(door.greet(&bad, NOW, None).is_err(), "{bad:?}");
        }
        for none in [get("/in"), get("/in?challenge=a&challenge=b"), get("/in?chal=a")] {
            assert!(!door.greets(&none), "{none:?}");
        }
    }
}

#[test]
fn a_hub_must_name_the_token_of_the_configuration() {
    let token = HandshakeSetting { token: Some("meatyhamhock".into()), ..Default::default() };
    let target = |token: &str| {
        get(&format!("/in?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}"))
    };
    for name in ["meta", "websub"] {
        let granted = door(gate(name, vec![key("k", SECRET)], token.clone()));
        assert_eq!(text(&answer(&granted, &target("meatyhamhock"))), (200, TEXT, "1158201444"));
        for wrong in ["", "meaty", "meatyhamhock2", "MEATYHAMHOCK"] {
            let refused = granted.greet(&target(wrong), NOW, None);
            assert_eq!(refused, Err(Refusal::HandshakeRefused), "{wrong}");
        }
        let silent = plain(name);
        assert!(!silent.greets(&target("meatyhamhock")) && !silent.greets(&target("")));
        assert!(silent.handshake_methods(&"in".parse().unwrap()).is_empty());
    }
}

#[test]
fn only_short_tokens_are_signed_for_strangers() {
    let door = plain("twitter");
    let tag = |text: &str| {
        use base64::Engine as _;
        let tag = hmac_sha256(SECRET.as_bytes(), &[text.as_bytes()]);
        base64::engine::general_purpose::STANDARD.encode(tag)
    };
    let expected = format!(r#"{{"response_token":"sha256={}"}}"#, tag("dG9rZW4="));
    let reply = answer(&door, &get("/in?crc_token=dG9rZW4%3D&nonce=1"));
    assert_eq!(text(&reply), (200, JSON, expected.as_str()));
    let long = "a".repeat(129);
    for forged in ["%7B%22a%22%3A1%7D", "a%20b", "", long.as_str(), "%22", "a%0ab"] {
        let asked = get(&format!("/in?crc_token={forged}"));
        assert!(door.greet(&asked, NOW, None).is_err(), "{forged}");
    }
}

#[test]
fn headers_and_bodies_are_reflected_where_the_provider_wants_them() {
    let okta = request("GET", "/in", &[("X-Okta-Verification-Challenge", "ch")], "");
    assert_eq!(text(&answer(&plain("okta"), &okta)), (200, JSON, r#"{"verification":"ch"}"#));
    let monday = request("POST", "/in", &[], r#"{"challenge":"c\"h"}"#);
    assert_eq!(text(&answer(&plain("monday"), &monday)), (200, JSON, r#"{"challenge":"c\"h"}"#));
    let graph = request("POST", "/in?validationToken=Validation%3a+ok", &[], "");
    let reply = answer(&plain("microsoft-graph"), &graph);
    assert_eq!(text(&reply), (200, TEXT, "Validation: ok"));
    let probe = request("HEAD", "/in", &[], "");
    assert_eq!(text(&answer(&plain("intercom"), &probe)), (200, "", ""));
    let body = r#"[{"data":{"validationCode":"512d"}}]"#;
    let azure = |code: &str| {
        let headers = [("aeg-event-type", "SubscriptionValidation")];
        request("POST", &format!("/in?code={code}"), &headers, body)
    };
    let door = door(gate("azure-event-grid", vec![key("k", "a-long-code")], Default::default()));
    let reply = answer(&door, &azure("a-long-code"));
    assert_eq!(text(&reply), (200, JSON, r#"{"validationResponse":"512d"}"#));
    assert!(matches!(door.greet(&azure("other"), NOW, None), Err(Refusal::Unverified(_))));
}

#[test]
fn an_origin_is_granted_what_the_configuration_grants() {
    let origin =
        [("WebHook-Request-Origin", "eventemitter.example.com"), ("WebHook-Request-Rate", "120")];
    let ask = |headers: &[(&str, &str)]| request("OPTIONS", "/in", headers, "");
    let setting = |origins: &[&str], rate| HandshakeSetting {
        token: None,
        origins: origins.iter().map(|origin| (*origin).into()).collect(),
        rate,
    };
    let build = |setting| door(gate("cloudevents", vec![key("k", "Bearer a-token")], setting));
    let header = |reply: &Reply, name: &str| {
        reply.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone())
    };
    for (granted, rate, allowed) in [
        (&["eventemitter.example.com"][..], Some(100), Some("100")),
        (&["*"], Some(1000), Some("120")),
        (&["*"], None, Some("120")),
    ] {
        let reply = answer(&build(setting(granted, rate)), &ask(&origin));
        assert_eq!(header(&reply, "webhook-allowed-rate").as_deref(), allowed);
        let origin = header(&reply, "webhook-allowed-origin");
        assert_eq!(origin.as_deref(), Some("eventemitter.example.com"));
        assert_eq!(header(&reply, "allow").as_deref(), Some("POST"));
    }
    let other = answer(&build(setting(&["other.example"], None)), &ask(&origin));
    assert_eq!(header(&other, "webhook-allowed-origin"), None, "refused by saying nothing");
    let strange = [("webhook-request-origin", "a b<script>")];
    let reply = answer(&build(setting(&["*"], None)), &ask(&strange));
    assert_eq!(header(&reply, "webhook-allowed-origin"), None);
    assert!(
        !build(HandshakeSetting::default()).greets(&ask(&origin)),
        "nobody is granted anything"
    );
    let back = [origin[0], ("webhook-request-callback", "https://e.example/confirm?x=1")];
    let greeting = build(setting(&["*"], None)).greet(&ask(&back), NOW, None).unwrap();
    let errand = greeting.errand.unwrap();
    assert_eq!((errand.url.as_str(), errand.first), ("https://e.example/confirm?x=1", false));
    let plain_http = [origin[0], ("webhook-request-callback", "http://e.example/confirm")];
    assert!(
        build(setting(&["*"], None)).greet(&ask(&plain_http), NOW, None).unwrap().errand.is_none()
    );
}

#[test]
fn a_secret_is_taken_from_the_handshake_once() {
    for (name, headers, body) in [
        ("asana", &[("X-Hook-Secret", "b537207f20cbfa02357cf448134da559")][..], ""),
        ("notion", &[], r#"{"verification_token":"b537207f20cbfa02357cf448134da559"}"#),
    ] {
        let door = door(gate(name, Vec::new(), HandshakeSetting::default()));
        let source = "in".parse().unwrap();
        let asked = request("POST", "/in", headers, body);
        let greeting = door.greet(&asked, NOW, None).unwrap();
        let secret = greeting.learned.unwrap();
        assert_eq!(secret.expose(), b"b537207f20cbfa02357cf448134da559", "{name}");
        for (field, value) in headers {
            let echo = (field.to_lowercase(), (*value).to_owned());
            let said: Vec<_> =
                greeting.reply.headers.iter().map(|(n, v)| (n.to_string(), v.clone())).collect();
            assert_eq!(said, [echo]);
        }
        assert!(door.learn(&source, "short".into()).is_err());
        door.learn(&source, secret).unwrap();
        let late = door.greet(&asked, NOW, None);
        assert!(matches!(late, Err(Refusal::Unverified(_))), "{name}: who comes later is refused");
        assert!(door.learn(&source, "another secret".into()).is_err());
        let configured = plain(name);
        assert!(
            matches!(configured.greet(&asked, NOW, None), Err(Refusal::Unverified(_))),
            "{name}"
        );
    }
}

#[test]
fn events_of_a_provider_are_no_handshakes() {
    for preset in preset::ALL {
        let sent = crate::senders::send(preset, NOW, false);
        let gate = gate(preset.name, vec![sent.key.clone()], HandshakeSetting::default());
        assert!(!door(gate).greets(&sent.delivery()), "{}", preset.name);
    }
}

#[test]
fn every_handshake_has_a_name_and_proves_what_can_be_proven() {
    for preset in preset::ALL {
        for one in preset.handshakes {
            assert!(!one.name.is_empty());
            let signed_kind = one.method == Method::Post && one.asks == Asks::Nothing;
            // Their providers do not sign these; what is answered gives nothing away.
            let known = ["monday", "microsoft-graph", "notion", "asana"].contains(&preset.name);
            assert!(!signed_kind || known, "{}: {}", preset.name, one.name);
        }
    }
}

#[test]
fn a_setting_that_does_not_fit_is_a_fault() {
    let token = HandshakeSetting { token: Some("t".into()), ..Default::default() };
    let empty = HandshakeSetting { token: Some("".into()), ..Default::default() };
    let origins = HandshakeSetting { origins: vec!["*".into()], ..Default::default() };
    let nothing =
        HandshakeSetting { origins: vec!["*".into()], rate: Some(0), ..Default::default() };
    for (name, setting) in
        [("github", token), ("meta", empty), ("slack", origins), ("cloudevents", nothing)]
    {
        let gate = gate(name, vec![key("k", SECRET)], setting);
        let faults = Admission::build(vec![gate], Registry::empty()).err().unwrap();
        assert!(matches!(faults[0].problem, GateProblem::Handshake(_)), "{name}");
    }
}
