//! Counts by something: how many, and how many bytes.

use crate::format::bytes::{Put, Take};

/// How many, and their weights together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sum {
    /// How many.
    pub(crate) count: u64,
    /// Their bytes, about.
    pub(crate) bytes: u64,
}

/// Sums by key, in the order of the keys.
#[derive(Debug, Clone)]
pub(crate) struct Tally<K> {
    sums: Vec<(K, Sum)>,
    /// Where the last one counted is: the next is mostly of the same key.
    last: usize,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self { sums: Vec::new(), last: 0 }
    }
}

impl<K: PartialEq> PartialEq for Tally<K> {
    fn eq(&self, other: &Self) -> bool {
        self.sums == other.sums
    }
}

impl<K: Eq> Eq for Tally<K> {}

impl<K: Copy + Ord> Tally<K> {
    /// Counts one.
    pub(crate) fn add(&mut self, key: K, bytes: u32) {
        if self.sums.get(self.last).is_none_or(|(known, _)| *known != key) {
            self.last = match self.sums.binary_search_by_key(&key, |(known, _)| *known) {
                Ok(at) => at,
                Err(at) => {
                    self.sums.insert(at, (key, Sum::default()));
                    at
                }
            };
        }
        if let Some((_, sum)) = self.sums.get_mut(self.last) {
            sum.count += 1;
            sum.bytes += u64::from(bytes);
        }
    }

    /// The sums, in the order of their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, Sum)> + '_ {
        self.sums.iter().copied()
    }

    /// The sum of this key.
    pub(crate) fn of(&self, key: K) -> Sum {
        let at = self.sums.binary_search_by_key(&key, |(known, _)| *known);
        at.ok().and_then(|at| self.sums.get(at)).map_or_else(Sum::default, |(_, sum)| *sum)
    }

    /// Writes a count, and for each a key, a count and bytes.
    pub(super) fn put(&self, out: &mut Vec<u8>, number: impl Fn(K) -> u64) {
        out.put_number(self.sums.len() as u64);
        for (key, sum) in &self.sums {
            out.put_number(number(*key));
            out.put_number(sum.count);
            out.put_number(sum.bytes);
        }
    }

    /// Reads what `put` wrote.
    pub(super) fn take(
        from: &mut Take<'_>,
        key: impl Fn(&mut Take<'_>) -> Option<K>,
    ) -> Option<Self> {
        let count = from.size()?;
        // Each takes three bytes at least: a wrong count asks for no more memory than there is.
        let mut sums = Vec::with_capacity(count.min(from.0.len()));
        for _ in 0..count {
            let key = key(from)?;
            sums.push((key, Sum { count: from.number()?, bytes: from.number()? }));
        }
        let ascending = sums.is_sorted_by(|(one, _), (other, _)| one < other);
        ascending.then_some(Self { sums, last: 0 })
    }
}
