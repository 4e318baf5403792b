//! Every byte of a small folder, flipped in turn.

use std::sync::Arc;

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::forensics::{Health, Severity, Stopped, What, repair_stopped};
use crate::tests::world::*;
use crate::{Store, StoreConfig};

#[tokio::test]
async fn a_folder_as_it_was_written_is_sound() {
    let disk = folder(&small()).await;
    let report = verified(&disk);
    assert_eq!(report.findings, []);
    assert_eq!(report.health(), Health::Sound);
    let seam: Arc<dyn Disk> = Arc::new(disk.after_power_cut(0));
    let store = open_on(&seam, &small());
    let served = served(&store).await;
    for queue in report.queues.unwrap() {
        let there = served.iter().filter(|(name, _)| *name == queue.name).count() as u64;
        assert_eq!((queue.readable, queue.unreadable), (there, 0), "{}", queue.name);
    }
    assert!(served.len() > 15, "{served:?}");
}

#[tokio::test]
async fn one_flipped_bit_anywhere_costs_at_most_its_entry_and_is_reported() {
    let all =
        ["settings", "settings.copy", "checkpoints/", "format", "log/", "queues", "format.copy"];
    let lost = flip_every_byte(&folder(&small()).await, &small(), &all, &[]).await;
    assert!(lost > 1000, "{lost}");
}

#[tokio::test]
async fn one_flipped_bit_anywhere_in_a_sealed_folder_costs_at_most_its_entry_and_is_reported() {
    let config = sealed_by(small(), "one");
    let all = ["keyring", "keyring.bak", "checkpoints/", "format", "log/", "queues", "format.copy"];
    let lost = flip_every_byte(&folder(&config).await, &config, &all, &[]).await;
    assert!(lost > 1000, "{lost}");
}

#[tokio::test]
async fn one_flipped_bit_in_the_keys_of_a_deleted_segment_costs_no_event_and_is_reported() {
    let whole = old_folder(&small()).await;
    let others = ["", "log/", "checkpoints/"];
    assert_eq!(flip_every_byte(&whole, &small(), &["keys/"], &others).await, 0);
}

/// Flips a bit of every byte in turn, of all files but those in the folders `not_in`; `kinds`
/// begin the names of some that must be there. Returns how often an event was lost.
async fn flip_every_byte(
    whole: &SimulatedDisk,
    config: &StoreConfig,
    kinds: &[&str],
    not_in: &[&str],
) -> u64 {
    let mut files = files(whole);
    let folder = |file: &str| file.rfind('/').map_or(0, |end| end + 1);
    files.retain(|(file, _)| !not_in.contains(&&file[..folder(file)]));
    for kind in kinds {
        assert!(files.iter().any(|(file, _)| file.starts_with(kind)), "no {kind}");
    }
    let seam: Arc<dyn Disk> = Arc::new(whole.after_power_cut(0));
    let healthy = served(&open_on(&seam, config)).await;
    let mut lost_once = 0;
    for (file, len) in files {
        // The ballast is megabytes of zeros: some of them are as good as all.
        let step = if file == "ballast" { (len / 7).max(1) } else { 1 };
        for byte in (0..len).step_by(step) {
            let what = format!("{file}, byte {byte} of {len}");
            let disk = whole.after_power_cut(0);
            disk.flip(&file, byte, (byte % 8) as u8);
            let report = verified_with(&disk, config.encryption.clone());
            assert!(!report.findings.is_empty(), "{what}: not reported");
            let seam: Arc<dyn Disk> = Arc::new(disk);
            let store = open_on(&seam, config);
            let there = served(&store).await;
            let mut lost: Vec<u64> =
                healthy.difference(&there).map(|(_, number)| *number).collect();
            lost.dedup();
            lost.sort_unstable();
            lost.dedup();
            assert!(lost.len() <= 1, "{what}: lost {lost:?}");
            let again = there.difference(&healthy).count();
            assert!(again <= 2, "{what}: {again} were settled and are served");
            if lost.is_empty() {
                continue;
            }
            lost_once += 1;
            assert!(file.ends_with(".log"), "{what}: lost {lost:?}");
            assert_eq!(report.health(), Health::Lost, "{what}: {:?}", report.findings);
        }
    }
    lost_once
}

#[tokio::test]
async fn what_is_repaired_serves_the_same_and_needs_no_second_repair() {
    let whole = folder(&small()).await;
    for (file, len) in files(&whole) {
        let step = if file == "ballast" { len / 2 } else { 61 };
        for byte in (0..len).step_by(step) {
            let what = format!("{file}, byte {byte} of {len}");
            let disk = whole.after_power_cut(0);
            disk.flip(&file, byte, (byte % 8) as u8);
            let seam: Arc<dyn Disk> = Arc::new(disk.after_power_cut(0));
            let store = Store::open_on(seam, &small(), wall_clock()).unwrap();
            let unrepaired = served(&store).await;
            let stopped = || {
                let seam: Arc<dyn Disk> = Arc::new(disk.clone());
                Stopped::on(seam, &options(None), None).unwrap()
            };
            let dry = repair_stopped(look(&disk), &mut |_| {}).unwrap();
            let repaired = repair_stopped(stopped(), &mut |_| {}).unwrap();
            assert_eq!(dry.actions, repaired.actions, "{what}");
            assert_eq!(dry.after.findings, repaired.after.findings, "{what}");
            assert!(repaired.after.health() <= repaired.before.health(), "{what}");
            assert_eq!(repaired.after, verified(&disk), "{what}");
            // What is lost stays lost, be it only a letter.
            let lost = repaired.before.findings.iter().any(|finding| {
                finding.severity == Severity::Lost || finding.what == What::UnreadableLetters
            });
            if !lost {
                assert_eq!(repaired.after.health(), Health::Sound, "{what}: {:#?}", repaired.after);
            }
            let record = repaired.record.map(|record| disk.bytes_of(&record));
            assert_eq!(record.is_some(), !repaired.actions.is_empty(), "{what}");
            let second = repair_stopped(stopped(), &mut |_| {}).unwrap();
            assert_eq!(second.actions, [], "{what}");
            let seam: Arc<dyn Disk> = Arc::new(disk);
            let store = open_on(&seam, &small());
            assert_eq!(served(&store).await, unrepaired, "{what}");
        }
    }
}
