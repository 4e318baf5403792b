//! Every decoder on hundreds of thousands of inputs that are nearly right, the same in every run:
//! a seed says which. None panics, none asks for memory by a count that it has read,
//! and what is decoded is written and read back as the same.
//!
//! Checksums are made right after each mutation, so that what lies behind them is reached.

use bytes::Bytes;
use sluicegate_core::ids::{Digest, EventId};
use sluicegate_core::letter::{Cause, Failure, Letter};
use sluicegate_core::proof::{Dropped, Routed, Validated};
use sluicegate_core::queue::{
    Change, DropCause, Held, Item, LaneSnapshot, Lease, LeaseNumber, OrderKey, Place, Priority,
    QueueNumber, Run, Snapshot, SourceTag, Terms,
};
use sluicegate_core::queue::{Delivery, QueueNumber as Number};
use sluicegate_core::time::Timestamp;

use super::state::{frames_of, written};
use super::world::{config, event, name, routed, verdict};
use crate::Hold;
use crate::dedupe::KeyHash;
use crate::disk::simulated::Random;
use crate::format::bytes::Take;
use crate::format::checkpoint::{self, Marked};
use crate::format::commit::{self, Commit, Placed};
use crate::format::entry::{self, Kind, Position};
use crate::format::settings::{self, Settings};
use crate::format::{again, catalogue, changes, folder, item, keys, letter};

const INPUTS: usize = 200_000;
const SEED: u64 = 0x5eed_f022;
const AT: Position = Position { segment: 1, offset: 64 };

/// Hands mutations of these to a decoder, which says whether it took them for something. Some must
/// be taken and some refused, or nothing was tried.
fn feed(seeds: &[Vec<u8>], mut decode: impl FnMut(&[u8]) -> bool) {
    assert!(seeds.iter().all(|seed| decode(seed)), "what was written is read");
    let (mut random, before) = (Random(SEED), address_space());
    let mut taken = 0;
    for _ in 0..INPUTS {
        taken += usize::from(decode(&mutated(seeds, &mut random)));
    }
    assert!((1..INPUTS).contains(&taken), "seed {SEED:#x}: {taken} of {INPUTS} were taken");
    let more = address_space() - before;
    assert!(more < MEMORY_MAX, "seed {SEED:#x}: a decoder asked for {more} bytes");
}

/// The most memory that this process ever had room for, in bytes, whether it used it or not.
fn address_space() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Inputs have a few kilobytes: a decoder that trusts a count asks for gigabytes.
const MEMORY_MAX: u64 = 256 << 20;

/// One of these with one to four things done to it.
fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let pick = |random: &mut Random| seeds[random.below(seeds.len() as u64) as usize].clone();
    let mut bytes = pick(random);
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() as u64 + 1) as usize;
        let end = (at + random.below(24) as usize).min(bytes.len());
        match random.below(8) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            3 => drop(bytes.drain(at..end)),
            4 => bytes.insert(at, random.below(256) as u8),
            5 => {
                let some = bytes[at..end].to_vec();
                bytes.splice(at..at, some);
            }
            6 => {
                // The largest number, or one that is too large to be one.
                let huge = [&[0xff; 9][..], &[1 + random.below(2) as u8]].concat();
                bytes.splice(at..end, huge);
            }
            _ => {
                let other = pick(random);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[at.min(other.len())..]);
            }
        }
    }
    bytes
}

/// The body of a frame.
fn body(mut frame: Vec<u8>) -> Vec<u8> {
    entry::seal(&mut frame, AT);
    entry::head(&frame, AT).unwrap().body(&frame).unwrap().to_vec()
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

fn place(position: u64, part: u16) -> Place {
    Place { position, part }
}

fn items() -> [Item; 2] {
    let plain = Item {
        id: place(0x1_0000_0040, 0),
        event: place(0x1_0000_0040, 0),
        letter: None,
        origin: None,
        source: SourceTag(7),
        received_at: at(1_795_348_800_000),
        weight: 512,
        attempts: 0,
        terms: Terms::default(),
    };
    let terms = Terms {
        priority: Priority::new(9),
        order_key: std::num::NonZeroU64::new(77).map(OrderKey),
        deliver_at: Some(at(5)),
        expires_at: Some(at(9)),
    };
    let moved = Item {
        id: place(0x2_0000_0080, 3),
        letter: Some(place(0x2_0000_0080, 3)),
        origin: Some(QueueNumber(2)),
        attempts: 4,
        terms,
        ..plain
    };
    [plain, moved]
}

fn failures() -> Vec<Failure> {
    let one = |attempt| Failure { at: at(8), attempt, why: "503 \u{fffd}".into() };
    vec![one(1), one(2)]
}

fn letters() -> [Letter; 2] {
    let whole = Letter {
        origin: Some(name("a")),
        plugin: Some(("asked".parse().unwrap(), Digest([7; 32]))),
        attempts: 3,
        failures: failures(),
        ..Letter::new(Cause::ALL[0], "no")
    };
    [whole, Letter::new(Cause::ALL[Cause::ALL.len() - 1], String::new())]
}

#[test]
fn a_mutated_entry_is_refused_or_whole() {
    let frame = |body: &[u8]| {
        let mut frame = entry::start(body.len());
        frame.extend_from_slice(body);
        entry::finish(&mut frame, Kind::Changes);
        entry::seal(&mut frame, AT);
        frame
    };
    feed(&[frame(b""), frame(&[7; 200])], |bytes| {
        let Some(head) = entry::head(bytes, AT) else { return false };
        let body = head.body(bytes);
        assert!(body.is_none_or(|body| head.entry_len() >= body.len()));
        let _ = head.was_whole(bytes); // Either is an answer.
        body.is_some()
    });
}

#[test]
fn a_mutated_commit_is_refused_or_read() {
    let placed = [0, 1].map(|queue| Placed {
        queue: QueueNumber(queue),
        part: 0,
        weight: 300,
        terms: items()[usize::from(queue)].terms,
    });
    let one = routed(&event(1), Some("key"), &["a", "b"]);
    let drops = vec![Dropped { route: "r".parse().unwrap(), reason: "noise".into() }];
    let validated = Validated::assertion(event(1), verdict(), None);
    let dropped = Routed::assertion(validated, Vec::new(), drops);
    let seeds = [
        body(commit::encode(&one, &placed, &written())),
        body(commit::encode(&dropped, &[], &sluicegate_core::state::Transaction::default())),
    ];
    feed(&seeds, |bytes| {
        let Some(found) = Commit::decode(bytes) else { return false };
        for placed in found.placed() {
            let read = found.event(placed.part, Bytes::copy_from_slice);
            assert!(read.is_none_or(|(event, _)| event.payload.len() <= bytes.len()));
        }
        let _ = (found.verdict(), found.received(), found.distinct()); // Found or not.
        true
    });
}

#[test]
fn mutated_changes_are_refused_or_read() {
    let [one, other] = items();
    let [letter, _] = letters();
    let all = [
        Change::Acked(one),
        Change::Failed { item: other, until: at(9), why: "later".into() },
        Change::DeadLettered { item: one, to: Number(3), letter },
        Change::Redriven { item: other, to: Number(1) },
        Change::Lost(one),
        Change::Returned(other),
        Change::Dropped { item: one, why: DropCause::Expired },
    ];
    let lease = Lease { number: LeaseNumber(1), item: other, until: at(3) };
    let seeds = [
        body(changes::encode(Number(2), &name("a"), at(7), &all)),
        body(changes::encode_attempts(Number(2), at(7), &[lease])),
    ];
    feed(&seeds, |bytes| {
        changes::decode(bytes).is_some_and(|found| found.all.len() <= bytes.len())
    });
}

#[test]
fn mutated_items_and_letters_are_refused_or_come_back_as_they_were_read() {
    let written = items().map(|item| {
        let mut bytes = Vec::new();
        item::put(&mut bytes, &item);
        bytes
    });
    let id = place(0x2_0000_0080, 3);
    feed(&written, |bytes| {
        let Some(found) = item::take(&mut Take(bytes), id) else { return false };
        let mut again = Vec::new();
        item::put(&mut again, &found);
        assert_eq!(item::take(&mut Take(&again), id), Some(found));
        true
    });
    let written = letters().map(|letter| {
        let mut bytes = Vec::new();
        letter::put(&mut bytes, &letter);
        bytes
    });
    feed(&written, |bytes| {
        let Some(found) = letter::take(&mut Take(bytes)) else { return false };
        let mut again = Vec::new();
        letter::put(&mut again, &found);
        assert_eq!(letter::take(&mut Take(&again)), Some(found));
        true
    });
    let placed: Vec<(Number, Item)> = items().map(|item| (Number(4), item)).to_vec();
    feed(&[body(again::encode(&placed)), body(again::encode(&placed[..1]))], |bytes| {
        again::decode(bytes, 64).is_some_and(|found| found.len() <= bytes.len())
    });
}

#[test]
fn a_mutated_snapshot_in_a_checkpoint_is_refused_or_comes_back_as_it_was_read() {
    let run = Run { segment: 3, left: 40, oldest: at(4) };
    let lane = LaneSnapshot {
        priority: Priority::new(2),
        after: place(64, 1),
        runs: vec![run, run],
        holes: vec![place(128, 0)],
    };
    let held = items().map(|item| Held { item, until: Some(at(4)), failures: failures() });
    let snapshot = Snapshot {
        lanes: vec![lane],
        held: held.to_vec(),
        bytes: 900,
        newest: place(4096, 0),
        at: at(77),
    };
    let read = |frame: Vec<u8>| {
        let marked = Marked { queue: Number(5), mark: 9, frame };
        let bytes = checkpoint::encode(3, vec![marked], frames_of(&written())).unwrap();
        let found = checkpoint::decode(&bytes, |_, body| Ok(Some(body.to_vec()))).unwrap()?;
        let (number, mark, snapshot) = found.queues.into_iter().next()?;
        assert_eq!((found.from, number, mark), (3, Number(5), 9));
        Some(snapshot)
    };
    feed(&[body(checkpoint::encode_snapshot(&snapshot))], |bytes| {
        let mut frame = entry::start(bytes.len());
        frame.extend_from_slice(bytes);
        entry::finish(&mut frame, Kind::Snapshot);
        let Some(found) = read(frame) else { return false };
        assert_eq!(read(checkpoint::encode_snapshot(&found)), Some(found));
        true
    });
    let frame = checkpoint::encode_snapshot(&snapshot);
    let whole = checkpoint::encode(
        3,
        vec![Marked { queue: Number(5), mark: 9, frame }],
        frames_of(&written()),
    )
    .unwrap();
    feed(&[whole[..whole.len() - 4].to_vec()], |bytes| {
        let bytes = [bytes, &crc32c::crc32c(bytes).to_le_bytes()].concat();
        let found = checkpoint::decode(&bytes, |_, body| Ok(Some(body.to_vec()))).unwrap();
        found.is_some_and(|found| found.queues.len() <= bytes.len())
    });
}

#[test]
fn mutated_names_keys_settings_and_format_are_refused_or_come_back_as_they_were_read() {
    let names = ["inbox", "dead-letters", "x"].map(name);
    feed(&[body(catalogue::encode(&names)), body(catalogue::encode(&names[..1]))], |bytes| {
        let Some(found) = catalogue::decode(bytes) else { return false };
        assert_eq!(catalogue::decode(&body(catalogue::encode(&found))), Some(found));
        true
    });
    let key = |byte| (KeyHash([byte; 16]), EventId::from_bytes([byte; 16]));
    let all = [1, 2, 3].map(key);
    feed(&[keys::encode(all.into_iter())], |bytes| {
        let mut bytes = bytes.to_vec();
        checked(&mut bytes, 4, 8);
        let Some(found) = keys::decode(&bytes) else { return false };
        assert_eq!(keys::encode(found.into_iter()), bytes);
        true
    });
    let mut set = Settings::default();
    for queue in config("").queues {
        set.made.insert(queue.name.clone(), queue);
    }
    set.deliveries.insert(name("a"), Delivery::Paused);
    set.holds.insert(name("b"), Hold::Held);
    set.removed.insert(Number(3));
    feed(&[settings::encode(&set), settings::encode(&Settings::default())], |bytes| {
        let mut bytes = bytes.to_vec();
        checked(&mut bytes, 8, 12);
        let Some(found) = settings::decode(&bytes) else { return false };
        assert_eq!(settings::decode(&settings::encode(&found)), Some(found));
        true
    });
    let format = String::from_utf8(folder::encode(crate::format::VERSION, [9; 16])).unwrap();
    let (lines, _) = format.split_once("check").unwrap();
    feed(&[lines.into()], |bytes| {
        let check = format!("check {:08x}\n", crc32c::crc32c(bytes));
        let folder::Said::Key(version, key) = folder::decode(&[bytes, check.as_bytes()].concat())
        else {
            return false;
        };
        assert_eq!(folder::decode(&folder::encode(version, key)), folder::Said::Key(version, key));
        true
    });
}

/// Makes the checksum at `from` that of everything from `to` on.
fn checked(bytes: &mut [u8], from: usize, to: usize) {
    if let Some((head, rest)) = bytes.split_at_mut_checked(to) {
        head[from..from + 4].copy_from_slice(&crc32c::crc32c(rest).to_le_bytes());
    }
}
