//! The log as JSON.

use serde_json::Value;
use sluicegate_core::queue::Place;

use super::world::*;
use crate::forensics::{EntryKind, Filter, Payloads, dump_stopped};
use crate::tests::world::name;
use crate::{Cursor, disk::simulated::SimulatedDisk};

fn dumped(disk: &SimulatedDisk, filter: &Filter) -> Vec<Value> {
    let mut all = Vec::new();
    let mut sink = |value| {
        all.push(value);
        Ok(())
    };
    let count = dump_stopped(&look(disk), filter, &mut sink).unwrap();
    assert_eq!(count, all.len() as u64);
    all
}

fn words(all: &[Value], pointer: &str) -> Vec<String> {
    let word = |one: &Value| one.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    all.iter().filter_map(word).collect()
}

#[tokio::test]
async fn a_dump_has_every_entry_in_order_and_payloads_only_when_asked() {
    let disk = folder(&small()).await;
    let all = dumped(&disk, &Filter::default());
    let positions = words(&all, "/position");
    assert!(positions.len() == all.len() && positions.is_sorted());
    let kinds = words(&all, "/kind");
    assert_eq!(kinds.iter().filter(|kind| *kind == "commit").count(), 14);
    assert!(!words(&all, "/events/0/id").is_empty());
    assert!(all.iter().all(|one| one.pointer("/events/0/payload").is_none()));
    let text = Value::from(all.clone()).to_string();
    assert!(!text.contains("n=3") && text.contains("x-number"));
    let shown = Filter { payloads: Payloads::Shown, ..Filter::default() };
    assert_eq!(words(&dumped(&disk, &shown), "/events/0/payload")[3], "n=3");
    for what in ["acked", "attempted", "failed", "dead_lettered", "redriven"] {
        assert!(text.contains(&format!("\"what\":\"{what}\"")), "{what}");
    }
}

#[tokio::test]
async fn a_dump_is_filtered_by_place_queue_and_kind() {
    let disk = folder(&small()).await;
    let all = dumped(&disk, &Filter::default());
    let commits = Filter { kinds: vec![EntryKind::Commit], ..Filter::default() };
    assert_eq!(dumped(&disk, &commits).len(), 14);
    let made = Filter { queue: Some(name("made")), ..commits };
    let found = dumped(&disk, &made);
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|one| one.to_string().contains("\"queue\":\"made\"")));
    let dead = Filter { queue: Some(name("dead")), ..Filter::default() };
    let found = dumped(&disk, &dead);
    assert!(words(&found, "/kind").iter().all(|kind| kind == "changes"), "{found:?}");
    let positions = words(&all, "/position");
    let place = |at: usize| Some(positions[at].parse::<Cursor>().unwrap());
    let part = Filter { from: place(3), to: place(7), ..Filter::default() };
    assert_eq!(words(&dumped(&disk, &part), "/position"), positions[3..7]);
    let end = Filter { from: Some(Cursor(Place { position: u64::MAX, part: 0 })), ..part };
    assert_eq!(dumped(&disk, &end), [Value::Null; 0]);
}

#[tokio::test]
async fn damage_stands_in_a_dump_where_it_lies() {
    let disk = folder(&small()).await;
    let all = dumped(&disk, &Filter::default());
    let hit = all.iter().find(|one| one["kind"] == "commit").unwrap();
    let offset = hit["offset"].as_u64().unwrap();
    let segment = hit["segment"].as_u64().unwrap();
    disk.flip(&format!("log/{segment:010}.log"), offset as usize + 30, 2);
    let damage = Filter { kinds: vec![EntryKind::Damage], ..Filter::default() };
    let found = dumped(&disk, &damage);
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0]["offset"].as_u64(), &found[0]["position"]),
        (Some(offset), &hit["position"])
    );
    assert_eq!(dumped(&disk, &Filter::default()).len(), all.len());
}
