//! Routes through the real binary: patterns by example, fan-out, several matches, a default.

use sluicegate_tests::config::HEAD;
use sluicegate_tests::fixtures::{self, Encoding, GITHUB_EVENTS};
use sluicegate_tests::world::World;

/// Where each event goes, by the routes below.
const FATES: [(&str, &[&str]); 6] = [
    ("push", &["branches"]),
    ("pull_request", &["opened", "numbered"]),
    ("issues", &["opened", "numbered-not"]),
    ("code_scanning_alert", &["alerts", "alerts-copy"]),
    ("dependabot_alert", &["alerts", "alerts-copy"]),
    ("ping", &["rest"]),
];

const ROUTES: &str = "\
routes:
  - name: alerts
    when: { type: [ { suffix: _alert } ], payload: { action: [ created ] } }
    to: [ alerts, alerts-copy ]
  - { name: opened, when: { payload: { action: [ opened, reopened ] } }, to: [ opened ] }
  - name: numbered
    when: { payload: { number: [ { numeric: [ \">=\", 2, \"<\", 3 ] } ] } }
    to: [ numbered ]
  - name: numbered-not
    when: { type: [ { prefix: iss } ], payload: { number: [ { exists: false } ] } }
    to: [ numbered-not ]
  - name: branches
    when:
      source: [ github ]
      headers: { x-github-event: [ { anything-but: [ ping, issues ] } ] }
      payload: { ref: [ { wildcard: \"refs/*/master\" } ] }
    to: [ branches ]
  - { name: rest, default: true, to: [ rest ] }
queues:
  alerts: {}
  alerts-copy: {}
  opened: {}
  numbered: {}
  numbered-not: {}
  branches: {}
  rest: {}
";

#[test]
fn each_event_goes_to_every_queue_of_every_route_that_takes_it() {
    let world = World::new(&format!(
        "{HEAD}\
sources:
  github:
    http: {{ path: /hooks/github }}
    verify: {{ scheme: github, keys: [ {{ id: k1, secret: github }} ] }}
{ROUTES}"
    ));
    let gateway = world.start();
    assert_eq!(FATES.map(|(event, _)| event), GITHUB_EVENTS);
    for (event, queues) in FATES {
        let delivery = fixtures::github(event, Encoding::Json, event);
        let receipt = gateway.deliver("/hooks/github", &delivery).accepted();
        for queue in queues {
            let taken = gateway.consumer().take(queue, 1).remove(0);
            assert_eq!(taken.attribute("id"), receipt.id, "{event} in {queue}");
            assert_eq!(taken.payload, delivery.body, "{event} in {queue}");
        }
    }
    let all = gateway.admin_get("/v1/queues").json();
    for queue in all["queues"].as_array().unwrap() {
        assert_eq!(queue["depth"], 0, "nothing went where it should not: {queue}");
    }
}
