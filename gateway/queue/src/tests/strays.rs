//! What a process left behind that ended in the middle of something is removed at the next start.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluicegate_core::queue::Verb;
use sluicegate_core::seams::Engine;

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;

const FOLDERS: [&str; 5] = ["", "log", "keys", "checkpoints", "quarantine"];

fn files(disk: &dyn Disk) -> BTreeSet<String> {
    let inside = |folder: &&str| {
        let names = disk.list(folder).unwrap().into_iter();
        names.map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
    };
    FOLDERS.iter().flat_map(inside).collect()
}

#[tokio::test]
async fn drafts_and_indexes_without_a_segment_go_at_the_start_and_nothing_else() {
    let seam: Arc<dyn Disk> = Arc::new(SimulatedDisk::new());
    let store = open_on(&seam, &config(""));
    for number in 0..100 {
        commit(&store, number, &["a"]).await;
    }
    eventually("checkpoints", async || store.metrics().checkpoints > 1).await;
    store.stop().await;
    drop(store);
    let strays = [
        "format.new",
        "queues.new",
        "log/0000000001.index.new",
        "keys/0000000001.keys.new",
        "checkpoints/0000000009.checkpoint.new",
        "quarantine/0000000001-0000000064.bin.new",
        "log/0000004000.index",
    ];
    let strangers =
        ["notes.new", "log/notes.index", "log/notes.new", "quarantine/mine.new", "keys/notes"];
    for name in strays.into_iter().chain(strangers) {
        seam.create(name, 0).unwrap();
    }
    let before = files(&*seam);
    let store = open_on(&seam, &config(""));
    let after = files(&*seam);
    let gone: BTreeSet<&str> = before.difference(&after).map(String::as_str).collect();
    let strays =
        strays.map(|name| if name.contains('/') { name.into() } else { format!("/{name}") });
    assert_eq!(gone, strays.iter().map(String::as_str).collect());
    assert_eq!(numbers(&store, "a").await, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_index_stays_while_what_it_lists_lies_in_a_queue() {
    let seam: Arc<dyn Disk> = Arc::new(SimulatedDisk::new());
    let store = open_on(&seam, &config(""));
    for number in 0..20 {
        commit(&store, number, &["a"]).await;
    }
    for one in receive_all(&store, "a").await {
        settle(&store, "a", &one, Verb::GiveUp { reason: "never".into() }).await;
    }
    for number in 20..150 {
        commit(&store, number, &["a"]).await;
    }
    // One may be under way: the one after it begins behind all of that.
    let (checkpoints, mut number) = (store.metrics().checkpoints, 150);
    eventually("a checkpoint of all that", async || {
        commit(&store, number, &["a"]).await;
        number += 1;
        store.metrics().checkpoints > checkpoints + 1
    })
    .await;
    store.stop().await;
    drop(store);
    let names = || -> BTreeSet<String> {
        let names = seam.list("log").unwrap().into_iter();
        names.filter(|name| name.ends_with(".index")).collect()
    };
    let before = names();
    // Its segment is lost, not deleted.
    let lost = before.iter().nth(2).unwrap();
    seam.remove(&format!("log/{}", lost.replace(".index", ".log"))).unwrap();
    let store = open_on(&seam, &config(""));
    assert!(names().contains(lost), "{lost} of {before:?}");
    assert_eq!(numbers(&store, "dead").await, (0..20).collect::<Vec<_>>());
}
