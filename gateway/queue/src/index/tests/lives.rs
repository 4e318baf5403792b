//! An index from its beginning to its removal.

use std::io;
use std::sync::Arc;

use sluicegate_core::queue::{Place, QueueNumber, Wish};

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::index::file::index_name;
use crate::index::{Draft, Indexes, Opened};

/// Every arrival of every lane, as often as the index says that there is more.
fn count(indexes: &Indexes) -> usize {
    let all = |(queue, level)| {
        let wish = wish(level, Place::START, END, usize::MAX);
        indexes.load(queue, &wish).unwrap().items.len()
    };
    lanes().map(all).sum()
}

#[test]
fn a_power_cut_at_any_step_of_a_save_leaves_a_sound_file_or_none() {
    let all = arrivals(2, 700);
    let mut sound = 0;
    for step in 1..=8 {
        let (disk, indexes) = simulated();
        list(&indexes, &all, &[]);
        disk.die_at(step);
        let saved = indexes.save(SEGMENT);
        for seed in 0..8 {
            let after = reopened(&disk.after_power_cut(seed));
            let opened = after.open(SEGMENT).unwrap();
            assert_ne!(opened, Opened::Damaged, "step {step}, seed {seed}");
            assert!(saved.is_err() || opened == Opened::Sound, "step {step}, seed {seed}");
            if opened == Opened::Sound {
                assert_eq!(count(&after), all.len());
                sound += 1;
            }
        }
    }
    assert!((8..64).contains(&sound), "{sound}");
}

#[test]
fn a_save_that_fails_leaves_the_index_in_memory_to_be_saved_again() {
    let (disk, indexes) = simulated();
    let all = arrivals(4, 700);
    list(&indexes, &all, &[]);
    disk.leave_room(0);
    assert_eq!(indexes.save(SEGMENT).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(count(&indexes), all.len());
    disk.leave_room(1 << 30);
    indexes.save(SEGMENT).unwrap();
    indexes.save(SEGMENT).unwrap();
    assert_eq!(count(&indexes), all.len());
    assert_eq!(reopened(&disk).open(SEGMENT).unwrap(), Opened::Sound);
}

#[test]
fn an_index_that_is_made_again_takes_the_place_of_the_one_before() {
    let (disk, indexes) = simulated();
    list(&indexes, &arrivals(5, 900), &[]);
    indexes.save(SEGMENT).unwrap();
    disk.flip(&index_name(SEGMENT), 20, 3);
    assert!(count(&indexes) < 900);
    let all = arrivals(5, 900);
    let mut draft = Draft::new(SEGMENT);
    draft.list(&all, &[]);
    indexes.adopt(draft);
    assert_eq!(count(&indexes), 900);
    indexes.save(SEGMENT).unwrap();
    assert_eq!(count(&indexes), 900);
    assert_eq!(reopened(&disk).open(SEGMENT).unwrap(), Opened::Sound);
}

#[test]
fn a_segment_that_is_removed_or_was_never_known_is_not_found() {
    let (disk, indexes) = simulated();
    let wish = wish(0, Place::START, END, 1);
    let unknown = indexes.load(QueueNumber(0), &wish).unwrap_err();
    assert_eq!(unknown.kind(), io::ErrorKind::NotFound);
    assert_eq!(indexes.save(SEGMENT).unwrap_err().kind(), io::ErrorKind::NotFound);
    list(&indexes, &arrivals(6, 10), &[]);
    indexes.save(SEGMENT).unwrap();
    indexes.remove(SEGMENT).unwrap();
    assert!(indexes.summary(SEGMENT).is_none());
    assert_eq!(indexes.load(QueueNumber(0), &wish).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(disk.list("log").unwrap(), Vec::<String>::new());
    indexes.remove(SEGMENT).unwrap();
}

#[test]
fn more_segments_than_directories_are_kept_are_all_served() {
    let (disk, indexes) = simulated();
    for segment in 1..=40_u32 {
        let mut all = arrivals(u64::from(segment), 30);
        for (_, item) in &mut all {
            item.id.position = item.id.position & 0xffff_ffff | u64::from(segment) << 32;
        }
        indexes.begin(segment);
        indexes.list(segment, &all, &[]);
        indexes.save(segment).unwrap();
    }
    let after = reopened(&disk);
    for segment in 1..=40 {
        assert_eq!(after.open(segment).unwrap(), Opened::Sound);
    }
    for indexes in [&indexes, &after] {
        for segment in 1..=40 {
            let wish = |level| Wish { segment, ..wish(level, Place::START, END, 1000) };
            let found: usize = lanes()
                .map(|(queue, level)| indexes.load(queue, &wish(level)).unwrap().items.len())
                .sum();
            assert_eq!(found, 30, "segment {segment}");
        }
    }
}

#[test]
fn owners_load_while_the_writer_lists_and_saves() {
    let seam: Arc<dyn Disk> = Arc::new(SimulatedDisk::new());
    let indexes = Indexes::new(seam);
    let all = arrivals(8, 30_000);
    indexes.begin(SEGMENT);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for batch in all.chunks(50) {
                indexes.list(SEGMENT, batch, &[]);
            }
            indexes.save(SEGMENT).unwrap();
        });
        for queue in (0..QUEUES).map(QueueNumber) {
            let (indexes, all) = (&indexes, &all);
            scope.spawn(move || {
                let right = naive(all, queue, &wish(1, Place::START, END, 1));
                let (mut found, mut after) = (0, Place::START);
                // The bound is only there so that a fault ends the test.
                for _ in 0..10_000_000_u64 {
                    let loaded = indexes.load(queue, &wish(1, after, END, 600)).unwrap();
                    assert_eq!(loaded.items, right[found..found + loaded.items.len()]);
                    found += loaded.items.len();
                    after = loaded.items.last().map_or(after, |item| item.id);
                    if found == right.len() {
                        return;
                    }
                }
                panic!("only {found} of {} were found", right.len());
            });
        }
        writer.join().unwrap();
    });
}
