//! A disk that is full: commits are refused, settlements go on, and commits go on again when
//! there is space. Nothing of it poisons.

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::log::{LogFault, Use, remove_unused, segment_name};

/// A log with its ballast, on a disk where no second segment can be made.
fn crowded() -> Rig {
    let disk = SimulatedDisk::new();
    disk.leave_room(2 * SEGMENT + BALLAST);
    let rig = Rig::start(&disk).unwrap();
    let others = disk.create("others", SEGMENT / 2).unwrap();
    others.sync().unwrap();
    rig
}

/// Somebody deletes files.
fn space_comes_back(rig: &Rig) {
    rig.disk.remove("others").unwrap();
    rig.disk.leave_room(10 * SEGMENT);
    rig.depot.look_again();
}

#[test]
fn without_a_next_segment_commits_leave_the_last_part_to_settlements() {
    let mut rig = crowded();
    let refused = rig.fill(0, Use::Commit);
    let written = rig.disk.bytes_of(&segment_name(1)).len() as u64;
    assert!(written <= SEGMENT - RESERVE && written > SEGMENT - RESERVE - 1100, "{written}");
    assert!(rig.depot.full());
    rig.depot.look_again();
    assert!(rig.depot.full(), "to look is not to find");
    for number in refused..refused + 10 {
        rig.append(number, Use::Settlement).unwrap();
        let fault = rig.append(9999, Use::Commit).unwrap_err();
        assert!(matches!(fault, LogFault::Full), "{fault}");
    }
    assert_eq!(rig.log.segment(), 1);
    assert_eq!(rig.disk.list("").unwrap(), ["ballast", "others"]);
    assert_all(&rig.disk, refused + 10);
}

#[test]
fn when_the_segment_is_full_too_the_ballast_becomes_one_for_settlements() {
    let mut rig = crowded();
    let refused = rig.fill(0, Use::Commit);
    let mut number = refused;
    while rig.log.segment() == 1 {
        rig.append(number, Use::Settlement).unwrap();
        number += 1;
    }
    assert_eq!(rig.disk.list("").unwrap(), ["others"], "the ballast is given up");
    assert_eq!(rig.disk.open(&segment_name(2)).unwrap().len().unwrap(), BALLAST);
    assert!(matches!(rig.append(9999, Use::Commit), Err(LogFault::Full)));
    // The old segment is cut, so there is a little space: as small segments, that is used too.
    let end = rig.fill(number, Use::Settlement);
    assert!(end - number >= BALLAST / 1100, "{}", end - number);
    assert!(matches!(rig.append(9999, Use::Settlement), Err(LogFault::Full)));
    assert_all(&rig.disk, end);
}

#[test]
fn commits_go_on_and_the_ballast_is_there_again_when_space_comes_back() {
    for settlements in [0, 10, 30] {
        let mut rig = crowded();
        let refused = rig.fill(0, Use::Commit);
        for number in refused..refused + settlements {
            rig.append(number, Use::Settlement).unwrap();
        }
        let before = rig.log.segment();
        space_comes_back(&rig);
        let end = refused + settlements + 40;
        for number in refused + settlements..end {
            rig.append(number, Use::Commit).unwrap();
        }
        assert!(!rig.depot.full());
        assert!(rig.log.segment() > before);
        assert_eq!(rig.disk.list("").unwrap(), ["ballast"]);
        assert_all(&rig.disk, end);
    }
}

#[test]
fn a_log_starts_on_a_full_disk_from_its_ballast() {
    let mut rig = crowded();
    let end = rig.fill(0, Use::Commit);
    let disk = rig.disk.clone();
    drop(rig);
    disk.leave_room(0);
    let mut rig = Rig::start(&disk).unwrap();
    assert_eq!(disk.list("").unwrap(), ["others"]);
    assert!(matches!(rig.append(9999, Use::Commit), Err(LogFault::Full)));
    rig.append(end, Use::Settlement).unwrap();
    assert_all(&disk, end + 1);
    drop(rig);
    let Err(fault) = Rig::start(&disk) else { panic!("there is no room for a segment") };
    assert!(matches!(fault, LogFault::Full), "{fault}");
    // What recovery cuts off the last segment is enough for a start.
    let used = disk.bytes_of(&segment_name(2)).len() as u64;
    disk.open(&segment_name(2)).unwrap().set_len(used).unwrap();
    let mut rig = Rig::start(&disk).unwrap();
    rig.append(end + 1, Use::Settlement).unwrap();
    assert_all(&disk, end + 2);
}

#[test]
fn an_entry_for_which_there_is_no_room_is_refused_alone() {
    let disk = SimulatedDisk::new();
    disk.leave_room(3 * SEGMENT + BALLAST);
    let mut rig = Rig::start(&disk).unwrap();
    rig.append(0, Use::Commit).unwrap();
    let large = frame(9999, 20 * SEGMENT as usize);
    for usage in [Use::Commit, Use::Settlement] {
        assert!(matches!(rig.log.append(&large, usage), Err(LogFault::Full)));
    }
    rig.append(1, Use::Commit).unwrap();
    rig.append(2, Use::Settlement).unwrap();
    assert_all(&disk, 3);
}

/// The whole story; returns how many entries were flushed when the power went off.
fn story(disk: &SimulatedDisk) -> u64 {
    let Ok(mut rig) = Rig::start(disk) else { return 0 };
    rig.work();
    let mut flushed = 0;
    for number in 0..160 {
        if number == 120 {
            disk.leave_room(10 * SEGMENT);
            rig.depot.look_again();
        }
        match rig.append(number, Use::Commit) {
            Ok(()) => flushed = number + 1,
            Err(LogFault::Full) => match rig.append(number, Use::Settlement) {
                Ok(()) => flushed = number + 1,
                Err(_) => return flushed,
            },
            Err(LogFault::Disk(_)) => return flushed,
        }
    }
    flushed
}

#[test]
fn a_power_cut_at_any_step_on_a_full_disk_loses_nothing_that_was_flushed() {
    let room = SEGMENT + BALLAST + SEGMENT / 2;
    let disk = SimulatedDisk::new();
    disk.leave_room(room);
    assert_eq!(story(&disk), 160);
    assert_all(&disk, 160);
    assert!(disk.list("log").unwrap().len() >= 4, "{:?}", disk.list("log"));
    for step in 1..=disk.steps() {
        let disk = SimulatedDisk::new();
        disk.leave_room(room);
        disk.die_at(step);
        let flushed = story(&disk);
        let after = disk.after_power_cut(step);
        remove_unused(&after).unwrap();
        let found = entries(&after);
        for number in 0..flushed {
            assert_eq!(found.get(&number), Some(&1), "step {step}: entry {number}");
        }
        assert!(found.len() as u64 <= flushed + 1, "step {step}");
        let mut rig = Rig::start(&after).unwrap();
        rig.append(1000, Use::Commit).unwrap();
        rig.work();
        assert!(after.list("").unwrap().contains(&"ballast".to_owned()), "step {step}");
    }
}
