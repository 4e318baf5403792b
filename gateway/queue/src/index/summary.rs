//! What is known of a segment's arrivals without reading a block: small enough to be kept in
//! memory for every segment.

use sluicegate_core::queue::{Item, Place, Priority, QueueNumber, SourceTag};
use sluicegate_core::time::Timestamp;

use super::tally::Tally;
use crate::log::Noted;

/// What a segment's arrivals are, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Summary {
    /// By queue and priority, in that order.
    pub(crate) sections: Vec<Section>,
    /// What else is known of the segment.
    pub(crate) notes: Notes,
}

impl Summary {
    /// The arrivals of a queue with this priority: their number in `sections`, and what they are.
    pub(crate) fn find(&self, queue: QueueNumber, priority: Priority) -> Option<(usize, &Section)> {
        let wanted = (queue, priority);
        let key = |section: &Section| (section.queue, section.priority);
        let at = self.sections.binary_search_by_key(&wanted, key).ok()?;
        Some((at, self.sections.get(at)?))
    }

    /// What came into the queues in this segment, and what of it was moved there.
    pub(crate) fn noted(&self, segment: u32) -> Noted {
        let mut noted = Noted { newest: self.notes.newest, ..Noted::default() };
        for section in &self.sections {
            let arrived = noted.arrived.entry(section.queue).or_default();
            arrived.bytes += section.bytes;
            let refs = section.refs.iter().map(|(of, _)| of).filter(|of| *of != segment);
            arrived.refs.extend(refs);
            // What a commit brought refers to one place, what was moved to two at least.
            let places: u64 = section.refs.iter().map(|(_, sum)| sum.count).sum();
            noted.moved |= places > section.count;
        }
        for (queue, sum) in self.notes.placed.iter() {
            noted.placed += sum.count;
            let arrived = noted.arrived.entry(queue).or_default();
            // What waits for its time is placed and not listed, what was moved the other way
            // round: where there is both, this is less than came, and more is kept.
            arrived.bytes = arrived.bytes.max(sum.bytes);
        }
        noted
    }
}

/// The listed arrivals of one queue with one priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// The queue that they came into.
    pub(crate) queue: QueueNumber,
    /// Their priority.
    pub(crate) priority: Priority,
    /// How many.
    pub(crate) count: u64,
    /// Their weights together.
    pub(crate) bytes: u64,
    /// The id of the first.
    pub(crate) first: Place,
    /// The id of the last.
    pub(crate) last: Place,
    /// When the gateway had received the first.
    pub(crate) oldest: Timestamp,
    /// The segments, this one too, that their events and letters lie in. An event counts with its
    /// weight, a letter with no bytes.
    pub(crate) refs: Tally<u32>,
    /// The sources that they came in by.
    pub(crate) sources: Tally<SourceTag>,
}

impl Section {
    /// The section of which this item will be the first. It is not counted yet.
    pub(super) fn before(queue: QueueNumber, item: &Item) -> Self {
        Self {
            queue,
            priority: item.terms.priority,
            count: 0,
            bytes: 0,
            first: item.id,
            last: Place::START,
            oldest: item.received_at,
            refs: Tally::default(),
            sources: Tally::default(),
        }
    }

    pub(super) fn add(&mut self, item: &Item) {
        self.count += 1;
        self.bytes += u64::from(item.weight);
        self.last = item.id;
        self.refs.add(item.event.segment(), item.weight);
        for place in item.places().skip(1) {
            self.refs.add(place.segment(), 0);
        }
        self.sources.add(item.source, item.weight);
    }
}

/// What else is known of a segment: all of it about the events whose bytes came with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Notes {
    /// When the gateway had received the newest event that a commit placed.
    pub(crate) newest: Timestamp,
    /// What commits placed in each queue: also what is not listed.
    pub(crate) placed: Tally<QueueNumber>,
}

impl Notes {
    /// Notes an arrival, if it is a commit's.
    pub(super) fn add(&mut self, queue: QueueNumber, item: &Item) {
        if item.event == item.id {
            self.newest = self.newest.max(item.received_at);
            self.placed.add(queue, item.weight);
        }
    }
}
