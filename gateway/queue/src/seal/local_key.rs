//! A key-encryption key that this process holds itself: 32 bytes from a file or an environment.
//!
//! ```text
//! nonce 12, random | data key 32, encrypted | tag 16
//! ```
//!
//! The additional data is `NAME`, a zero byte and the context: a data key that was put under
//! another name or number does not open.

use std::fmt;

use zeroize::Zeroizing;

use super::aead::{KEY_BYTES, Key, NONCE_BYTES, random};
use super::wrap::{KeyWrap, WrapFault};

/// A key-encryption key in memory.
pub struct LocalKey {
    name: String,
    key: Key,
}

impl LocalKey {
    /// A key with its name.
    #[must_use]
    pub fn new(name: impl Into<String>, key: &[u8; KEY_BYTES]) -> Self {
        Self { name: name.into(), key: Key::new(key) }
    }

    /// A new key, to be kept by a person.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn draw() -> Result<Zeroizing<[u8; KEY_BYTES]>, WrapFault> {
        random().ok_or_else(no_random)
    }

    fn additional(&self, context: &[u8]) -> Vec<u8> {
        [self.name.as_bytes(), &[0], context].concat()
    }
}

impl KeyWrap for LocalKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn wrap_key(&self, key: &[u8; KEY_BYTES], context: &[u8]) -> Result<Vec<u8>, WrapFault> {
        // Random: a key wraps a handful of data keys, far under the 2^32 that this is good for.
        let nonce = random::<NONCE_BYTES>().ok_or_else(no_random)?;
        let mut bytes = Zeroizing::new(*key);
        let tag = self.key.seal(*nonce, &self.additional(context), bytes.as_mut_slice());
        let tag = tag.ok_or_else(|| WrapFault::Unavailable("key is too long".to_owned()))?;
        Ok([nonce.as_slice(), bytes.as_slice(), &tag].concat())
    }

    fn unwrap_key(
        &self,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, WrapFault> {
        let (nonce, sealed) = wrapped.split_first_chunk().ok_or(WrapFault::Wrong)?;
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let opened = self.key.open(*nonce, &self.additional(context), &mut bytes);
        let key = opened.and_then(|key| key.try_into().ok()).ok_or(WrapFault::Wrong)?;
        Ok(Zeroizing::new(key))
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").field("name", &self.name).finish_non_exhaustive()
    }
}

fn no_random() -> WrapFault {
    WrapFault::Unavailable("system has no randomness".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_unwrapped_only_by_its_wrapper_its_name_and_its_context() {
        let key = [7; KEY_BYTES];
        let one = LocalKey::new("one", &[1; KEY_BYTES]);
        let wrapped = one.wrap_key(&key, b"3").unwrap();
        assert_ne!(wrapped, one.wrap_key(&key, b"3").unwrap(), "the nonce is fresh");
        assert_eq!(*one.unwrap_key(&wrapped, b"3").unwrap(), key);
        assert_eq!(one.unwrap_key(&wrapped, b"4"), Err(WrapFault::Wrong));
        let renamed = LocalKey::new("two", &[1; KEY_BYTES]);
        assert_eq!(renamed.unwrap_key(&wrapped, b"3"), Err(WrapFault::Wrong));
        let other = LocalKey::new("one", &[2; KEY_BYTES]);
        assert_eq!(other.unwrap_key(&wrapped, b"3"), Err(WrapFault::Wrong));
        for len in 0..wrapped.len() {
            assert_eq!(one.unwrap_key(&wrapped[..len], b"3"), Err(WrapFault::Wrong));
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let key = LocalKey::new("one", &[0xab; KEY_BYTES]);
        assert_eq!(format!("{key:?}"), "LocalKey { name: \"one\", .. }");
    }
}
