//! An index held against its segment.

use std::collections::BTreeMap;
use std::io;

use sluicegate_core::queue::{Item, Place, QueueNumber};

use super::finding::{Finding, Severity, What};
use super::segment::{Content, Extent};
use crate::disk::Disk;
use crate::format::entry::Position;
use crate::index::{Draft, Listed, Whole, index_name, list_draft, read_whole};

/// What an index is.
pub(super) struct Checked {
    pub(super) finding: Option<Finding>,
    /// What the index lists where the segment is damaged: what is lost there.
    pub(super) lost: Vec<(QueueNumber, Item)>,
}

/// Holds the index of a segment against what was found in the segment. `needed`: start-up would
/// use it.
pub(super) fn check(
    disk: &dyn Disk,
    segment: u32,
    needed: bool,
    extent: &Extent,
    draft: Draft,
) -> io::Result<Checked> {
    let name = index_name(segment);
    let finding = |what| Some(Finding::new(what, Severity::Damaged, name.clone()));
    let (finding, lost) = match read_whole(disk, segment)? {
        Whole::Missing => (finding(What::MissingIndex).filter(|_| needed), Vec::new()),
        Whole::Damaged => (finding(What::Index), Vec::new()),
        // What is sealed cannot be compared without a key.
        Whole::Listed(_) if extent.locked > 0 => (None, Vec::new()),
        Whole::Listed(listed) => {
            let Compared { differences, lost } = compare(&listed, &list_draft(draft)?, extent);
            let differs = finding(What::WrongIndex).filter(|_| !differences.is_empty());
            (differs.map(|finding| finding.detail(differences)), lost)
        }
    };
    Ok(Checked { finding, lost })
}

struct Compared {
    /// In words; empty if there are none.
    differences: String,
    lost: Vec<(QueueNumber, Item)>,
}

/// An index may list more than its segment has, where entries were punched out or are damaged.
fn compare(listed: &Listed, found: &Listed, extent: &Extent) -> Compared {
    let key = |(queue, item): &(QueueNumber, Item)| ((*queue, item.id), *item);
    let mut missing: BTreeMap<(QueueNumber, Place), Item> = found.items.iter().map(key).collect();
    let (mut strange, mut lost) = (0_u64, Vec::new());
    for (queue, item) in &listed.items {
        if missing.remove(&(*queue, item.id)).is_some_and(|found| found == *item) {
            continue;
        }
        let offset = u64::from(Position::unpack(item.id.position).offset);
        match extent.gap_at(offset).map(|gap| gap.content) {
            Some(Content::Zeros) => {}
            Some(Content::Noise | Content::Body(_)) => lost.push((*queue, *item)),
            None if offset >= extent.end => lost.push((*queue, *item)),
            None => strange += 1,
        }
    }
    let mut keys = listed.keys.iter();
    let keys_missing = found.keys.iter().filter(|key| !keys.any(|known| known == *key)).count();
    let mut differences = Vec::new();
    for (count, what) in [
        (missing.len() as u64, "arrivals of the segment are not in it"),
        (strange, "of its arrivals are not in the segment"),
        (keys_missing as u64, "idempotency keys of the segment are not in it"),
    ] {
        if count > 0 {
            differences.push(format!("{count} {what}"));
        }
    }
    Compared { differences: differences.join(", "), lost }
}
