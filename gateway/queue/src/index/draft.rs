//! The index of a segment that is still written to, or scanned: in memory, already in the coded
//! form of the file, a dozen bytes for an arrival.

use std::sync::Arc;

use sluicegate_core::ids::EventId;
use sluicegate_core::queue::{Item, Place, Priority, QueueNumber};

use super::block::{Block, OpenBlock, SLOTS_MAX};
use super::directory::{Directory, KeyList};

use super::summary::{Notes, Section, Summary};
use crate::dedupe::KeyHash;

/// The index of a segment that is being made.
#[derive(Debug)]
pub(crate) struct Draft {
    segment: u32,
    sections: Vec<Growing>,
    /// For queue and priority (queue * levels + level), the number of its section and one; 0 if
    /// there is none. Looked at for every arrival.
    table: Vec<u32>,
    notes: Notes,
    keys: Vec<(KeyHash, EventId)>,
}

#[derive(Debug)]
struct Growing {
    section: Section,
    full: Vec<Block>,
    open: OpenBlock,
}

impl Draft {
    /// Nothing is listed yet.
    pub(crate) fn new(segment: u32) -> Self {
        let (sections, table) = (Vec::new(), Vec::new());
        Self { segment, sections, table, notes: Notes::default(), keys: Vec::new() }
    }

    /// The segment that it is of.
    pub(crate) fn segment(&self) -> u32 {
        self.segment
    }

    /// Lists arrivals and idempotency keys. The ids ascend in each queue: blocks are searched by
    /// them, and an arrival that is out of order is not listed.
    ///
    /// What is to be delivered later is noted as placed, but not listed: it would come out in
    /// front of its time.
    pub(crate) fn list(&mut self, arrivals: &[(QueueNumber, Item)], keys: &[(KeyHash, EventId)]) {
        for (queue, item) in arrivals {
            self.notes.add(*queue, item);
            if item.terms.deliver_at.is_none() {
                self.list_one(*queue, item);
            }
        }
        self.keys.extend_from_slice(keys);
    }

    /// What is listed, in numbers.
    pub(super) fn summary(&self) -> Summary {
        let mut sections: Vec<Section> =
            self.sections.iter().map(|growing| growing.section.clone()).collect();
        sections.sort_unstable_by_key(|section| (section.queue, section.priority));
        Summary { sections, notes: self.notes.clone() }
    }

    /// The keys that were listed, in order.
    pub(super) fn keys(&self) -> &[(KeyHash, EventId)] {
        &self.keys
    }

    /// Blocks of a section, from the one that may hold what comes after `after`: enough of them
    /// for `count` items, and one more where there is one, so that it is seen that there is.
    pub(super) fn blocks(
        &self,
        queue: QueueNumber,
        priority: Priority,
        after: Place,
        count: usize,
    ) -> Vec<Block> {
        let Some(growing) = self.find(queue, priority) else { return Vec::new() };
        let from = growing.full.partition_point(|block| block.first <= after).saturating_sub(1);
        let enough = (count / SLOTS_MAX).saturating_add(3);
        let full = growing.full.iter().skip(from).cloned();
        full.chain(growing.open.copy()).take(enough).collect()
    }

    /// Nothing more is listed: all of it, as it will be in the file.
    pub(super) fn finish(mut self) -> Directory {
        self.sections
            .sort_unstable_by_key(|growing| (growing.section.queue, growing.section.priority));
        let summary = Arc::new(self.summary());
        let blocks = self.sections.into_iter().map(|growing| {
            let mut blocks = growing.full;
            blocks.extend(growing.open.copy());
            blocks
        });
        let keys = KeyList::Here(self.keys.into());
        Directory { segment: self.segment, summary, blocks: blocks.collect(), keys, file: None }
    }

    fn list_one(&mut self, queue: QueueNumber, item: &Item) {
        let slot = slot_of(queue, item.terms.priority);
        if self.table.len() <= slot {
            self.table.resize(slot + 1, 0);
        }
        let Some(number) = self.table.get_mut(slot) else { return };
        if *number == 0 {
            let section = Section::before(queue, item);
            let open = OpenBlock::new(self.segment);
            self.sections.push(Growing { section, full: Vec::new(), open });
            // Queues times priorities are far fewer than 2 to the 32.
            *number = self.sections.len() as u32;
        }
        let Some(growing) = self.sections.get_mut(*number as usize - 1) else { return };
        let in_order = growing.section.count == 0 || item.id > growing.section.last;
        debug_assert!(in_order, "arrivals are listed in the order of their ids");
        if !in_order {
            return;
        }
        growing.section.add(item);
        growing.full.extend(growing.open.add(item));
    }

    fn find(&self, queue: QueueNumber, priority: Priority) -> Option<&Growing> {
        let number = *self.table.get(slot_of(queue, priority))?;
        self.sections.get((number as usize).checked_sub(1)?)
    }
}

fn slot_of(queue: QueueNumber, priority: Priority) -> usize {
    usize::from(queue.0) * Priority::LEVELS + usize::from(priority.level())
}
