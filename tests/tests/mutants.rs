//! Files that are not what they should be, given to the real binary: the child that compiles them
//! ends with a refusal, and the gateway says what is wrong and goes on.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sluicegate_tests::config::HEAD;
use sluicegate_tests::fixtures::{self, root};
use sluicegate_tests::gateway;
use sluicegate_tests::random::Random;
use sluicegate_tests::world::World;

/// What the child that compiles says to these bytes: its exit code (`None`: a signal ended it), and
/// how much it wrote.
fn compiled(bytes: &[u8]) -> (Option<i32>, usize, String) {
    let mut child = Command::new(gateway::binary())
        .arg("compile-plugin")
        .env_clear()
        .env("SLUICEGATE_COMPILE_BYTES", (4_u64 << 30).to_string())
        .env("SLUICEGATE_COMPILE_SECONDS", "60")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have refused after the first bytes.
    let _ = child.stdin.take().unwrap().write_all(bytes);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), output.stdout.len(), said)
}

#[test]
fn the_child_that_compiles_refuses_or_compiles_whatever_it_is_given() {
    let mut random = Random::seeded();
    let whole = fs::read(root().join("tests/fixtures/plugins/trap.wasm")).unwrap();
    let (mut refused, mut taken) = (0, 0);
    for _ in 0..200 {
        let mut bytes = whole.clone();
        match random.below(3) {
            0 => bytes.truncate(random.below(bytes.len())),
            1 => {
                for _ in 0..=random.below(4) {
                    let at = random.below(bytes.len());
                    bytes[at] ^= 1 << random.below(8);
                }
            }
            _ => {
                let (at, length) = (random.below(bytes.len()), random.below(32));
                let end = (at + length).min(bytes.len());
                drop(bytes.drain(at..end));
            }
        }
        let began = Instant::now();
        let (code, written, said) = compiled(&bytes);
        assert!(began.elapsed() < Duration::from_secs(60), "it took {:?}", began.elapsed());
        match code {
            Some(0) => {
                assert!(written > 0, "it said that it compiled");
                taken += 1;
            }
            Some(1) => {
                assert!(!said.is_empty(), "it refused without a word");
                refused += 1;
            }
            other => panic!("it ended with {other:?}: {said}"),
        }
    }
    println!("{refused} refused, {taken} compiled");
    assert!(refused > 0 && taken > 0);
}

/// A gateway whose one plugin is this file.
fn world(file: &str) -> World {
    World::new(&format!(
        "{HEAD}\
sources:
  open:
    http: {{ path: /hooks/open }}
    verify: {{ scheme: none }}
plugins:
  asked: {{ path: {file} }}
routes:
  - {{ name: main, filters: [ asked ], to: [ inbox ] }}
queues:
  inbox: {{}}
"
    ))
}

#[track_caller]
fn assert_refused(world: &World, code: &str) {
    let began = Instant::now();
    let output = world.run(&["check", "gateway.yaml"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("[{code}]")) && said.contains("plugins.asked"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(60), "it took {:?}", began.elapsed());
}

#[test]
fn files_that_are_no_plugins_are_refused_at_once_with_their_place() {
    let world = world("a.wasm");
    let whole = fs::read(fixtures::plugin("redactor")).unwrap();
    for (bytes, code) in [
        (b"#!/bin/sh\n".to_vec(), "plugin_not_wasm"),
        (Vec::new(), "plugin_not_wasm"),
        (whole[..whole.len() / 2].to_vec(), "plugin_malformed"),
        (b"\0asm\x0d\0\x01\0".to_vec(), "plugin_wrong_world"),
    ] {
        world.write("a.wasm", bytes);
        assert_refused(&world, code);
    }
}

#[test]
fn a_file_of_200_megabytes_is_refused_without_being_read() {
    let world = world("a.wasm");
    let mut file = File::create(world.path("a.wasm")).unwrap();
    file.write_all(b"\0asm\x0d\0\x01\0").unwrap();
    file.set_len(200 << 20).unwrap();
    assert_refused(&world, "plugin_too_large");
}

#[test]
fn a_pipe_in_place_of_a_file_does_not_hang_the_start() {
    let world = world("a.wasm");
    let made = Command::new("mkfifo").arg(world.path("a.wasm")).status().unwrap();
    assert!(made.success());
    assert_refused(&world, "plugin_unreadable");
}
