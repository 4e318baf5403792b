//! CloudEvents at the edge of what is taken: times that the gateway cannot tell, and batches
//! against the rate of their source.

use sluicegate_tests::config::HEAD;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::http::{self, Response};
use sluicegate_tests::world::World;

fn world(limits: &str) -> World {
    World::new(&format!(
        "{HEAD}\
sources:
  events:
    http: {{ path: /events, format: cloudevents }}
    verify: {{ scheme: none }}
    {limits}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
"
    ))
}

fn post(gateway: &Gateway, media: &str, body: &str) -> Response {
    let headers = http::headers(&[("content-type", media)]);
    gateway.send(&http::request("POST", "/events", &headers, body.as_bytes()))
}

const BATCH: &str = "application/cloudevents-batch+json";

#[test]
fn a_time_that_the_gateway_cannot_tell_is_kept_as_it_was_written() {
    let world = world("");
    let gateway = world.start();
    for (number, time) in
        ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"]
            .into_iter()
            .enumerate()
    {
        let event = format!(
            r#"{{"specversion":"1.0","id":"{number}","source":"s","type":"t","time":"{time}"}}"#
        );
        let _ = post(&gateway, "application/cloudevents+json", &event).accepted();
        let one = gateway.consumer().take("inbox", 1).remove(0);
        assert_eq!(one.attribute("sgtime"), time);
        // Its time is then that at which it came.
        assert_eq!(one.attribute("time"), one.attribute("sgreceivedtime"));
    }
}

#[test]
fn a_batch_takes_its_share_of_the_rate_in_one_step_or_none() {
    let world = world("limits: { events_per_second: 1, burst: 60 }");
    let gateway = world.start();
    let events = |name: &str, count: usize| {
        let one = |number| {
            format!(r#"{{"specversion":"1.0","id":"{name}-{number}","source":"s","type":"t"}}"#)
        };
        format!("[{}]", (0..count).map(one).collect::<Vec<_>>().join(","))
    };
    // More than there ever is: final, with the number, and it takes nothing of the rate.
    for _ in 0..3 {
        let refused = post(&gateway, BATCH, &events("large", 61));
        refused.assert_problem(413, "batch_too_large");
        assert!(refused.json()["detail"].as_str().unwrap().contains("60"), "{}", refused.text());
        assert_eq!(refused.header("retry-after"), None);
    }
    let _ = post(&gateway, BATCH, &events("a", 59)).accepted();
    // One is left, and one more with each second: sixty wait, and take nothing meanwhile.
    post(&gateway, BATCH, &events("b", 60)).assert_problem(429, "rate_limited");
    let _ = post(&gateway, BATCH, &events("c", 1)).accepted();
    assert_eq!(gateway.consumer().take("inbox", 60).len(), 60);
}
