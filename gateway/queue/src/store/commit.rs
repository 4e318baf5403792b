//! A commit, on the thread of its producer: make room, encode, lay it on the writer's desk.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sluicegate_core::ids::EventId;
use sluicegate_core::limits::{DELAY_MS_MAX, ENTRY_BYTES_MAX};
use sluicegate_core::proof::{Receipt, Repeat, Routed};
use sluicegate_core::queue::SourceTag;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::Uncommitted;
use sluicegate_core::state::Transaction;
use tokio::sync::oneshot;

use super::Store;
use crate::claim::Claim;
use crate::config::WhenFull;
use crate::dedupe::KeyHash;
use crate::format::commit::{self, Placed};
use crate::gauges::tag_of;
use crate::rooms::{Room, Standing};
use crate::writer::{CommitWork, LookupWork, Work};

/// Room for every event of a commit in every queue. Given back unless it is used.
pub(super) struct Reserved<'s> {
    store: &'s Store,
    source: SourceTag,
    placed: Vec<Placed>,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        for placed in &self.placed {
            if let Some(room) = self.store.registry.numbered(placed.queue) {
                room.gauges.release(placed.weight);
                room.plan().rate.into_iter().for_each(|rate| room.bucket.give_back(rate));
            }
            self.store.sources.release(self.source, placed.weight);
        }
    }
}

impl Store {
    /// Makes room for every event in every queue, or refuses the whole commit.
    pub(super) fn reserve(&self, routed: &Routed) -> Result<Reserved<'_>, Refusal> {
        if self.counters.disk_full.load(Ordering::Relaxed) {
            return Err(Refusal::StoreUnavailable { what: "the disk has too little free space" });
        }
        let source = tag_of(routed.event().source.as_str());
        let count = routed.placements().iter().map(|placement| placement.queues.len()).sum();
        let mut reserved = Reserved { store: self, source, placed: Vec::with_capacity(count) };
        for (placement, part) in routed.placements().iter().zip(0_u16..) {
            let weight = u32::try_from(placement.event.weight()).unwrap_or(u32::MAX);
            for name in &placement.queues {
                let Some(room) = self.registry.find(name) else {
                    return Err(Refusal::StoreUnavailable { what: "a queue is not open" });
                };
                self.reserve_source(source, weight)?;
                if let Err(refusal) = self.reserve_in(&room, weight, &reserved.placed) {
                    self.sources.release(source, weight);
                    return Err(refusal);
                }
                let plan = room.plan();
                let terms = plan.terms.terms(&placement.event, LONGEST_DELAY);
                let placed = Placed { queue: room.number, part, weight, terms };
                reserved.placed.push(placed);
                // Whoever removes a queue marks it before he looks whether it is empty.
                if plan.standing == Standing::Removed {
                    return Err(Refusal::StoreUnavailable { what: "a queue is not open" });
                }
            }
        }
        Ok(reserved)
    }

    fn reserve_source(&self, source: SourceTag, weight: u32) -> Result<(), Refusal> {
        let gauges = self.sources.of(source);
        match self.source_bounds.get(&source) {
            Some((name, bounds)) if !gauges.reserve(weight, *bounds) => Err(Refusal::SourceFull {
                source_name: name.to_string(),
                retry_after: FULL_RETRY_AFTER,
            }),
            Some(_) => Ok(()),
            None => {
                gauges.add(weight);
                Ok(())
            }
        }
    }

    /// Makes room in a queue; `before` is what else the commit places. Only the first event of a
    /// commit must find a token of the queue's rate: what a commit brings beyond is owed, so that
    /// none is too big to come in ever.
    fn reserve_in(&self, room: &Room, weight: u32, before: &[Placed]) -> Result<(), Refusal> {
        let plan = room.plan();
        if let Some(rate) = plan.rate {
            let now = self.clock.steady();
            if before.iter().all(|placed| placed.queue != room.number) {
                room.bucket.take(rate, now).map_err(|retry_after| Refusal::QueueOverRate {
                    queue: room.name().to_string(),
                    retry_after,
                })?;
            } else {
                room.bucket.owe(rate, now);
            }
        }
        if plan.when_full == WhenFull::DropOldest {
            room.gauges.add(weight);
            return Ok(());
        }
        if room.gauges.reserve(weight, plan.bounds) {
            return Ok(());
        }
        plan.rate.into_iter().for_each(|rate| room.bucket.give_back(rate));
        Err(Refusal::QueueFull { queue: room.name().to_string(), retry_after: FULL_RETRY_AFTER })
    }

    /// Encodes the commit on this thread, and lays it on the writer's desk.
    pub(super) fn lay(
        &self,
        routed: &Routed,
        mut reserved: Reserved<'_>,
        state: Transaction,
        ticket: oneshot::Sender<Result<Receipt, Uncommitted>>,
    ) -> Result<(), Uncommitted> {
        let frame = commit::encode(routed, &reserved.placed, &state);
        if frame.len() > ENTRY_BYTES_MAX {
            return Err(Refusal::TooLarge { limit_bytes: ENTRY_BYTES_MAX }.into());
        }
        let event = routed.event();
        let work = Work::Commit(CommitWork {
            frame,
            key: self.key_of(routed),
            event: event.id,
            source: reserved.source,
            received_at: event.received_at,
            placed: std::mem::take(&mut reserved.placed),
            claim: (!state.is_empty()).then(|| Claim::new(&self.states, state)),
            ticket,
        });
        self.desk.lay_commit(work).map_err(|refused| {
            let (why, work) = *refused;
            if let Work::Commit(work) = work {
                reserved.placed = work.placed;
            }
            why
        })
    }

    /// Encodes a commit of state alone, and lays it on the writer's desk.
    pub(super) fn lay_state(
        &self,
        state: Transaction,
        ticket: oneshot::Sender<Result<Receipt, Uncommitted>>,
    ) -> Result<(), Uncommitted> {
        if self.counters.disk_full.load(Ordering::Relaxed) {
            let what = "the disk has too little free space";
            return Err(Refusal::StoreUnavailable { what }.into());
        }
        let now = self.clock.steady();
        let scope = state.parts().first().map(|part| &part.scope);
        let Some(Ok(source)) = scope.map(|scope| scope.plugin.as_str().parse()) else {
            let what = "there is nothing to remember";
            return Err(Refusal::StoreUnavailable { what }.into());
        };
        // Nobody is told of this id, and nothing is found by it.
        let event = EventId::new(now, 0);
        let frame = commit::encode_state((event, now), source, &state);
        if frame.len() > ENTRY_BYTES_MAX {
            return Err(Refusal::TooLarge { limit_bytes: ENTRY_BYTES_MAX }.into());
        }
        let work = Work::Commit(CommitWork {
            frame,
            key: None,
            event,
            source: tag_of(STATE_SOURCE),
            received_at: now,
            placed: Vec::new(),
            claim: Some(Claim::new(&self.states, state)),
            ticket,
        });
        self.desk.lay_commit(work).map_err(|refused| refused.0)
    }

    /// The receipt of the first event with this key, if there is one. A full queue must not turn
    /// a delivery away that is stored already.
    pub(super) async fn repeated(&self, routed: &Routed) -> Option<Receipt> {
        let key = self.key_of(routed)?;
        let (ticket, answer) = oneshot::channel();
        self.desk.lay_changes(Work::Lookup(LookupWork { key, ticket }));
        let first: EventId = answer.await.ok().flatten()?;
        self.counters.duplicates.increment();
        Some(crate::writer::postman::receipt(first, Repeat::Duplicate))
    }

    fn key_of(&self, routed: &Routed) -> Option<KeyHash> {
        let source = routed.event().source.as_str();
        routed.dedupe().map(|key| KeyHash::new(&self.folder_key, source, key.as_str()))
    }
}

/// Nothing of this source is ever placed: it holds no room.
const STATE_SOURCE: &str = "";

const FULL_RETRY_AFTER: Duration = Duration::from_secs(5);
/// No event waits longer for its time.
pub(super) const LONGEST_DELAY: Duration = Duration::from_millis(DELAY_MS_MAX);
