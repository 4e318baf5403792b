//! `sluicegate queue verify|dump|repair|ls|peek|stats --data`: what people and scripts are told of
//! a data folder that no gateway has open.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use sluicegate_tests::config;
use sluicegate_tests::fixtures::{self, root};
use sluicegate_tests::world::World;

/// A world with a copy of a fixture folder in it, as `data`.
fn world(of: &str) -> World {
    let world = World::new(&config::every_scheme());
    copy(&root().join("tests/fixtures/data-v2").join(of), &world.path("data"));
    world
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let into = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &into);
        } else {
            fs::copy(entry.path(), into).unwrap();
        }
    }
}

fn said(output: &Output, code: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (said, faults) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}{faults}");
    if code == 2 { faults } else { said }
}

fn flip(world: &World, file: &str, byte: usize) {
    let path = world.path(&format!("data/{file}"));
    let mut bytes = fs::read(&path).unwrap();
    bytes[byte] ^= 4;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_sound_folder_is_shown_and_verified() {
    let world = world("healthy");
    let queue = |words: &[&str]| world.run(&[&["queue", "--data", "data"], words].concat());
    assert!(said(&queue(&["verify"]), 0).contains("sound: everything is as it was written"));
    let report: Value = serde_json::from_str(&said(&queue(&["verify", "--json"]), 0)).unwrap();
    assert_eq!((&report["health"], &report["findings"]), (&"sound".into(), &Value::Array(vec![])));
    assert!(said(&queue(&["ls"]), 0).contains("orders"));
    let stats: Value =
        serde_json::from_str(&said(&queue(&["stats", "dead", "--json"]), 0)).unwrap();
    assert_eq!(stats["queues"][0]["depth"], 5);
    let peeked = said(&queue(&["peek", "dead", "--payload"]), 0);
    assert!(peeked.contains("never again") && peeked.contains("\"n\":20"), "{peeked}");
    let dumped = said(&queue(&["dump", "--kind", "commit", "--queue", "made"]), 0);
    let lines: Vec<Value> =
        dumped.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 8);
    assert!(!dumped.contains("xxxx"), "payloads are left out");
    assert!(said(&queue(&["repair"]), 0).contains("nothing is to be repaired"));
}

#[test]
fn a_damaged_folder_is_told_repaired_and_told_again() {
    let world = world("healthy");
    let queue = |words: &[&str]| world.run(&[&["queue", "--data", "data"], words].concat());
    flip(&world, "log/0000000003.index", 40);
    flip(&world, "settings", 30);
    let told = said(&queue(&["verify"]), 1);
    assert!(told.contains("damaged: index_damaged in log/0000000003.index"), "{told}");
    assert!(told.contains("settings_copy_damaged") && told.contains("no event is lost"), "{told}");
    let would = said(&queue(&["repair", "--dry-run"]), 0);
    assert!(would.contains("would be done"), "{would}");
    said(&queue(&["verify"]), 1);
    let done = said(&queue(&["repair"]), 0);
    assert!(done.contains("written down in quarantine/repair-"), "{done}");
    said(&queue(&["verify"]), 0);
    flip(&world, "log/0000000001.log", 3000);
    let told = said(&queue(&["verify", "--json"]), 1);
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(report["health"], "lost");
}

#[test]
fn what_cannot_be_opened_is_refused_with_its_code() {
    let world = world("sealed");
    let queue = |words: &[&str]| world.run(&[&["queue", "--data", "data"], words].concat());
    assert!(said(&queue(&["verify"]), 0).contains("entries_locked"));
    assert!(said(&queue(&["ls"]), 2).contains("[data_folder_sealed]"));
    assert!(said(&queue(&["repair"]), 2).contains("[data_folder_sealed]"));
    assert!(said(&queue(&["purge", "orders", "--yes"]), 2).contains("running gateway"));
    assert!(said(&queue(&["peek", "nobody"]), 2).contains("[data_folder_sealed]"));
    let nowhere = world.run(&["queue", "verify", "--data", "nowhere"]);
    assert!(said(&nowhere, 2).contains("[data_folder_missing]"));
    assert!(said(&world.run(&["queue", "verify"]), 2).contains("--data FOLDER"));
}

#[test]
fn a_running_gateway_is_left_alone() {
    let world = World::new(&config::every_scheme());
    let gateway = world.start();
    let push = fixtures::github("push", fixtures::Encoding::Json, "1");
    assert_eq!(gateway.deliver("/hooks/github", &push).status, 202);
    let refused = world.run(&["queue", "verify", "--config", "gateway.yaml"]);
    assert!(said(&refused, 2).contains("[data_folder_in_use]"));
    assert!(gateway.stop().success());
    let told = said(&world.run(&["queue", "verify", "--config", "gateway.yaml"]), 0);
    assert!(told.contains("inbox"), "{told}");
}
