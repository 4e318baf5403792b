//! A commit, on the thread of its producer: make room, encode, lay it on the writer's desk.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sluicegate_core::limits::ENTRY_BYTES_MAX;
use sluicegate_core::proof::{Receipt, Routed};
use sluicegate_core::refusal::Refusal;
use tokio::sync::oneshot;

use super::Store;
use crate::dedupe::KeyHash;
use crate::format::commit::{self, Placed};
use crate::writer::{CommitWork, Work};

impl Store {
    /// Makes room for every event in every queue, or refuses the whole commit.
    pub(super) fn reserve(&self, routed: &Routed) -> Result<Vec<Placed>, Refusal> {
        if self.counters.disk_full.load(Ordering::Relaxed) {
            return Err(Refusal::StoreUnavailable { what: "the disk has too little free space" });
        }
        let count = routed.placements().iter().map(|placement| placement.queues.len()).sum();
        let mut all: Vec<Placed> = Vec::with_capacity(count);
        for (placement, part) in routed.placements().iter().zip(0_u16..) {
            let weight = u32::try_from(placement.event.weight()).unwrap_or(u32::MAX);
            for name in &placement.queues {
                let found = self
                    .registry
                    .number(name)
                    .and_then(|number| Some((number, self.registry.door(number)?)));
                let Some((queue, (door, gauges))) = found else {
                    self.release(&all);
                    return Err(Refusal::StoreUnavailable { what: "a queue is not open" });
                };
                if !gauges.reserve(weight, door.quota) {
                    self.release(&all);
                    return Err(Refusal::QueueFull {
                        queue: name.to_string(),
                        retry_after: FULL_RETRY_AFTER,
                    });
                }
                all.push(Placed { queue, part, weight });
            }
        }
        Ok(all)
    }

    fn release(&self, placed: &[Placed]) {
        for placed in placed {
            if let Some((_, gauges)) = self.registry.door(placed.queue) {
                gauges.release(placed.weight);
            }
        }
    }

    /// Encodes the commit on this thread, and lays it on the writer's desk.
    pub(super) fn lay(
        &self,
        routed: &Routed,
        placed: Vec<Placed>,
        ticket: oneshot::Sender<Result<Receipt, Refusal>>,
    ) -> Result<(), Refusal> {
        let frame = commit::encode(routed, &placed);
        if frame.len() > ENTRY_BYTES_MAX {
            self.release(&placed);
            return Err(Refusal::TooLarge { limit_bytes: ENTRY_BYTES_MAX });
        }
        let event = routed.event();
        let key = routed
            .dedupe()
            .map(|key| KeyHash::new(&self.folder_key, event.source.as_str(), key.as_str()));
        let work = Work::Commit(CommitWork {
            frame,
            key,
            event: event.id,
            received_at: event.received_at,
            placed,
            ticket,
        });
        self.desk.lay_commit(work).map_err(|refused| {
            let (refusal, work) = *refused;
            if let Work::Commit(work) = work {
                self.release(&work.placed);
            }
            refusal
        })
    }
}

const FULL_RETRY_AFTER: Duration = Duration::from_secs(5);
