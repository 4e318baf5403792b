//! Which segments are still needed.
//!
//! A segment is needed while an event, a letter, or the entry that brought an event lies in it and
//! the event in a queue; while a checkpoint on the disk speaks of it, or start-up would read it;
//! and for the longest retention of the queues that its events went to. Any other segment may go,
//! not only the oldest.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use sluicegate_core::queue::{Item, Place, QueueNumber};
use sluicegate_core::time::Timestamp;

use crate::config::{Hold, Retain};

/// The segments, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    notes: BTreeMap<u32, Note>,
    /// Segments that should be there and are not, with the events and letters that were in them.
    missing: BTreeMap<u32, u64>,
    /// A segment may have become spare since [`Ledger::spare`] was asked.
    changed: bool,
}

/// What is known of one segment.
#[derive(Debug, Default)]
pub(crate) struct Note {
    /// Events and letters in it that lie in a queue, once for each queue.
    live: u64,
    /// How many there were, ever, as far as is known.
    ever: u64,
    /// The first checkpoint that began when nothing in it was live any more: that one and all
    /// after it know nothing of the segment.
    spare_since: Option<u32>,
    /// How many were live when it was last thinned. What was settled before is no longer in it.
    thinned: Option<u64>,
    /// When its newest event was received.
    newest: Timestamp,
    /// Bytes of events that commits in it brought into each queue.
    placed: BTreeMap<QueueNumber, u64>,
    /// The numbers of the idempotency keys that were remembered from it.
    keys: Range<u64>,
}

impl Ledger {
    /// A segment begins; keys remembered from now on are its own.
    pub(crate) fn begin(&mut self, segment: u32, next_key: u64) {
        self.notes.insert(segment, Note { keys: next_key..next_key, ..Note::default() });
        self.changed = true;
    }

    /// A commit at this place put an event into a queue.
    pub(crate) fn placed(&mut self, place: Place, queue: QueueNumber, weight: u32, at: Timestamp) {
        let Some(note) = self.notes.get_mut(&place.segment()) else { return };
        note.newest = note.newest.max(at);
        *note.placed.entry(queue).or_default() += u64::from(weight);
    }

    /// What a segment's index says of it.
    pub(crate) fn noted(
        &mut self,
        segment: u32,
        newest: Timestamp,
        placed: impl Iterator<Item = (QueueNumber, u64, u64)>,
    ) {
        let Some(note) = self.notes.get_mut(&segment) else { return };
        note.newest = note.newest.max(newest);
        for (queue, count, bytes) in placed {
            note.ever = note.ever.saturating_add(count);
            note.placed.insert(queue, bytes);
        }
    }

    /// A key was remembered; `next` is the number of the next one.
    pub(crate) fn remembered(&mut self, segment: u32, next: u64) {
        if let Some(note) = self.notes.get_mut(&segment) {
            note.keys.end = next;
        }
    }

    /// The number after that of the last key that was remembered from a segment.
    pub(crate) fn keys_end(&self, segment: u32) -> Option<u64> {
        self.notes.get(&segment).map(|note| note.keys.end)
    }

    /// An event lies in a queue, with its letter.
    pub(crate) fn came(&mut self, item: &Item) {
        for place in item.places() {
            self.add(place.segment(), 1);
        }
    }

    /// So many events or letters of a segment lie in queues.
    pub(crate) fn add(&mut self, segment: u32, count: u64) {
        match self.notes.get_mut(&segment) {
            Some(note) => {
                note.live += count;
                note.ever = note.ever.saturating_add(count);
                note.spare_since = None;
            }
            None => *self.missing.entry(segment).or_default() += count,
        }
    }

    /// The segments that should be there and are not, each with how many events and letters of
    /// queues are known to be in it.
    pub(crate) fn missing(&self) -> &BTreeMap<u32, u64> {
        &self.missing
    }

    /// An event left its queue, with its letter.
    pub(crate) fn left(&mut self, item: &Item) {
        for place in item.places() {
            let Some(note) = self.notes.get_mut(&place.segment()) else { continue };
            note.live = note.live.saturating_sub(1);
            self.changed |= note.live == 0;
        }
    }

    /// Whether the segment is there.
    pub(crate) fn has(&self, segment: u32) -> bool {
        self.notes.contains_key(&segment)
    }

    /// Whether all that was ever in the segment is there.
    pub(crate) fn has_all(&self, segment: u32) -> bool {
        self.notes.get(&segment).is_some_and(|note| note.thinned.is_none())
    }

    /// A checkpoint with this number begins. Returns the segments before `floor` in which little
    /// is still needed, and that nobody retains: they are marked, and from now on only what is
    /// live counts on them.
    pub(crate) fn begin_checkpoint(
        &mut self,
        number: u32,
        floor: u32,
        now: Timestamp,
        retain: impl Fn(QueueNumber) -> Retain,
    ) -> BTreeSet<u32> {
        let retained = self.retained(now, retain);
        let mut chosen = BTreeSet::new();
        for (segment, note) in &mut self.notes {
            if note.live == 0 {
                note.spare_since.get_or_insert(number);
            } else if *segment < floor && note.is_sparse() && !retained.contains(segment) {
                note.thinned = Some(note.live);
                chosen.insert(*segment);
            }
        }
        chosen
    }

    /// These segments were not thinned after all: it is tried again.
    pub(crate) fn not_thinned(&mut self, segments: &BTreeSet<u32>) {
        for segment in segments {
            if let Some(note) = self.notes.get_mut(segment) {
                note.thinned = note.thinned.map(|_| u64::MAX);
            }
        }
    }

    /// Whether a segment may have become spare since this was asked.
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether a checkpoint would let segments before `current` be deleted or thinned.
    pub(crate) fn waits_for_checkpoint(
        &self,
        current: u32,
        now: Timestamp,
        retain: impl Fn(QueueNumber) -> Retain,
    ) -> bool {
        let wants = |note: &Note| note.live == 0 || note.is_sparse();
        let mut waiting = self.notes.range(..current).filter(|(_, note)| wants(note)).peekable();
        if waiting.peek().is_none() {
            return false;
        }
        let retained = self.retained(now, retain);
        waiting.any(|(segment, _)| !retained.contains(segment))
    }

    /// The segments that nobody needs and that no checkpoint from number `oldest` on knows of,
    /// each with the numbers of its keys. Start-up reads none of them, as it begins at `floor`.
    pub(crate) fn spare(
        &self,
        oldest: u32,
        floor: u32,
        now: Timestamp,
        retain: impl Fn(QueueNumber) -> Retain,
    ) -> Vec<(u32, Range<u64>)> {
        let unknown = |note: &Note| note.spare_since.is_some_and(|since| since <= oldest);
        let spare = |note: &Note| note.live == 0 && unknown(note);
        let mut spare = self.notes.range(..floor).filter(|(_, note)| spare(note)).peekable();
        if spare.peek().is_none() {
            return Vec::new();
        }
        let retained = self.retained(now, retain);
        spare
            .filter(|(segment, _)| !retained.contains(segment))
            .map(|(segment, note)| (*segment, note.keys.clone()))
            .collect()
    }

    /// The segments that a queue keeps beyond what is live.
    fn retained(&self, now: Timestamp, retain: impl Fn(QueueNumber) -> Retain) -> BTreeSet<u32> {
        let mut newer: BTreeMap<QueueNumber, u64> = BTreeMap::new();
        let mut retained = BTreeSet::new();
        for (segment, note) in self.notes.iter().rev() {
            let keeps = note.placed.keys().any(|queue| {
                let bytes = newer.get(queue).copied().unwrap_or_default();
                is_retained(retain(*queue), now.since(note.newest), bytes)
            });
            for (queue, bytes) in &note.placed {
                *newer.entry(*queue).or_default() += bytes;
            }
            if keeps {
                retained.insert(*segment);
            }
        }
        retained
    }

    /// The segment is gone.
    pub(crate) fn remove(&mut self, segment: u32) {
        self.notes.remove(&segment);
    }
}

impl Note {
    /// Whether little of it is still needed, and much less than when it was last thinned.
    fn is_sparse(&self) -> bool {
        let few = self.live > 0 && self.live.saturating_mul(THIN_WHEN_ONE_IN) < self.ever;
        // Again only when half of what stayed is gone.
        few && self.thinned.is_none_or(|then| self.live <= then / 2)
    }
}

/// Whether a queue keeps a segment of this age, when it has so many bytes in newer ones.
fn is_retained(retain: Retain, age: Duration, newer_bytes: u64) -> bool {
    let Retain { time, bytes, hold } = retain;
    let in_time = time.map_or(bytes.is_some(), |time| age < time);
    let in_bytes = bytes.is_none_or(|bytes| newer_bytes < bytes);
    hold == Hold::Held || in_time && in_bytes
}

/// A segment is thinned when fewer than one in so many of its events are still needed.
const THIN_WHEN_ONE_IN: u64 = 7;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::entry::Position;

    const SECOND: Duration = Duration::from_secs(1);
    const QUEUE: QueueNumber = QueueNumber(0);

    fn place(segment: u32, offset: u32) -> Place {
        Place { position: Position { segment, offset }.pack(), part: 0 }
    }

    fn spare(ledger: &mut Ledger, floor: u32, now: Timestamp, retain: Retain) -> Vec<u32> {
        ledger.begin_checkpoint(1, 0, now, |_| retain);
        let mut spare: Vec<u32> = ledger
            .spare(1, floor, now, |_| retain)
            .into_iter()
            .map(|(segment, _)| segment)
            .collect();
        spare.sort_unstable();
        spare
    }

    #[test]
    fn a_segment_is_kept_for_its_events_its_letters_and_its_retention() {
        let at = Timestamp::from_unix_ms(5_000);
        let mut ledger = Ledger::default();
        ledger.begin(1, 0);
        let item = Item::fresh(place(1, 64), at, 1);
        ledger.placed(item.id, QUEUE, 1, at);
        ledger.came(&item);
        ledger.begin(2, 0);
        let dead = item.dead_lettered(QUEUE, place(2, 64));
        ledger.left(&item);
        ledger.came(&dead);
        let later = at.plus(SECOND * 9);
        let second = Retain { time: Some(SECOND), ..Retain::default() };
        assert_eq!(
            spare(&mut ledger, 3, later, second),
            [0_u32; 0],
            "event and letter lie in a queue"
        );
        ledger.left(&dead);
        assert_eq!(spare(&mut ledger, 1, later, second), [0_u32; 0], "start-up would read it");
        assert_eq!(
            spare(&mut ledger, 3, at, second),
            [2],
            "the retention of the first is not over"
        );
        assert_eq!(spare(&mut ledger, 3, later, second), [1, 2]);
        assert_eq!(spare(&mut ledger, 3, later, Retain { hold: Hold::Held, ..second }), [2]);
    }

    #[test]
    fn retention_by_bytes_keeps_the_newest() {
        let mut ledger = Ledger::default();
        for segment in 1..=4 {
            ledger.begin(segment, 0);
            ledger.placed(place(segment, 0), QUEUE, 100, Timestamp::from_unix_ms(1));
        }
        let now = Timestamp::from_unix_ms(1_000_000);
        let keep = |bytes| Retain { bytes: Some(bytes), ..Retain::default() };
        assert_eq!(spare(&mut ledger, 9, now, keep(101)), [1, 2]);
        assert_eq!(spare(&mut ledger, 9, now, keep(100)), [1, 2, 3]);
        assert_eq!(
            spare(&mut ledger, 9, now, Retain { time: Some(SECOND), ..keep(101) }),
            [1, 2, 3, 4]
        );
        assert_eq!(spare(&mut ledger, 9, now, keep(1 << 40)), [0_u32; 0]);
    }
}
