//! A block: up to [`SLOTS_MAX`] slots of one section, read and checked as a whole.

use std::sync::Arc;

use sluicegate_core::queue::{Item, Place, Priority};

use super::slot::{self, Before};
use crate::format::bytes::Take;

/// The most slots in a block. All blocks of a section but the last are full.
pub(super) const SLOTS_MAX: usize = 512;

/// A block, and where its bytes are.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The id of its first slot.
    pub(super) first: Place,
    /// How many slots it has.
    pub(super) count: u32,
    /// How many bytes.
    pub(super) len: u32,
    /// CRC32C of the bytes.
    pub(super) crc: u32,
    pub(super) lies: Lies,
}

/// Where the bytes of a block are.
#[derive(Debug, Clone)]
pub(super) enum Lies {
    /// In memory.
    Here(Arc<[u8]>),
    /// In the file of the index, from this offset.
    At(u64),
}

impl Block {
    /// Adds the items to `found` for whose ids `wanted` holds; `None` if these are not the bytes
    /// that were written. Then nothing is added.
    pub(super) fn decode(
        &self,
        bytes: &[u8],
        (segment, priority): (u32, Priority),
        wanted: impl Fn(Place) -> bool,
        found: &mut Vec<Item>,
    ) -> Option<()> {
        if bytes.len() != self.len as usize || crc32c::crc32c(bytes) != self.crc {
            return None;
        }
        let known = found.len();
        let mut from = Take(bytes);
        let mut before = Before::first(segment);
        for _ in 0..self.count {
            let Some(item) = slot::take(&mut from, &mut before, priority) else {
                found.truncate(known);
                return None;
            };
            if wanted(item.id) {
                found.push(item);
            }
        }
        Some(())
    }
}

/// The block that a section still adds to.
#[derive(Debug)]
pub(super) struct OpenBlock {
    segment: u32,
    first: Place,
    count: usize,
    before: Before,
    bytes: Vec<u8>,
}

impl OpenBlock {
    pub(super) fn new(segment: u32) -> Self {
        let (first, before) = (Place::START, Before::first(segment));
        Self { segment, first, count: 0, before, bytes: Vec::new() }
    }

    /// Adds a slot. A block that is full thereby is given away, and the next one begins.
    pub(super) fn add(&mut self, item: &Item) -> Option<Block> {
        if self.count == 0 {
            self.first = item.id;
        }
        slot::put(&mut self.bytes, &mut self.before, item);
        self.count += 1;
        if self.count < SLOTS_MAX {
            return None;
        }
        let full = self.copy();
        (self.count, self.before) = (0, Before::first(self.segment));
        self.bytes.clear();
        full
    }

    /// The block as it is now, if it has any slots.
    pub(super) fn copy(&self) -> Option<Block> {
        (self.count > 0).then(|| Block {
            first: self.first,
            // At most SLOTS_MAX slots, each under a hundred bytes.
            count: self.count as u32,
            len: self.bytes.len() as u32,
            crc: crc32c::crc32c(&self.bytes),
            lies: Lies::Here(Arc::from(self.bytes.as_slice())),
        })
    }
}
