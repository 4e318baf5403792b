//! What it costs to hold a payload against its schema: the GitHub push schema of the house and a
//! push of 10 KB, parsed and judged as at the door. The best of many batches counts: what other
//! programs take from the machine is not ours.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::Value;
use sluicegate_admission::schema::{Compiled, parse};

use super::machine;
use super::variants::data_folder;
use crate::fixtures::{github_payload, root};

/// The argument that asks for this.
pub const ARGUMENT: &str = "schema";

/// The most that parsing and judging may take.
pub const TARGET_US: f64 = 40.0;

const PAYLOAD_BYTES: usize = 10 * 1024;
const BATCHES: u32 = 200;
const ROUNDS: u32 = 100;

/// Measures, and prints the figures as JSON.
#[must_use]
pub fn main() -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: its figures say nothing");
    }
    let text = std::fs::read(root().join("schemas/payloads/github.push.json"))
        .expect("the schema of a push is in the house");
    let schema: Value = serde_json::from_slice(&text).expect("it is JSON");
    let schema = Compiled::compile(&schema).expect("it is a schema");
    let payload = payload();
    let value = parse(&payload).expect("a push is JSON");
    assert!(schema.accepts(&value), "a push keeps to its schema");
    let judged = best_us(|| schema.accepts(black_box(&value)));
    let whole =
        best_us(|| parse(black_box(&payload)).is_ok_and(|value| schema.accepts(black_box(&value))));
    let report = serde_json::json!({
        "machine": machine::describe(&data_folder()),
        "payload_bytes": payload.len(),
        "judge_us": judged,
        "parse_and_judge_us": whole,
        "target_us": TARGET_US,
        "within_target": whole <= TARGET_US,
    });
    println!("{report}");
    ExitCode::SUCCESS
}

/// A push with as many commits as make 10 KB.
fn payload() -> Vec<u8> {
    let mut push: Value = serde_json::from_slice(&github_payload("push")).expect("it is JSON");
    let commit = push["commits"][0].clone();
    loop {
        let bytes = serde_json::to_vec(&push).expect("JSON is written");
        if bytes.len() >= PAYLOAD_BYTES {
            return bytes;
        }
        push["commits"].as_array_mut().expect("commits are a list").push(commit.clone());
    }
}

/// Microseconds of one call, in the quickest batch.
fn best_us(mut work: impl FnMut() -> bool) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..BATCHES {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            assert!(work(), "what is measured is what succeeds");
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
    }
    best
}
