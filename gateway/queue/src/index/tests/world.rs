//! What the tests of the index share: arrivals of every kind from a seed, and a naive filter.

use std::num::NonZeroU64;
use std::sync::Arc;

use sluicegate_core::ids::EventId;
use sluicegate_core::queue::{Item, OrderKey, Place, Priority, QueueNumber, SourceTag, Wish};
use sluicegate_core::time::Timestamp;

use crate::dedupe::KeyHash;
use crate::disk::Disk;
use crate::disk::simulated::{Random, SimulatedDisk};
use crate::index::Indexes;

pub(super) const SEGMENT: u32 = 7;
pub(super) const QUEUES: u16 = 3;
pub(super) const LEVELS: u8 = 2;
pub(super) const END: Place = Place { position: u64::MAX, part: u16::MAX };

pub(super) fn simulated() -> (SimulatedDisk, Indexes) {
    let disk = SimulatedDisk::new();
    let seam: Arc<dyn Disk> = Arc::new(disk.clone());
    (disk, Indexes::new(seam))
}

/// The indexes as a process after this one has them: it knows what it opens.
pub(super) fn reopened(disk: &SimulatedDisk) -> Indexes {
    Indexes::new(Arc::new(disk.clone()))
}

/// Arrivals of every kind, in the order of their ids.
pub(super) fn arrivals(seed: u64, count: usize) -> Vec<(QueueNumber, Item)> {
    let mut random = Random(seed);
    let mut place = Place { position: u64::from(SEGMENT) << 32, part: 0 };
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let queue = QueueNumber(random.below(u64::from(QUEUES)) as u16);
        place = match random.below(4) {
            0 if place.part < u16::MAX => Place { part: place.part + 1, ..place },
            _ => Place { position: place.position + 8 * (1 + random.below(300)), part: 0 },
        };
        all.push((queue, arrival(place, &mut random)));
    }
    all
}

fn arrival(id: Place, random: &mut Random) -> Item {
    let time = match random.below(20) {
        0 => random.below(u64::MAX),
        _ => 1_760_000_000_000_000_000 + random.below(1_000_000_000),
    };
    let mut item = Item::fresh(id, Timestamp::from_unix_ns(time), random.below(2048) as u32);
    item.source = SourceTag([0, 1, 77, u32::MAX][random.below(4) as usize]);
    item.terms.priority = Priority::new(random.below(u64::from(LEVELS)) as u8);
    if random.below(5) == 0 {
        item.weight = random.below(1 << 32) as u32;
    }
    if random.below(3) == 0 {
        item.event = Place { position: random.below(u64::MAX), part: random.below(70) as u16 };
        item.letter = [None, Some(id), Some(item.event)][random.below(3) as usize];
        item.origin = [None, Some(QueueNumber(u16::MAX))][random.below(2) as usize];
    }
    if random.below(3) == 0 {
        item.terms.order_key = NonZeroU64::new(random.below(u64::MAX)).map(OrderKey);
        item.terms.expires_at = Some(Timestamp::from_unix_ns(random.below(u64::MAX)));
    }
    item
}

pub(super) fn keys(seed: u64, count: usize) -> Vec<(KeyHash, EventId)> {
    let mut random = Random(seed);
    let key = |random: &mut Random| {
        let at = Timestamp::from_unix_ms(random.below(1 << 40));
        let hash = u128::from(random.below(u64::MAX)) << 5;
        (KeyHash(hash.to_le_bytes()), EventId::new(at, random.below(u64::MAX)))
    };
    (0..count).map(|_| key(&mut random)).collect()
}

/// Lists in batches of several sizes.
pub(super) fn list(indexes: &Indexes, all: &[(QueueNumber, Item)], keys: &[(KeyHash, EventId)]) {
    indexes.begin(SEGMENT);
    for batch in all.chunks(97) {
        indexes.list(SEGMENT, batch, &[]);
    }
    indexes.list(SEGMENT, &[], keys);
}

pub(super) fn wish(level: u8, after: Place, up_to: Place, count: usize) -> Wish {
    Wish { priority: Priority::new(level), segment: SEGMENT, after, up_to, count }
}

/// What is wished for, without an index.
pub(super) fn naive(all: &[(QueueNumber, Item)], queue: QueueNumber, wish: &Wish) -> Vec<Item> {
    let wanted = |(other, item): &&(QueueNumber, Item)| {
        let inside = item.id > wish.after && item.id <= wish.up_to;
        *other == queue && item.terms.priority == wish.priority && inside
    };
    all.iter().filter(wanted).map(|(_, item)| *item).collect()
}

/// Every queue and priority.
pub(super) fn lanes() -> impl Iterator<Item = (QueueNumber, u8)> {
    (0..QUEUES).flat_map(|queue| (0..LEVELS).map(move |level| (QueueNumber(queue), level)))
}
