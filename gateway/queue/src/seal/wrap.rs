//! The seam to whoever holds the key that wraps the data keys: a file, an environment, a vault.
//!
//! A key-encryption key never touches an event. It is asked when a store is opened, and when a new
//! data key is made: so it may be slow, and it may be far away.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::aead::KEY_BYTES;

/// A key that wraps data keys.
///
/// Both calls may wait for a network; they are made while a store is opened, and by a thread that
/// may wait. A call is given up by the implementation, in a bounded time.
pub trait KeyWrap: Send + Sync + 'static {
    /// Its name, which is written beside every data key that it wrapped: two keys that differ have
    /// names that differ, and a name stays with its key.
    fn name(&self) -> &str;

    /// Wraps a data key. `context` must be given again to unwrap it.
    ///
    /// # Errors
    /// When whoever holds the key cannot be asked, or says no.
    fn wrap_key(&self, key: &[u8; KEY_BYTES], context: &[u8]) -> Result<Vec<u8>, WrapFault>;

    /// Unwraps a data key.
    ///
    /// # Errors
    /// When this key did not wrap it, or not with this context; or when whoever holds the key
    /// cannot be asked, or says no.
    fn unwrap_key(
        &self,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, WrapFault>;
}

/// Why a key was not wrapped or unwrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrapFault {
    /// Another key wrapped it, or it was changed since.
    #[error("another key wrapped it")]
    Wrong,
    /// Whoever holds the key cannot be asked, or says no.
    #[error("{0}")]
    Unavailable(String),
}

/// How a data folder is encrypted.
#[derive(Clone)]
pub struct Encryption {
    /// Wraps the data keys.
    pub seal_with: Arc<dyn KeyWrap>,
    /// Keys that wrapped data keys before: what they wrapped is wrapped anew by `seal_with` when
    /// the store is opened, and after that they are not needed any more.
    pub open_also: Vec<Arc<dyn KeyWrap>>,
}

impl Encryption {
    /// With one key.
    #[must_use]
    pub fn new(seal_with: Arc<dyn KeyWrap>) -> Self {
        Self { seal_with, open_also: Vec::new() }
    }

    /// The key of this name.
    pub(super) fn find(&self, name: &str) -> Option<&dyn KeyWrap> {
        let all = std::iter::once(&self.seal_with).chain(&self.open_also);
        all.map(|key| &**key).find(|key| key.name() == name)
    }
}

impl fmt::Debug for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let also: Vec<&str> = self.open_also.iter().map(|key| key.name()).collect();
        f.debug_struct("Encryption")
            .field("seal_with", &self.seal_with.name())
            .field("open_also", &also)
            .finish()
    }
}
