//! What an operator does with what lies in a queue: gives single dead letters back, or drops all.

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Item, QueueFault};

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
        let items = self.items_at(&room, letters).await?;
        let mut moved = 0;
        for some in items.chunks(LETTERS_PAGE) {
            moved += self.redrive_items(&room, some.to_vec()).await?;
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

/// Dead letters that are moved together.
const LETTERS_PAGE: usize = 1000;
