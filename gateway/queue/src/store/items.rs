//! What lies in a queue, in the order in which it came, without its events.

use std::io;
use std::sync::Arc;

use sluicegate_core::letter::Failure;
use sluicegate_core::queue::{Item, LaneSnapshot, Place, QueueFault, QueueNumber, Standing, Wish};
use tokio::sync::oneshot;

use super::Store;
use crate::listing::Listings;
use crate::owner::{Mail, Seen};
use crate::rooms::Room;

/// An event that lies in a queue, and where it stands.
#[derive(Debug)]
pub(super) struct Lying {
    pub(super) item: Item,
    pub(super) standing: Standing,
    /// Its last failed attempts here, oldest first.
    pub(super) failures: Vec<Failure>,
}

impl Store {
    /// At most `max` events of a queue whose ids are greater than `after`, in the order of their
    /// ids, with where they stand.
    pub(super) async fn items(
        &self,
        room: &Room,
        after: Place,
        max: usize,
    ) -> Result<Vec<Lying>, QueueFault> {
        let (to, answer) = oneshot::channel();
        let view = Mail::View { after, held_max: max, to };
        room.mail.send(view).await.map_err(|_| QueueFault::Stopping)?;
        let seen = answer.await.map_err(|_| QueueFault::Stopping)?;
        let (listings, queue) = (Arc::clone(&self.listings), room.number);
        let read = move || merge(&listings, queue, seen, after, max);
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
    seen: Seen,
    after: Place,
    max: usize,
) -> io::Result<Vec<Lying>> {
    let Seen { view, failures } = seen;
    let held = view.held.into_iter().zip(failures);
    let mut all: Vec<Lying> =
        held.map(|((item, standing), failures)| Lying { item, standing, failures }).collect();
    for lane in &view.lanes {
        read_lane(listings, queue, lane, after, view.newest, max, &mut all)?;
    }
    all.sort_unstable_by_key(|lying| lying.item.id);
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
    all: &mut Vec<Lying>,
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
            let lying = |item| Lying { item, standing: Standing::Ready, failures: Vec::new() };
            all.extend(here.map(lying));
            found += all.len() - before;
        }
    }
    Ok(())
}
