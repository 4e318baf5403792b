//! Thinning: a segment in which little is still needed gives the space of the rest back.
//!
//! One dead letter must not keep 64 MiB on the disk. What is needed stays where it is, so nothing
//! that refers to it changes; the rest is punched out of the file and reads as zeros.
//!
//! IMPORTANT: what is punched out is gone. What is needed is known from a checkpoint, in which
//! every queue was asked, and from what came into queues while it was gathered: an event that was
//! between two queues at that time is among the latter. A segment of which not every needed entry
//! can be read is left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;

use sluicegate_core::queue::{LaneSnapshot, Place, QueueNumber, Snapshot, Wish};

use super::Archivist;
use crate::disk::DiskFile;
use crate::format::entry::Position;
use crate::format::keys;
use crate::listing::Listings;
use crate::log::entry_len;

/// Segments to be thinned, and what came into queues while the checkpoint was gathered.
#[derive(Debug, Default)]
pub(crate) struct Thinning {
    pub(crate) segments: BTreeSet<u32>,
    /// Events and letters in these segments.
    pub(crate) came: Vec<Place>,
}

impl Archivist {
    /// Thins segments, by a checkpoint that is on the disk.
    pub(super) fn thin(
        &self,
        thinning: &Thinning,
        queues: &[(QueueNumber, u64, Snapshot)],
    ) -> io::Result<()> {
        if thinning.segments.is_empty() {
            return Ok(());
        }
        let mut needed = Needed(BTreeMap::new());
        for segment in &thinning.segments {
            // The catalogue stays: it says which queues the segment speaks of.
            needed.0.insert(*segment, BTreeSet::from([0]));
        }
        thinning.came.iter().for_each(|place| needed.add(*place));
        for (queue, _, snapshot) in queues {
            for held in &snapshot.held {
                held.item.places().for_each(|place| needed.add(place));
            }
            for lane in &snapshot.lanes {
                needed.add_lane(*queue, lane, snapshot.newest, &self.listings)?;
            }
        }
        for (segment, offsets) in needed.0 {
            let Some(file) = self.segments.find(segment)? else { continue };
            let Some(kept) = kept(&*file, segment, &offsets)? else {
                tracing::warn!(segment, "a needed entry cannot be read: segment is not thinned");
                continue;
            };
            if !self.keep_keys(segment)? {
                tracing::warn!(segment, "idempotency keys cannot be kept: segment is not thinned");
                continue;
            }
            let before = file.space()?;
            for gap in gaps(&kept, file.len()?) {
                file.punch(gap)?;
            }
            let after = file.space()?;
            self.segments.cut(segment, after);
            let freed = before.saturating_sub(after);
            self.counters.thinned_bytes.add(freed);
            tracing::debug!(segment, kept = kept.len(), freed_bytes = freed, "segment is thinned");
        }
        Ok(())
    }
}

impl Archivist {
    /// Keeps the idempotency keys of a segment in a file, as those of a deleted one: what is
    /// punched out has them no more, and an index that is made again would lack them. `false` if
    /// they cannot be read. What was kept when the segment was thinned before is whole, and stays.
    fn keep_keys(&self, segment: u32) -> io::Result<bool> {
        let name = keys::file_name(segment);
        if self.disk.list("keys")?.contains(&name) {
            return Ok(true);
        }
        match self.listings.indexes.keys(segment) {
            Ok(all) if all.is_empty() => {}
            Ok(all) => self.disk.replace("keys", &name, &keys::encode(all.into_iter()))?,
            Err(fault) if fault.kind() == io::ErrorKind::InvalidData => return Ok(false),
            Err(fault) => return Err(fault),
        }
        Ok(true)
    }
}

/// The offsets of the entries that are needed, by segment.
struct Needed(BTreeMap<u32, BTreeSet<u32>>);

impl Needed {
    fn add(&mut self, place: Place) {
        let Position { segment, offset } = Position::unpack(place.position);
        if let Some(offsets) = self.0.get_mut(&segment) {
            offsets.insert(offset);
        }
    }

    fn add_lane(
        &mut self,
        queue: QueueNumber,
        lane: &LaneSnapshot,
        up_to: Place,
        listings: &Listings,
    ) -> io::Result<()> {
        for run in &lane.runs {
            let summary = listings.indexes.summary(run.segment);
            let section = summary.as_ref().and_then(|summary| summary.find(queue, lane.priority));
            let refers = section.is_none_or(|(_, section)| {
                section.refs.iter().any(|(segment, _)| self.0.contains_key(&segment))
            });
            if !refers {
                continue;
            }
            let mut after = lane.after;
            loop {
                let (priority, segment) = (lane.priority, run.segment);
                let wish = Wish { priority, segment, after, up_to, count: 4096 };
                let items = listings.load(queue, &wish)?.items;
                let Some(last) = items.last() else { break };
                after = last.id;
                for item in items {
                    item.places().for_each(|place| self.add(place));
                }
            }
        }
        Ok(())
    }
}

/// Where the entries at these offsets lie; `None` if one of them is not whole.
fn kept(
    file: &dyn DiskFile,
    segment: u32,
    offsets: &BTreeSet<u32>,
) -> io::Result<Option<Vec<Range<u64>>>> {
    let mut kept = Vec::with_capacity(offsets.len());
    for offset in offsets {
        let Some(len) = entry_len(file, Position { segment, offset: *offset })? else {
            return Ok(None);
        };
        let from = u64::from(*offset);
        kept.push(from..from + len);
    }
    Ok(Some(kept))
}

/// What lies between these ranges, which are in order, and after them.
fn gaps(kept: &[Range<u64>], len: u64) -> Vec<Range<u64>> {
    let starts = std::iter::once(0).chain(kept.iter().map(|range| range.end));
    let ends = kept.iter().map(|range| range.start).chain([len]);
    starts.zip(ends).map(|(start, end)| start..end).filter(|gap| gap.start < gap.end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_all_that_is_not_kept() {
        assert_eq!(gaps(&[0..8, 8..16, 32..40], 64), [16..32, 40..64]);
        assert_eq!(gaps(&[8..16, 56..64], 64), [0..8, 16..56]);
        assert!(gaps(&[], 0).is_empty());
    }
}
