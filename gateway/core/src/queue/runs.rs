//! How many arrivals of one lane each segment of the log still holds, and how many of those are
//! not in memory. Costs memory by segment, never by event.

use std::collections::VecDeque;

use super::item::{Item, Place};
use super::snapshot::Run;
use crate::time::Timestamp;

/// The runs of one lane, in the order of the segments. No run is empty.
#[derive(Debug, Default)]
pub(super) struct Runs {
    counts: VecDeque<Count>,
    left: u64,
    unloaded: u64,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    run: Run,
    /// How many of `run.left` are on disk only.
    unloaded: u64,
}

/// Whether an arrival is in memory or on disk only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    Loaded,
    OnDisk,
}

impl Runs {
    /// The runs of a snapshot: all on disk.
    pub(super) fn on_disk(runs: Vec<Run>) -> Self {
        let counts: VecDeque<Count> = runs
            .into_iter()
            .filter(|run| run.left > 0)
            .map(|run| Count { run, unloaded: run.left })
            .collect();
        let left = counts.iter().map(|count| count.run.left).sum();
        Self { counts, left, unloaded: left }
    }

    /// How many arrivals are in the lane.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// How many of them are on disk only.
    pub(super) fn unloaded(&self) -> u64 {
        self.unloaded
    }

    /// How many of this segment are on disk only.
    pub(super) fn unloaded_in(&self, segment: u32) -> u64 {
        self.at(segment).and_then(|at| self.counts.get(at)).map_or(0, |count| count.unloaded)
    }

    /// The first segment of which some are on disk only.
    pub(super) fn first_unloaded(&self) -> Option<u32> {
        if self.unloaded == 0 {
            return None;
        }
        self.counts.iter().find(|count| count.unloaded > 0).map(|count| count.run.segment)
    }

    /// When the first of the first run was received.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.counts.front().map(|count| count.run.oldest)
    }

    /// The run of this item begins with it now.
    pub(super) fn begins_with(&mut self, item: &Item) {
        if let Some(first) = self.counts.front_mut()
            && first.run.segment == item.id.segment()
        {
            first.run.oldest = item.received_at;
        }
    }

    /// One more, the newest.
    pub(super) fn add(&mut self, id: Place, received_at: Timestamp, copy: Copied) {
        let unloaded = u64::from(copy == Copied::OnDisk);
        self.left += 1;
        self.unloaded += unloaded;
        match self.counts.back_mut() {
            Some(last) if last.run.segment >= id.segment() => {
                last.run.left += 1;
                last.unloaded += unloaded;
            }
            _ => {
                let run = Run { segment: id.segment(), left: 1, oldest: received_at };
                self.counts.push_back(Count { run, unloaded });
            }
        }
    }

    /// One of this segment left the lane.
    pub(super) fn take(&mut self, segment: u32, copy: Copied) {
        let Some(at) = self.at(segment) else { return };
        let Some(count) = self.counts.get_mut(at) else { return };
        let unloaded = u64::from(copy == Copied::OnDisk).min(count.unloaded);
        count.unloaded -= unloaded;
        count.run.left = count.run.left.saturating_sub(1);
        self.unloaded -= unloaded;
        self.left = self.left.saturating_sub(1);
        self.drop_if_empty(at);
    }

    /// One of this segment was loaded. If none was counted, it is counted now: what the log shows
    /// is there.
    pub(super) fn load(&mut self, id: Place, received_at: Timestamp) {
        let found = self.counts.binary_search_by_key(&id.segment(), |count| count.run.segment);
        let at = found.unwrap_or_else(|at| {
            let run = Run { segment: id.segment(), left: 0, oldest: received_at };
            self.counts.insert(at, Count { run, unloaded: 0 });
            at
        });
        let Some(count) = self.counts.get_mut(at) else { return };
        if count.unloaded > 0 {
            count.unloaded -= 1;
            self.unloaded -= 1;
        } else {
            count.run.left += 1;
            self.left += 1;
        }
    }

    /// Nothing is in memory any more.
    pub(super) fn unload(&mut self) {
        for count in &mut self.counts {
            count.unloaded = count.run.left;
        }
        self.unloaded = self.left;
    }

    /// What this segment should still have on disk is not there. Returns how many that were.
    pub(super) fn write_off(&mut self, segment: u32) -> u64 {
        let Some(at) = self.at(segment) else { return 0 };
        let Some(count) = self.counts.get_mut(at) else { return 0 };
        let missing = std::mem::take(&mut count.unloaded);
        count.run.left = count.run.left.saturating_sub(missing);
        self.unloaded -= missing;
        self.left = self.left.saturating_sub(missing);
        self.drop_if_empty(at);
        missing
    }

    pub(super) fn snapshot(&self) -> Vec<Run> {
        self.counts.iter().map(|count| count.run).collect()
    }

    fn at(&self, segment: u32) -> Option<usize> {
        self.counts.binary_search_by_key(&segment, |count| count.run.segment).ok()
    }

    fn drop_if_empty(&mut self, at: usize) {
        if self.counts.get(at).is_some_and(|count| count.run.left == 0) {
            self.counts.remove(at);
        }
    }
}
