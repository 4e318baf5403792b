//! The store as the hall sees it.

use std::time::Duration;

use sluicegate_core::ids::QueueName;
use sluicegate_core::limits::{ENTRY_BYTES_MAX, SETTLE_BATCH_MAX};
use sluicegate_core::proof::{Receipt, Routed};
use sluicegate_core::queue::{
    Consumed, Item, Lease, QueueFault, QueueNumber, QueueStats, Redriven, Settled, Settlement, Verb,
};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Ask, Engine, Pending};
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

use super::Store;
use super::registry::Door;
use crate::dedupe::KeyHash;
use crate::format::commit::{self, Placed};
use crate::format::entry::Position;
use crate::log::ReadBack;
use crate::owner::{Mail, Reply};
use crate::writer::{CommitWork, Standing, Work, postman};

impl Engine for Store {
    fn commit(&self, routed: Routed) -> Pending<'_, Result<Receipt, Refusal>> {
        Box::pin(async move {
            let placed = self.reserve(&routed)?;
            let (ticket, answer) = oneshot::channel();
            self.lay(&routed, placed, ticket)?;
            // The event is encoded: its memory is not held while the disk works.
            drop(routed);
            answer.await.unwrap_or(Err(Refusal::StoreUnavailable { what: "the writer ended" }))
        })
    }

    fn receive<'a>(
        &'a self,
        queue: &'a QueueName,
        ask: Ask,
    ) -> Pending<'a, Result<Vec<Consumed>, QueueFault>> {
        Box::pin(async move {
            let (number, door) = self.door(queue)?;
            loop {
                let leases = self.ask(door, |to| Mail::Ask { terms: ask, to }).await?;
                let empty = leases.is_empty();
                let consumed = self.read_back(number, door, leases).await?;
                if empty || !consumed.is_empty() {
                    return Ok(consumed);
                }
            }
        })
    }

    fn settle<'a>(
        &'a self,
        queue: &'a QueueName,
        settlements: Vec<Settlement>,
    ) -> Pending<'a, Result<Vec<Settled>, QueueFault>> {
        Box::pin(async move {
            let (number, door) = self.door(queue)?;
            let mut settled = Vec::with_capacity(settlements.len());
            let mut rest = settlements.into_iter().peekable();
            while rest.peek().is_some() {
                let read = |one: Settlement| (self.receipts.read(number, &one.receipt), one.verb);
                let settlements = rest.by_ref().take(SETTLE_BATCH_MAX).map(read).collect();
                settled.extend(self.ask(door, |to| Mail::Settle { settlements, to }).await?);
            }
            Ok(settled)
        })
    }

    fn redrive<'a>(
        &'a self,
        queue: &'a QueueName,
        max: usize,
    ) -> Pending<'a, Result<Redriven, QueueFault>> {
        Box::pin(async move {
            let (number, door) = self.door(queue)?;
            let (door, origin) = match door.dead_letter.and_then(|dead| self.registry.door(dead)) {
                Some((dead, _)) => (dead, Some(number)),
                None => (door, None),
            };
            let mut all = Redriven::default();
            loop {
                let left = max.saturating_sub(usize::try_from(all.moved).unwrap_or(usize::MAX));
                let max = left.min(REDRIVE_BATCH);
                let some = self.ask(door, |to| Mail::Redrive { max, origin, to }).await?;
                all = Redriven { moved: all.moved + some.moved, left: some.left };
                if some.moved < REDRIVE_BATCH as u64 {
                    return Ok(all);
                }
            }
        })
    }

    fn stats(&self) -> Pending<'_, Vec<(QueueName, QueueStats)>> {
        Box::pin(async move {
            let mut all = Vec::new();
            for (door, gauges) in self.registry.doors() {
                let (to, answer) = oneshot::channel();
                // A queue whose owner has ended is shown empty: the store is stopping.
                let sent = door.mail.send(Mail::Stats { to }).await;
                let stats = match sent {
                    Ok(()) => answer.await.unwrap_or_default(),
                    Err(_) => QueueStats::default(),
                };
                all.push((door.name.clone(), QueueStats { dead: gauges.dead(), ..stats }));
            }
            all.sort_by(|one, other| one.0.cmp(&other.0));
            all
        })
    }

    fn stop(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            self.desk.stop();
            if let Some(thread) = self.take_thread() {
                // The thread poisons the desk itself if it panics: nothing is left to tell.
                let _ = tokio::task::spawn_blocking(move || drop(thread.join())).await;
            }
            postman::deliver(&self.post);
            self.tasks.iter().for_each(tokio::task::AbortHandle::abort);
        })
    }
}

impl Store {
    /// Makes room for every event in every queue, or refuses the whole commit.
    fn reserve(&self, routed: &Routed) -> Result<Vec<Placed>, Refusal> {
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
    fn lay(
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

    fn door(&self, queue: &QueueName) -> Result<(QueueNumber, &Door), QueueFault> {
        let number = self.registry.number(queue).ok_or(QueueFault::NoQueue)?;
        let (door, _) = self.registry.door(number).ok_or(QueueFault::NoQueue)?;
        match self.desk.standing() {
            Standing::Open => Ok((number, door)),
            Standing::Stopping => Err(QueueFault::Stopping),
            Standing::Poisoned(what) => Err(QueueFault::StoreUnavailable { what }),
        }
    }

    /// Asks the owner of a queue, and waits for its answer.
    async fn ask<T>(
        &self,
        door: &Door,
        mail: impl FnOnce(Reply<T>) -> Mail,
    ) -> Result<T, QueueFault> {
        let (to, answer) = oneshot::channel();
        door.mail.send(mail(Reply(to))).await.map_err(|_| QueueFault::Stopping)?;
        answer.await.unwrap_or(Err(QueueFault::Stopping))
    }

    /// Reads the events of leases. What is damaged is taken out of the queue; what cannot be read
    /// now goes back.
    async fn read_back(
        &self,
        queue: QueueNumber,
        door: &Door,
        leases: Vec<Lease>,
    ) -> Result<Vec<Consumed>, QueueFault> {
        let items: Vec<Item> = leases.iter().map(|lease| lease.item).collect();
        let read = match self.read(items).await {
            Ok(read) => read,
            Err(fault) => {
                tracing::error!(error = %fault, queue = %door.name, "events cannot be read back");
                let back = |lease: &Lease| {
                    (Some(lease.number), Verb::Nack { delay: None, reason: fault.to_string() })
                };
                let settlements = leases.iter().map(back).collect();
                self.ask(door, |to| Mail::Settle { settlements, to }).await?;
                return Err(QueueFault::StoreUnavailable { what: "events cannot be read back" });
            }
        };
        let mut consumed = Vec::with_capacity(leases.len());
        let mut lost = Vec::new();
        for (lease, read) in leases.into_iter().zip(read) {
            match read {
                ReadBack::Event(event, letter) => consumed.push(Consumed {
                    receipt: self.receipts.issue(queue, lease.number),
                    attempt: lease.item.attempts,
                    event,
                    letter,
                }),
                ReadBack::Damaged => lost.push(lease.number),
            }
        }
        if !lost.is_empty() {
            self.counters.quarantined.add(lost.len() as u64);
            tracing::error!(queue = %door.name, events = lost.len(), "events are damaged: lost");
            door.mail.send(Mail::Lost(lost)).await.map_err(|_| QueueFault::Stopping)?;
        }
        Ok(consumed)
    }

    /// Reads on this thread what was committed lately, and so lies in memory; the rest on a thread
    /// that may wait for the disk.
    async fn read(&self, items: Vec<Item>) -> std::io::Result<Vec<ReadBack>> {
        let newest = self.segments.newest();
        let lately = |item: &Item| {
            Position::unpack(item.place.position).segment.saturating_add(RECENT_SEGMENTS) > newest
        };
        if items.iter().all(lately) {
            return self.reader.read(&items);
        }
        let reader = self.reader.clone();
        let read = tokio::task::spawn_blocking(move || reader.read(&items));
        read.await.unwrap_or_else(|fault| Err(std::io::Error::other(fault)))
    }
}

const FULL_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Dead letters that are moved by one entry.
const REDRIVE_BATCH: usize = 1000;

/// Segments, counted from the newest, that are read without leaving the thread.
const RECENT_SEGMENTS: u32 = 2;
