//! Passwords that were right a while ago. Only a MAC of each is kept, under a key of this process;
//! neither is shown or written anywhere.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ring::rand::SystemRandom;
use ring::{hmac, rand};
use zeroize::Zeroizing;

/// Passwords that were right a while ago: at most one for each user there is.
pub(super) struct Known {
    /// `None`: the system has no random bits, and nothing is remembered.
    key: Option<hmac::Key>,
    by_user: Mutex<HashMap<String, (hmac::Tag, Instant)>>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}

impl Default for Known {
    fn default() -> Self {
        let seed = rand::generate::<[u8; 32]>(&SystemRandom::new()).ok();
        let key = seed.map(|seed| hmac::Key::new(hmac::HMAC_SHA256, &seed.expose()));
        Self { key, by_user: Mutex::default() }
    }
}

impl Known {
    /// Whether this password of this user was right a while ago.
    pub(super) fn is_known(&self, name: &str, password: &[u8], now: Instant) -> bool {
        let Some(key) = &self.key else { return false };
        let mut by_user = self.lock();
        let Some((tag, until)) = by_user.get(name) else { return false };
        if *until <= now {
            by_user.remove(name);
            return false;
        }
        let tag = *tag;
        drop(by_user);
        // Compared in a time that does not depend on where they differ.
        hmac::verify(key, &said(name, password), tag.as_ref()).is_ok()
    }

    /// This password of this user is right.
    pub(super) fn remember(&self, name: &str, password: &[u8], now: Instant) {
        let Some(key) = &self.key else { return };
        let tag = hmac::sign(key, &said(name, password));
        self.lock().insert(name.to_owned(), (tag, now + REMEMBERED));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (hmac::Tag, Instant)>> {
        // Nothing panics while the lock is held.
        self.by_user.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A password is looked at again at least so often.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// What the MAC is of: a name cannot run on into a password.
fn said(name: &str, password: &[u8]) -> Zeroizing<Vec<u8>> {
    let len = (name.len() as u64).to_be_bytes();
    Zeroizing::new([&len[..], name.as_bytes(), password].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_right_is_known_for_a_while_and_nothing_else_is() {
        let (known, now) = (Known::default(), Instant::now());
        assert!(!known.is_known("ann", b"secret", now));
        known.remember("ann", b"secret", now);
        assert!(known.is_known("ann", b"secret", now));
        for (name, password) in
            [("ann", "secreT"), ("ann", ""), ("an", "nsecret"), ("bob", "secret")]
        {
            assert!(!known.is_known(name, password.as_bytes(), now), "{name} {password}");
        }
        let last = now + REMEMBERED.checked_sub(Duration::from_nanos(1)).unwrap();
        assert!(known.is_known("ann", b"secret", last));
        assert!(!known.is_known("ann", b"secret", now + REMEMBERED));
        assert!(!known.is_known("ann", b"secret", now), "it is forgotten, not hidden");
        assert!(!Known::default().is_known("ann", b"secret", now), "each process has its key");
    }
}
