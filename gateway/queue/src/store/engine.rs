//! The store as the hall sees it.

use std::sync::Arc;

use bytes::Bytes;
use sluicegate_core::ids::QueueName;
use sluicegate_core::limits::SETTLE_BATCH_MAX;
use sluicegate_core::proof::{Receipt, Routed};
use sluicegate_core::queue::{
    Consumed, Item, Place, QueueFault, QueueStats, Redriven, Settled, Settlement,
    Standing as Stands,
};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Ask, Engine, Pending, Uncommitted};
use sluicegate_core::state::{Scope, Transaction};
use tokio::sync::oneshot;

use super::Store;
use super::items::Lying;
use super::receive::ask_for;
use crate::owner::{Mail, Reply};
use crate::rooms::{Room, Standing};
use crate::writer::Standing as Desk;

impl Engine for Store {
    fn commit(&self, routed: Routed) -> Pending<'_, Result<Receipt, Refusal>> {
        Box::pin(async move {
            self.commit_with(routed, Transaction::default()).await.map_err(|why| match why {
                Uncommitted::Refused(refusal) => refusal,
                // What has read nothing cannot have read what is no longer so.
                Uncommitted::Conflict => Refusal::StoreUnavailable { what: "state has changed" },
            })
        })
    }

    fn commit_with(
        &self,
        routed: Routed,
        state: Transaction,
    ) -> Pending<'_, Result<Receipt, Uncommitted>> {
        let reserved = match self.reserve(&routed) {
            Ok(reserved) => reserved,
            Err(refusal) => {
                let first = async move { self.repeated(&routed).await };
                return Box::pin(async move { first.await.ok_or(refusal.into()) });
            }
        };
        let (ticket, answer) = oneshot::channel();
        let laid = self.lay(&routed, reserved, state, ticket);
        // The event is encoded: its memory is not held while the disk works.
        drop(routed);
        Box::pin(async move {
            laid?;
            let ended = || Refusal::StoreUnavailable { what: "the writer ended" };
            answer.await.unwrap_or_else(|_| Err(ended().into()))
        })
    }

    fn remember(&self, state: Transaction) -> Pending<'_, Result<(), Uncommitted>> {
        let (ticket, answer) = oneshot::channel();
        let laid = self.lay_state(state, ticket);
        Box::pin(async move {
            laid?;
            let ended = || Refusal::StoreUnavailable { what: "the writer ended" };
            answer.await.unwrap_or_else(|_| Err(ended().into())).map(drop)
        })
    }

    fn remembered(&self, scope: &Scope) -> Vec<(Arc<str>, Bytes)> {
        self.states.of(scope)
    }

    fn receive<'a>(
        &'a self,
        queue: &'a QueueName,
        ask: Ask,
    ) -> Pending<'a, Result<Vec<Consumed>, QueueFault>> {
        Box::pin(async move {
            let room = self.room(queue)?;
            loop {
                let leases = ask_for(&room, ask).await.unwrap_or_else(|| Err(self.ended()))?;
                let empty = leases.is_empty();
                let consumed = self.read_back(&room, leases).await?;
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
            let room = self.room(queue)?;
            let number = room.number;
            let mut settled = Vec::with_capacity(settlements.len());
            let mut rest = settlements.into_iter().peekable();
            while rest.peek().is_some() {
                let read = |one: Settlement| (self.receipts.read(number, &one.receipt), one.verb);
                let settlements = rest.by_ref().take(SETTLE_BATCH_MAX).map(read).collect();
                settled.extend(self.ask(&room, |to| Mail::Settle { settlements, to }).await?);
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
            let room = self.room(queue)?;
            let dead = room.plan().dead_letter.and_then(|dead| self.registry.numbered(dead));
            let origin = dead.is_some().then_some(room.number);
            let dead = dead.unwrap_or(room);
            let mut all = Redriven::default();
            let mut after = Place::START;
            loop {
                let page = self.items(&dead, after, REDRIVE_PAGE).await?;
                let Some(last) = page.last() else { return Ok(all) };
                after = last.item.id;
                let strays = page.iter().filter(|lying| lying.item.origin.is_none()).count();
                all.left += if origin.is_some() { 0 } else { strays as u64 };
                let wanted = |Lying { item, standing, .. }: &Lying| {
                    let here = !matches!(standing, Stands::Leased(_));
                    let ours = origin.is_none_or(|origin| item.origin == Some(origin));
                    here && ours && item.origin.is_some()
                };
                let room = max.saturating_sub(usize::try_from(all.moved).unwrap_or(usize::MAX));
                let items: Vec<Item> =
                    page.into_iter().filter(wanted).map(|lying| lying.item).take(room).collect();
                all.moved += self.redrive_items(&dead, items).await?;
            }
        })
    }

    fn stats(&self) -> Pending<'_, Vec<(QueueName, QueueStats)>> {
        Box::pin(async move {
            let mut all = Vec::new();
            let shown = |room: &Arc<Room>| room.plan().standing != Standing::Removed;
            for room in self.registry.rooms().into_iter().filter(shown) {
                let (to, answer) = oneshot::channel();
                // A queue whose owner has ended is shown empty: the store is stopping.
                let sent = room.mail.send(Mail::Stats { to }).await;
                let stats = match sent {
                    Ok(()) => answer.await.unwrap_or_default(),
                    Err(_) => QueueStats::default(),
                };
                all.push((room.name(), QueueStats { dead: room.gauges.dead(), ..stats }));
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
            self.abandon();
        })
    }
}

impl Store {
    /// The queue of this name, while the store takes work.
    pub(super) fn room(&self, queue: &QueueName) -> Result<Arc<Room>, QueueFault> {
        let room = self.registry.find(queue).ok_or(QueueFault::NoQueue)?;
        match self.desk.standing() {
            Desk::Open => Ok(room),
            Desk::Stopping => Err(QueueFault::Stopping),
            Desk::Poisoned(what) => Err(QueueFault::StoreUnavailable { what }),
        }
    }

    /// Why there is no owner to answer.
    fn ended(&self) -> QueueFault {
        match self.desk.standing() {
            Desk::Poisoned(what) => QueueFault::StoreUnavailable { what },
            Desk::Open | Desk::Stopping => QueueFault::Stopping,
        }
    }

    /// Asks the owner of a queue, and waits for its answer.
    pub(super) async fn ask<T>(
        &self,
        room: &Room,
        mail: impl FnOnce(Reply<T>) -> Mail,
    ) -> Result<T, QueueFault> {
        let (to, answer) = oneshot::channel();
        room.mail.send(mail(Reply(to))).await.map_err(|_| self.ended())?;
        answer.await.unwrap_or_else(|_| Err(self.ended()))
    }
}

/// Dead letters that are looked at together.
const REDRIVE_PAGE: usize = 1000;
