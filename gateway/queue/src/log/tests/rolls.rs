//! From one segment to the next.

use std::sync::Arc;

use super::world::*;
use crate::disk::simulated::{Random, SimulatedDisk};
use crate::disk::{Disk, DiskFile};
use crate::log::{LogFault, Use, remove_unused, segment_name};

/// More than three segments of entries.
const ENTRIES: u64 = 220;

/// Appends as the writer does; `ahead`: the depot works after every entry. Returns how many
/// entries were durable when the power went off.
fn life(disk: &SimulatedDisk, from: u64, ahead: bool) -> u64 {
    let Ok(mut rig) = Rig::start(disk) else { return from };
    for number in from..from + ENTRIES {
        if rig.append(number, Use::Commit).is_err() {
            return number;
        }
        if ahead {
            rig.work();
        }
    }
    // Whether the end succeeds makes no difference to what was durable before.
    let _ = rig.log.seal();
    from + ENTRIES
}

#[test]
fn the_next_segment_is_there_before_it_is_needed_and_the_old_one_is_cut_after() {
    let disk = SimulatedDisk::new();
    let mut rig = Rig::start(&disk).unwrap();
    rig.append(0, Use::Commit).unwrap();
    assert_eq!(disk.list("log").unwrap(), ["0000000001.log"]);
    rig.work();
    assert_eq!(disk.list("log").unwrap(), ["0000000001.log", "0000000002.log"]);
    assert_eq!(disk.list("").unwrap(), ["ballast"]);
    let mut last = 0;
    while rig.log.segment() == 1 {
        last += 1;
        rig.append(last, Use::Commit).unwrap();
    }
    let first = disk.open(&segment_name(1)).unwrap();
    assert_eq!(first.len().unwrap(), SEGMENT, "not yet cut");
    rig.work();
    assert!(first.len().unwrap() > SEGMENT - 2000 && first.len().unwrap() < SEGMENT);
    assert_eq!(rig.segments.newest(), 2);
    assert_all(&disk, last + 1);
    rig.log.seal().unwrap();
    assert_eq!(disk.list("log").unwrap(), ["0000000001.log", "0000000002.log"], "no third");
    let second = disk.open(&segment_name(2)).unwrap();
    assert_eq!(second.len().unwrap(), disk.bytes_of(&segment_name(2)).len() as u64);
    assert!(second.len().unwrap() < 2000);
    assert_eq!(remove_unused(&disk).unwrap(), 0);
}

#[test]
fn a_power_cut_at_any_step_of_rolls_loses_nothing_that_was_flushed() {
    for ahead in [false, true] {
        let disk = SimulatedDisk::new();
        assert_eq!(life(&disk, 0, ahead), ENTRIES);
        assert_all(&disk, ENTRIES);
        let steps = disk.steps();
        for step in 1..=steps {
            let disk = SimulatedDisk::new();
            disk.die_at(step);
            let flushed = life(&disk, 0, ahead);
            let after = disk.after_power_cut(step);
            remove_unused(&after).unwrap();
            check(&after, flushed, &format!("ahead {ahead}, step {step}"));
            let mut rig = Rig::start(&after).unwrap();
            rig.append(1000, Use::Commit).unwrap();
            assert_eq!(entries(&after)[&1000], 1);
        }
    }
}

#[test]
fn power_cuts_in_life_after_life_lose_nothing() {
    let mut random = Random(17);
    for world in 0..30 {
        let (mut disk, mut from) = (SimulatedDisk::new(), 0);
        let mut flushed = Vec::new();
        for _ in 0..4 {
            disk.die_at(1 + random.below(500));
            let end = life(&disk, from, random.below(2) == 0);
            flushed.extend(from..end);
            from += ENTRIES + 1;
            disk = disk.after_power_cut(random.below(u64::MAX));
        }
        remove_unused(&disk).unwrap();
        let found = entries(&disk);
        for number in &flushed {
            assert_eq!(found.get(number), Some(&1), "world {world}: entry {number}");
        }
        assert!(found.values().all(|count| *count == 1));
    }
}

fn check(disk: &SimulatedDisk, flushed: u64, what: &str) {
    let found = entries(disk);
    for number in 0..flushed {
        assert_eq!(found.get(&number), Some(&1), "{what}: entry {number}");
    }
    // The one that was on its way is there once or not.
    assert!(found.len() as u64 <= flushed + 1, "{what}: {} entries", found.len());
}

#[test]
fn only_segments_of_zeros_at_the_end_are_taken_for_unused() {
    let disk = SimulatedDisk::new();
    for (number, bytes) in [(1, None), (2, Some(1)), (3, None), (4, None)] {
        let file = disk.create(&segment_name(number), SEGMENT).unwrap();
        if let Some(byte) = bytes {
            file.write_at(&[byte], SEGMENT - 1).unwrap();
        }
    }
    assert_eq!(remove_unused(&disk).unwrap(), 2);
    assert_eq!(disk.list("log").unwrap(), ["0000000001.log", "0000000002.log"]);
    assert_eq!(remove_unused(&disk).unwrap(), 0);
}

#[test]
fn an_entry_larger_than_a_segment_gets_the_room_it_needs() {
    let disk = SimulatedDisk::new();
    let mut rig = Rig::start(&disk).unwrap();
    let large = frame(0, 3 * SEGMENT as usize);
    rig.log.append(&large, Use::Commit).unwrap();
    assert_eq!(rig.log.segment(), 1, "the first segment had no entry");
    rig.append(1, Use::Commit).unwrap();
    rig.log.append(&frame(2, 3 * SEGMENT as usize), Use::Settlement).unwrap();
    assert_eq!(rig.log.segment(), 3);
    rig.append(3, Use::Commit).unwrap();
    assert_all(&disk, 4);
}

#[test]
fn a_flush_that_fails_in_a_roll_is_a_fault_of_the_disk() {
    let disk = SimulatedDisk::new();
    let mut rig = Rig::start(&disk).unwrap();
    rig.work();
    rig.log.append(&frame(0, 40_000), Use::Commit).unwrap();
    disk.fail_flush_after(0);
    let fault = rig.log.append(&frame(1, 40_000), Use::Settlement).unwrap_err();
    assert!(matches!(fault, LogFault::Disk(_)), "{fault}");
    assert_eq!(rig.log.segment(), 1);
}

#[test]
fn a_segment_that_cannot_be_made_is_a_fault_of_the_disk() {
    let disk = SimulatedDisk::new();
    let mut rig = Rig::start(&disk).unwrap();
    let intruder: Arc<dyn DiskFile> = disk.create(&segment_name(2), 0).unwrap();
    intruder.write_at(b"not ours", 0).unwrap();
    rig.log.append(&frame(0, 40_000), Use::Commit).unwrap();
    let fault = rig.log.append(&frame(1, 40_000), Use::Settlement).unwrap_err();
    assert!(matches!(fault, LogFault::Disk(_)), "{fault}");
    assert_eq!(disk.bytes_of(&segment_name(2)), b"not ours");
}
