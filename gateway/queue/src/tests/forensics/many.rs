//! One flipped bit anywhere in a folder of 20,000 events, some of them settled, some dead: exactly
//! that record is skipped, set aside and reported, and the rest is served in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sluicegate_core::queue::{Consumed, Settlement, Verb};
use sluicegate_core::seams::Engine;

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::{Random, SimulatedDisk};
use crate::forensics::{Filter, Health, Payloads, dump_stopped};
use crate::tests::world::*;
use crate::{Store, StoreConfig};

const EVENTS: u64 = 20_000;
const ROUNDS: usize = 60;
const SEED: u64 = 0x5eed_0fb1;
const QUEUES: [&str; 3] = ["a", "b", "dead"];

/// By queue, what is served of it, in order.
type Served = BTreeMap<&'static str, Vec<u64>>;

fn config_of_many() -> StoreConfig {
    let mut config = StoreConfig { segment_bytes: 512 * 1024, ..config("") };
    // What is acknowledged stays on the disk: its bytes may be hit too.
    config.queues.iter_mut().for_each(|queue| queue.retain.time = Some(Duration::from_secs(3600)));
    config
}

async fn commit_many(store: &Store, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let queues: &[&str] = match number % 10 {
            0 => &["a", "b"],
            1..=6 => &["a"],
            _ => &["b"],
        };
        store.commit(routed(&little(number), None, queues)).await.unwrap();
    }
}

/// Takes so many batches of events of a queue, and gives every tenth of them up.
async fn settle_many(store: &Store, queue: &str, batches: usize) {
    for _ in 0..batches {
        let got: Vec<Consumed> = receive(store, queue, 100).await;
        assert!(!got.is_empty(), "{queue}");
        let settlements = got.into_iter().enumerate().map(|(at, one)| {
            let reason = format!("no {}", little_number(&one.event));
            let verb = if at % 10 == 9 { Verb::GiveUp { reason } } else { Verb::Ack };
            Settlement { receipt: one.receipt, verb }
        });
        store.settle(&name(queue), settlements.collect()).await.unwrap();
    }
}

/// 20,000 events in three queues and several segments: some acknowledged, some dead, two lives.
async fn folder_of_many() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = open_on(&seam, &config_of_many());
    commit_many(&store, 0..EVENTS / 2).await;
    settle_many(&store, "a", 40).await;
    store.stop().await;
    drop(store);
    let store = open_on(&seam, &config_of_many());
    settle_many(&store, "b", 30).await;
    commit_many(&store, EVENTS / 2..EVENTS).await;
    settle_many(&store, "a", 40).await;
    store.stop().await;
    disk
}

/// Takes everything out of a folder: what is served, and which dead letters do not say why.
async fn serve(store: &Store) -> (Served, BTreeSet<u64>) {
    let (mut all, mut mute) = (Served::new(), BTreeSet::new());
    for queue in QUEUES {
        let got = receive_all(store, queue).await;
        for one in got.iter().filter(|_| queue == "dead") {
            let number = little_number(&one.event);
            match &one.letter {
                Some(letter) => assert_eq!(letter.reason, format!("no {number}")),
                None => drop(mute.insert(number)),
            }
        }
        all.insert(queue, got.iter().map(|one| little_number(&one.event)).collect());
    }
    (all, mute)
}

/// What an entry of the log is good for.
#[derive(Debug, Default, Clone)]
struct Good {
    /// The event that was committed by it.
    event: Option<u64>,
    /// Whether it says what became of events.
    settles: bool,
    /// Whether letters of dead events are in it.
    letters: bool,
}

/// Where each entry of the log begins, and what it is good for.
fn entries(disk: &SimulatedDisk) -> BTreeMap<(u64, u64), Good> {
    let mut all = BTreeMap::new();
    let shown = Filter { payloads: Payloads::Shown, ..Filter::default() };
    let mut sink = |value: Value| {
        let at = (value["segment"].as_u64().unwrap(), value["offset"].as_u64().unwrap());
        let payload = value.pointer("/events/0/payload").and_then(|text| text.as_str());
        let event = payload.map(|text| text.strip_prefix("n=").unwrap().parse().unwrap());
        let settles = value["kind"] == "changes";
        let letters = settles && value.to_string().contains("dead_lettered");
        all.insert(at, Good { event, settles, letters });
        Ok(())
    };
    dump_stopped(&look(disk), &shown, &mut sink).unwrap();
    all
}

/// Which bytes are hit: one of each file that is no segment, then any, by size. The ballast is
/// left out: it is zeros that nobody reads.
fn places(disk: &SimulatedDisk, random: &mut Random) -> Vec<(String, usize)> {
    let mut files = files(disk);
    files.retain(|(name, _)| name != "ballast");
    let mut places: Vec<(String, usize)> = files
        .iter()
        .filter(|(name, _)| !name.ends_with(".log"))
        .map(|(name, len)| (name.clone(), random.below(*len as u64) as usize))
        .collect();
    let all: usize = files.iter().map(|(_, len)| len).sum();
    while places.len() < ROUNDS {
        let mut byte = random.below(all as u64) as usize;
        let hit = files
            .iter()
            .find(|(_, len)| {
                byte < *len || {
                    byte -= len;
                    false
                }
            })
            .unwrap();
        places.push((hit.0.clone(), byte));
    }
    places
}

/// The segment that a file is, if it is one.
fn segment_of(file: &str) -> Option<u64> {
    file.strip_prefix("log/")?.strip_suffix(".log")?.parse().ok()
}

/// The bytes of the damaged entry that begins there are kept.
async fn assert_set_aside(disk: &SimulatedDisk, file: &str, start: u64, what: &str) {
    let there = async || disk.list("quarantine").unwrap().len() == 1;
    eventually(&format!("{what}: it is set aside"), there).await;
    let copy = format!("{:010}-{start:010}.bin", segment_of(file).unwrap());
    assert_eq!(disk.list("quarantine").unwrap(), [copy], "{what}");
}

/// The folder, and what is true of it while nothing is damaged.
struct Whole {
    disk: SimulatedDisk,
    entries: BTreeMap<(u64, u64), Good>,
    healthy: Served,
}

impl Whole {
    async fn new() -> Self {
        let disk = folder_of_many().await;
        let entries = entries(&disk);
        assert_eq!(entries.values().filter(|good| good.event.is_some()).count() as u64, EVENTS);
        let seam: Arc<dyn Disk> = Arc::new(disk.after_power_cut(0));
        let (healthy, mute) = serve(&open_on(&seam, &config_of_many())).await;
        assert!(healthy.values().all(|numbers| numbers.len() > 300) && mute.is_empty());
        assert!(healthy["a"].len() + healthy["b"].len() < EVENTS as usize);
        Self { disk, entries, healthy }
    }

    /// Flips one bit, and holds what is then said and served against what must be. Returns how
    /// many events and letters are lost by it.
    async fn flip(&self, file: &str, byte: usize, bit: u8) -> (usize, usize) {
        let what = format!("seed {SEED:#x}: {file}, byte {byte}, bit {bit}");
        let disk = self.disk.after_power_cut(0);
        disk.flip(file, byte, bit);
        let report = verified(&disk);
        assert!(!report.findings.is_empty(), "{what}: not reported");
        let seam: Arc<dyn Disk> = Arc::new(disk.clone());
        let store = open_on(&seam, &config_of_many());
        let (served, mute) = serve(&store).await;
        let padding = report.findings.iter().all(|one| one.what.code() == "padding_dirty");
        let hit = segment_of(file).filter(|_| !padding).map(|segment| {
            let upto = ..=(segment, byte as u64);
            let ((_, start), good) = self.entries.range(upto).next_back().unwrap();
            (*start, good.clone())
        });
        let good = hit.as_ref().map(|(_, good)| good.clone()).unwrap_or_default();
        let mut expected = self.healthy.clone();
        expected.values_mut().for_each(|all| all.retain(|number| Some(*number) != good.event));
        if good.settles {
            // What it settled after the last checkpoint is not: it comes again, where it was.
            let everywhere =
                |all: &Served| all.values().flatten().copied().collect::<BTreeSet<_>>();
            let missing = &everywhere(&expected) - &everywhere(&served);
            assert!(missing.is_empty(), "{what}: {missing:?} are not served");
        } else {
            assert!(served == expected, "{what}: {:#?}", report.findings);
        }
        assert!(mute.is_empty() || good.letters, "{what}: {mute:?} do not say why they are dead");
        let lost = expected != self.healthy;
        assert_eq!(report.health() == Health::Lost, lost, "{what}: {:#?}", report.findings);
        let Some((start, _)) = hit else { return (0, 0) };
        let damage = report.findings.iter().find(|one| one.what.code() == "entry_damaged");
        let damage = damage.unwrap_or_else(|| panic!("{what}: {:#?}", report.findings));
        let first = damage.bytes.as_ref().map(|bytes| bytes.start);
        assert_eq!((&*damage.file, first), (file, Some(start)), "{what}");
        if lost {
            assert_set_aside(&disk, file, start, &what).await;
            // Each queue that wanted it counts it.
            let counted = store.metrics().quarantined as usize;
            assert!((1..=QUEUES.len()).contains(&counted), "{what}: {counted}");
        }
        (usize::from(lost), mute.len())
    }
}

/// Runs on this thread.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn exactly_the_record_that_is_hit_is_skipped_set_aside_and_reported() {
    let whole = wait(Whole::new());
    let places = places(&whole.disk, &mut Random(SEED));
    let strike = |half: &[(String, usize)]| {
        let mut lost = (0, 0);
        for (file, byte) in half {
            let (events, letters) = wait(whole.flip(file, *byte, (byte % 8) as u8));
            lost = (lost.0 + events, lost.1 + letters);
        }
        lost
    };
    let (one, other) = places.split_at(ROUNDS / 2);
    let ((events, letters), more) = std::thread::scope(|scope| {
        let other = scope.spawn(|| strike(other));
        (strike(one), other.join().unwrap())
    });
    let (events, letters) = (events + more.0, letters + more.1);
    assert!(events > 10, "{events} events, {letters} letters: too little was hit");
}
