//! The proof types: `Received -> Verified -> Validated -> Routed -> Receipt`.
//!
//! Each holds what the one before held and one fact more, and is made only by its `assertion`.
//! Calling an `assertion` is a claim: "I have checked this". The `tidy` test pins the files that
//! may make each claim; everywhere else, having the value *is* the proof. An event that a replay
//! reads back from the log begins in the middle, by `stored`: a claim as well, pinned as well.

use crate::delivery::{Arrival, Delivery};
use crate::event::Event;
use crate::ids::{EventId, QueueName, RouteName};
use crate::letter::Letter;
use crate::limits::DEDUPE_KEY_BYTES_MAX;
use crate::signature::Verdict;

/// A delivery that is wholly here, within the bounds of its source, with its arrival.
#[derive(Debug)]
pub struct Received {
    delivery: Delivery,
    arrival: Arrival,
}

impl Received {
    /// Claims that the delivery is complete and within the bounds of its source.
    #[must_use]
    pub fn assertion(delivery: Delivery, arrival: Arrival) -> Self {
        Self { delivery, arrival }
    }

    /// Claims that the delivery was read back from the refused deliveries, as it came and with its
    /// arrival of then: it was whole and within bounds when it came.
    #[must_use]
    pub fn stored(delivery: Delivery, arrival: Arrival) -> Self {
        Self { delivery, arrival }
    }

    /// The delivery.
    #[must_use]
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// When it came, and its id.
    #[must_use]
    pub fn arrival(&self) -> Arrival {
        self.arrival
    }

    /// The delivery and its arrival, taken apart.
    #[must_use]
    pub fn into_parts(self) -> (Delivery, Arrival) {
        (self.delivery, self.arrival)
    }
}

/// An event whose sender is proven, or whose source says openly that it proves nothing.
#[derive(Debug)]
pub struct Verified {
    event: Event,
    verdict: Verdict,
    dedupe: Option<DedupeKey>,
}

impl Verified {
    /// Claims that the raw bytes of the delivery were verified as the source's scheme says, and
    /// that the event says nothing that the delivery did not.
    #[must_use]
    pub fn assertion(event: Event, verdict: Verdict, dedupe: Option<DedupeKey>) -> Self {
        Self { event, verdict, dedupe }
    }

    /// Claims that the event was read back from the log together with this verdict: what was
    /// proven at the door counts, and is not proven again. It has no idempotency key: an operator
    /// wants it once more.
    #[must_use]
    pub fn stored(event: Event, verdict: Verdict) -> Self {
        Self { event, verdict, dedupe: None }
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// What was proven.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The event, what was proven, and the idempotency key.
    #[must_use]
    pub fn into_parts(self) -> (Event, Verdict, Option<DedupeKey>) {
        (self.event, self.verdict, self.dedupe)
    }
}

/// A verified event whose payload keeps to its schema, or whose source asks for none.
///
/// Cheap to clone: the line holds it while filters look at its event.
#[derive(Debug, Clone)]
pub struct Validated {
    event: Event,
    verdict: Verdict,
    dedupe: Option<DedupeKey>,
}

impl Validated {
    /// Claims that the payload was held against the schema that the verdict names, if any.
    #[must_use]
    pub fn assertion(event: Event, verdict: Verdict, dedupe: Option<DedupeKey>) -> Self {
        Self { event, verdict, dedupe }
    }

    /// Claims that the event was read back from the log together with this verdict, and kept to
    /// its schema when it came. It has no idempotency key: an operator wants it once more.
    #[must_use]
    pub fn stored(event: Event, verdict: Verdict) -> Self {
        Self { event, verdict, dedupe: None }
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// What was proven.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The event, what was proven, and the idempotency key.
    #[must_use]
    pub fn into_parts(self) -> (Event, Verdict, Option<DedupeKey>) {
        (self.event, self.verdict, self.dedupe)
    }
}

/// An event with every place that it goes to, ready to be committed as one entry.
#[derive(Debug)]
pub struct Routed {
    event: Event,
    verdict: Verdict,
    dedupe: Option<DedupeKey>,
    placements: Vec<Placement>,
    drops: Vec<Dropped>,
}

/// An event and the queues that it goes to: the event received, or one that a filter made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The event as these queues will have it.
    pub event: Event,
    /// The queues, each once, at least one.
    pub queues: Vec<QueueName>,
    /// Why, if the queues are dead-letter queues.
    pub letter: Option<Letter>,
}

/// A note that a route let the event go, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The route.
    pub route: RouteName,
    /// The filter's reason.
    pub reason: String,
}

impl Routed {
    /// Claims that every queue named exists, that no placement is without a queue, and that
    /// counts are within `DESTINATIONS_MAX` and `OUTPUTS_MAX`.
    #[must_use]
    pub fn assertion(
        validated: Validated,
        placements: Vec<Placement>,
        drops: Vec<Dropped>,
    ) -> Self {
        let (event, verdict, dedupe) = validated.into_parts();
        Self { event, verdict, dedupe, placements, drops }
    }

    /// The event as it was received.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// What was proven at the door.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The idempotency key, if the sender gave one.
    #[must_use]
    pub fn dedupe(&self) -> Option<&DedupeKey> {
        self.dedupe.as_ref()
    }

    /// Where it goes. Empty if every route dropped it, or none matched: it is logged all the same.
    #[must_use]
    pub fn placements(&self) -> &[Placement] {
        &self.placements
    }

    /// Which routes let it go, and why.
    #[must_use]
    pub fn drops(&self) -> &[Dropped] {
        &self.drops
    }
}

/// The sender's idempotency key: scoped to the source by the engine, decided within the commit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DedupeKey(Box<str>);

impl DedupeKey {
    /// A key of 1 to `DEDUPE_KEY_BYTES_MAX` bytes; `None` if it is empty or longer.
    #[must_use]
    pub fn new(key: &str) -> Option<Self> {
        (1..=DEDUPE_KEY_BYTES_MAX).contains(&key.len()).then(|| Self(key.into()))
    }

    /// The key as the sender gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The event is durable: the only thing that may be turned into an acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    event: EventId,
    repeat: Repeat,
}

/// Whether a delivery was the first of its idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It was stored now.
    First,
    /// It had been stored before; this is the first receipt again.
    Duplicate,
}

impl Receipt {
    /// Claims that the entry of this event is on disk and flushed, or acknowledged by the
    /// distributed engine.
    #[must_use]
    pub fn assertion(event: EventId, repeat: Repeat) -> Self {
        Self { event, repeat }
    }

    /// The id of the event that is durable.
    #[must_use]
    pub fn event(&self) -> EventId {
        self.event
    }

    /// Whether the delivery was a repeat.
    #[must_use]
    pub fn repeat(&self) -> Repeat {
        self.repeat
    }
}
