//! The command line: two versions over past events, and the plugins of a running gateway.

use std::process::Output;

use serde_json::Value;

use crate::{MASKS, deliver, digest, redactor, world};

fn said(output: &Output, code: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (said, faults) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}{faults}");
    format!("{said}{faults}")
}

#[test]
fn two_versions_are_compared_over_past_events_of_a_running_and_of_a_stopped_gateway() {
    let world = world("config: { keys: [ nothing ] }");
    let gateway = world.start();
    for (at, event) in ["push", "push", "issues"].into_iter().enumerate() {
        let _ = deliver(&gateway, event, &format!("d{at}")).accepted();
    }
    assert_eq!(gateway.consumer().take("inbox", 3).len(), 3, "it is the past that counts");
    let page = gateway.admin_get("/v1/queues/inbox/past?limit=2").json();
    assert_eq!(page["events"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    let rest = gateway.admin_get(&format!("/v1/queues/inbox/past?from={next}")).json();
    assert_eq!(rest["events"].as_array().unwrap().len(), 1);
    assert_eq!((&rest["next"], &rest["events"][0]["received"]), (&Value::Null, &true.into()));
    gateway.admin_get("/v1/queues/nowhere/past").assert_problem(404, "queue_not_found");

    let admin = format!("http://{}", gateway.admin());
    let diff = ["plugin", "diff", "one.wasm", "one.wasm", "--queue", "inbox"];
    let config = ["--config", r#"{"keys":["nothing"]}"#];
    let from_gateway = ["--admin", &admin];
    let same = [&diff[..], &config, &from_gateway].concat();
    let told = said(&world.run(&same), 0);
    assert!(told.contains("3 compared, 0 different"), "{told}");
    let new_config = ["--new-config", r#"{"keys":["email"]}"#];
    let told = said(&world.run(&[&same[..], &new_config, &["--json"]].concat()), 1);
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let summary = lines.last().unwrap();
    assert_eq!((&summary["compared"], &summary["different"]), (&3.into(), &2.into()));
    assert_eq!(summary["pairs"][0]["new"], "emit");
    assert_eq!((lines.len(), &lines[0]["type"]), (3, &"push".into()));
    assert!(gateway.stop().success());
    let stopped = [&diff[..], &config, &new_config, &["--data", "data"]].concat();
    let told = said(&world.run(&stopped), 1);
    assert!(told.contains("3 compared, 2 different"), "{told}");
    let none = [&stopped[..], &["--until", "1h"]].concat();
    assert!(said(&world.run(&none), 0).contains("0 compared"));
}

#[test]
fn the_command_line_sees_to_the_plugins_of_a_running_gateway() {
    let world = world(MASKS);
    let gateway = world.start();
    world.write("two.wasm", redactor(2));
    let admin = format!("http://{}", gateway.admin());
    let run = |words: &[&str], code| {
        said(&world.run(&[&["plugin"], words, &["--admin", &admin]].concat()), code)
    };
    let short = |number: u8| digest(&redactor(number))[..12].to_owned();
    let told = run(&["put", "asked", "two.wasm"], 0);
    assert!(told.contains(&format!("{} decides, running", short(2))), "{told}");
    let told = run(&["ls"], 0);
    assert!(told.contains(&short(1)) && told.contains(&short(2)), "{told}");
    assert!(run(&["put", "asked", "one.wasm", "--shadow"], 0).contains("in shadow"));
    assert!(run(&["differences", "asked"], 0).contains("0 compared"));
    assert!(run(&["unshadow", "asked"], 0).contains("no version is in shadow"));
    assert!(run(&["rollback", "asked"], 0).contains(&short(1)));
    assert!(run(&["rollback", "asked"], 1).contains("[plugin_no_previous]"));
    assert!(run(&["resume", "asked"], 0).contains("running"));
    assert!(run(&["show", "asked"], 0).contains("numbers.current.calls"));
    assert!(run(&["show", "nobody"], 1).contains("[plugin_not_found]"));
}

#[test]
fn a_breaker_that_makes_no_sense_is_told_where_it_stands() {
    for (breaker, place) in [
        ("on", "plugins.asked.breaker"),
        ("{ failures: 0 }", "plugins.asked.breaker.failures"),
        ("{ within: 0s }", "plugins.asked.breaker.within"),
        ("{ retry: 2d }", "plugins.asked.breaker.retry"),
        ("{ retries: 3 }", "plugins.asked.breaker.retries"),
    ] {
        let world = world(&format!("breaker: {breaker}"));
        let told = said(&world.run(&["check", "gateway.yaml"]), 1);
        assert!(told.contains(place), "{breaker}: {told}");
    }
    for breaker in ["off", "{ failures: 3, within: 1m, retry: 5s }"] {
        let world = world(&format!("breaker: {breaker}, {MASKS}"));
        said(&world.run(&["check", "gateway.yaml"]), 0);
    }
}
