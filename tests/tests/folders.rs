//! Data folders as people and disks leave them: of another version, in use, read-only, with
//! something missing, cut, or strange. Each gives a clear error with its code, or a start that
//! serves everything that is there and says what is not.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::PathBuf;

use sluicegate_tests::config;
use sluicegate_tests::gateway::Gateway;
use sluicegate_tests::loop_disk::LoopDisk;
use sluicegate_tests::metrics;
use sluicegate_tests::senders::{PATH, delivery, number_of};
use sluicegate_tests::world::World;

/// Events of each life of a gateway; every life begins a segment of its own.
const EVENTS: usize = 5;

/// A world whose gateway has lived and stopped so many times.
fn lived(lives: usize) -> World {
    let world = World::new(&config::under_load());
    live(&world, lives);
    world
}

fn live(world: &World, lives: usize) {
    for life in 0..lives {
        let gateway = world.start();
        for number in life * EVENTS..(life + 1) * EVENTS {
            assert_eq!(gateway.deliver(PATH, &delivery(number)).status, 202);
        }
        assert_eq!(gateway.stop().code(), Some(0));
    }
}

fn events(lives: std::ops::Range<usize>) -> Vec<usize> {
    (lives.start * EVENTS..lives.end * EVENTS).collect()
}

/// The names in the folder of the log.
fn files(world: &World) -> BTreeSet<OsString> {
    let entries = fs::read_dir(world.path("data/log")).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

fn segment(world: &World, number: u32) -> PathBuf {
    world.path(&format!("data/log/{number:010}.log"))
}

/// Everything that lies in the queue, in order; and that the gateway takes new events.
#[track_caller]
fn served(gateway: &Gateway) -> Vec<usize> {
    let found: Vec<usize> =
        gateway.consumer().drain("inbox").iter().map(|one| number_of(&one.payload)).collect();
    assert_eq!(gateway.consumer().depth("inbox"), 0, "something is stuck");
    assert_eq!(gateway.deliver(PATH, &delivery(1_000_000)).status, 202);
    assert_eq!(gateway.consumer().take("inbox", 1).len(), 1);
    found
}

fn reports(gateway: &Gateway) -> f64 {
    metrics::value(gateway, "sluicegate_store_quarantined_total")
}

/// Fails the test unless the gateway refuses to start, in one line with this code. What it said.
#[track_caller]
fn refused(world: &World, code: &str) -> String {
    let output = world.run(&["run", &world.configuration().to_string_lossy()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    let last = said.lines().last().unwrap_or_default().to_owned();
    assert!(last.ends_with(&format!("[{code}]")), "{said}");
    assert!(said.contains("data"), "the folder is not named: {said}");
    last
}

#[test]
fn a_folder_of_another_version_is_refused_and_left_as_it_is() {
    let world = lived(1);
    let format = fs::read_to_string(world.path("data/format")).unwrap();
    let (before, all) = (fs::read(segment(&world, 1)).unwrap(), files(&world));
    world.write("data/format", "sluicegate-data\nversion 92\nkey of another form\n");
    let said = refused(&world, "data_folder_version");
    assert!(said.contains("format version 9"), "{said}");
    assert_eq!(fs::read(segment(&world, 1)).unwrap(), before);
    assert_eq!(files(&world), all);

    for damaged in ["", "something else\n", &format[..format.len() - 2]] {
        world.write("data/format", damaged);
        world.write("data/format.copy", damaged);
        refused(&world, "data_folder_version");
    }
    // One of two is enough.
    world.write("data/format", format);
    assert_eq!(served(&world.start()), events(0..1));
}

#[test]
fn a_folder_in_use_is_refused_even_when_its_lock_was_deleted() {
    let world = World::new(&config::under_load());
    let gateway = world.start();
    refused(&world, "data_folder_in_use");
    fs::remove_file(world.path("data/lock")).unwrap();
    refused(&world, "data_folder_in_use");
    assert_eq!(gateway.deliver(PATH, &delivery(0)).status, 202);
    gateway.kill();
    assert_eq!(served(&world.start()), [0]);
}

#[test]
fn a_read_only_disk_is_refused_with_its_cause_and_served_once_it_is_writable() {
    let mut disk = LoopDisk::new(256 << 20);
    let settings = "limits: { free_disk_min: 1MiB }";
    let world = World::new(&config::under_load_in(&disk.path("data"), settings));
    live(&world, 1);
    disk.make_read_only();
    let said = refused(&world, "data_folder_disk");
    assert!(said.contains("Read-only file system"), "{said}");
    disk.make_writable();
    assert_eq!(served(&world.start()), events(0..1));
}

#[test]
fn a_file_or_folder_in_the_place_of_another_is_named() {
    let world = lived(1);
    fs::create_dir(segment(&world, 7)).unwrap();
    let said = refused(&world, "data_folder_disk");
    assert!(said.contains("log/0000000007.log"), "{said}");
    fs::remove_dir(segment(&world, 7)).unwrap();
    assert_eq!(served(&world.start()), events(0..1));

    let world = World::new(&config::under_load());
    world.write("data", "not a folder");
    let said = refused(&world, "data_folder_disk");
    assert!(said.contains("make the data folder"), "{said}");
    assert_eq!(fs::read(world.path("data")).unwrap(), b"not a folder");
}

#[test]
fn without_a_segment_in_the_middle_the_others_are_served() {
    let world = lived(3);
    fs::remove_file(segment(&world, 2)).unwrap();
    let gateway = world.start();
    gateway.wait_for_log("a segment of the log is missing: its events are lost segment=2");
    assert!((reports(&gateway) - 1.0).abs() < 0.1, "{}", gateway.log());
    assert_eq!(served(&gateway), [events(0..1), events(2..3)].concat());
}

#[test]
fn a_newest_segment_that_was_cut_loses_what_was_cut_and_says_so() {
    let world = lived(2);
    let file = File::options().write(true).open(segment(&world, 2)).unwrap();
    file.set_len(file.metadata().unwrap().len() - 10).unwrap();
    let gateway = world.start();
    gateway.wait_for_log("log is damaged: set aside segment=2");
    assert!((reports(&gateway) - 1.0).abs() < 0.1, "{}", gateway.log());
    assert_eq!(fs::read_dir(world.path("data/quarantine")).unwrap().count(), 1);
    assert_eq!(served(&gateway), events(0..2)[..2 * EVENTS - 1]);
}

#[test]
fn an_empty_file_as_newest_segment_is_a_start_that_was_cut_short() {
    let world = lived(1);
    File::create(segment(&world, 2)).unwrap();
    let gateway = world.start();
    assert_eq!(served(&gateway), events(0..1));
    assert!(reports(&gateway) < 0.1, "{}", gateway.log());
}

#[test]
fn strange_files_in_the_folder_are_passed_over() {
    let world = lived(1);
    let strange =
        ["README", "log/notes", "log/0000000001.log.bak", "log/12.log", "log/-000000001.log"];
    for name in strange {
        world.write(&format!("data/{name}"), "what somebody put here");
    }
    world.write("data/backup/format", "a folder of somebody's");
    assert_eq!(served(&world.start()), events(0..1));
    for name in strange {
        let kept = fs::read(world.path(&format!("data/{name}"))).unwrap();
        assert_eq!(kept, b"what somebody put here", "{name}");
    }
}

#[test]
fn garbage_under_the_name_of_a_segment_is_set_aside_and_the_rest_is_served() {
    let world = lived(2);
    let garbage: Vec<u8> =
        (0..10_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 | 1).collect();
    for number in [1, 5] {
        fs::write(segment(&world, number), &garbage).unwrap();
    }
    let gateway = world.start();
    assert_eq!(served(&gateway), events(1..2));
    assert!(reports(&gateway) >= 2.0, "{}", gateway.log());
    let kept = fs::read_dir(world.path("data/quarantine")).unwrap();
    assert!(kept.map(|entry| fs::read(entry.unwrap().path()).unwrap()).any(|copy| copy == garbage));
}

#[test]
fn without_the_file_of_names_queues_keep_their_names() {
    let world = lived(2);
    fs::remove_file(world.path("data/queues")).unwrap();
    let gateway = world.start();
    assert_eq!(served(&gateway), events(0..2));
    assert!(world.path("data/queues").exists(), "it is made again");

    let world = lived(1);
    world.write("data/queues", "not what belongs here");
    let gateway = world.start();
    assert!((reports(&gateway) - 1.0).abs() < 0.1, "{}", gateway.log());
    assert_eq!(served(&gateway), events(0..1));
}

#[test]
fn without_the_format_file_everything_is_served_and_the_loss_is_said() {
    let world = lived(2);
    fs::remove_file(world.path("data/format")).unwrap();
    fs::remove_file(world.path("data/format.copy")).unwrap();
    let gateway = world.start();
    gateway.wait_for_log(r#"both copies are missing: they are made again files=["format""#);
    assert!((reports(&gateway) - 1.0).abs() < 0.1, "{}", gateway.log());
    // Keys of segments that are there are known all the same.
    assert_eq!(gateway.deliver(PATH, &delivery(0)).json()["duplicate"], true);
    assert_eq!(served(&gateway), events(0..2));
}

#[test]
fn a_half_deleted_folder_starts_with_what_is_there_and_says_what_is_missing() {
    let world = lived(1);
    fs::remove_dir_all(world.path("data/log")).unwrap();
    let gateway = world.start();
    gateway.wait_for_log("no segment of the log is there");
    // And once for the segment that the checkpoint knows of.
    gateway.wait_for_log("a segment of the log is missing: its events are lost segment=1");
    assert!((reports(&gateway) - 2.0).abs() < 0.1, "{}", gateway.log());
    assert!(served(&gateway).is_empty());
    drop(gateway);

    let world = lived(1);
    for gone in ["format", "format.copy", "queues", "lock"] {
        fs::remove_file(world.path(&format!("data/{gone}"))).unwrap();
    }
    for gone in ["keys", "quarantine"] {
        fs::remove_dir_all(world.path(&format!("data/{gone}"))).unwrap();
    }
    assert_eq!(served(&world.start()), events(0..1));
    let fresh = World::new(&config::under_load());
    assert!(reports(&fresh.start()) < 0.1, "a new folder has nothing to report");
}
