//! The data keys of an open folder, unwrapped, and the nonces of the one that seals.
//!
//! A nonce is never used twice with a key. Each opening of the folder draws 96 random bits, and
//! every entry takes the next number from there: NIST SP 800-38D section 8.2.2 allows exactly
//! this, and it costs no call to the system for each entry. Two openings meet only where their
//! runs of numbers overlap: with 10,000 openings and 2^32 entries of one key, the chance is under
//! 2^-50; with a random nonce for every entry it would be 2^-33.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use super::aead::{Key, NONCE_BYTES};
use crate::format::entry::DataKeyId;

/// The data keys of a folder; none if nothing in it is sealed.
#[derive(Default)]
pub(crate) struct DataKeys {
    /// In the order of their numbers; the last one seals.
    keys: RwLock<Vec<Arc<DataKey>>>,
    /// Tells the keeper that a key has sealed as much as it was said to.
    pub(super) worn: Notify,
}

/// A data key, unwrapped.
pub(super) struct DataKey {
    pub(super) id: DataKeyId,
    pub(super) key: Key,
    nonce_start: u128,
    /// How many entries it has sealed, at least.
    sealed: AtomicU64,
    /// The keeper is woken when so many are sealed.
    wake_at: AtomicU64,
}

impl DataKey {
    /// A key that may have sealed so many entries, whose nonces go on from here.
    pub(super) fn new(
        id: DataKeyId,
        key: Key,
        nonce_start: [u8; NONCE_BYTES],
        sealed: u64,
    ) -> Self {
        let mut wide = [0; 16];
        wide[4..].copy_from_slice(&nonce_start);
        Self {
            id,
            key,
            nonce_start: u128::from_be_bytes(wide),
            sealed: AtomicU64::new(sealed),
            wake_at: AtomicU64::new(u64::MAX),
        }
    }

    pub(super) fn sealed(&self) -> u64 {
        self.sealed.load(Ordering::Relaxed)
    }

    pub(super) fn wake_at(&self, sealed: u64) {
        self.wake_at.store(sealed, Ordering::Relaxed);
    }

    /// A nonce that this key never had.
    pub(super) fn nonce(&self, worn: &Notify) -> [u8; NONCE_BYTES] {
        let number = self.sealed.fetch_add(1, Ordering::Relaxed);
        if number == self.wake_at.load(Ordering::Relaxed) {
            worn.notify_one();
        }
        let wide = self.nonce_start.wrapping_add(u128::from(number)).to_be_bytes();
        wide.last_chunk().copied().unwrap_or_default()
    }
}

impl DataKeys {
    pub(super) fn new(keys: Vec<Arc<DataKey>>) -> Self {
        Self { keys: RwLock::new(keys), worn: Notify::new() }
    }

    pub(super) fn find(&self, id: DataKeyId) -> Option<Arc<DataKey>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        // Mostly it is the last one.
        keys.iter().rev().find(|key| key.id == id).cloned()
    }

    pub(super) fn newest(&self) -> Option<Arc<DataKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }

    pub(super) fn push(&self, key: DataKey) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(key));
    }

    /// How many keys there are; none: nothing is sealed.
    pub(crate) fn count(&self) -> usize {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl std::fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataKeys").field("count", &self.count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::num::NonZeroU16;

    use super::*;

    #[test]
    fn nonces_go_on_from_the_start_past_its_end_and_never_repeat() {
        let key = Key::new(&[0; 32]);
        let id = DataKeyId(NonZeroU16::MIN);
        let key = DataKey::new(id, key, [0xff; NONCE_BYTES], 0);
        let worn = Notify::new();
        let nonces: Vec<_> = (0..1000).map(|_| key.nonce(&worn)).collect();
        assert_eq!(nonces[0], [0xff; NONCE_BYTES]);
        assert_eq!(nonces[1], [0; NONCE_BYTES]);
        assert_eq!(nonces[2], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(nonces.iter().collect::<HashSet<_>>().len(), 1000);
        assert_eq!(key.sealed(), 1000);
    }
}
