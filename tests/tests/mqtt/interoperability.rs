//! The cases of the Eclipse Paho interoperability suites, played by Paho's own client against the
//! gateway, and against Mosquitto beside it: the gateway passes all of them, and so everything that
//! Mosquitto does.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use sluicegate_tests::config::mqtt_head;
use sluicegate_tests::fixtures::root;
use sluicegate_tests::mosquitto::Mosquitto;
use sluicegate_tests::mqtt::python_with_paho;
use sluicegate_tests::world::World;

fn world() -> World {
    let head = mqtt_head();
    World::new(&format!(
        "{head}\
mqtt:
  anonymous: true
  limits: {{ keep_alive_max: 120 }}
  access:
    - {{ publish: [ \"#\", $dollar/x ], subscribe: [ \"#\" ] }}
sources:
  things: {{ mqtt: {{ topics: [ \"#\", $dollar/x ] }}, verify: {{ scheme: none }} }}
routes:
  - {{ name: all, default: true, to: [ inbox ] }}
queues:
  inbox: {{}}
"
    ))
}

/// Plays all cases of one version; says which passed, and all that was said.
fn play(address: SocketAddr, version: &str, denied: &str) -> (BTreeMap<String, bool>, String) {
    let output = python_with_paho()
        .arg(root().join("tests/src/mqtt_suite.py"))
        .args([&address.port().to_string(), version, denied])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let case = |line: &str| {
        let (result, name) = line.split_once(' ')?;
        matches!(result, "passed" | "FAILED").then(|| (name.to_owned(), result == "passed"))
    };
    let faults = String::from_utf8_lossy(&output.stderr).into_owned();
    (said.lines().filter_map(case).collect(), said + &faults)
}

/// Plays the cases against both; `count` is how many there are.
fn compare(version: &str, count: usize) {
    let gateway = world().start();
    let folder = tempfile::TempDir::new().unwrap();
    let rules = folder.path().join("rules");
    std::fs::write(&rules, "topic readwrite #\ntopic readwrite $dollar/#\ntopic deny denied/x\n")
        .unwrap();
    let settings = format!("allow_anonymous true\nmax_keepalive 120\nacl_file {}", rules.display());
    let mosquitto = Mosquitto::start(&settings);
    let (ours, theirs) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| play(mosquitto.address(), version, "denied/x"));
        (play(gateway.mqtt(), version, "$queue/none"), theirs.join().unwrap())
    });
    let of = |results: &BTreeMap<String, bool>| results.values().filter(|passed| **passed).count();
    println!("MQTT {version}: the gateway passes {} of {count} cases", of(&ours.0));
    println!("MQTT {version}: Mosquitto passes {} of {count} cases", of(&theirs.0));
    for (name, passed) in &theirs.0 {
        if !passed {
            println!("  Mosquitto does not pass {name}");
        }
    }
    assert_eq!((ours.0.len(), theirs.0.len()), (count, count), "{}\n{}", ours.1, theirs.1);
    assert_eq!(of(&ours.0), count, "{}", ours.1);
}

#[test]
fn every_case_of_the_suite_for_3_1_1_passes() {
    compare("3", 14);
}

#[test]
fn every_case_of_the_suite_for_5_passes() {
    compare("5", 38);
}
