//! Which segments are still needed.
//!
//! A segment is needed while an event, a letter, or the entry that brought an event lies in it and
//! the event in a queue; while a checkpoint on the disk speaks of it, or start-up would read it;
//! and as long as a queue retains what came into it, by commit or by move: then the segment in
//! which it came is kept, and every segment that it refers to. Any other segment may go, not only
//! the oldest.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use sluicegate_core::queue::{Item, Place, QueueNumber};
use sluicegate_core::time::Timestamp;

use super::note::{Note, Noted, is_retained};
use crate::config::Retain;

/// The segments, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    notes: BTreeMap<u32, Note>,
    /// Segments that should be there and are not, with the events and letters that were in them.
    missing: BTreeMap<u32, u64>,
    /// A segment may have become spare since [`Ledger::spare`] was asked.
    changed: bool,
}

impl Ledger {
    /// A segment begins; keys remembered from now on are its own.
    pub(crate) fn begin(&mut self, segment: u32, next_key: u64) {
        self.notes.insert(segment, Note { keys: next_key..next_key, ..Note::default() });
        self.changed = true;
    }

    /// An entry brought an event into a queue now.
    pub(crate) fn arrived(&mut self, item: &Item, queue: QueueNumber, now: Timestamp) {
        let here = item.id.segment();
        let Some(note) = self.notes.get_mut(&here) else { return };
        note.newest = note.newest.max(now);
        let arrived = note.arrived.entry(queue).or_default();
        arrived.bytes += u64::from(item.weight);
        arrived.refs.extend(item.places().map(Place::segment).filter(|segment| *segment != here));
    }

    /// What a segment's index says of it.
    pub(crate) fn noted(&mut self, segment: u32, noted: Noted) {
        let Some(note) = self.notes.get_mut(&segment) else { return };
        note.newest = note.newest.max(noted.newest);
        note.ever = note.ever.saturating_add(noted.placed);
        note.moved = noted.moved;
        note.arrived = noted.arrived;
    }

    /// All segments are noted. What was moved came before what was received later: that is the
    /// latest that it can have been, and with nothing later, now.
    pub(crate) fn date_moves(&mut self, now: Timestamp) {
        let mut later = now;
        for note in self.notes.values_mut().rev() {
            let received = note.newest;
            if note.moved {
                note.newest = received.max(later);
            }
            if received > Timestamp::default() {
                later = received.min(now);
            }
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
                note.thinned_before = note.thinned.replace(note.live);
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

    /// These segments were chosen for thinning, and it was not begun.
    pub(crate) fn not_chosen(&mut self, segments: &BTreeSet<u32>) {
        for segment in segments {
            if let Some(note) = self.notes.get_mut(segment) {
                note.thinned = note.thinned_before;
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
            let age = now.since(note.newest);
            for (queue, arrived) in &note.arrived {
                let bytes = newer.entry(*queue).or_default();
                if is_retained(retain(*queue), age, *bytes) {
                    retained.insert(*segment);
                    retained.extend(&arrived.refs);
                }
                *bytes += arrived.bytes;
            }
        }
        retained
    }

    /// The segment is gone.
    pub(crate) fn remove(&mut self, segment: u32) {
        self.notes.remove(&segment);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Hold;
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
        ledger.arrived(&item, QUEUE, at);
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
            let at = Timestamp::from_unix_ms(1);
            ledger.arrived(&Item::fresh(place(segment, 0), at, 100), QUEUE, at);
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

    #[test]
    fn a_queue_retains_what_was_moved_into_it_and_all_that_it_refers_to() {
        const DEAD: QueueNumber = QueueNumber(1);
        let at = Timestamp::from_unix_ms(5_000);
        let later = at.plus(SECOND * 60);
        let mut ledger = Ledger::default();
        (1..=3).for_each(|segment| ledger.begin(segment, 0));
        let item = Item::fresh(place(1, 64), at, 1);
        ledger.arrived(&item, QUEUE, at);
        ledger.arrived(&item.dead_lettered(QUEUE, place(3, 64)), DEAD, later);
        let retain =
            |kept: Retain| move |queue| if queue == DEAD { kept } else { Retain::default() };
        let retained = |kept, now| ledger.retained(now, retain(kept));
        let held = Retain { hold: Hold::Held, ..Retain::default() };
        assert_eq!(retained(held, later.plus(SECOND * 99)), BTreeSet::from([1, 3]));
        let minute = Retain { time: Some(SECOND * 60), ..Retain::default() };
        assert_eq!(retained(minute, later.plus(SECOND * 59)), BTreeSet::from([1, 3]));
        assert_eq!(retained(minute, later.plus(SECOND * 60)), BTreeSet::new());
    }

    #[test]
    fn a_move_is_no_older_than_what_was_received_after_it() {
        let at = Timestamp::from_unix_ms;
        let mut ledger = Ledger::default();
        (1..=4).for_each(|segment| ledger.begin(segment, 0));
        let noted = |newest: u64, moved| Noted { newest: at(newest), moved, ..Noted::default() };
        ledger.noted(1, noted(10, true));
        ledger.noted(2, noted(0, true));
        ledger.noted(3, noted(30, false));
        ledger.noted(4, noted(0, true));
        ledger.date_moves(at(100));
        let newest: Vec<u64> = ledger.notes.values().map(|note| note.newest.unix_ms()).collect();
        assert_eq!(newest, [30, 30, 30, 100]);
    }
}
