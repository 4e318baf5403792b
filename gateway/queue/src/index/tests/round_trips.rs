//! Whatever was listed is found as it was, from memory and from the file.

use proptest::prelude::*;
use sluicegate_core::queue::{Item, Place, Priority, QueueNumber, SourceTag, Terms};
use sluicegate_core::time::Timestamp;

use super::world::*;
use crate::disk::simulated::Random;
use crate::index::summary::Summary;
use crate::index::tally::Sum;
use crate::index::{Indexes, Opened, Section};

/// One wish gives a beginning of what the filter gives, and enough of it; all of it is found by
/// wishing on.
fn check(indexes: &Indexes, all: &[(QueueNumber, Item)], seed: u64) {
    let mut random = Random(seed);
    let mut some_place = || match (random.below(5), all.len() as u64) {
        (0, _) | (_, 0) => Place::START,
        (1, _) => END,
        (_, len) => all[random.below(len) as usize].1.id,
    };
    let counts = [0, 1, 5, 512, 700, usize::MAX];
    for (number, (queue, level)) in lanes().enumerate() {
        let (after, up_to) = (some_place(), some_place());
        let count = counts[(seed as usize + number) % counts.len()];
        let mut wish = wish(level, after, up_to, count);
        let expected = naive(all, queue, &wish);
        let mut found = Vec::new();
        loop {
            let loaded = indexes.load(queue, &wish).unwrap();
            assert_eq!(loaded.damaged, 0);
            let rest = expected.len() - found.len();
            assert!(loaded.items.len() >= count.min(rest), "enough of {rest}");
            found.extend(loaded.items);
            assert_eq!(found, expected[..found.len()]);
            assert_eq!(loaded.more, found.len() < expected.len());
            let Some(last) = found.last().filter(|_| loaded.more) else { break };
            wish.after = last.id;
        }
        assert_eq!(found, expected);
    }
}

fn naive_section(summary: &Summary, all: &[(QueueNumber, Item)]) {
    for (queue, level) in lanes() {
        let items = naive(all, queue, &wish(level, Place::START, END, 1));
        let found = summary.find(queue, Priority::new(level)).map(|(_, section)| section);
        let Some(first) = items.first() else {
            assert_eq!(found, None);
            continue;
        };
        let Section { count, bytes, first: first_id, last, oldest, refs, sources, .. } =
            found.unwrap();
        assert_eq!(*count, items.len() as u64);
        assert_eq!(*bytes, items.iter().map(|item| u64::from(item.weight)).sum::<u64>());
        assert_eq!((*first_id, *oldest), (first.id, first.received_at));
        assert_eq!(Some(*last), items.last().map(|item| item.id));
        for segment in items.iter().map(|item| item.event.segment()).chain([SEGMENT, 1]) {
            let events = items.iter().filter(|item| item.event.segment() == segment);
            let places = items.iter().flat_map(|item| item.places());
            let count = places.filter(|place| place.segment() == segment).count() as u64;
            let bytes = events.map(|item| u64::from(item.weight)).sum();
            assert_eq!(refs.of(segment), Sum { count, bytes });
        }
        for source in [0, 1, 77, u32::MAX, 5].map(SourceTag) {
            let items = items.iter().filter(|item| item.source == source);
            let bytes = items.clone().map(|item| u64::from(item.weight)).sum();
            assert_eq!(sources.of(source), Sum { count: items.count() as u64, bytes });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_was_listed_is_found_from_memory_and_from_the_file(seed: u64, count in 0_usize..5000) {
        let all = arrivals(seed, count);
        let (disk, indexes) = simulated();
        list(&indexes, &all, &[]);
        check(&indexes, &all, seed);
        let summary = indexes.summary(SEGMENT).unwrap();
        naive_section(&summary, &all);

        indexes.save(SEGMENT).unwrap();
        check(&indexes, &all, seed);
        let after = reopened(&disk);
        prop_assert_eq!(after.open(SEGMENT).unwrap(), Opened::Sound);
        check(&after, &all, seed);
        prop_assert_eq!(after.summary(SEGMENT).unwrap(), summary);
    }

    #[test]
    fn keys_are_found_in_order_from_memory_and_from_the_file(seed: u64, count in 0_usize..300) {
        let keys = keys(seed, count);
        let (disk, indexes) = simulated();
        list(&indexes, &arrivals(seed, 20), &keys);
        prop_assert_eq!(&indexes.keys(SEGMENT).unwrap(), &keys);
        indexes.save(SEGMENT).unwrap();
        prop_assert_eq!(&indexes.keys(SEGMENT).unwrap(), &keys);
        let after = reopened(&disk);
        after.open(SEGMENT).unwrap();
        prop_assert_eq!(&after.keys(SEGMENT).unwrap(), &keys);
    }
}

#[test]
fn what_waits_for_its_time_is_noted_as_placed_but_not_listed() {
    let mut all = arrivals(3, 2);
    for (_, item) in &mut all {
        (item.event, item.received_at) = (item.id, Timestamp::from_unix_ms(5));
    }
    let (queue, item) = &mut all[0];
    let (queue, later) = (*queue, Timestamp::from_unix_ms(9));
    item.terms = Terms { deliver_at: Some(later), ..item.terms };
    let (_, indexes) = simulated();
    list(&indexes, &all, &[]);
    let summary = indexes.summary(SEGMENT).unwrap();
    assert_eq!(summary.sections.iter().map(|section| section.count).sum::<u64>(), 1);
    assert_eq!(summary.notes.newest, Timestamp::from_unix_ms(5));
    assert_eq!(summary.notes.placed.iter().map(|(_, sum)| sum.count).sum::<u64>(), 2);
    assert!(summary.notes.placed.of(queue).bytes > 0);
}

#[test]
fn an_ordinary_arrival_takes_at_most_sixteen_bytes_of_the_file() {
    const COUNT: usize = 20_000;
    let mut random = Random(5);
    let (disk, indexes) = simulated();
    let (mut offset, mut at) = (64, 1_760_000_000_000_000_000);
    let all: Vec<_> = (0..COUNT)
        .map(|_| {
            offset += 8 * (140 + random.below(10));
            at += random.below(1_000_000);
            let id = Place { position: u64::from(SEGMENT) << 32 | offset, part: 0 };
            let weight = 1000 + random.below(100) as u32;
            let mut item = Item::fresh(id, Timestamp::from_unix_ns(at), weight);
            item.source = SourceTag(random.below(8) as u32);
            (QueueNumber(random.below(4) as u16), item)
        })
        .collect();
    list(&indexes, &all, &[]);
    indexes.save(SEGMENT).unwrap();
    let bytes = disk.bytes_of("log/0000000007.index").len();
    assert!(bytes < COUNT * 16, "{} bytes each", bytes as f64 / COUNT as f64);
}
