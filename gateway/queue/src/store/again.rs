//! Placing events of the past in queues once more: by reference, so that their bytes are not
//! written again.
//!
//! Room in the queues' quotas is taken and never refused: who replays has chosen to. A queue that
//! drops its oldest drops them.

use std::io;
use std::sync::Arc;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{Item, Place, QueueFault, QueueNumber};
use tokio::sync::oneshot;

use super::commit::LONGEST_DELAY;
use super::operator::Operator;
use super::{Cursor, Store};
use crate::format::again;
use crate::gauges::tag_of;
use crate::log::{PlacedBefore, Reader};
use crate::rooms::Room;
use crate::writer::{AgainWork, Work};

impl Store {
    /// Places events of the past in queues once more, by reference. Durable when this returns.
    /// Each queue decides on their priority and ordering key anew; what their delay and time to
    /// live were is over.
    ///
    /// # Errors
    /// When a queue is not there, an event is no longer in the log, there are more than
    /// [`Self::PLACED_AGAIN_MAX`], or the store does not take work; then none was placed.
    pub async fn place_again(&self, events: &[(Cursor, QueueName)]) -> Result<(), QueueFault> {
        if events.len() > Self::PLACED_AGAIN_MAX {
            return Err(QueueFault::TooManyEvents { max: Self::PLACED_AGAIN_MAX });
        }
        let (events, reader) = (events.to_vec(), self.reader.clone());
        self.operate(|operator| async move { place(&operator, reader, events).await }).await
    }

    /// Events that can be placed again in one call: they are one entry of the log.
    pub const PLACED_AGAIN_MAX: usize = 10_000;
}

async fn place(
    operator: &Operator,
    reader: Reader,
    events: Vec<(Cursor, QueueName)>,
) -> Result<(), QueueFault> {
    // No queue is removed until its events are there.
    let _turn = operator.turn.read().await;
    operator.is_open()?;
    let registry = &operator.opener.registry;
    let room = |(_, name): &(Cursor, QueueName)| registry.find(name).ok_or(QueueFault::NoQueue);
    let rooms: Vec<Arc<Room>> = events.iter().map(room).collect::<Result<_, _>>()?;
    if rooms.is_empty() {
        return Ok(());
    }
    let places: Vec<Place> = events.iter().map(|(cursor, _)| cursor.0).collect();
    let read = move || items(&reader, &places, &rooms);
    let read = tokio::task::spawn_blocking(read).await;
    let items = read.unwrap_or_else(|fault| Err(io::Error::other(fault))).map_err(|fault| {
        tracing::error!(error = %fault, "log cannot be read");
        QueueFault::StoreUnavailable { what: "the log cannot be read" }
    })?;
    let items = items.ok_or(QueueFault::Gone)?;
    let (ticket, answer) = oneshot::channel();
    let frame = again::encode(&items);
    operator.opener.desk.lay_changes(Work::Again(AgainWork { frame, items, ticket }));
    answer.await.unwrap_or(Err(QueueFault::Stopping))
}

/// What each event is in its queue; `None` if one of them is not in the log.
fn items(
    reader: &Reader,
    places: &[Place],
    rooms: &[Arc<Room>],
) -> io::Result<Option<Vec<(QueueNumber, Item)>>> {
    let found = reader.placed(places)?;
    let item = |((place, found), room): ((&Place, Option<PlacedBefore>), &Arc<Room>)| {
        let PlacedBefore { event, weight } = found?;
        let fresh = Item::fresh(*place, event.received_at, weight);
        let terms = room.plan().terms.terms(&event, LONGEST_DELAY);
        let item = Item { source: tag_of(event.source.as_str()), terms, ..fresh };
        Some((room.number, item.placed_again(*place)))
    };
    Ok(places.iter().zip(found).zip(rooms).map(item).collect())
}
