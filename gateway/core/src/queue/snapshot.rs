//! A queue as it is at one moment: what a checkpoint keeps, so that start-up need not read the
//! whole log. Its size goes with what has happened to single events, not with the backlog.

use super::item::{Item, Place, Priority};
use crate::letter::Failure;
use crate::time::Timestamp;

/// A queue as it is at one moment. Leases are not in it: after a restart they are void.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// Arrivals to which nothing has happened, by priority.
    pub lanes: Vec<LaneSnapshot>,
    /// Events to which something has happened, in the order of their ids.
    pub held: Vec<Held>,
    /// The bytes of all events in the queue.
    pub bytes: u64,
    /// The greatest id that came.
    pub newest: Place,
    /// When it was as it is here, by the wall clock.
    pub at: Timestamp,
}

/// The arrivals of one priority to which nothing has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneSnapshot {
    /// The priority.
    pub priority: Priority,
    /// All arrivals up to this place were taken from the lane.
    pub after: Place,
    /// Where the others are, in order.
    pub runs: Vec<Run>,
    /// Places after `after` whose events left all the same, in order.
    pub holes: Vec<Place>,
}

/// Arrivals of one lane that came in one segment of the log, and are still in the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The number of the segment.
    pub segment: u32,
    /// How many are still in the lane.
    pub left: u64,
    /// When the gateway had received the first of the run.
    pub oldest: Timestamp,
}

/// An event to which something has happened, and that is still here.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The event.
    pub item: Item,
    /// Until when it waits, by the wall clock; `None`: it is ready.
    pub until: Option<Timestamp>,
    /// Its last failed attempts, oldest first.
    pub failures: Vec<Failure>,
}
