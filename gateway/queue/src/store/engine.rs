//! The store as the hall sees it.

use sluicegate_core::ids::QueueName;
use sluicegate_core::limits::SETTLE_BATCH_MAX;
use sluicegate_core::proof::{Receipt, Routed};
use sluicegate_core::queue::{
    Consumed, QueueFault, QueueNumber, QueueStats, Redriven, Settled, Settlement,
};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Ask, Engine, Pending};
use tokio::sync::oneshot;

use super::Store;
use super::registry::Door;
use crate::owner::{Mail, Reply};
use crate::writer::{Standing, postman};

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
    pub(super) async fn ask<T>(
        &self,
        door: &Door,
        mail: impl FnOnce(Reply<T>) -> Mail,
    ) -> Result<T, QueueFault> {
        let (to, answer) = oneshot::channel();
        door.mail.send(mail(Reply(to))).await.map_err(|_| QueueFault::Stopping)?;
        answer.await.unwrap_or(Err(QueueFault::Stopping))
    }
}

/// Dead letters that are moved by one entry.
const REDRIVE_BATCH: usize = 1000;
