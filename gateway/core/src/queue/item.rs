//! What a queue knows about an event that lies in it: where the log has it, and what happened to
//! it here. Never the event itself: payloads stay in the log.

use crate::time::Timestamp;

/// Which event in a queue: where it lies in the log, and by which way it came. Places are ordered
/// as the commits were: a queue hands out the smallest place first.
///
/// The way is part of it because one event, placed in two queues, can be given up by both into
/// one dead-letter queue: it is there twice, and each goes back where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The position of the entry; a later entry has a greater one.
    pub position: u64,
    /// Which placement of the entry.
    pub part: u16,
    /// The queue that gave the event up, if one did and this is a dead-letter queue.
    pub origin: Option<QueueNumber>,
}

impl Place {
    /// The place of a placement, as a commit makes it.
    #[must_use]
    pub fn committed(position: u64, part: u16) -> Self {
        Self { position, part, origin: None }
    }
}

/// A queue by its number in the log; the log's catalogue gives its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueNumber(pub u16);

/// An event that lies in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Where the event is.
    pub place: Place,
    /// Where its letter is, if a dead-lettering brought it here. (The letter of an event that was
    /// committed into a dead-letter queue is beside the event.)
    pub letter: Option<Place>,
    /// When the gateway had received it.
    pub received_at: Timestamp,
    /// Its bytes, about, for quotas.
    pub weight: u32,
    /// Attempts made in this queue.
    pub attempts: u32,
}

impl Item {
    /// An event as a commit places it.
    #[must_use]
    pub fn fresh(place: Place, received_at: Timestamp, weight: u32) -> Self {
        Self { place, letter: None, received_at, weight, attempts: 0 }
    }

    /// This event in a dead-letter queue, given up by `origin`, with its letter at `letter`. If
    /// it was a dead letter before, it belongs to the queue that gave it up first.
    #[must_use]
    pub fn dead_lettered(self, origin: QueueNumber, letter: Place) -> Self {
        let place = Place { origin: self.place.origin.or(Some(origin)), ..self.place };
        Self { place, letter: Some(letter), attempts: 0, ..self }
    }

    /// This event back in the queue that had given it up.
    #[must_use]
    pub fn redriven(self) -> Self {
        Self { place: Place { origin: None, ..self.place }, letter: None, attempts: 0, ..self }
    }

    /// The queue that gave it up, if one did and this is a dead-letter queue.
    #[must_use]
    pub fn origin(&self) -> Option<QueueNumber> {
        self.place.origin
    }

    /// Whether nothing has happened to it since its commit.
    pub(super) fn is_fresh(&self) -> bool {
        self.letter.is_none() && self.place.origin.is_none() && self.attempts == 0
    }
}
