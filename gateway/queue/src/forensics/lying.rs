//! What lies in a queue of a stopped folder, read through its indexes.

use std::io;

use sluicegate_core::queue::{Item, Place, QueueNumber, QueueState, Standing, Wish};
use sluicegate_core::time::Moment;

use crate::listing::Listings;

/// Calls `act` with every event of a queue, priority by priority. Returns how many the queue
/// counts that no index lists.
pub(super) fn each(
    queue: QueueNumber,
    state: &QueueState,
    now: Moment,
    listings: &Listings,
    mut act: impl FnMut(&Item, Standing),
) -> io::Result<u64> {
    let view = state.view(now, Place::START, usize::MAX);
    view.held.iter().for_each(|(item, standing)| act(item, *standing));
    let mut missing = 0;
    for lane in &view.lanes {
        for run in &lane.runs {
            let (mut after, mut found) = (lane.after, 0);
            loop {
                let (priority, segment, up_to) = (lane.priority, run.segment, view.newest);
                let wish = Wish { priority, segment, after, up_to, count: PAGE };
                let items = listings.load(queue, &wish)?.items;
                let Some(last) = items.last() else { break };
                after = last.id;
                for item in items.iter().filter(|item| lane.holes.binary_search(&item.id).is_err())
                {
                    found += 1;
                    act(item, Standing::Ready);
                }
            }
            missing += run.left.saturating_sub(found);
        }
    }
    Ok(missing)
}

const PAGE: usize = 4096;
