//! What is kept, what goes, and what a power cut leaves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::ids::{EventId, SourceName};
use sluicegate_core::time::Timestamp;

use super::{
    KeepFault, RefusedBounds, RefusedClass, RefusedDelivery, RefusedFault, RefusedLog,
    RefusedQuery, RefusedStanding,
};
use crate::disk::Disk;
use crate::disk::simulated::SimulatedDisk;
use crate::tests::world::{config, open_on, sealed_by};

const HOUR: Duration = Duration::from_secs(3600);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_ms(1_700_000_000_000 + seconds * 1000)
}

fn source(name: &str) -> SourceName {
    name.parse().unwrap()
}

fn refused(from: &str, number: u64) -> RefusedDelivery {
    RefusedDelivery {
        id: EventId::new(at(number), number),
        at: at(number),
        code: "signature_refused".into(),
        why: "no live key gives this signature".into(),
        masked: false,
        delivery: Delivery {
            source: source(from),
            method: "POST".into(),
            target: "/in".into(),
            headers: [("x-number", number.to_string().as_str())].into_iter().collect(),
            body: Bytes::from(format!("body {number} {}", "x".repeat(200))),
            peer: Some([127, 0, 0, 1].into()),
            transport: Transport::default(),
        },
    }
}

fn bounds(events_max: usize, bytes_max: u64) -> RefusedBounds {
    RefusedBounds { events_max, bytes_max, age_max: HOUR }
}

fn open(disk: &SimulatedDisk, all: &[(&str, RefusedBounds)], now: Timestamp) -> RefusedLog {
    let disk = Arc::new(disk.clone()) as Arc<dyn Disk>;
    let bounds: BTreeMap<_, _> = all.iter().map(|(name, one)| (source(name), *one)).collect();
    RefusedLog::open(disk, None, Default::default(), bounds, now).unwrap()
}

fn keep(log: &RefusedLog, from: &str, number: u64) -> RefusedDelivery {
    let one = refused(from, number);
    log.keep(&one, RefusedClass::Likely, 0, at(number)).unwrap();
    one
}

fn ids(log: &RefusedLog, from: &str) -> Vec<EventId> {
    let query =
        RefusedQuery { source: Some(source(from)), limit: 1_000_000, ..RefusedQuery::default() };
    log.list(&query).0.into_iter().map(|one| one.id).collect()
}

#[test]
fn what_was_kept_is_there_after_a_restart_byte_for_byte() {
    let disk = SimulatedDisk::new();
    let all = [("github", bounds(100, 1 << 20)), ("stripe", bounds(100, 1 << 20))];
    let log = open(&disk, &all, at(0));
    let (one, two) = (keep(&log, "github", 1), keep(&log, "stripe", 2));
    let event = EventId::new(at(3), 3);
    log.begin_release(two.id, at(0), at(3)).unwrap();
    log.released(two.id, event, at(3)).unwrap();
    drop(log);
    let log = open(&disk, &all, at(4));
    assert_eq!(log.read(one.id).unwrap(), (one.clone(), RefusedStanding::Kept));
    assert_eq!(log.read(two.id).unwrap(), (two.clone(), RefusedStanding::Released(event)));
    let again = log.begin_release(two.id, at(0), at(5));
    assert!(matches!(again, Err(RefusedFault::Released(as_)) if as_ == event));
}

#[test]
fn a_flood_of_one_source_takes_nothing_from_another() {
    let disk = SimulatedDisk::new();
    let all = [("flooded", bounds(1000, 64 * 1024)), ("quiet", bounds(1000, 64 * 1024))];
    let log = open(&disk, &all, at(0));
    let quiet = keep(&log, "quiet", 1);
    for number in 2..2000 {
        keep(&log, "flooded", number);
        let usage = log.usage();
        assert!(usage.iter().all(|(_, one)| one.bytes <= 64 * 1024 + 8 * 1024), "{usage:?}");
    }
    assert_eq!(ids(&log, "quiet"), [quiet.id]);
    let left = ids(&log, "flooded");
    assert_eq!(left.last(), Some(&refused("flooded", 1999).id), "the newest stay");
    assert!(left.len() > 100 && left.len() < 200, "{}", left.len());
    drop(log);
    assert_eq!(ids(&open(&disk, &all, at(2000)), "flooded"), left);
}

#[test]
fn a_flood_of_what_nobody_signed_takes_no_place_of_what_may_be_the_providers() {
    let disk = SimulatedDisk::new();
    let all = [("github", bounds(1000, 1 << 20))];
    let log = open(&disk, &all, at(0));
    let precious: Vec<_> = (1..=10).map(|number| keep(&log, "github", number).id).collect();
    let mut flood = Vec::new();
    for number in 11..1500 {
        let one = refused("github", number);
        log.keep(&one, RefusedClass::Unsigned, 0, at(number)).unwrap();
        flood.push(one.id);
    }
    let left = [&precious[..], &flood[flood.len() - 100..]].concat();
    assert_eq!(ids(&log, "github"), left, "a tenth of the bound, beside it");
    let (_, usage) = log.usage().remove(0);
    assert_eq!((usage.events, usage.evicted, usage.evicted_unsigned), (110, 0, 1389));
    assert_eq!(log.read(flood[1488]).unwrap().0.id, flood[1488]);
    drop(log);
    let log = open(&disk, &all, at(1500));
    assert_eq!(ids(&log, "github"), left, "it is known after a restart which is which");
    for number in 1500..1600 {
        log.keep(&refused("github", number), RefusedClass::Unsigned, 0, at(number)).unwrap();
    }
    assert_eq!(ids(&log, "github")[..10], precious);
    // A name may look like an ending.
    let odd = open(&disk, &[("a.unsigned", bounds(10, 1 << 20))], at(1600));
    let one = keep(&odd, "a.unsigned", 1601);
    assert_eq!(ids(&odd, "a.unsigned"), [one.id]);
}

#[test]
fn the_oldest_go_by_count_and_by_age_and_their_files_with_them() {
    let disk = SimulatedDisk::new();
    let all = [("github", bounds(10, 64 * 1024))];
    let log = open(&disk, &all, at(0));
    let kept: Vec<_> = (1..=100).map(|number| keep(&log, "github", number).id).collect();
    assert_eq!(ids(&log, "github"), kept[90..]);
    assert_eq!(log.usage()[0].1.evicted, 90);
    log.flush(at(95).plus(HOUR)).unwrap();
    assert_eq!(ids(&log, "github"), kept[94..]);
    log.flush(at(101).plus(HOUR)).unwrap();
    assert_eq!(ids(&log, "github"), []);
    assert_eq!(disk.list("refused").unwrap(), [] as [String; 0]);
    keep(&log, "github", 10_000);
    assert_eq!(ids(&log, "github").len(), 1);
}

#[test]
fn a_source_without_bounds_keeps_nothing_and_what_is_too_large_is_not_kept() {
    let disk = SimulatedDisk::new();
    let log = open(&disk, &[("off", RefusedBounds::nothing()), ("small", bounds(9, 256))], at(0));
    for from in ["off", "small", "unknown"] {
        let fault = log.keep(&refused(from, 1), RefusedClass::Likely, 0, at(1)).unwrap_err();
        assert!(matches!(fault, KeepFault::NotWanted), "{from}: {fault}");
    }
    assert_eq!(disk.list("refused").unwrap(), [] as [String; 0]);
}

#[test]
fn the_log_comes_first_when_the_disk_fills_up() {
    let disk = SimulatedDisk::new();
    let log = open(&disk, &[("github", bounds(100, 1 << 20))], at(0));
    disk.say_free(999);
    let full = log.keep(&refused("github", 1), RefusedClass::Likely, 1000, at(1)).unwrap_err();
    assert!(matches!(full, KeepFault::DiskFull));
    disk.say_free(1000);
    log.keep(&refused("github", 2), RefusedClass::Likely, 1000, at(2)).unwrap();
    disk.leave_room(10);
    let fault = log.keep(&refused("github", 3), RefusedClass::Likely, 0, at(3)).unwrap_err();
    assert!(matches!(fault, KeepFault::Disk(_)), "{fault}");
    disk.leave_room(1 << 20);
    log.keep(&refused("github", 4), RefusedClass::Likely, 0, at(4)).unwrap();
    let left = [refused("github", 2).id, refused("github", 4).id];
    assert_eq!(ids(&log, "github"), left);
    drop(log);
    assert_eq!(ids(&open(&disk, &[("github", bounds(100, 1 << 20))], at(5)), "github"), left);
}

#[test]
fn what_is_removed_is_gone_from_the_disk_and_the_rest_stays() {
    let disk = SimulatedDisk::new();
    let all = [("github", bounds(100, 1 << 20))];
    let log = open(&disk, &all, at(0));
    let three: Vec<_> = (1..=3).map(|number| keep(&log, "github", number).id).collect();
    log.remove(three[1]).unwrap();
    assert!(matches!(log.remove(three[1]), Err(RefusedFault::Gone)));
    let file = format!("refused/{}", disk.list("refused").unwrap()[0]);
    let bytes = disk.bytes_of(&file);
    assert!(!bytes.windows(7).any(|window| window == b"body 2 "));
    drop(log);
    let log = open(&disk, &all, at(5));
    assert_eq!(ids(&log, "github"), [three[0], three[2]]);
    assert_eq!(log.usage()[0].1.damaged, 0);
}

#[test]
fn a_damaged_delivery_is_passed_over_and_counted() {
    let disk = SimulatedDisk::new();
    let all = [("github", bounds(100, 1 << 20))];
    let log = open(&disk, &all, at(0));
    let three: Vec<_> = (1..=3).map(|number| keep(&log, "github", number).id).collect();
    log.flush(at(4)).unwrap();
    let file = format!("refused/{}", disk.list("refused").unwrap()[0]);
    let len = disk.bytes_of(&file).len();
    disk.flip(&file, len / 2, 3);
    assert!(matches!(log.read(three[1]), Err(RefusedFault::Damaged)));
    drop(log);
    let log = open(&disk, &all, at(5));
    assert_eq!(ids(&log, "github"), [three[0], three[2]]);
    assert_eq!(log.usage()[0].1.damaged, 1);
}

#[test]
fn a_power_cut_at_any_step_leaves_what_was_flushed_and_every_durable_mark() {
    let all = [("github", bounds(100, 8 * 1024))];
    for step in 1.. {
        let disk = SimulatedDisk::new();
        let log = open(&disk, &all, at(0));
        disk.die_at(disk.steps() + step);
        let (mut flushed, mut marked) = (Vec::new(), Vec::new());
        let mut walk = || -> Option<()> {
            for round in 0..3 {
                let some: Vec<_> =
                    (0..4).map(|number| refused("github", round * 10 + number + 1)).collect();
                for one in &some {
                    log.keep(one, RefusedClass::Likely, 0, at(50)).ok()?;
                }
                log.flush(at(50)).ok()?;
                flushed.extend(some.iter().map(|one| one.id));
                log.begin_release(some[0].id, at(0), at(51)).ok()?;
                marked.push((some[0].id, RefusedStanding::Releasing(at(51))));
                log.released(some[0].id, some[0].id, at(52)).ok()?;
                marked.pop();
                marked.push((some[0].id, RefusedStanding::Released(some[0].id)));
            }
            Some(())
        };
        let done = walk().is_some();
        drop(log);
        for seed in 0..8 {
            let after = disk.after_power_cut(seed);
            let log = open(&after, &all, at(60));
            let found = ids(&log, "github");
            let lost = flushed.iter().find(|id| !found.contains(id));
            assert_eq!(lost, None, "step {step}, seed {seed}");
            for (id, standing) in &marked {
                let now = log.read(*id).unwrap().1;
                // The next mark may be there without having been flushed.
                let further = matches!(now, RefusedStanding::Released(_));
                assert!(now == *standing || further, "step {step}, seed {seed}: {now:?}");
            }
            for id in found {
                log.read(id).unwrap();
            }
            log.keep(&refused("github", 900), RefusedClass::Likely, 0, at(61)).unwrap();
        }
        if done {
            return;
        }
    }
}

#[test]
fn a_release_that_was_cut_short_long_ago_is_in_doubt() {
    let disk = SimulatedDisk::new();
    let log = open(&disk, &[("github", bounds(100, 1 << 20))], at(0));
    let id = keep(&log, "github", 1).id;
    log.begin_release(id, at(0), at(10)).unwrap();
    log.begin_release(id, at(10), at(20)).unwrap();
    assert_eq!(log.read(id).unwrap().1, RefusedStanding::Releasing(at(10)), "the first counts");
    let doubted = log.begin_release(id, at(11), at(20));
    assert!(matches!(doubted, Err(RefusedFault::Releasing(since)) if since == at(10)));
    log.held(id, at(21)).unwrap();
    log.begin_release(id, at(11), at(22)).unwrap();
}

#[test]
fn lists_are_paged_in_the_order_of_arrival_across_sources() {
    let disk = SimulatedDisk::new();
    let all = [("a", bounds(100, 1 << 20)), ("b", bounds(100, 1 << 20))];
    let log = open(&disk, &all, at(0));
    let kept: Vec<_> = (1..=9)
        .map(|number| keep(&log, if number % 2 == 0 { "a" } else { "b" }, number).id)
        .collect();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (page, more) = log.list(&RefusedQuery { after, limit: 4, ..RefusedQuery::default() });
        seen.extend(page.iter().map(|one| one.id));
        after = seen.last().copied();
        if !more {
            break;
        }
    }
    assert_eq!(seen, kept);
    let none =
        RefusedQuery { code: Some("payload_invalid".into()), limit: 9, ..Default::default() };
    assert_eq!(log.list(&none), (vec![], false));
    let some = RefusedQuery { since: Some(at(8)), limit: 9, ..Default::default() };
    assert_eq!(log.list(&some).0.len(), 2);
}

#[tokio::test]
async fn in_a_sealed_folder_nothing_of_it_is_readable_on_the_disk() {
    let disk = SimulatedDisk::new();
    let shared = Arc::new(disk.clone()) as Arc<dyn Disk>;
    let store = open_on(&shared, &sealed_by(config("unused"), "k1"));
    let all = BTreeMap::from([(source("github"), bounds(100, 1 << 20))]);
    let log = store.refused(all.clone(), at(0)).unwrap();
    assert!(log.is_sealed());
    let one = keep(&log, "github", 1);
    log.begin_release(one.id, at(0), at(1)).unwrap();
    assert_eq!(log.read(one.id).unwrap().0, one);
    for name in disk.list("refused").unwrap() {
        let bytes = disk.bytes_of(&format!("refused/{name}"));
        for secret in [&b"body 1"[..], b"x-number", b"signature_refused"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
    drop((log, store));
    let store = open_on(&shared, &sealed_by(config("unused"), "k1"));
    let log = store.refused(all, at(2)).unwrap();
    assert_eq!(log.read(one.id).unwrap(), (one, RefusedStanding::Releasing(at(1))));
}

#[tokio::test]
async fn the_store_lends_its_keys_to_notes_that_open_after_a_restart() {
    let disk = SimulatedDisk::new();
    let shared = Arc::new(disk.clone()) as Arc<dyn Disk>;
    let store = open_on(&shared, &sealed_by(config("unused"), "k1"));
    let sealed = store.notes().seal("learned/notion", b"secret_of_notion").unwrap();
    drop(store);
    let store = open_on(&shared, &sealed_by(config("unused"), "k1"));
    let notes = store.notes();
    assert_eq!(&**notes.open("learned/notion", &sealed).unwrap(), b"secret_of_notion");
    assert!(notes.open("learned/asana", &sealed).is_err());
    let plain = Arc::new(SimulatedDisk::new()) as Arc<dyn Disk>;
    assert_eq!(open_on(&plain, &config("unused")).notes().seal("learned/notion", b"x"), None);
}
