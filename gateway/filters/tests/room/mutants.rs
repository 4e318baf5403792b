//! Components with a few bytes wrong: whatever they have become, the room refuses them with a
//! reason or runs them within their limits. It is not harmed, nothing hangs, and memory stays.

#![expect(clippy::indexing_slicing, reason = "places are made to lie within the bytes")]
#![expect(clippy::print_stdout, reason = "the seed, for who has a failure before him")]

use std::fs;
use std::time::{Duration, Instant};

use sluicegate_core::event::Event;
use sluicegate_core::refusal::Refusal;
use sluicegate_filters::{End, Host, PluginSpec};

use crate::guest::{chain, choosy, event, host, moody, only_branch, spec};

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    /// From `SLUICEGATE_SEED`, or new each time. The seed is printed.
    fn seeded() -> Self {
        let seed = std::env::var("SLUICEGATE_SEED").ok().map(|text| text.parse().unwrap());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
        println!("SLUICEGATE_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }
}

/// The sections of a component, as ranges; what is behind the last that is whole is one more.
fn sections(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut all, mut at) = (Vec::new(), 8);
    while at < bytes.len() {
        let start = at;
        let (mut length, mut shift) = (0_usize, 0);
        at += 1;
        while let Some(byte) = bytes.get(at) {
            length |= usize::from(byte & 0x7f) << shift;
            (at, shift) = (at + 1, shift + 7);
            if byte & 0x80 == 0 || shift > 28 {
                break;
            }
        }
        at = (at + length).min(bytes.len());
        all.push(start..at);
    }
    all
}

/// A copy with something wrong. The first eight bytes stay: what is not Wasm at all is tried
/// elsewhere.
fn mutant(random: &mut Random, from: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = from.to_vec();
    let place = |random: &mut Random, bytes: &[u8]| 8 + random.below(bytes.len() - 8);
    match random.below(8) {
        0..=2 => {
            for _ in 0..=random.below(4) {
                let at = place(random, &bytes);
                bytes[at] ^= 1 << random.below(8);
            }
        }
        3 => {
            // What a length or an index must not be.
            const ODD: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0x40, 0x0b, 0x60];
            let at = place(random, &bytes);
            bytes[at] = ODD[random.below(ODD.len())];
        }
        4 => bytes.truncate(place(random, from)),
        5 => {
            let all = sections(from);
            let (a, b) =
                (all[random.below(all.len())].clone(), all[random.below(all.len())].clone());
            bytes = from[..8].to_vec();
            for section in all {
                let swapped = match section.start {
                    start if start == a.start => b.clone(),
                    start if start == b.start => a.clone(),
                    _ => section,
                };
                bytes.extend_from_slice(&from[swapped]);
            }
        }
        6 => {
            let all = sections(from);
            let one = all[random.below(all.len())].clone();
            match random.below(2) {
                0 => drop(bytes.drain(one)),
                _ => drop(bytes.splice(one.start..one.start, from[one].iter().copied())),
            }
        }
        _ => {
            let (at, there) = (place(random, &bytes), place(random, other));
            let end = (there + 1 + random.below(64)).min(other.len());
            let stop = (at + random.below(64)).min(bytes.len());
            drop(bytes.splice(at..stop, other[there..end].iter().copied()));
        }
    }
    bytes
}

/// Committed components, each with a configuration and an event that it would look at.
fn committed() -> Vec<(Vec<u8>, &'static str)> {
    let read = |name: &str| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins");
        fs::read(format!("{root}/{name}/rust/{name}.wasm")).unwrap()
    };
    vec![
        (read("severity-router"), r#"{"threshold":"low","queues":["siem"]}"#),
        (read("redactor"), r#"{"keys":["severity"]}"#),
    ]
}

fn alert() -> Event {
    event("dependabot_alert", br#"{"alert":{"security_advisory":{"severity":"high"}}}"#)
}

/// Loads it and asks it twice, if it loads; whether it did.
async fn try_out(host: &Host, spec: PluginSpec, event: &Event) -> bool {
    let began = Instant::now();
    let Ok(plugin) = host.load(spec) else {
        assert!(began.elapsed() < LONG, "it took {:?} to be refused", began.elapsed());
        return false;
    };
    for _ in 0..2 {
        match host.decide(event.clone(), vec![chain(&[&plugin])]).await {
            Ok(chains) => assert_eq!(chains.len(), 1),
            // It may say so; the host is never full here.
            Err(refusal) => assert!(!matches!(refusal, Refusal::Overloaded { .. }), "{refusal:?}"),
        }
    }
    assert!(began.elapsed() < LONG, "it took {:?}", began.elapsed());
    true
}

fn resident_bytes() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

async fn survive(
    mut random: Random,
    rounds: usize,
    seeds: Vec<(Vec<u8>, &'static str)>,
    event: Event,
) {
    let host = host();
    let good = host.load(spec("good", moody("(unreachable)").component())).unwrap();
    let (mut loaded, mut resident) = (0, 0);
    for round in 0..rounds {
        if round == rounds / 3 {
            resident = resident_bytes();
        }
        let (from, config) = &seeds[random.below(seeds.len())];
        let other = &seeds[random.below(seeds.len())].0;
        let mut one = spec("mutant", mutant(&mut random, from, other));
        one.terms.config = (*config).to_owned();
        one.terms.deadline = Duration::from_millis(2);
        one.terms.memory_bytes_max = 4 * 1024 * 1024;
        loaded += usize::from(try_out(&host, one, &event).await);
        if round % 100 == 0 {
            let branch = only_branch(&host, &crate::guest::event("push", b"ok"), &[&good]).await;
            assert_eq!(branch.end, End::Through, "after {round} mutants");
        }
    }
    println!("{loaded} of {rounds} mutants were loaded");
    assert!(loaded > rounds / 100, "what is never loaded is not tried: {loaded} of {rounds}");
    assert!(loaded < rounds, "what is never refused is not mutated");
    let grown = resident_bytes().saturating_sub(resident);
    assert!(grown < GROWTH_BYTES_MAX, "memory grew by {grown} bytes");
}

#[tokio::test]
async fn thousands_of_small_components_with_bytes_wrong_do_no_harm() {
    let seeds = vec![
        (choosy().component(), "{}"),
        (moody("(unreachable)").component(), "{}"),
        (moody("(loop (br 0))").component(), "{}"),
    ];
    survive(Random::seeded(), 10_000, seeds, event("push", b"ok")).await;
}

#[tokio::test]
async fn hundreds_of_plugins_with_bytes_wrong_do_no_harm() {
    survive(Random::seeded(), 300, committed(), alert()).await;
}

#[test]
fn sections_cover_a_component() {
    for (bytes, _) in committed() {
        let all = sections(&bytes);
        assert!(all.len() > 5);
        assert_eq!((all[0].start, all.last().unwrap().end), (8, bytes.len()));
        assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start));
    }
}

/// Compiling a real plugin takes a tenth of it on a slow machine.
const LONG: Duration = Duration::from_secs(20);

/// The compiler and the pool keep some; what leaks by the mutant would be more.
const GROWTH_BYTES_MAX: usize = 48 * 1024 * 1024;
