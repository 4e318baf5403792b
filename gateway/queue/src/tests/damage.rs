//! Flipped bits: exactly the entry that is hit is skipped and set aside, the rest is served, and
//! nothing damaged is ever delivered.

use std::sync::Arc;

use sluicegate_core::seams::Engine;

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;

const EVENTS: u64 = 12;
const SEGMENT: &str = "log/0000000001.log";

/// A folder with one full segment, cleanly stopped.
async fn folder() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = open_on(&seam, &config(""));
    for number in 0..EVENTS {
        commit(&store, number, &["a"]).await;
    }
    store.stop().await;
    disk
}

#[tokio::test]
async fn one_flipped_bit_anywhere_costs_at_most_its_entry() {
    let whole = folder().await;
    let len = whole.bytes_of(SEGMENT).len();
    for byte in 0..len {
        let disk = whole.after_power_cut(0);
        disk.flip(SEGMENT, byte, (byte % 8) as u8);
        let seam: Arc<dyn Disk> = Arc::new(disk.clone());
        let store = open_on(&seam, &config(""));
        let found = numbers(&store, "a").await;
        let quarantined = store.metrics().quarantined;
        let lost = EVENTS - found.len() as u64;
        assert!(lost <= 1, "byte {byte}: {found:?}");
        assert!(quarantined <= 1 && lost <= quarantined, "byte {byte}: {quarantined} set aside");
        assert!(found.is_sorted(), "byte {byte}: {found:?}");
        if quarantined == 1 {
            assert_eq!(disk.list("quarantine").unwrap().len(), 1, "byte {byte}");
        }
    }
}

#[tokio::test]
async fn damage_behind_the_back_of_a_running_store_is_not_delivered() {
    let disk = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = open_on(&seam, &config(""));
    for number in 0..3 {
        commit(&store, number, &["a"]).await;
    }
    let bytes = disk.bytes_of(SEGMENT);
    let payload = b"{\"n\":1,";
    let at = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
    disk.flip(SEGMENT, at + 40, 3);
    assert_eq!(numbers(&store, "a").await, [0, 2]);
    assert_eq!(store.metrics().quarantined, 1);
    eventually("the lost event leaves the queue", async || stats(&store, "a").await.depth == 2)
        .await;
    eventually("its bytes are set aside", async || disk.list("quarantine").unwrap().len() == 1)
        .await;
    let name = format!("quarantine/{}", disk.list("quarantine").unwrap()[0]);
    assert!(disk.bytes_of(&name).windows(6).any(|window| window == b"repo/1"));
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_the_log_goes_on() {
    let whole = folder().await;
    let bytes = whole.bytes_of(SEGMENT);
    for cut in [8, 9, 100, 300] {
        let disk = whole.after_power_cut(0);
        let file = disk.open(SEGMENT).unwrap();
        file.set_len((bytes.len() - cut) as u64).unwrap();
        let seam: Arc<dyn Disk> = Arc::new(disk.clone());
        let store = open_on(&seam, &config(""));
        commit(&store, 77, &["a"]).await;
        drop(store);
        let store = open_on(&seam, &config(""));
        let expected: Vec<u64> = (0..EVENTS - 1).chain([77]).collect();
        assert_eq!(numbers(&store, "a").await, expected, "cut by {cut}");
        assert_eq!(store.metrics().quarantined, 0, "the first start has cut the tail");
    }
}
