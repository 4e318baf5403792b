//! The fixture folders of the data format, and their broken twins: what is served of each, what is
//! skipped, and what the forensics say. They are never changed: copies are opened.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]
#![expect(clippy::indexing_slicing, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sluicegate_core::queue::{Delivery, Settlement, Verb};
use sluicegate_core::seams::{Ask, Engine};
use sluicegate_core::time::{Clock, Timestamp};
use sluicegate_queue::forensics::{
    Filter, Health, Mode, Options, Payloads, Report, dump, peek, queues, repair, verify,
};
use sluicegate_queue::{Encryption, Field, LocalKey, QueueConfig, Store, StoreConfig, TermsRules};

const QUEUES: [&str; 6] = ["orders", "mail", "late", "purged", "dead", "made"];

/// By queue, the numbers of the events in the order in which they are served.
type Served = BTreeMap<&'static str, Vec<u64>>;

/// What was in `healthy` when it was made: a day later, when no delay is left.
fn healthy() -> Served {
    let orders = [
        8, 26, 29, 32, 35, 38, 41, 13, 16, 19, 22, 25, 28, 31, 34, 37, 40, 43, 0, 3, 6, 9, 12, 15,
        18, 21, 24, 27, 30, 33, 36, 39, 42,
    ];
    let mail = [6, 9, 12, 15, 18, 21, 96, 99, 97, 98, 100, 103, 101, 102, 104, 107, 105, 106];
    let late =
        [1, 4, 7, 10, 13, 16, 19, 22, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107];
    BTreeMap::from([
        ("orders", orders.to_vec()),
        ("mail", mail.to_vec()),
        ("late", late.to_vec()),
        ("purged", vec![0, 1, 2]),
        ("dead", vec![20, 11, 23, 7, 10]),
        ("made", vec![2, 5, 8, 11, 14, 17, 20, 23]),
    ])
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/data-v2")
}

/// A copy of a fixture folder.
fn copy(of: &str) -> tempfile::TempDir {
    fn copy_all(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let into = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                fs::create_dir(&into).unwrap();
                copy_all(&entry.path(), &into);
            } else {
                fs::copy(entry.path(), into).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    copy_all(&fixtures().join(of), folder.path());
    folder
}

/// All files of a folder, with their bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    all
}

/// A day after the fixture was made.
fn clock() -> Clock {
    Clock::new(|| Timestamp::from_unix_ms(1_795_348_800_000 + 86_400_000))
}

fn key() -> Encryption {
    Encryption::new(Arc::new(LocalKey::new("fixture", &[0x5a; 32])))
}

fn options(encryption: Option<Encryption>) -> Options {
    Options { encryption, clock: clock() }
}

fn config(folder: &Path, encryption: Option<Encryption>) -> StoreConfig {
    let queue = |name: &str, terms: TermsRules| QueueConfig {
        terms,
        ..QueueConfig::new(name.parse().unwrap(), "dead".parse().unwrap())
    };
    let none = TermsRules::default;
    let priority = TermsRules { priority_by: Some(Field::Header("x-priority".into())), ..none() };
    let order = TermsRules { order_by: Some(Field::Subject), ..none() };
    StoreConfig {
        segment_bytes: 8 * 1024,
        free_bytes_min: 0,
        queues: vec![
            queue("orders", priority),
            queue("mail", order),
            queue("late", none()),
            queue("purged", none()),
            queue("dead", none()),
        ],
        encryption,
        ..StoreConfig::new(folder)
    }
}

fn number(headers: &sluicegate_core::fields::Fields) -> u64 {
    headers.first("x-number").unwrap().parse().unwrap()
}

/// What was taken out of a folder.
struct Taken {
    served: Served,
    /// Dead letters that have lost why they are dead.
    letters_lost: u64,
    quarantined: u64,
}

/// Opens a folder and takes everything out of every queue.
async fn serve(folder: &Path, encryption: Option<Encryption>) -> Taken {
    let store = Store::open(config(folder, encryption), clock()).unwrap();
    let (mut all, mut letters_lost) = (BTreeMap::new(), 0);
    for queue in QUEUES {
        let name = queue.parse().unwrap();
        // It may not be there: the settings that made it may be lost.
        let _ = store.set_delivery(&name, Delivery::Running).await;
        let mut numbers = Vec::new();
        let ask = Ask { max: 100, wait: Duration::ZERO, lease: Duration::from_secs(30) };
        while let Ok(got) = store.receive(&name, ask).await
            && !got.is_empty()
        {
            let mut settlements = Vec::new();
            for one in got {
                let number = number(&one.event.headers);
                let payload = format!("{{\"n\":{number},\"pad\":\"{}\"}}", "x".repeat(300));
                assert_eq!(one.event.payload, payload.as_bytes(), "{queue}: event {number}");
                if queue == "dead" {
                    let Some(letter) = one.letter else {
                        letters_lost += 1;
                        numbers.push(number);
                        settlements.push(Settlement { receipt: one.receipt, verb: Verb::Ack });
                        continue;
                    };
                    assert!(["410 Gone", "never again"].contains(&letter.reason.as_str()));
                    assert_eq!(*letter.failures.last().unwrap().why, *letter.reason);
                    assert_eq!(letter.origin.unwrap().as_str(), "orders");
                }
                numbers.push(number);
                settlements.push(Settlement { receipt: one.receipt, verb: Verb::Ack });
            }
            store.settle(&name, settlements).await.unwrap();
        }
        all.insert(queue, numbers);
    }
    let quarantined = store.metrics().quarantined;
    store.stop().await;
    Taken { served: all, letters_lost, quarantined }
}

fn verified(folder: &Path, encryption: Option<Encryption>) -> Report {
    let before = files(folder);
    let report = verify(folder, &options(encryption), &mut |_| {}).unwrap();
    assert!(files(folder) == before, "verify changes nothing");
    report
}

fn codes(report: &Report) -> BTreeSet<&'static str> {
    report.findings.iter().map(|finding| finding.what.code()).collect()
}

#[tokio::test]
async fn a_healthy_folder_is_served_whole_and_verified_sound() {
    let folder = copy("healthy");
    let report = verified(folder.path(), None);
    assert_eq!(report.findings, []);
    let taken = serve(folder.path(), None).await;
    assert_eq!((taken.served, taken.letters_lost, taken.quarantined), (healthy(), 0, 0));
}

#[tokio::test]
async fn a_sealed_folder_is_served_whole_with_its_key_and_checked_without() {
    let folder = copy("sealed");
    assert_eq!(verified(folder.path(), Some(key())).findings, []);
    let without = verified(folder.path(), None);
    assert_eq!(codes(&without), BTreeSet::from(["entries_locked"]));
    assert_eq!((without.health(), without.queues), (Health::Sound, None));
    assert!(without.locked > 50, "{}", without.locked);
    let fault = queues(folder.path(), &options(None)).unwrap_err();
    assert_eq!(fault.code(), "data_folder_sealed");
    let fault = repair(folder.path(), &options(None), Mode::DryRun, &mut |_| {}).unwrap_err();
    assert_eq!(fault.code(), "data_folder_sealed");
    let wrong = Encryption::new(Arc::new(LocalKey::new("fixture", &[1; 32])));
    let fault = verify(folder.path(), &options(Some(wrong)), &mut |_| {}).unwrap_err();
    assert_eq!(fault.code(), "data_folder_key_wrong");
    let taken = serve(folder.path(), Some(key())).await;
    assert_eq!((taken.served, taken.letters_lost, taken.quarantined), (healthy(), 0, 0));
}

#[tokio::test]
async fn a_look_at_the_queues_shows_what_is_there_and_changes_nothing() {
    let folder = copy("healthy");
    let before = files(folder.path());
    let stats = queues(folder.path(), &options(None)).unwrap();
    for (name, numbers) in healthy() {
        let (_, stats) = stats.iter().find(|(other, _)| other.as_str() == name).unwrap();
        assert_eq!(stats.depth, numbers.len() as u64, "{name}");
        let events = peek(folder.path(), &options(None), &name.parse().unwrap(), None, 1000);
        let mut found: Vec<u64> = events
            .unwrap()
            .unwrap()
            .iter()
            .map(|one| number(&one.event.as_ref().unwrap().headers))
            .collect();
        found.sort_unstable();
        let mut numbers = numbers;
        numbers.sort_unstable();
        assert_eq!(found, numbers, "{name}");
    }
    let orders = stats.iter().find(|(name, _)| name.as_str() == "orders").unwrap();
    assert_eq!(orders.1.dead, healthy()["dead"].len() as u64);
    let none = peek(folder.path(), &options(None), &"nobody".parse().unwrap(), None, 10).unwrap();
    assert!(none.is_none());
    assert!(files(folder.path()) == before, "a look changes nothing");
}

#[tokio::test]
async fn a_folder_in_use_is_left_alone() {
    let folder = copy("healthy");
    let store = Store::open(config(folder.path(), None), clock()).unwrap();
    let fault = verify(folder.path(), &options(None), &mut |_| {}).unwrap_err();
    assert_eq!(fault.code(), "data_folder_in_use");
    let fault = repair(folder.path(), &options(None), Mode::ForReal, &mut |_| {}).unwrap_err();
    assert_eq!(fault.code(), "data_folder_in_use");
    store.stop().await;
    drop(store);
    assert!(verify(folder.path(), &options(None), &mut |_| {}).is_ok());
    let nowhere = folder.path().join("nowhere");
    let fault = verify(&nowhere, &options(None), &mut |_| {}).unwrap_err();
    assert_eq!(fault.code(), "data_folder_missing");
    assert!(!nowhere.exists());
}

/// An entry of `healthy`: where it lies, and the events in it.
#[derive(Debug)]
struct Entry {
    file: String,
    kind: String,
    offset: u64,
    numbers: BTreeSet<u64>,
}

fn entries(folder: &Path) -> Vec<Entry> {
    let shown = Filter { payloads: Payloads::Shown, ..Filter::default() };
    let mut all = Vec::new();
    let mut sink = |value: Value| {
        let events = value["events"].as_array().cloned().unwrap_or_default();
        let number = |event: &Value| {
            let headers = event["headers"].as_array().unwrap();
            let header = headers.iter().find(|header| header[0] == "x-number").unwrap();
            header[1].as_str().unwrap().parse().unwrap()
        };
        all.push(Entry {
            file: format!("log/{:010}.log", value["segment"].as_u64().unwrap()),
            kind: value["kind"].as_str().unwrap().to_owned(),
            offset: value["offset"].as_u64().unwrap(),
            numbers: events.iter().map(number).collect(),
        });
        Ok(())
    };
    dump(folder, &options(None), &shown, &mut sink).unwrap();
    all
}

/// Edits a copy, and says which events' bytes are gone by it.
fn edit(folder: &Path, entries: &[Entry], line: &str) -> BTreeSet<u64> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let path = folder.join(words[1]);
    let entry = || {
        let here = |entry: &&Entry| entry.file == words[1] && entry.kind == words[3];
        entries.iter().filter(here).nth(words[4].parse().unwrap()).expect(line)
    };
    let numbers = |hit: &dyn Fn(&Entry) -> bool| {
        entries.iter().filter(|entry| hit(entry)).flat_map(|entry| entry.numbers.clone()).collect()
    };
    let mut bytes = fs::read(&path).unwrap();
    let none = BTreeSet::new();
    let gone = match (words[0], words.get(2)) {
        ("flip" | "behead", Some(&"at")) => {
            let entry = entry();
            bytes[entry.offset as usize + if words[0] == "flip" { 40 } else { 9 }] ^= 16;
            entry.numbers.clone()
        }
        ("flip", Some(&"byte")) => {
            bytes[words[3].parse::<usize>().unwrap()] ^= 16;
            none
        }
        ("cut", Some(&"at")) => {
            let cut = entry();
            bytes.truncate(cut.offset as usize + 30);
            numbers(&|entry| entry.file == cut.file && entry.offset >= cut.offset)
        }
        ("halve", None) => {
            bytes.truncate(bytes.len() / 2);
            none
        }
        ("garble", None) => {
            bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte ^= 0x55 ^ at as u8);
            none
        }
        ("remove", None) => {
            fs::remove_file(&path).unwrap();
            return numbers(&|entry| entry.file == words[1]);
        }
        _ => panic!("no such edit: {line}"),
    };
    fs::write(path, bytes).unwrap();
    gone
}

/// The twins, with their edits.
fn twins() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(fixtures().join("twins.txt")).unwrap();
    let mut twins: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("twin ") {
            Some(other) => other.clone_into(&mut name),
            None => twins.entry(name.clone()).or_default().push(line.to_owned()),
        }
    }
    twins
}

/// What is said of each twin.
fn said(twin: &str) -> (Health, &'static [&'static str]) {
    match twin {
        "flipped-commit" | "flipped-head" | "truncated-segment" => {
            (Health::Lost, &["entry_damaged", "events_unreadable"])
        }
        "flipped-commit-after-the-checkpoint" => (Health::Lost, &["entry_damaged"]),
        "flipped-change" => (Health::Damaged, &["entry_damaged"]),
        "truncated-checkpoint" | "truncated-checkpoints" => {
            (Health::Damaged, &["checkpoint_damaged"])
        }
        "stale-checkpoint" => (Health::Sound, &[]),
        "missing-segment" => {
            (Health::Lost, &["segment_missing", "events_unreadable", "letters_unreadable"])
        }
        "missing-segment-and-index" => (Health::Lost, &["segment_missing"]),
        "missing-index" => (Health::Damaged, &["index_missing"]),
        "garbage-index" | "index-of-another-version" => (Health::Damaged, &["index_damaged"]),
        "damaged-names" => (Health::Damaged, &["names_damaged"]),
        "damaged-settings" => (Health::Damaged, &["settings_copy_damaged"]),
        "lost-settings" => (Health::Damaged, &["settings_damaged"]),
        "damaged-format" => (Health::Damaged, &["format_copy_damaged"]),
        "lost-format" => (Health::Damaged, &["format_damaged"]),
        "damaged-keys" => (Health::Damaged, &["keys_damaged"]),
        _ => panic!("nothing is known of {twin}"),
    }
}

#[tokio::test]
async fn of_every_broken_twin_all_is_served_but_what_is_damaged() {
    let whole = copy("healthy");
    let entries = entries(whole.path());
    let mut count = 0;
    for (twin, edits) in twins() {
        let folder = copy("healthy");
        let mut gone = BTreeSet::new();
        edits.iter().for_each(|line| gone.extend(edit(folder.path(), &entries, line)));
        let report = verified(folder.path(), None);
        let (health, known) = said(&twin);
        assert_eq!(report.health(), health, "{twin}: {:#?}", report.findings);
        let found = codes(&report);
        assert!(known.iter().all(|code| found.contains(code)), "{twin}: {:#?}", report.findings);
        if twin == "lost-format" {
            let refused = Store::open(config(folder.path(), None), clock()).unwrap_err();
            assert_eq!(refused.code(), "data_folder_version", "{twin}");
            repair(folder.path(), &options(None), Mode::ForReal, &mut |_| {}).unwrap();
        }
        let Taken { served, letters_lost, quarantined } = serve(folder.path(), None).await;
        let mut expected = healthy();
        expected.values_mut().for_each(|numbers| numbers.retain(|number| !gone.contains(number)));
        if twin == "missing-segment-and-index" {
            // Where letters and redriven events are was known there only.
            expected.entry("dead").or_default().clear();
            expected.entry("orders").or_default().retain(|number| *number != 8);
        }
        let letters = if twin == "missing-segment" { 5 } else { 0 };
        assert_eq!(letters_lost, letters, "{twin}");
        // A change that is lost gives events again, and is all that may be there beside.
        if twin == "flipped-change" {
            for (queue, numbers) in &expected {
                assert!(
                    numbers.iter().all(|number| served[queue].contains(number)),
                    "{twin}: {queue}"
                );
            }
        } else {
            assert_eq!(served, expected, "{twin}");
        }
        // What is derived is not set aside; a segment that is missing counts.
        let quiet = ["index", "stale", "lost-format"];
        let quiet = quiet.iter().any(|part| twin.contains(part)) && !twin.contains("segment");
        assert_eq!(quarantined > 0, !quiet, "{twin}: {quarantined} set aside");
        count += 1;
    }
    assert_eq!(count, 19);
}

#[tokio::test]
async fn every_broken_twin_is_repaired_as_far_as_its_bytes_are_there() {
    let whole = copy("healthy");
    let entries = entries(whole.path());
    for (twin, edits) in twins() {
        let folder = copy("healthy");
        edits.iter().for_each(|line| drop(edit(folder.path(), &entries, line)));
        let before = files(folder.path());
        let dry = repair(folder.path(), &options(None), Mode::DryRun, &mut |_| {}).unwrap();
        assert!(files(folder.path()) == before, "{twin}: a dry run changes nothing");
        let done = repair(folder.path(), &options(None), Mode::ForReal, &mut |_| {}).unwrap();
        assert_eq!(dry.actions, done.actions, "{twin}");
        assert_eq!(verified(folder.path(), None), done.after, "{twin}");
        let (health, _) = said(&twin);
        let remains = match (twin.as_str(), health) {
            // The gateway itself decides what follows: it holds every queue.
            ("lost-settings", _) => Health::Damaged,
            (_, Health::Lost) => done.after.health(),
            _ => Health::Sound,
        };
        assert_eq!(done.after.health(), remains, "{twin}: {:#?}", done.after.findings);
        if let Some(record) = done.record {
            let text = fs::read_to_string(folder.path().join(record)).unwrap();
            let record: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(record["actions"].as_array().unwrap().len(), done.actions.len(), "{twin}");
        } else {
            assert_eq!(done.actions, [], "{twin}");
        }
    }
}
