//! What an operator does with what lies in a queue: gives single dead letters back, or drops all.

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Item, Place, QueueFault};

use super::{Cursor, Store};
use crate::owner::Mail;
use crate::rooms::Room;

impl Store {
    /// Moves these dead letters back to where they came from. Those that are leased, gone, or
    /// never were in a queue stay. Returns how many moved, once that is durable.
    ///
    /// # Errors
    /// When the queue is not there, or the store does not take work.
    pub async fn redrive_these(
        &self,
        queue: &QueueName,
        letters: &[Cursor],
    ) -> Result<u64, QueueFault> {
        let room = self.room(queue)?;
        let mut wanted: Vec<Place> = letters.iter().map(|cursor| cursor.0).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut moved = 0;
        let mut rest = wanted.as_slice();
        while let Some(first) = rest.first() {
            let page = self.items(&room, before(*first), LETTERS_PAGE).await?;
            let Some(last) = page.last() else { break };
            let (here, after) = rest.split_at(rest.partition_point(|id| *id <= last.item.id));
            rest = after;
            let is_wanted = |item: &Item| here.binary_search(&item.id).is_ok();
            let found = page.iter().map(|lying| lying.item).filter(is_wanted);
            moved += self.redrive_items(&room, found.collect()).await?;
        }
        Ok(moved)
    }

    /// Drops everything in a queue that is not leased. Returns how many events that were, once it
    /// is durable.
    ///
    /// # Errors
    /// When it is not there, or the store does not take work.
    pub async fn purge(&self, queue: &QueueName) -> Result<u64, QueueFault> {
        let room = self.room(queue)?;
        self.ask(&room, |to| Mail::Purge { to }).await
    }

    /// Moves dead letters back that are still there; how many moved.
    pub(super) async fn redrive_items(
        &self,
        dead: &Room,
        items: Vec<Item>,
    ) -> Result<u64, QueueFault> {
        if items.is_empty() {
            return Ok(0);
        }
        self.ask(dead, |to| Mail::Redrive { items, to }).await
    }
}

/// The place before this one.
fn before(place: Place) -> Place {
    match place.part.checked_sub(1) {
        Some(part) => Place { part, ..place },
        None => Place { position: place.position.saturating_sub(1), part: u16::MAX },
    }
}

/// Dead letters that are looked at together.
const LETTERS_PAGE: usize = 1000;
