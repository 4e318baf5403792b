//! What long work on queues needs: a place to end at, and a way to be done with events that no
//! consumer had. It must never change an event.

use std::collections::HashMap;
use std::io;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Item, Place, QueueFault};
use sluicegate_core::signature::Verdict;
use tokio::sync::oneshot;

use super::{Cursor, Store};
use crate::owner::Mail;
use crate::rooms::Room;
use crate::writer::Work;

impl Store {
    /// The end of the log: everything that is committed, moved or placed from now on lies at this
    /// cursor or after it, in the log as in every queue.
    ///
    /// # Errors
    /// When the store does not take work.
    pub async fn end(&self) -> Result<Cursor, QueueFault> {
        let (ticket, answer) = oneshot::channel();
        self.desk.lay_changes(Work::End(ticket));
        answer.await.map(Cursor).map_err(|_| QueueFault::Stopping)
    }

    /// Acknowledges these events though no consumer had them: an operator saw to them in another
    /// way. Those that are leased or gone stay as they are. Returns how many it was, once that is
    /// durable.
    ///
    /// # Errors
    /// When the queue is not there, the index cannot be read, or the store does not take work.
    pub async fn discard(&self, queue: &QueueName, events: &[Cursor]) -> Result<u64, QueueFault> {
        let room = self.room(queue)?;
        let items = self.items_at(&room, events).await?;
        if items.is_empty() {
            return Ok(0);
        }
        self.ask(&room, |to| Mail::Discard { items, to }).await
    }

    /// What was proven at the door of these events of a queue; nothing is said of those that are
    /// gone or damaged.
    ///
    /// # Errors
    /// When the queue is not there, or the log cannot be read.
    pub async fn verdicts(
        &self,
        queue: &QueueName,
        events: &[Cursor],
    ) -> Result<HashMap<Cursor, Verdict>, QueueFault> {
        let room = self.room(queue)?;
        let items = self.items_at(&room, events).await?;
        let reader = self.reader.clone();
        let read = move || {
            let places: Vec<Place> = items.iter().map(|item| item.event).collect();
            let verdicts = items.into_iter().zip(reader.verdicts(&places)?);
            Ok(verdicts.filter_map(|(item, found)| Some((Cursor(item.id), found?))).collect())
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|fault| Err(io::Error::other(fault))).map_err(|fault| {
            tracing::error!(error = %fault, queue = %queue, "events cannot be read back");
            QueueFault::StoreUnavailable { what: "events cannot be read back" }
        })
    }

    /// The items of a queue at these places, in order, without those that are not there.
    pub(super) async fn items_at(
        &self,
        room: &Room,
        events: &[Cursor],
    ) -> Result<Vec<Item>, QueueFault> {
        let mut wanted: Vec<Place> = events.iter().map(|cursor| cursor.0).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut found = Vec::with_capacity(wanted.len());
        let mut rest = wanted.as_slice();
        while let Some(first) = rest.first() {
            let page = self.items(room, before(*first), PAGE).await?;
            let Some(last) = page.last().map(|lying| lying.item.id) else { break };
            let (here, after) = rest.split_at(rest.partition_point(|place| *place <= last));
            rest = after;
            let items = page.into_iter().map(|lying| lying.item);
            found.extend(items.filter(|item| here.binary_search(&item.id).is_ok()));
        }
        Ok(found)
    }
}

/// The place right before this one.
fn before(place: Place) -> Place {
    match place.part.checked_sub(1) {
        Some(part) => Place { part, ..place },
        None => Place { position: place.position.saturating_sub(1), part: u16::MAX },
    }
}

/// Events that are looked up together.
const PAGE: usize = 1000;
