//! What long work on queues needs: a place to end at, and a way to be done with events that no
//! consumer had. It must never look at payloads.

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Item, Place, QueueFault};
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
            let Some((last, _)) = page.last() else { break };
            let last = last.id;
            let here = page.into_iter().map(|(item, _)| item);
            found.extend(here.filter(|item| rest.binary_search(&item.id).is_ok()));
            rest = rest.get(rest.partition_point(|place| *place <= last)..).unwrap_or_default();
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
