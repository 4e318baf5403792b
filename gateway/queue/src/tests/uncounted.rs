//! A start without a checkpoint that can be read, though there were some: nothing that was
//! acknowledged is lost, what is not known any more is said, and what is damaged is set aside.

use std::path::Path;

use sluicegate_core::proof::Repeat;
use sluicegate_core::queue::Verb;
use sluicegate_core::seams::Engine;

use super::world::*;
use crate::{Store, StoreConfig};

fn small(folder: &Path) -> StoreConfig {
    StoreConfig { segment_bytes: 64 * 1024, ..config(folder) }
}

fn names(folder: &Path, of: &str) -> Vec<String> {
    let all = std::fs::read_dir(folder.join(of)).unwrap();
    let mut names: Vec<String> =
        all.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

fn halve(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

/// A folder in which an event of "b" is as old as one of "a" that was settled in a segment which
/// is deleted since. Event 0 is in both, event 1 in "a" alone.
async fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(small(folder.path()), wall_clock()).unwrap();
    commit(&store, 0, &["a", "b"]).await;
    for number in 1..200 {
        commit(&store, number, &["b"]).await;
    }
    // In a later segment.
    for number in 200..600 {
        commit(&store, number, &["a"]).await;
    }
    for one in receive_all(&store, "a").await {
        ack(&store, "a", &one).await;
    }
    for number in 600..1500 {
        commit(&store, number, &["a"]).await;
    }
    for one in receive_all(&store, "a").await {
        ack(&store, "a", &one).await;
    }
    eventually("settled segments are deleted", async || store.metrics().segments <= 5).await;
    store.stop().await;
    folder
}

#[tokio::test]
async fn without_any_checkpoint_nothing_is_lost_and_what_comes_again_is_said() {
    for lost in ["damaged", "deleted"] {
        let folder = folder().await;
        let checkpoints = names(folder.path(), "checkpoints");
        assert_eq!(checkpoints.len(), 2);
        for name in &checkpoints {
            let path = folder.path().join("checkpoints").join(name);
            match lost {
                "damaged" => halve(&path),
                _ => std::fs::remove_file(&path).unwrap(),
            }
        }
        let store = Store::open(small(folder.path()), wall_clock()).unwrap();
        assert!(store.metrics().recounted, "{lost}");
        assert_eq!(numbers(&store, "b").await, (0..200).collect::<Vec<_>>());
        // Its settlement is gone with its segment: it comes again, as DURABILITY.md says.
        assert_eq!(numbers(&store, "a").await, [0]);
        let aside = names(folder.path(), "quarantine");
        let aside = aside.iter().filter(|name| name.ends_with(".checkpoint"));
        assert_eq!(aside.count(), if lost == "damaged" { 2 } else { 0 });
        drop(store);
    }
}

#[tokio::test]
async fn one_checkpoint_is_enough_and_a_new_folder_has_lost_none() {
    let folder = folder().await;
    let newest = names(folder.path(), "checkpoints").pop().unwrap();
    halve(&folder.path().join("checkpoints").join(newest));
    let store = Store::open(small(folder.path()), wall_clock()).unwrap();
    assert!(!store.metrics().recounted);
    assert!(numbers(&store, "a").await.is_empty());
    assert_eq!(numbers(&store, "b").await, (0..200).collect::<Vec<_>>());
    drop(store);
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let store = Store::open(small(folder.path()), wall_clock()).unwrap();
        assert!(!store.metrics().recounted);
        commit(&store, 1, &["a"]).await;
    }
}

#[tokio::test]
async fn keys_of_what_was_thinned_out_are_known_when_its_index_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(small(folder.path()), wall_clock()).unwrap();
    let key = |number: u64| format!("key-{number}");
    let mut ids = Vec::new();
    for number in 0..1000 {
        let routed = routed(&event(number), Some(&key(number)), &["a"]);
        ids.push(store.commit(routed).await.unwrap().event());
    }
    for one in receive_all(&store, "a").await {
        if number_of(&one.event).is_multiple_of(100) {
            settle(&store, "a", &one, Verb::GiveUp { reason: "never".into() }).await;
        } else {
            ack(&store, "a", &one).await;
        }
    }
    let written = store.metrics().bytes;
    eventually("thinned", async || store.metrics().thinned_bytes > written / 2).await;
    store.stop().await;
    drop(store);
    for life in 0..3 {
        let log = folder.path().join("log");
        let indexes =
            names(folder.path(), "log").into_iter().filter(|name| name.ends_with(".index"));
        // The second life finds those that the first has made again.
        for index in indexes.filter(|_| life != 1) {
            std::fs::remove_file(log.join(index)).unwrap();
        }
        let store = Store::open(small(folder.path()), wall_clock()).unwrap();
        for number in 0..1000 {
            let routed = routed(&event(number), Some(&key(number)), &["a"]);
            let again = store.commit(routed).await.unwrap();
            let first = ids[number as usize];
            assert_eq!((again.repeat(), again.event()), (Repeat::Duplicate, first), "{number}");
        }
        store.stop().await;
    }
}
