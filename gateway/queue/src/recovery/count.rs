//! What lies in the queues, counted: which segments are needed, and how full queues and sources
//! are. Counted from the queues as they were rebuilt, never from what the log says was added and
//! taken: a damaged entry must not make a segment look empty.

use std::io;

use sluicegate_core::queue::{Item, LaneSnapshot, Place, QueueNumber, QueueState, Run, Wish};
use sluicegate_core::time::Moment;

use crate::gauges::Sources;
use crate::index::Section;
use crate::listing::Listings;
use crate::log::Ledger;

/// Counts what lies in one queue. `dead` is told of each dead letter's origin.
pub(crate) fn count(
    queue: QueueNumber,
    state: &QueueState,
    now: Moment,
    listings: &Listings,
    ledger: &mut Ledger,
    sources: &Sources,
    mut dead: impl FnMut(QueueNumber),
) -> io::Result<()> {
    let mut one = |item: &Item, ledger: &mut Ledger| {
        ledger.came(item);
        sources.add(item.source, item.weight);
        item.origin.into_iter().for_each(&mut dead);
    };
    let view = state.view(now, Place::START, usize::MAX);
    for (item, _) in &view.held {
        one(item, ledger);
    }
    for lane in &view.lanes {
        for run in &lane.runs {
            if !ledger.has(run.segment) {
                ledger.add(run.segment, run.left);
                continue;
            }
            let summary = listings.indexes.summary(run.segment);
            let section = summary.as_ref().and_then(|summary| summary.find(queue, lane.priority));
            if let Some((_, section)) = section.filter(|(_, section)| is_whole(section, lane, run))
            {
                ledger.add(run.segment, section.count);
                for (source, sum) in section.sources.iter() {
                    sources.of(source).add_many(sum.count, sum.bytes);
                }
                continue;
            }
            each(queue, lane, run, view.newest, listings, |item| one(item, ledger))?;
        }
    }
    Ok(())
}

/// Whether all that a section lists is still in its lane, and none of it is a dead letter: those
/// are counted by their origins, one by one.
fn is_whole(section: &Section, lane: &LaneSnapshot, run: &Run) -> bool {
    let all_own = section.refs.iter().all(|(segment, _)| segment == run.segment);
    let committed = section.refs.of(run.segment).count == section.count;
    all_own && committed && section.count == run.left && lane.after < section.first
}

/// Calls `act` with every event of a run that is still in its lane.
fn each(
    queue: QueueNumber,
    lane: &LaneSnapshot,
    run: &Run,
    up_to: Place,
    listings: &Listings,
    mut act: impl FnMut(&Item),
) -> io::Result<()> {
    let mut after = lane.after;
    loop {
        let wish =
            Wish { priority: lane.priority, segment: run.segment, after, up_to, count: 4096 };
        let loaded = listings.load(queue, &wish)?;
        let Some(last) = loaded.items.last() else { return Ok(()) };
        after = last.id;
        let here = |item: &&Item| lane.holes.binary_search(&item.id).is_err();
        loaded.items.iter().filter(here).for_each(&mut act);
    }
}
