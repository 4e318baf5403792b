//! The state machine of one queue. (Contract: the bodies are written by the room's builder.)

use std::time::Duration;

use super::item::{Item, Place};
use super::policy::Policy;
use super::snapshot::{LaneSnapshot, Snapshot};
use super::traffic::{Effect, Input, Replayed, Wish};
use super::words::QueueStats;
use crate::time::{Moment, Timestamp};

/// The state of one queue.
#[derive(Debug)]
pub struct QueueState {
    policy: Policy,
}

/// What lies in a queue at one moment, without being leased for it.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Events to which something has happened, with where they stand, in the order of their ids.
    pub held: Vec<(Item, Standing)>,
    /// Where the arrivals are to which nothing has happened.
    pub lanes: Vec<LaneSnapshot>,
    /// The greatest id that came: what is found later came after this view.
    pub newest: Place,
}

/// Where an event stands in its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A consumer could receive it now.
    Ready,
    /// A consumer holds it until then, by the steady clock.
    Leased(Timestamp),
    /// It waits until then, by the wall clock.
    Delayed(Timestamp),
    /// It waits for another event with its ordering key.
    Blocked,
}

#[expect(clippy::unimplemented, unused_variables, reason = "contract")]
impl QueueState {
    /// An empty queue.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// Takes in what happened and says what must be done. First everything that is due by `now`
    /// takes place, so that a lease that has run out cannot be settled.
    pub fn handle(&mut self, input: Input, now: Moment, random: u64) -> Vec<Effect> {
        unimplemented!()
    }

    /// How long until `handle` should be called with [`Input::Due`], if nothing else happens.
    #[must_use]
    pub fn next_due(&self, now: Moment) -> Option<Duration> {
        unimplemented!()
    }

    /// The queue in numbers; `dead` is not known here.
    #[must_use]
    pub fn stats(&self, now: Moment) -> QueueStats {
        unimplemented!()
    }

    /// How the queue treats its events.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What a checkpoint keeps: events that are leased are ready in it, with their attempts.
    #[must_use]
    pub fn snapshot(&self, now: Moment) -> Snapshot {
        unimplemented!()
    }

    /// What lies in the queue after this id: at most so many of the events to which something has
    /// happened, and all the lanes.
    #[must_use]
    pub fn view(&self, now: Moment, after: Place, held_max: usize) -> View {
        unimplemented!()
    }

    /// Rebuilds: a queue as a checkpoint kept it.
    #[must_use]
    pub fn from_snapshot(policy: Policy, snapshot: Snapshot, now: Moment) -> Self {
        unimplemented!()
    }

    /// Rebuilds: the log says that this event came. Calls come in the order of the log.
    pub fn replay_arrival(&mut self, item: Item, now: Moment) {
        unimplemented!()
    }

    /// Rebuilds: the log says that this happened to the event with this id. `load` reads arrivals
    /// back. Nothing happens if the event is not here: the entry that brought it was damaged, or
    /// the log has already said that it left. Returns the event as it was before.
    pub fn replay(
        &mut self,
        id: Place,
        what: Replayed,
        now: Moment,
        load: &mut dyn FnMut(Wish) -> Vec<Item>,
    ) -> Option<Item> {
        unimplemented!()
    }

    /// Rebuilds: the whole log was read.
    pub fn finish_replay(&mut self, policy: Policy, now: Moment) {
        unimplemented!()
    }
}
