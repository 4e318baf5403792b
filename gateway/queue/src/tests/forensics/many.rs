//! One flipped bit anywhere in a folder of 20,000 events: exactly that record is skipped, set aside
//! and reported, and the rest is served in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_core::seams::Engine;

use super::world::*;
use crate::StoreConfig;
use crate::disk::Disk;
use crate::disk::simulated::{Random, SimulatedDisk};
use crate::forensics::{Filter, Health, Payloads, dump_stopped};
use crate::tests::world::*;

const EVENTS: u64 = 20_000;
const ROUNDS: usize = 40;
const SEED: u64 = 0x5eed_0fb1;

fn config_of_many() -> StoreConfig {
    StoreConfig { segment_bytes: 512 * 1024, ..config("") }
}

/// Where each entry of a segment begins, and the number of its event if it is a commit.
fn entries(disk: &SimulatedDisk) -> BTreeMap<(u64, u64), Option<u64>> {
    let mut all = BTreeMap::new();
    let shown = Filter { payloads: Payloads::Shown, ..Filter::default() };
    let mut sink = |value: serde_json::Value| {
        let at = (value["segment"].as_u64().unwrap(), value["offset"].as_u64().unwrap());
        let payload = value.pointer("/events/0/payload").and_then(|text| text.as_str());
        let number = payload.map(|text| text.strip_prefix("n=").unwrap().parse().unwrap());
        all.insert(at, number);
        Ok(())
    };
    dump_stopped(&look(disk), &shown, &mut sink).unwrap();
    all
}

#[tokio::test]
async fn exactly_the_record_that_is_hit_is_skipped_set_aside_and_reported() {
    let whole = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(whole.clone());
    let store = open_on(&seam, &config_of_many());
    for number in 0..EVENTS {
        store.commit(routed(&little(number), None, &["a"])).await.unwrap();
    }
    store.stop().await;
    drop(store);
    let entries = entries(&whole);
    assert_eq!(entries.values().flatten().count() as u64, EVENTS);
    let logs: Vec<(String, usize)> =
        files(&whole).into_iter().filter(|(name, _)| name.ends_with(".log")).collect();
    assert!(logs.len() > 3, "{logs:?}");
    let mut random = Random(SEED);
    for round in 0..ROUNDS {
        let (file, len) = &logs[random.below(logs.len() as u64) as usize];
        let segment: u64 = file[4..14].parse().unwrap();
        let byte = random.below(*len as u64);
        let what = format!("seed {SEED:#x}, round {round}: {file}, byte {byte}");
        let disk = whole.after_power_cut(0);
        disk.flip(file, byte as usize, random.below(8) as u8);
        let (&(_, start), &hit) = entries.range(..=(segment, byte)).next_back().unwrap();
        let report = verified(&disk);
        assert!(!report.findings.is_empty(), "{what}: not reported");
        let seam: Arc<dyn Disk> = Arc::new(disk.clone());
        let store = open_on(&seam, &config_of_many());
        let served: Vec<u64> =
            receive_all(&store, "a").await.iter().map(|one| little_number(&one.event)).collect();
        assert!(served.is_sorted(), "{what}: out of order");
        let only_padding =
            report.findings.iter().all(|finding| finding.what.code() == "padding_dirty");
        let lost = hit.filter(|_| !only_padding);
        let expected: Vec<u64> = (0..EVENTS).filter(|number| Some(*number) != lost).collect();
        assert!(served == expected, "{what}: {} of {}", served.len(), expected.len());
        if only_padding {
            continue;
        }
        eventually("it is set aside", async || disk.list("quarantine").unwrap().len() == 1).await;
        let copy = format!("{segment:010}-{start:010}.bin");
        assert_eq!(disk.list("quarantine").unwrap(), [copy], "{what}");
        assert_eq!(store.metrics().quarantined, 1, "{what}");
        let damage = report.findings.iter().find(|one| one.what.code() == "entry_damaged").unwrap();
        assert_eq!(damage.bytes.as_ref().unwrap().start, start, "{what}");
        assert_eq!(damage.file, *file);
        let health = if lost.is_some() { Health::Lost } else { Health::Damaged };
        assert_eq!(report.health(), health, "{what}: {:#?}", report.findings);
    }
}
