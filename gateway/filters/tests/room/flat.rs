//! An instance that is kept does not grow: neither its own memory nor the room's, over a million
//! calls, for guests of every compiled language.

#![expect(clippy::print_stdout, reason = "a measurement is read")]

use std::fs;

use sluicegate_core::event::Event;
use sluicegate_filters::{Meter, Reuse, Said, Trials};

use crate::guest::{event, spec};

/// Asks one instance a million times, and holds its memory after the first thousand calls against
/// that at the end.
fn stays(path: &str, config: &str, event: &Event) {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let bytes = fs::read(format!("{root}{path}")).unwrap();
    let spec = spec("p", Vec::new());
    let mut terms = spec.terms;
    terms.config = config.to_owned();
    let trials = Trials::open(&bytes, Meter::Time).unwrap();
    let mut trial = trials.start(spec.name, spec.digest, terms).unwrap();
    let mut ask = || {
        let asked = trial.ask(event, Reuse::Kept);
        assert!(matches!(asked.said, Said::Decided(_)), "{:?}", asked.said);
        asked.memory_bytes
    };
    let guest = (0..1_000).map(|_| ask()).max().unwrap();
    let host = resident_bytes();
    let most = (0..1_000_000).map(|_| ask()).max().unwrap();
    assert_eq!(most, guest, "the guest's memory grew");
    let grown = resident_bytes().saturating_sub(host);
    println!("{path}: the guest has {guest} bytes; the process grew by {grown}");
    assert!(grown < 4 * 1024 * 1024, "the process grew by {grown} bytes");
}

fn resident_bytes() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// What decides in each language that compiles to small components.
fn that_decides(language: &str) {
    let alert = br#"{"alert":{"security_advisory":{"severity":"high"}}}"#;
    let config = r#"{"threshold":"low","queues":["siem"]}"#;
    let path = format!("plugins/severity-router/{language}/severity-router.wasm");
    stays(&path, config, &event("dependabot_alert", alert));
}

fn that_makes_events(language: &str) {
    let event = event("push", br#"{"user":{"email":"a@example.org","name":"a"},"n":[1,2]}"#);
    let path = format!("plugins/redactor/{language}/redactor.wasm");
    stays(&path, r#"{"keys":["email"]}"#, &event);
}

#[test]
fn a_rust_guest_that_decides_stays_as_large_as_it_is_over_a_million_calls() {
    that_decides("rust");
}

#[test]
fn a_rust_guest_that_makes_events_stays_as_large_as_it_is_over_a_million_calls() {
    that_makes_events("rust");
}

#[test]
fn a_c_guest_that_decides_stays_as_large_as_it_is_over_a_million_calls() {
    that_decides("c");
}

#[test]
fn a_c_guest_that_makes_events_stays_as_large_as_it_is_over_a_million_calls() {
    that_makes_events("c");
}
