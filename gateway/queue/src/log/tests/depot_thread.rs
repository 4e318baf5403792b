//! The depot with a thread of its own.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::log::{LogFault, Use, remove_unused, spawn_depot};

const PATIENCE: Duration = Duration::from_secs(20);

fn manned(disk: &SimulatedDisk) -> (Rig, JoinHandle<()>) {
    let rig = Rig::start(disk).unwrap();
    let thread = spawn_depot(Arc::clone(&rig.depot)).unwrap();
    (rig, thread)
}

#[test]
fn many_rolls_take_what_the_thread_makes_and_it_ends_with_the_log() {
    let disk = SimulatedDisk::new();
    let (mut rig, thread) = manned(&disk);
    for number in 0..2000 {
        rig.append(number, Use::Commit).unwrap();
    }
    assert!(rig.log.segment() > 25);
    rig.log.seal().unwrap();
    thread.join().unwrap();
    remove_unused(&disk).unwrap();
    assert_eq!(disk.list("log").unwrap().len(), rig.log.segment() as usize);
    assert_all(&disk, 2000);
}

#[test]
fn commits_that_a_full_disk_refused_go_on_by_themselves() {
    let disk = SimulatedDisk::new();
    disk.leave_room(SEGMENT + BALLAST + SEGMENT / 2);
    let (mut rig, thread) = manned(&disk);
    let mut number = rig.fill(0, Use::Commit);
    while rig.log.segment() == 1 {
        rig.append(number, Use::Settlement).unwrap();
        number += 1;
    }
    disk.leave_room(10 * SEGMENT);
    let deadline = Instant::now() + PATIENCE;
    while let Err(fault) = rig.append(number, Use::Commit) {
        assert!(matches!(fault, LogFault::Full), "{fault}");
        assert!(Instant::now() < deadline, "the depot never looked again");
        std::thread::yield_now();
    }
    assert_all(&disk, number + 1);
    drop(rig);
    thread.join().unwrap();
}

#[test]
fn a_log_that_is_dropped_ends_the_thread_and_what_was_not_used_goes_at_the_next_start() {
    let disk = SimulatedDisk::new();
    let (mut rig, thread) = manned(&disk);
    rig.append(0, Use::Commit).unwrap();
    drop(rig);
    thread.join().unwrap();
    remove_unused(&disk).unwrap();
    assert_eq!(disk.list("log").unwrap(), ["0000000001.log"]);
    assert_all(&disk, 1);
}
