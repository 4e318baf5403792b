//! Which packet ids messages to a client get. Those of messages that are written down, and those of
//! messages that are in memory only, never meet; and of the latter a process uses other ones than
//! the process before it.
//!
//! A client that has said PUBREC holds the packet id until PUBREL. If the gateway was killed in
//! between and the message was in memory only, nobody ever says PUBREL, and another message of QoS
//! 2 under the same id would be taken for the one before, and lost.

use std::num::NonZeroU16;

use super::super::limits::WINDOW_MAX;
use super::answered::Lasts;

/// The packet ids of one session.
#[derive(Debug)]
pub(crate) struct Numbers {
    kept: Block,
    memory: Block,
    /// Which block of memory this process began with.
    began: u16,
}

/// A block of packet ids, used in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    first: u16,
    len: u16,
    last: u16,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { kept: Block::KEPT, memory: Block::of_memory(0), began: 0 }
    }
}

impl Numbers {
    /// The block of messages in memory: to be written down with the session.
    pub(crate) fn block(&self) -> u16 {
        self.began
    }

    /// The process has begun anew: the client may hold ids of that block.
    pub(crate) fn restore(&mut self, block: u16) {
        self.began = block.wrapping_add(1) % BLOCKS;
        self.memory = Block::of_memory(self.began);
    }

    /// A packet id that nothing has. `None` only if a restart has left the client with more than
    /// the bounds allow.
    pub(super) fn free(
        &mut self,
        lasts: Lasts,
        is_free: impl Fn(&NonZeroU16) -> bool,
    ) -> Option<NonZeroU16> {
        let mut block = self.began;
        for _ in 0..BLOCKS {
            let own = match lasts {
                Lasts::Written => &mut self.kept,
                Lasts::Memory => &mut self.memory,
            };
            if let Some(id) = own.turn().find(&is_free) {
                return Some(id);
            }
            if lasts == Lasts::Written {
                return None;
            }
            // A window larger than a block.
            block = block.wrapping_add(1) % BLOCKS;
            self.memory = Block::of_memory(block);
        }
        None
    }
}

impl Block {
    /// Those of messages that are written down.
    const KEPT: Self = Self { first: 0x8000, len: 0x8000, last: 0x7fff };

    /// Those of messages in memory.
    fn of_memory(number: u16) -> Self {
        let first = 1 + (number % BLOCKS) * IDS_OF_BLOCK;
        Self { first, len: IDS_OF_BLOCK, last: first - 1 }
    }

    /// Each of them once, from the last one that was used.
    fn turn(&mut self) -> impl Iterator<Item = NonZeroU16> {
        (0..self.len).filter_map(|_| {
            let next = self.last.wrapping_add(1);
            self.last = if next.wrapping_sub(self.first) < self.len { next } else { self.first };
            NonZeroU16::new(self.last)
        })
    }
}

/// Ids of memory of one process: more than a window has by far.
const IDS_OF_BLOCK: u16 = 2047;
const BLOCKS: u16 = 16;

const _: () = assert!(WINDOW_MAX < IDS_OF_BLOCK * BLOCKS && IDS_OF_BLOCK * BLOCKS < 0x8000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_memory_never_meet_each_other_or_what_is_written_down() {
        let mut had: Vec<u16> = Vec::new();
        for number in 0..BLOCKS {
            had.extend(Block::of_memory(number).turn().map(NonZeroU16::get));
        }
        assert_eq!(had, (1..=IDS_OF_BLOCK * BLOCKS).collect::<Vec<_>>(), "each is in one block");
        let kept: Vec<u16> = { Block::KEPT }.turn().map(NonZeroU16::get).collect();
        assert_eq!(kept, (0x8000..=u16::MAX).collect::<Vec<_>>());
    }

    #[test]
    fn a_process_uses_other_ids_of_memory_than_the_one_before_it() {
        let (mut before, mut after) = (Numbers::default(), Numbers::default());
        after.restore(before.block());
        let ids = |of: &mut Numbers, lasts| -> Vec<u16> {
            (0..IDS_OF_BLOCK).map(|_| of.free(lasts, |_| true).unwrap().get()).collect()
        };
        let first = ids(&mut before, Lasts::Memory);
        let second = ids(&mut after, Lasts::Memory);
        assert!(first.iter().all(|id| !second.contains(id)));
        assert!(ids(&mut after, Lasts::Written).iter().all(|id| *id >= 0x8000));
    }

    #[test]
    fn a_window_larger_than_a_block_goes_on_in_the_next() {
        let (mut numbers, mut used) = (Numbers::default(), std::collections::HashSet::new());
        for _ in 0..WINDOW_MAX {
            let id = numbers.free(Lasts::Memory, |id| !used.contains(id)).unwrap();
            used.insert(id);
        }
        assert_eq!(used.len(), usize::from(WINDOW_MAX));
        assert_eq!(numbers.block(), 0);
    }
}
