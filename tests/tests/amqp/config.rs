//! The configuration of brokers, as an operator gets it wrong. Nothing of an address is repeated.

use sluicegate_tests::config::HEAD;
use sluicegate_tests::world::World;

const WRONG: &str = "\
sources:
  one: { amqp: { uri: \"amqp://u:hunter2@h/v\", queue: q }, verify: { scheme: none } }
  two: { amqp: { uri_secret: broken, queue: q }, verify: { scheme: none } }
  three: { amqp: { uri: \"amqp://h\", login: external, queue: q }, verify: { scheme: none } }
  four: { amqp: { uri: \"amqp://h\", queue: q, queues: [ q ] }, verify: { scheme: none } }
  five: { amqp: { queue: q }, http: { path: /x }, verify: { scheme: none } }
  six: { amqp: { uri: \"amqps://h\", tls: { ca_file: none.pem } }, verify: { scheme: none } }
  seven: { amqp: { uri: \"amqp://h\", queue: q, format: cloudevents, dedupe: message_id },
    verify: { scheme: none } }
  nine: { amqp: { uri: \"amqp://h\", queue: q, on_reject: {} }, verify: { scheme: none } }
  ten: { amqp: { uri: \"amqp://h\", queues: [ p, q ], on_reject: { routing_key: q } },
    verify: { scheme: none } }
  eleven: { amqp: { uri: \"amqp://h\", queue: q, declare: { type: classic, delivery_limit: 9 } },
    verify: { scheme: none } }
  eight: { amqp: { uri: \"amqp://h\", queue: q }, verify: { scheme: none, envelope: true } }
routes:
  - { name: all, default: true, to: [ inbox ] }
queues: { inbox: {} }
sinks:
  bad: { from: inbox, amqp: { uri: \"amqp://h\", routing_key: \"{typ}\" } }
  copy: { from: inbox, amqp: { uri: \"amqp://h\", routing_key: k, headers: { BCC: x } } }
";

#[test]
fn every_mistake_is_told_with_its_code_and_no_secret() {
    let head = HEAD.replace("secrets:\n", "secrets:\n  broken: { env: BROKEN }\n");
    let world = World::new(&format!("{head}{WRONG}")).with_variable("BROKEN", "hunter2");
    let output = world.run(&["check", &world.configuration().to_string_lossy()]);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for code in [
        "amqp_uri_secret",
        "amqp_uri_malformed",
        "amqp_login_invalid",
        "queue_doubled",
        "protocol_missing",
        "file_unreadable",
        "value_missing",
        "sink_template_malformed",
        "sink_header_reserved",
        "amqp_on_reject_invalid",
    ] {
        assert!(said.contains(code), "{code} is not in {said}");
    }
    for part in [
        "sources.seven.amqp.dedupe",
        "an envelope is for schemes that sign",
        "sources.nine.amqp.on_reject",
        "sources.ten.amqp.on_reject",
        "sources.eleven.amqp.declare.delivery_limit",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_quorum_queue_that_drops_what_comes_back_too_often_is_warned_of() {
    let check = |declare: &str| {
        let world = World::new(&format!(
            "{HEAD}sources:\n  one:\n    amqp: {{ uri: \"amqp://h\", queue: q, \
             declare: {declare} }}\n    verify: {{ scheme: none }}\n\
             routes:\n  - {{ name: all, default: true, to: [ inbox ] }}\n\
             queues: {{ inbox: {{}} }}\n"
        ));
        let output = world.run(&["check", &world.configuration().to_string_lossy()]);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        said
    };
    let said = check("{}");
    assert!(said.contains("warning: source one: a quorum queue without dead_letter_ex"), "{said}");
    for declare in ["{ dead_letter_exchange: d }", "{ delivery_limit: -1 }", "{ type: classic }"] {
        assert!(!check(declare).contains("warning"), "{declare}");
    }
}
