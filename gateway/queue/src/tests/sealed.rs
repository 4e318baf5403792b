//! Encryption at rest: what is on the disk says nothing, keys are rotated without rewriting, and a
//! folder that cannot be opened is refused and left as it is.

use std::sync::Arc;

use sluicegate_core::letter::Cause;
use sluicegate_core::queue::{Settled, Verb};
use sluicegate_core::seams::Engine;
use sluicegate_core::time::Clock;

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::format::entry::{self, Position};
use crate::{Encryption, OpenFault, Store, StoreConfig};

const KEYRING: &str = "keyring";
const BACKUP: &str = "keyring.bak";

fn disk() -> (SimulatedDisk, Arc<dyn Disk>) {
    let disk = SimulatedDisk::new();
    (disk.clone(), Arc::new(disk))
}

fn sealed(name: &str) -> StoreConfig {
    sealed_by(config(""), name)
}

/// Sealed with the first, opened with all.
fn rotated(names: &[&str]) -> StoreConfig {
    let mut config = sealed(names[0]);
    let also = names[1..].iter().map(|name| local_key(name) as _).collect();
    config.encryption = config.encryption.map(|one| Encryption { open_also: also, ..one });
    config
}

fn refused(disk: &Arc<dyn Disk>, config: &StoreConfig) -> OpenFault {
    Store::open_on(Arc::clone(disk), config, wall_clock()).unwrap_err()
}

/// Every file of a folder with its bytes.
fn files(disk: &SimulatedDisk) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in ["", "log", "keys", "quarantine"] {
        for name in disk.list(folder).unwrap() {
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            all.push((path.clone(), disk.bytes_of(&path)));
        }
    }
    all.sort();
    all
}

/// Commits events into a, and gives one up.
async fn fill(store: &Store, numbers: std::ops::Range<u64>) {
    for number in numbers.clone() {
        commit(store, number, &["a"]).await;
    }
    let one = receive(store, "a", 1).await.remove(0);
    let verb = Verb::GiveUp { reason: "the plain words of a reason".into() };
    assert_eq!(settle(store, "a", &one, verb).await, Settled::Done);
}

#[tokio::test]
async fn nothing_of_a_payload_a_header_or_a_reason_is_found_in_any_file() {
    let words: [&[u8]; 6] = [
        b"xxxxxxxx",
        b"x-number",
        b"plain words",
        b"application/json",
        b"repo/",
        b"secret-key-of-sender",
    ];
    for encrypted in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let plain = config(folder.path());
        let config = if encrypted { sealed_by(plain, "one") } else { plain };
        let store = Store::open(config.clone(), wall_clock()).unwrap();
        fill(&store, 0..200).await;
        let keyed = routed(&event(200), Some("secret-key-of-sender"), &["b"]);
        store.commit(keyed).await.unwrap();
        store.stop().await;
        drop(store);
        drop(Store::open(config, wall_clock()).unwrap());
        let mut found = 0;
        for entry in ["", "log", "keys", "quarantine"] {
            for file in std::fs::read_dir(folder.path().join(entry)).unwrap() {
                let path = file.unwrap().path();
                if !path.is_file() {
                    continue;
                }
                let bytes = std::fs::read(&path).unwrap();
                let has = |word: &&&[u8]| bytes.windows(word.len()).any(|window| window == **word);
                found += words.iter().filter(has).count();
            }
        }
        // Without encryption the same search finds them: it is able to.
        assert!(if encrypted { found == 0 } else { found >= words.len() }, "{found} found");
    }
}

#[tokio::test]
async fn a_sealed_folder_has_everything_when_it_is_opened_again() {
    let (_, seam) = disk();
    let store = open_on(&seam, &sealed("one"));
    fill(&store, 0..50).await;
    assert_eq!((store.metrics().data_keys, store.metrics().data_key), (1, Some(1)));
    drop(store);
    let store = open_on(&seam, &sealed("one"));
    assert_eq!(numbers(&store, "a").await, (1..50).collect::<Vec<_>>());
    let dead = receive(&store, "dead", 9).await;
    let letter = dead[0].letter.clone().unwrap();
    assert_eq!(
        (letter.cause, letter.reason.as_str()),
        (Cause::GivenUp, "the plain words of a reason")
    );
    assert_eq!((number_of(&dead[0].event), store.metrics().quarantined), (0, 0));
    assert_eq!(store.metrics().data_keys, 1, "the key is young");
}

#[tokio::test]
async fn encryption_switched_on_seals_what_comes_and_reads_what_was() {
    let (disk, seam) = disk();
    let store = open_on(&seam, &config(""));
    fill(&store, 0..5).await;
    assert_eq!(store.metrics().data_key, None);
    drop(store);
    assert!(!disk.list("").unwrap().contains(&KEYRING.to_owned()));
    let store = open_on(&seam, &sealed("one"));
    for number in 5..9 {
        commit(&store, number, &["a"]).await;
    }
    drop(store);
    let store = open_on(&seam, &sealed("one"));
    assert_eq!(numbers(&store, "a").await, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn a_refusal_has_its_code_and_changes_nothing_in_the_folder() {
    let (whole, seam) = disk();
    let store = open_on(&seam, &sealed("one"));
    fill(&store, 0..20).await;
    drop(store);
    let mut forged = sealed("two");
    let bytes = [9; 32];
    let same_name = Arc::new(crate::LocalKey::new("one", &bytes));
    forged.encryption = Some(Encryption::new(same_name));
    for (config, code, says) in [
        (config(""), "data_folder_sealed", "\"one\""),
        (sealed("two"), "data_folder_key_wrong", "\"one\""),
        (rotated(&["two", "three"]), "data_folder_key_wrong", "\"one\""),
        (forged, "data_folder_key_wrong", "\"one\""),
    ] {
        let before = files(&whole);
        let fault = refused(&seam, &config);
        assert_eq!(fault.code(), code, "{fault}");
        assert!(fault.to_string().contains(says), "{fault}");
        assert!(files(&whole) == before, "{code}: the folder was changed");
    }
    assert_eq!(numbers(&open_on(&seam, &sealed("one")), "a").await.len(), 19);
}

#[tokio::test]
async fn a_new_key_takes_over_without_a_segment_being_rewritten() {
    let (disk, seam) = disk();
    let store = open_on(&seam, &sealed("one"));
    for number in 0..40 {
        commit(&store, number, &["a"]).await;
    }
    store.stop().await;
    drop(store);
    let log = |files: Vec<(String, Vec<u8>)>| -> Vec<_> {
        files.into_iter().filter(|(name, _)| name.ends_with(".log")).collect()
    };
    let before = log(files(&disk));
    let store = open_on(&seam, &rotated(&["two", "one"]));
    assert_eq!((store.metrics().data_keys, store.metrics().data_key), (2, Some(2)));
    commit(&store, 40, &["a"]).await;
    store.stop().await;
    drop(store);
    let after = log(files(&disk));
    assert!(after.starts_with(&before), "what was written is as it was");
    assert_eq!(refused(&seam, &sealed("one")).code(), "data_folder_key_wrong");
    // The old key is no longer needed for anything.
    let store = open_on(&seam, &sealed("two"));
    assert_eq!(numbers(&store, "a").await, (0..41).collect::<Vec<_>>());
    assert_eq!(store.metrics().data_keys, 2);
}

#[tokio::test]
async fn many_data_keys_open_what_each_has_sealed() {
    let (_, seam) = disk();
    let names: Vec<String> = (0..12).map(|number| format!("key-{number}")).collect();
    for (at, name) in names.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| names[before].as_str());
        let all: Vec<&str> = std::iter::once(name.as_str()).chain(before).collect();
        let store = open_on(&seam, &rotated(&all));
        commit(&store, at as u64, &["a"]).await;
        assert_eq!(store.metrics().data_keys, at as u64 + 1);
    }
    let store = open_on(&seam, &sealed(names.last().unwrap()));
    assert_eq!(numbers(&store, "a").await, (0..12).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_start_after_thirty_days_makes_a_new_data_key() {
    let (_, seam) = disk();
    drop(open_on(&seam, &sealed("one")));
    let later = wall_clock().now().plus(std::time::Duration::from_secs(31 * 24 * 60 * 60));
    let clock = Clock::new(move || later);
    let store = Store::open_on(Arc::clone(&seam), &sealed("one"), clock).unwrap();
    assert_eq!((store.metrics().data_keys, store.metrics().data_key), (2, Some(2)));
}

#[tokio::test]
async fn a_flipped_bit_in_one_copy_of_the_keyring_is_repaired_in_both_it_is_refused() {
    let (whole, seam) = disk();
    let store = open_on(&seam, &sealed("one"));
    commit(&store, 1, &["a"]).await;
    drop(store);
    let bytes = whole.bytes_of(KEYRING).len();
    for byte in 0..bytes {
        for copy in [KEYRING, BACKUP] {
            let disk = whole.after_power_cut(0);
            let seam: Arc<dyn Disk> = Arc::new(disk.clone());
            disk.flip(copy, byte, (byte % 8) as u8);
            assert_eq!(numbers(&open_on(&seam, &sealed("one")), "a").await, [1], "{copy} {byte}");
            assert_eq!(disk.bytes_of(KEYRING), disk.bytes_of(BACKUP), "{copy} {byte}: repaired");
        }
        let disk = whole.after_power_cut(0);
        let seam: Arc<dyn Disk> = Arc::new(disk.clone());
        disk.flip(KEYRING, byte, 0);
        disk.flip(BACKUP, bytes - 1 - byte, 7);
        let before = files(&disk);
        for config in [sealed("one"), config("")] {
            assert_eq!(refused(&seam, &config).code(), "data_folder_keyring_damaged", "{byte}");
        }
        assert!(files(&disk) == before, "the folder was changed");
    }
}

#[tokio::test]
async fn a_lost_copy_of_the_keyring_is_made_again() {
    let (disk, seam) = disk();
    let store = open_on(&seam, &sealed("one"));
    commit(&store, 1, &["a"]).await;
    drop(store);
    for copy in [KEYRING, BACKUP] {
        disk.remove(copy).unwrap();
        drop(open_on(&seam, &sealed("one")));
        assert_eq!(disk.bytes_of(KEYRING), disk.bytes_of(BACKUP));
    }
    assert_eq!(numbers(&open_on(&seam, &sealed("one")), "a").await, [1]);
}

#[tokio::test]
async fn a_lost_or_older_keyring_is_refused_before_it_costs_an_event() {
    let (disk, seam) = disk();
    let store = open_on(&seam, &sealed("one"));
    commit(&store, 1, &["a"]).await;
    drop(store);
    let older = disk.bytes_of(KEYRING);
    let store = open_on(&seam, &rotated(&["two", "one"]));
    commit(&store, 2, &["a"]).await;
    drop(store);
    let newer = disk.bytes_of(KEYRING);
    let put = |bytes: Option<&[u8]>| {
        for copy in [KEYRING, BACKUP] {
            match bytes {
                Some(bytes) => seam.replace("", copy, bytes).unwrap(),
                None => disk.remove(copy).unwrap(),
            }
        }
    };
    put(None);
    for config in [config(""), sealed("two")] {
        let before = files(&disk);
        assert_eq!(refused(&seam, &config).code(), "data_folder_key_missing");
        assert!(files(&disk) == before, "the folder was changed");
    }
    put(Some(&older));
    let fault = refused(&seam, &sealed("one"));
    assert!(fault.to_string().contains("data key 2"), "{fault}");
    put(Some(&newer));
    assert_eq!(numbers(&open_on(&seam, &sealed("two")), "a").await, [1, 2]);
}

/// The key was changed in the middle of a segment, which the look before recovery does not see.
#[tokio::test]
async fn recovery_itself_refuses_an_entry_whose_key_is_missing_and_cuts_nothing() {
    let (disk, seam) = disk();
    let store = open_on(&seam, &sealed("one"));
    commit(&store, 1, &["a"]).await;
    store.stop().await;
    drop(store);
    let older = disk.bytes_of(KEYRING);
    let store = open_on(&seam, &rotated(&["two", "one"]));
    commit(&store, 2, &["a"]).await;
    store.stop().await;
    drop(store);
    // The last entry of segment 2 goes to the end of segment 1.
    let second = disk.bytes_of("log/0000000002.log");
    let catalogue = entry::head(&second, Position { segment: 2, offset: 0 }).unwrap();
    let mut frame = second[catalogue.entry_len()..].to_vec();
    let first = disk.open("log/0000000001.log").unwrap();
    let end = first.len().unwrap();
    entry::seal(&mut frame, Position { segment: 1, offset: end as u32 });
    first.write_at(&frame, end).unwrap();
    first.sync().unwrap();
    disk.remove("log/0000000002.log").unwrap();
    for copy in [KEYRING, BACKUP] {
        seam.replace("", copy, &older).unwrap();
    }
    let before = files(&disk);
    assert_eq!(refused(&seam, &sealed("one")).code(), "data_folder_key_missing");
    assert!(files(&disk) == before, "the folder was changed");
}

#[tokio::test]
async fn one_flipped_bit_anywhere_in_a_sealed_segment_costs_at_most_its_entry() {
    let (whole, seam) = disk();
    let store = open_on(&seam, &sealed("one"));
    for number in 0..6 {
        commit(&store, number, &["a"]).await;
    }
    store.stop().await;
    drop(store);
    let segment = "log/0000000001.log";
    for byte in 0..whole.bytes_of(segment).len() {
        let disk = whole.after_power_cut(0);
        disk.flip(segment, byte, (byte % 8) as u8);
        let seam: Arc<dyn Disk> = Arc::new(disk);
        let store = open_on(&seam, &sealed("one"));
        let found = numbers(&store, "a").await;
        let quarantined = store.metrics().quarantined;
        let lost = 6 - found.len() as u64;
        assert!(lost <= 1 && lost <= quarantined && quarantined <= 1, "byte {byte}: {found:?}");
    }
}

#[tokio::test]
async fn a_key_holder_that_does_not_answer_is_no_wrong_key() {
    struct Silent;
    impl crate::KeyWrap for Silent {
        fn name(&self) -> &str {
            "one"
        }
        fn wrap_key(&self, _: &[u8; 32], _: &[u8]) -> Result<Vec<u8>, crate::WrapFault> {
            Err(crate::WrapFault::Unavailable("permission denied".into()))
        }
        fn unwrap_key(
            &self,
            _: &[u8],
            _: &[u8],
        ) -> Result<zeroize::Zeroizing<[u8; 32]>, crate::WrapFault> {
            Err(crate::WrapFault::Unavailable("permission denied".into()))
        }
    }
    let (_, seam) = disk();
    let silent = StoreConfig { encryption: Some(Encryption::new(Arc::new(Silent))), ..config("") };
    let fault = refused(&seam, &silent);
    assert_eq!(fault.code(), "data_folder_key_unavailable");
    assert!(fault.to_string().contains("permission denied"), "{fault}");
    drop(open_on(&seam, &sealed("one")));
    assert_eq!(refused(&seam, &silent).code(), "data_folder_key_unavailable");
}

#[test]
fn a_configuration_shows_the_names_of_its_keys_and_nothing_else() {
    let shown = format!("{:?}", rotated(&["two", "one"]));
    assert!(shown.contains("seal_with: \"two\", open_also: [\"one\"]"), "{shown}");
}
