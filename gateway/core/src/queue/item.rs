//! What a queue knows about an event that lies in it: where the log has it, how it is to be
//! treated, and what happened to it here. Never the event itself: payloads stay in the log.

use std::num::NonZeroU64;

use crate::time::Timestamp;

/// A place in the log: an entry, and which part of it. Later entries have greater places.
///
/// The upper half of a position is the number of the segment, the lower half the offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Place {
    /// The position of the entry.
    pub position: u64,
    /// Which part of the entry: a placement of a commit, or a change.
    pub part: u16,
}

impl Place {
    /// Before every place.
    pub const START: Self = Self { position: 0, part: 0 };

    /// The number of the segment that it lies in.
    #[must_use]
    pub fn segment(self) -> u32 {
        (self.position >> 32) as u32
    }
}

/// A queue by its number in the log; the log's catalogue gives its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueNumber(pub u16);

/// A source by a hash of its name: enough to count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SourceTag(pub u32);

/// How urgent an event is in its queue: 0 to 9. All events of a higher priority go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Priority(u8);

impl Priority {
    /// How many there are.
    pub const LEVELS: usize = 10;

    /// The priority of this level; the highest if it is above.
    #[must_use]
    pub fn new(level: u8) -> Self {
        Self(level.min(Self::LEVELS as u8 - 1))
    }

    /// The level: 0 to 9.
    #[must_use]
    pub fn level(self) -> u8 {
        self.0
    }
}

/// Events of one queue with the same key are handed out one after the other. A hash of the key's
/// text: two texts with one hash wait for each other, and nothing worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey(pub NonZeroU64);

/// How an event is to be treated in one queue: decided when it is placed there, stored with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// How urgent it is.
    pub priority: Priority,
    /// In line with which others it must stay.
    pub order_key: Option<OrderKey>,
    /// Not before this time, by the wall clock.
    pub deliver_at: Option<Timestamp>,
    /// Not after this time: by the wall clock as it stood when the event came, or when the
    /// process started, if that was later.
    pub expires_at: Option<Timestamp>,
}

/// An event that lies in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Where the log says that it came into this queue: its identity here. A queue hands out the
    /// smallest first.
    pub id: Place,
    /// Where its bytes are. The same as `id`, if a commit brought it here.
    pub event: Place,
    /// Where its letter is, if a dead-lettering brought it here. (The letter of an event that was
    /// committed into a dead-letter queue is beside the event.)
    pub letter: Option<Place>,
    /// The queue that gave the event up, if one did and this is a dead-letter queue.
    pub origin: Option<QueueNumber>,
    /// The source that it came in by.
    pub source: SourceTag,
    /// When the gateway had received it.
    pub received_at: Timestamp,
    /// Its bytes, about, for quotas.
    pub weight: u32,
    /// Attempts made in this queue.
    pub attempts: u32,
    /// How it is to be treated here.
    pub terms: Terms,
}

impl Item {
    /// An event as a commit places it.
    #[must_use]
    pub fn fresh(id: Place, received_at: Timestamp, weight: u32) -> Self {
        Self {
            id,
            event: id,
            letter: None,
            origin: None,
            source: SourceTag::default(),
            received_at,
            weight,
            attempts: 0,
            terms: Terms::default(),
        }
    }

    /// Every place of the log that is needed as long as the event lies in the queue: that of its
    /// bytes, and that of the entry that brought it here, which lists it and may hold its letter.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        let brought = (self.id != self.event).then_some(self.id);
        let letter = self.letter.filter(|letter| *letter != self.id);
        std::iter::once(self.event).chain(brought).chain(letter)
    }

    /// This event in a dead-letter queue: given up by `origin`, in the change at `id`, which holds
    /// its letter. If it was a dead letter before, it belongs to the queue that gave it up first.
    /// Dead letters do not expire.
    #[must_use]
    pub fn dead_lettered(self, origin: QueueNumber, id: Place) -> Self {
        let terms = Terms { deliver_at: None, expires_at: None, ..self.terms };
        let origin = self.origin.or(Some(origin));
        Self { id, letter: Some(id), origin, attempts: 0, terms, ..self }
    }

    /// This event placed once more by the change at `id`: a dead letter back in its queue, or an
    /// event of the past replayed. What its time to live was is over.
    #[must_use]
    pub fn placed_again(self, id: Place) -> Self {
        let terms = Terms { deliver_at: None, expires_at: None, ..self.terms };
        Self { id, letter: None, origin: None, attempts: 0, terms, ..self }
    }
}
