//! Which segments are still needed.
//!
//! A segment is needed while an event or a letter in it lies in a queue, and for the longest
//! retention of the queues that its events went to. Only the oldest segment is ever deleted:
//! what settled an event lies after it, so nothing that is deleted is needed to know that an
//! event, still there, was settled.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use sluicegate_core::queue::{Item, Place};
use sluicegate_core::time::Timestamp;

use crate::format::entry::Position;

/// The segments, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Ledger(BTreeMap<u32, Note>);

#[derive(Debug, Default)]
struct Note {
    /// Events and letters in it that lie in a queue, once for each queue.
    live: u64,
    newest: Timestamp,
    retain: Duration,
    /// The numbers of the idempotency keys that were remembered from it.
    keys: Range<u64>,
}

impl Ledger {
    /// A segment begins; keys remembered from now on are its own.
    pub(crate) fn begin(&mut self, segment: u32, next_key: u64) {
        self.0.insert(segment, Note { keys: next_key..next_key, ..Note::default() });
    }

    /// The entry at this place put its events into `count` queues, at `at`.
    pub(crate) fn committed(
        &mut self,
        place: Place,
        count: usize,
        retain: Duration,
        at: Timestamp,
    ) {
        let Some(note) = self.note(place) else { return };
        note.live += count as u64;
        note.newest = note.newest.max(at);
        note.retain = note.retain.max(retain);
    }

    /// A key was remembered; `next` is the number of the next one.
    pub(crate) fn remembered(&mut self, segment: u32, next: u64) {
        if let Some(note) = self.0.get_mut(&segment) {
            note.keys.end = next;
        }
    }

    /// An event left its queue, with its letter.
    pub(crate) fn left(&mut self, item: &Item) {
        for place in std::iter::once(item.place).chain(item.letter) {
            if let Some(note) = self.note(place) {
                note.live = note.live.saturating_sub(1);
            }
        }
    }

    /// An event came into a queue by a move, with its letter.
    pub(crate) fn came(&mut self, item: &Item) {
        for place in std::iter::once(item.place).chain(item.letter) {
            if let Some(note) = self.note(place) {
                note.live += 1;
            }
        }
    }

    /// The oldest segment, if it is before `current` and nobody needs it: its number and keys.
    pub(crate) fn spare(&self, current: u32, now: Timestamp) -> Option<(u32, Range<u64>)> {
        let (segment, note) = self.0.first_key_value()?;
        let spare = *segment < current && note.live == 0;
        let kept = now.since(note.newest) < note.retain;
        (spare && !kept).then(|| (*segment, note.keys.clone()))
    }

    /// The segment is gone.
    pub(crate) fn remove(&mut self, segment: u32) {
        self.0.remove(&segment);
    }

    fn note(&mut self, place: Place) -> Option<&mut Note> {
        self.0.get_mut(&Position::unpack(place.position).segment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn place(segment: u32, offset: u32) -> Place {
        Place::committed(Position { segment, offset }.pack(), 0)
    }

    #[test]
    fn a_segment_is_kept_for_its_events_its_letters_and_its_retention() {
        let at = Timestamp::from_unix_ms(5_000);
        let mut ledger = Ledger::default();
        ledger.begin(1, 0);
        ledger.committed(place(1, 64), 1, SECOND, at);
        ledger.begin(2, 0);
        let item = Item::fresh(place(1, 64), at, 1);
        let dead = item.dead_lettered(sluicegate_core::queue::QueueNumber(0), place(2, 64));
        ledger.left(&item);
        ledger.came(&dead);
        let later = at.plus(SECOND * 9);
        assert_eq!(ledger.spare(3, later), None, "the dead letter is in segment 1");
        ledger.left(&dead);
        assert_eq!(ledger.spare(1, later), None, "it is being written to");
        assert_eq!(ledger.spare(3, at), None, "its retention is not over");
        assert_eq!(ledger.spare(3, later), Some((1, 0..0)));
        ledger.remove(1);
        assert_eq!(ledger.spare(3, later), Some((2, 0..0)), "the letter is gone too");
    }
}
