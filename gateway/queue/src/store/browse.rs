//! Looking into a queue without leasing: what lies there, in the order in which it came.

use std::io;
use std::sync::Arc;

use sluicegate_core::queue::{
    Item, LaneSnapshot, Place, QueueFault, QueueNumber, Standing, View, Wish,
};
use tokio::sync::oneshot;

use super::Store;
use crate::listing::Listings;
use crate::owner::Mail;
use crate::rooms::Room;

impl Store {
    /// At most `max` events of a queue whose ids are greater than `after`, in the order of their
    /// ids, with where they stand.
    pub(super) async fn items(
        &self,
        room: &Room,
        after: Place,
        max: usize,
    ) -> Result<Vec<(Item, Standing)>, QueueFault> {
        let (to, answer) = oneshot::channel();
        let view = Mail::View { after, held_max: max, to };
        room.mail.send(view).await.map_err(|_| QueueFault::Stopping)?;
        let view = answer.await.map_err(|_| QueueFault::Stopping)?;
        let (listings, queue) = (Arc::clone(&self.listings), room.number);
        let read = move || merge(&listings, queue, view, after, max);
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|fault| Err(io::Error::other(fault))).map_err(|fault| {
            tracing::error!(error = %fault, queue = %room.name(), "index cannot be read");
            QueueFault::StoreUnavailable { what: "the index of the log cannot be read" }
        })
    }
}

/// The events to which something has happened and the others, in one order.
fn merge(
    listings: &Listings,
    queue: QueueNumber,
    view: View,
    after: Place,
    max: usize,
) -> io::Result<Vec<(Item, Standing)>> {
    let mut all = view.held;
    for lane in &view.lanes {
        read_lane(listings, queue, lane, after, view.newest, max, &mut all)?;
    }
    all.sort_unstable_by_key(|(item, _)| item.id);
    all.truncate(max);
    Ok(all)
}

fn read_lane(
    listings: &Listings,
    queue: QueueNumber,
    lane: &LaneSnapshot,
    after: Place,
    up_to: Place,
    max: usize,
    all: &mut Vec<(Item, Standing)>,
) -> io::Result<()> {
    let mut after = after.max(lane.after);
    let (mut found, first) = (0, after.segment());
    for run in lane.runs.iter().filter(|run| run.segment >= first) {
        while found < max {
            let (priority, segment) = (lane.priority, run.segment);
            let wish = Wish { priority, segment, after, up_to, count: max - found };
            let items = listings.load(queue, &wish)?.items;
            let Some(last) = items.last() else { break };
            after = last.id;
            let here = items.into_iter().filter(|item| lane.holes.binary_search(&item.id).is_err());
            let before = all.len();
            all.extend(here.map(|item| (item, Standing::Ready)));
            found += all.len() - before;
        }
    }
    Ok(())
}
