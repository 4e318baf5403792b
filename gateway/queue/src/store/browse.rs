//! Looking into a queue without leasing: the events that lie there, page by page.

use sluicegate_core::event::Event;
use sluicegate_core::ids::QueueName;
use sluicegate_core::letter::{Failure, Letter};
use sluicegate_core::limits::{RECEIVE_BATCH_MAX, RECEIVE_BYTES_MAX};
use sluicegate_core::queue::{Item, Place, Priority, QueueFault, Standing};
use sluicegate_core::time::Timestamp;

use super::items::Lying;
use super::{Cursor, Store};
use crate::log::ReadBack;

/// An event that lies in a queue, looked at and not leased.
#[derive(Debug, Clone)]
pub struct Browsed {
    /// Where it lies: the next page begins after it.
    pub cursor: Cursor,
    /// Where it stands.
    pub standing: Standing,
    /// Attempts made in this queue.
    pub attempts: u32,
    /// Its priority here.
    pub priority: Priority,
    /// When it expires.
    pub expires_at: Option<Timestamp>,
    /// The event; `None` if its bytes in the log are damaged.
    pub event: Option<Event>,
    /// Why it is here, if this is a dead-letter queue.
    pub letter: Option<Letter>,
    /// Its last failed attempts here, oldest first.
    pub failures: Vec<Failure>,
}

impl Store {
    /// At most `max` events of a queue after a place, in the order in which they came; fewer, but
    /// at least one, where they are large. There are no more after an empty page.
    ///
    /// # Errors
    /// When it is not there, or the log cannot be read.
    pub async fn browse(
        &self,
        queue: &QueueName,
        after: Option<Cursor>,
        max: usize,
    ) -> Result<Vec<Browsed>, QueueFault> {
        let room = self.registry.find(queue).ok_or(QueueFault::NoQueue)?;
        let after = after.map_or(Place::START, |cursor| cursor.0);
        let mut page = self.items(&room, after, max.min(RECEIVE_BATCH_MAX)).await?;
        page.truncate(count_that_fits(&page));
        let items: Vec<Item> = page.iter().map(|lying| lying.item).collect();
        let read = self.read(items).await.map_err(|fault| {
            tracing::error!(error = %fault, queue = %queue, "events cannot be read back");
            QueueFault::StoreUnavailable { what: "events cannot be read back" }
        })?;
        Ok(page.into_iter().zip(read).map(|(lying, read)| browsed(lying, read)).collect())
    }
}

pub(crate) fn browsed(lying: Lying, read: ReadBack) -> Browsed {
    let Lying { item, standing, failures } = lying;
    let (event, letter) = match read {
        ReadBack::Event(event, letter) => (Some(event), letter),
        ReadBack::Damaged | ReadBack::Unreadable(_) => (None, None),
    };
    Browsed {
        cursor: Cursor(item.id),
        standing,
        attempts: item.attempts,
        priority: item.terms.priority,
        expires_at: item.terms.expires_at,
        event,
        letter,
        failures,
    }
}

/// How many of these may be in memory together.
fn count_that_fits(page: &[Lying]) -> usize {
    let mut bytes = 0_usize;
    let fits = |lying: &&Lying| {
        let before = bytes;
        bytes = bytes.saturating_add(lying.item.weight as usize);
        before < RECEIVE_BYTES_MAX
    };
    page.iter().take_while(fits).count()
}
