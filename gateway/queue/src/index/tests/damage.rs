//! Damaged files: `open` says so, or every arrival that is found is one that was listed.

use proptest::prelude::*;
use sluicegate_core::queue::{Item, Place, QueueNumber};

use super::world::*;
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::index::file::index_name;
use crate::index::{Indexes, Opened};

/// Loads all there is: how many arrivals were found, how many slots are damaged.
fn load_all(indexes: &Indexes, all: &[(QueueNumber, Item)]) -> (usize, u64) {
    let (mut found, mut damaged) = (0, 0);
    for (queue, level) in lanes() {
        let wish = wish(level, Place::START, END, usize::MAX);
        let loaded = indexes.load(queue, &wish).unwrap();
        assert!(!loaded.more);
        let right = naive(all, queue, &wish);
        assert!(loaded.items.iter().all(|item| right.contains(item)), "{queue:?} {level}");
        if loaded.damaged == 0 {
            assert_eq!(loaded.items, right);
        }
        found += loaded.items.len();
        damaged += loaded.damaged;
    }
    (found, damaged)
}

fn saved(count: usize) -> (SimulatedDisk, Vec<(QueueNumber, Item)>) {
    let (disk, indexes) = simulated();
    let all = arrivals(11, count);
    list(&indexes, &all, &keys(11, 3));
    indexes.save(SEGMENT).unwrap();
    (disk, all)
}

fn overwrite(disk: &SimulatedDisk, bytes: &[u8]) {
    let file = disk.open(&index_name(SEGMENT)).unwrap();
    file.set_len(0).unwrap();
    file.write_at(bytes, 0).unwrap();
    file.sync().unwrap();
}

#[test]
fn every_flipped_byte_is_seen_before_a_wrong_arrival_is_found() {
    let (disk, all) = saved(60);
    let len = disk.bytes_of(&index_name(SEGMENT)).len();
    let (mut damaged_files, mut damaged_blocks, mut damaged_keys) = (0, 0, 0);
    for at in 0..len {
        let bit = (at % 8) as u8;
        disk.flip(&index_name(SEGMENT), at, bit);
        let indexes = reopened(&disk);
        match indexes.open(SEGMENT).unwrap() {
            Opened::Damaged => damaged_files += 1,
            Opened::Missing => panic!("byte {at}: it is there"),
            Opened::Sound => {
                let (found, damaged) = load_all(&indexes, &all);
                assert_eq!(found as u64 + damaged, all.len() as u64, "byte {at}");
                damaged_blocks += u64::from(damaged > 0);
                let keys = indexes.keys(SEGMENT);
                damaged_keys += u64::from(keys.is_err());
                assert!(damaged > 0 || keys.is_err(), "byte {at} belongs to something");
            }
        }
        disk.flip(&index_name(SEGMENT), at, bit);
    }
    assert!(damaged_files > 50 && damaged_blocks > 500 && damaged_keys == 3 * 32 + 8);
    assert_eq!(damaged_files + damaged_blocks + damaged_keys, len as u64);
    let indexes = reopened(&disk);
    assert_eq!(indexes.open(SEGMENT).unwrap(), Opened::Sound);
    assert_eq!(load_all(&indexes, &all), (all.len(), 0));
}

#[test]
fn a_block_that_is_damaged_later_is_passed_over_and_the_rest_is_found() {
    let (disk, all) = saved(5000);
    let indexes = reopened(&disk);
    assert_eq!(indexes.open(SEGMENT).unwrap(), Opened::Sound);
    disk.flip(&index_name(SEGMENT), 100, 0);
    let first_block = all.len() as u64 - 512;
    assert_eq!(load_all(&indexes, &all), (first_block as usize, 512));
    // A wish that begins in the damaged block still gives what comes after it.
    let first = wish(0, Place::START, END, 1);
    let loaded = indexes.load(QueueNumber(0), &first).unwrap();
    let rest = &naive(&all, QueueNumber(0), &first)[512..];
    assert_eq!((loaded.damaged, loaded.items.as_slice(), loaded.more), (512, rest, false));
}

#[test]
fn a_file_of_another_length_is_damaged() {
    let (disk, _) = saved(40);
    let bytes = disk.bytes_of(&index_name(SEGMENT));
    for len in 0..bytes.len() {
        overwrite(&disk, &bytes[..len]);
        assert_eq!(reopened(&disk).open(SEGMENT).unwrap(), Opened::Damaged, "{len} bytes");
    }
    overwrite(&disk, &[&bytes[..], &[0]].concat());
    assert_eq!(reopened(&disk).open(SEGMENT).unwrap(), Opened::Damaged);
    disk.rename(&index_name(SEGMENT), &index_name(8)).unwrap();
    assert_eq!(reopened(&disk).open(8).unwrap(), Opened::Damaged, "it is that of another segment");
    assert_eq!(reopened(&disk).open(SEGMENT).unwrap(), Opened::Missing);
}

#[test]
fn a_file_that_is_cut_while_it_is_known_gives_no_wrong_arrival() {
    let (disk, all) = saved(60);
    let bytes = disk.bytes_of(&index_name(SEGMENT));
    let indexes = reopened(&disk);
    assert_eq!(indexes.open(SEGMENT).unwrap(), Opened::Sound);
    overwrite(&disk, &bytes[..200]);
    let (found, damaged) = load_all(&indexes, &all);
    assert_eq!(found as u64 + damaged, all.len() as u64);
    assert!(damaged > 0);
}

proptest! {
    #[test]
    fn noise_is_damaged_and_never_a_panic(noise: Vec<u8>) {
        let (disk, _) = saved(1);
        overwrite(&disk, &noise);
        prop_assert_eq!(reopened(&disk).open(SEGMENT).unwrap(), Opened::Damaged);
    }

    /// Bytes that pass every checksum and still make no sense: the decoders see them.
    #[test]
    fn a_wrong_directory_with_right_checksums_never_panics(at: usize, byte: u8, cut: usize) {
        let (disk, _) = saved(700);
        let mut bytes = disk.bytes_of(&index_name(SEGMENT));
        let footer = bytes.len() - 24;
        let directory = u64::from_le_bytes(bytes[footer..footer + 8].try_into().unwrap()) as usize;
        bytes[directory + at % (footer - directory)] = byte;
        bytes.drain(footer - cut % 3..footer);
        let footer = bytes.len() - 24;
        let crc = crc32c::crc32c(&bytes[directory..footer]).to_le_bytes();
        bytes[footer + 8..footer + 12].copy_from_slice(&crc);
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..8]), &bytes[footer..footer + 16]);
        bytes[footer + 16..footer + 20].copy_from_slice(&crc.to_le_bytes());
        overwrite(&disk, &bytes);
        let indexes = reopened(&disk);
        if indexes.open(SEGMENT).unwrap() == Opened::Sound {
            for (queue, level) in lanes() {
                indexes.load(queue, &wish(level, Place::START, END, usize::MAX)).unwrap();
            }
            // Whether they are found or damaged: either is an answer.
            let _ = indexes.keys(SEGMENT);
        }
    }
}
