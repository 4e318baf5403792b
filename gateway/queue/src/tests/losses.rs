//! What the disk has lost or cannot read: it is said, it costs no more than what was there, and
//! what is written afterwards is safe.

use std::sync::Arc;

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;

/// A folder whose log has several segments of events of the queue "a", cleanly stopped.
async fn folder(events: u64) -> (SimulatedDisk, Arc<dyn Disk>) {
    use sluicegate_core::seams::Engine;
    let disk = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    let store = open_on(&seam, &config(""));
    for number in 0..events {
        commit(&store, number, &["a"]).await;
    }
    eventually("a checkpoint", async || store.metrics().checkpoints > 0).await;
    store.stop().await;
    (disk, seam)
}

fn segments(disk: &dyn Disk) -> Vec<String> {
    let mut names = disk.list("log").unwrap();
    names.retain(|name| name.ends_with(".log"));
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_missing_segment_is_said_and_its_events_leave_as_lost_when_they_come_up() {
    let (_, seam) = folder(100).await;
    let names = segments(&*seam);
    assert!(names.len() > 2, "{names:?}");
    for with_its_index in [false, true] {
        let (_, seam) = folder(100).await;
        seam.remove(&format!("log/{}", names[1])).unwrap();
        if with_its_index {
            seam.remove(&format!("log/{}", names[1].replace(".log", ".index"))).unwrap();
        }
        let store = open_on(&seam, &config(""));
        assert_eq!(store.metrics().quarantined, 1, "one segment");
        let found = numbers(&store, "a").await;
        assert!(found.len() < 90 && found.is_sorted() && found.last() == Some(&99), "{found:?}");
        eventually("the lost events leave", async || {
            let stats = stats(&store, "a").await;
            // What no checkpoint had counted is known only by the gap in the numbers.
            stats.depth == found.len() as u64 && stats.lost > 0
        })
        .await;
    }
}

#[tokio::test]
async fn after_the_newest_segments_are_lost_what_comes_is_kept_all_the_same() {
    let (_, seam) = folder(100).await;
    let names = segments(&*seam);
    for name in &names[1..] {
        seam.remove(&format!("log/{name}")).unwrap();
    }
    let store = open_on(&seam, &config(""));
    assert!(store.metrics().quarantined > 0);
    commit(&store, 500, &["a"]).await;
    drop(store);
    let store = open_on(&seam, &config(""));
    let found = numbers(&store, "a").await;
    assert!(found.len() > 5 && found.last() == Some(&500), "{found:?}");
}

/// Where the payload of event 1 lies in the first segment.
fn place_of_1(disk: &SimulatedDisk) -> usize {
    let payload = b"{\"n\":1,";
    let bytes = disk.bytes_of(SEGMENT);
    bytes.windows(payload.len()).position(|window| window == payload).unwrap()
}

const SEGMENT: &str = "log/0000000001.log";

#[tokio::test]
async fn an_entry_that_cannot_be_read_stays_and_is_delivered_once_the_disk_reads_it() {
    let (disk, seam) = folder(3).await;
    let store = open_on(&seam, &config(""));
    let at = place_of_1(&disk) as u64;
    disk.spoil(SEGMENT, at..at + 1);
    let taken = receive(&store, "a", 3).await;
    let read: Vec<u64> = taken.iter().map(|one| number_of(&one.event)).collect();
    assert_eq!(read, [0, 2]);
    // More often than it may be attempted.
    eventually("it was tried five times", async || {
        assert!(receive(&store, "a", 3).await.is_empty());
        store.metrics().unread >= 5
    })
    .await;
    let now = stats(&store, "a").await;
    assert_eq!((now.depth, now.lost, stats(&store, "dead").await.depth), (3, 0, 0));
    assert_eq!(store.metrics().quarantined, 0);
    disk.heal();
    eventually("it is delivered", async || {
        let got = receive(&store, "a", 3).await;
        got.iter().any(|one| number_of(&one.event) == 1)
    })
    .await;
}

#[tokio::test]
async fn what_only_the_memory_has_wrong_is_read_again_from_the_disk() {
    let (disk, seam) = folder(3).await;
    let store = open_on(&seam, &config(""));
    disk.flip_cached(SEGMENT, place_of_1(&disk), 3);
    assert_eq!(numbers(&store, "a").await, [0, 1, 2]);
    assert_eq!((stats(&store, "a").await.lost, store.metrics().quarantined), (0, 0));
}

#[tokio::test]
async fn what_the_disk_has_wrong_is_lost_at_the_second_look_and_copied_aside() {
    let (disk, seam) = folder(3).await;
    let store = open_on(&seam, &config(""));
    disk.flip(SEGMENT, place_of_1(&disk), 3);
    assert_eq!(numbers(&store, "a").await, [0, 2]);
    eventually("it leaves", async || stats(&store, "a").await.lost == 1).await;
    eventually("it is copied", async || seam.list("quarantine").unwrap().len() == 1).await;
    assert_eq!((store.metrics().quarantined, store.metrics().unread), (1, 0));
}

#[tokio::test]
async fn a_sector_that_cannot_be_read_at_the_start_costs_what_is_in_it() {
    let (disk, seam) = folder(100).await;
    let names = segments(&*seam);
    // Without indexes and checkpoints every segment is read.
    for folder in ["log", "checkpoints"] {
        for name in seam.list(folder).unwrap().iter().filter(|name| !name.ends_with(".log")) {
            seam.remove(&format!("{folder}/{name}")).unwrap();
        }
    }
    disk.spoil(&format!("log/{}", names[1]), 5_000..5_001);
    let store = open_on(&seam, &config(""));
    let found = numbers(&store, "a").await;
    assert!((85..100).contains(&found.len()), "{found:?}");
    assert!(found.is_sorted() && found.last() == Some(&99), "{found:?}");
    assert_eq!(store.metrics().quarantined, 1);
    drop(store);
    // In the newest segment nobody can tell what is gone: that is for a person to decide.
    disk.spoil(&format!("log/{}", segments(&*seam).last().unwrap()), 0..64);
    let refused = crate::Store::open_on(Arc::clone(&seam), &config(""), wall_clock());
    assert_eq!(refused.unwrap_err().code(), "data_folder_disk");
}
