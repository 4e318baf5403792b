//! Who has a message that is kept for several: one bit for each recipient. It never forgets one.

use std::collections::BTreeSet;

use bytes::Bytes;

/// Who has a message.
#[derive(Debug, Default)]
pub(crate) struct Done {
    bits: Vec<u8>,
    /// Recipients that have a key of their own that says so, laid down before they were told.
    alone: BTreeSet<u32>,
    /// The list is waiting to be written.
    pub(super) listed: bool,
}

impl Done {
    /// What was written down.
    pub(crate) fn read(&mut self, list: &[u8]) {
        let len = self.bits.len().max(list.len());
        self.bits.resize(len, 0);
        self.bits.iter_mut().zip(list).for_each(|(own, more)| *own |= more);
    }

    /// What was written down about one recipient alone.
    pub(crate) fn read_alone(&mut self, index: u32) {
        self.add(index);
        self.alone.insert(index);
    }

    /// One recipient has it. Says whether that is news.
    pub(crate) fn add(&mut self, index: u32) -> bool {
        let Ok(at) = usize::try_from(index / 8) else { return false };
        if self.bits.len() <= at {
            self.bits.resize(at + 1, 0);
        }
        let Some(byte) = self.bits.get_mut(at) else { return false };
        let bit = 1 << (index % 8);
        let is_news = *byte & bit == 0;
        *byte |= bit;
        is_news
    }

    /// Whether a recipient has it.
    pub(crate) fn has(&self, index: u32) -> bool {
        let at = usize::try_from(index / 8).ok();
        at.and_then(|at| self.bits.get(at)).is_some_and(|byte| byte & (1 << (index % 8)) != 0)
    }

    /// The list as it is now.
    pub(crate) fn list(&self) -> Bytes {
        Bytes::copy_from_slice(&self.bits)
    }

    /// A recipient gets a key of its own.
    pub(super) fn by_itself(&mut self, index: u32) {
        self.alone.insert(index);
    }

    /// Those that have a key of their own and are in the list too: the list says it as well.
    pub(super) fn doubled(&self) -> Vec<u32> {
        self.alone.iter().copied().filter(|index| self.has(*index)).collect()
    }

    /// Their keys are deleted.
    pub(super) fn folded(&mut self, doubled: &[u32]) {
        self.alone.retain(|index| !doubled.contains(index));
    }

    /// Those that have a key of their own.
    pub(super) fn all_by_themselves(&self) -> Vec<u32> {
        self.alone.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_is_read_as_the_same() {
        let mut done = Done::default();
        for index in [0, 7, 8, 1000] {
            assert!(done.add(index) && !done.add(index), "{index}");
        }
        let mut read = Done::default();
        read.read_alone(3);
        read.read(&done.list());
        let has: Vec<u32> = (0..2000).filter(|index| read.has(*index)).collect();
        assert_eq!(has, [0, 3, 7, 8, 1000]);
        assert_eq!(read.doubled(), [3]);
        read.folded(&[3]);
        assert!(read.all_by_themselves().is_empty() && read.has(3));
    }
}
