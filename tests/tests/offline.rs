//! `sluicegate queue verify|dump|repair|ls|peek|stats --data`: what people and scripts are told of
//! a data folder that no gateway has open.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
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

/// The commands that work on a stopped folder.
const COMMANDS: [&[&str]; 7] = [
    &["verify"],
    &["dump"],
    &["repair"],
    &["repair", "--dry-run"],
    &["ls"],
    &["peek", "inbox"],
    &["stats", "inbox"],
];

/// All files of a folder with their bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    all
}

#[test]
fn every_command_is_refused_while_a_gateway_runs_and_changes_nothing() {
    let world = World::new(&config::every_scheme());
    let gateway = world.start();
    for command in COMMANDS {
        let refused = world.run(&[&["queue", "--data", "data"], command].concat());
        let why = said(&refused, 2);
        assert!(why.contains("[data_folder_in_use]"), "{command:?}: {why}");
        assert!(refused.stdout.is_empty(), "{command:?}");
    }
    let push = fixtures::github("push", fixtures::Encoding::Json, "1");
    assert_eq!(gateway.deliver("/hooks/github", &push).status, 202);
    assert!(gateway.stop().success());
}

#[test]
fn a_dry_run_says_what_a_repair_then_does_and_changes_no_byte() {
    let world = world("healthy");
    let queue = |words: &[&str]| world.run(&[&["queue", "--data", "data"], words].concat());
    flip(&world, "log/0000000003.index", 40);
    flip(&world, "queues", 30);
    fs::remove_file(world.path("data/log/0000000004.index")).unwrap();
    let json = |output: &Output, code: i32| -> Value {
        serde_json::from_str(&said(output, code)).unwrap()
    };
    let before = files(&world.path("data"));
    let dry = json(&queue(&["repair", "--dry-run", "--json"]), 0);
    assert!(files(&world.path("data")) == before, "a dry run changes nothing");
    let done = json(&queue(&["repair", "--json"]), 0);
    assert_eq!(dry["actions"], done["actions"]);
    assert_eq!(done["actions"].as_array().unwrap().len(), 3, "{done}");
    assert_eq!(done["after"]["health"], "sound", "{done}");
    let again = json(&queue(&["repair", "--json"]), 0);
    assert_eq!(again["actions"], Value::Array(vec![]));
    assert_eq!(json(&queue(&["verify", "--json"]), 0)["health"], "sound");
}

#[test]
fn what_is_lost_is_an_exit_code_of_one_and_no_repair_hides_it() {
    let world = world("healthy");
    let queue = |words: &[&str]| world.run(&[&["queue", "--data", "data"], words].concat());
    fs::remove_file(world.path("data/log/0000000003.log")).unwrap();
    let told = said(&queue(&["verify"]), 1);
    assert!(told.contains("segment_missing"), "{told}");
    let repaired: Value = serde_json::from_str(&said(&queue(&["repair", "--json"]), 1)).unwrap();
    assert_eq!(repaired["after"]["health"], "lost", "{repaired}");
    let told = said(&queue(&["verify"]), 1);
    assert!(told.contains("events_unreadable"), "{told}");
    let listed: Value = serde_json::from_str(&said(&queue(&["ls", "--json"]), 0)).unwrap();
    assert!(listed["queues"].as_array().unwrap().len() >= 6, "{listed}");
}

#[test]
fn help_names_every_command_and_a_wrong_word_is_a_usage_error() {
    let world = world("healthy");
    let help = said(&world.run(&["queue", "--help"]), 0);
    for command in ["verify", "dump", "repair", "ls", "peek", "stats", "--data", "--json"] {
        assert!(help.contains(command), "{command}: {help}");
    }
    for command in ["verify", "dump", "repair"] {
        let help = said(&world.run(&["queue", command, "--help"]), 0);
        assert!(help.contains("--data") || help.contains("--config"), "{command}: {help}");
    }
    said(&world.run(&["queue", "--data", "data", "mend"]), 2);
    said(&world.run(&["queue", "--data", "data", "dump", "--kind", "poem"]), 2);
    let unknown = world.run(&["queue", "--data", "data", "stats", "nobody"]);
    assert_eq!(unknown.status.code(), Some(1));
    let faults = String::from_utf8_lossy(&unknown.stderr);
    assert!(faults.contains("no queue nobody [queue_not_found]"), "{faults}");
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
