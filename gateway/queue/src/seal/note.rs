//! Small notes that other rooms keep beside the log: a secret that a provider handed over. Sealed
//! with the data keys of the folder, where it has any.
//!
//! ```text
//! "SGN1"     4
//! data key   2  little endian
//! nonce     12
//! sealed        the note
//! tag       16
//! ```
//!
//! The additional data is the first six bytes and the context that the caller names, so that a note
//! about one thing does not open as one about another. It is longer than that of an entry: no entry
//! opens as a note.
//!
//! It must never hand out plain bytes for sealed ones that it cannot open.

use std::num::NonZeroU16;

use zeroize::Zeroizing;

use super::aead::{NONCE_BYTES, TAG_BYTES};
use super::sealed::{Sealer, Unsealer};
use crate::format::entry::DataKeyId;

/// Seals and opens small notes with the data keys of an open folder.
#[derive(Debug, Clone)]
pub struct Notes {
    sealer: Sealer,
    unsealer: Unsealer,
}

/// Why a sealed note cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum NoteFault {
    /// Its data key is not in the keyring: an older keyring was put back.
    #[error("note is sealed with data key {0}, which the keyring does not have")]
    KeyMissing(u16),
    /// It was damaged or changed, or is about something else.
    #[error("note is damaged, or about something else")]
    Damaged,
}

impl Notes {
    pub(crate) fn new(sealer: Sealer, unsealer: Unsealer) -> Self {
        Self { sealer, unsealer }
    }

    /// Seals a note about this; `None` if the folder is not encrypted.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a note is far under 64 GiB")]
    pub fn seal(&self, about: &str, note: &[u8]) -> Option<Vec<u8>> {
        let key = self.sealer.0.newest()?;
        let head = head(key.id);
        let nonce = key.nonce(&self.sealer.0.worn);
        // Sealed in place, in room that holds it all: no plain copy is left behind.
        let mut bytes = Vec::with_capacity(head.len() + nonce.len() + note.len() + TAG_BYTES);
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(note);
        let body = bytes.get_mut(head.len() + nonce.len()..).unwrap_or_default();
        let tag = key.key.seal(nonce, &context(&head, about), body).expect("it is under 64 GiB");
        bytes.extend_from_slice(&tag);
        Some(bytes)
    }

    /// The note about this that was sealed so.
    ///
    /// # Errors
    /// When its key is missing, it was changed, or it is about something else.
    pub fn open(&self, about: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NoteFault> {
        let (id, rest) = read_head(sealed).ok_or(NoteFault::Damaged)?;
        let key = self.unsealer.0.find(id).ok_or(NoteFault::KeyMissing(id.0.get()))?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(NoteFault::Damaged)?;
        let mut scratch = Zeroizing::new(body.to_vec());
        let opened = key.key.open(*nonce, &context(&head(id), about), &mut scratch);
        let len = opened.ok_or(NoteFault::Damaged)?.len();
        scratch.truncate(len);
        Ok(scratch)
    }

    /// Whether a note is sealed with the key that seals now. One that is not is readable by
    /// whoever had an older key: it is to be sealed again.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        let id = read_head(sealed).map(|(id, _)| id);
        id.is_some() && id == self.sealer.0.newest().map(|key| key.id)
    }
}

fn head(key: DataKeyId) -> [u8; HEAD_BYTES] {
    let ([m, a, g, i], [low, high]) = (MAGIC, key.0.get().to_le_bytes());
    [m, a, g, i, low, high]
}

fn read_head(bytes: &[u8]) -> Option<(DataKeyId, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let [m, a, g, i, low, high] = *head;
    let id = NonZeroU16::new(u16::from_le_bytes([low, high]))?;
    ([m, a, g, i] == MAGIC).then_some((DataKeyId(id), rest))
}

fn context(head: &[u8], about: &str) -> Vec<u8> {
    [head, about.as_bytes()].concat()
}

const MAGIC: [u8; 4] = *b"SGN1";
const HEAD_BYTES: usize = 6;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::seal::aead::Key;
    use crate::seal::data_keys::{DataKey, DataKeys};

    fn notes(numbers: impl IntoIterator<Item = u16>) -> Notes {
        let key = |number: u16| {
            let [low, _] = number.to_le_bytes();
            let id = DataKeyId(NonZeroU16::new(number).unwrap());
            Arc::new(DataKey::new(id, Key::new(&[low; 32]), [low; 12], 0))
        };
        let keys = Arc::new(DataKeys::new(numbers.into_iter().map(key).collect()));
        Notes::new(Sealer(Arc::clone(&keys)), Unsealer(keys))
    }

    proptest! {
        #[test]
        fn a_note_is_opened_as_it_was_and_shows_nothing(note: Vec<u8>, about in "[a-z/.]{0,40}") {
            let notes = notes(1..=3);
            let sealed = notes.seal(&about, &note).unwrap();
            prop_assert_eq!(&**notes.open(&about, &sealed).unwrap(), &*note);
            prop_assert!(note.len() < 9 || !sealed.windows(note.len()).any(|some| some == note));
        }

        #[test]
        fn one_flipped_bit_is_seen(note: Vec<u8>, at: usize, bit in 0_u8..8) {
            let notes = notes(1..=3);
            let mut sealed = notes.seal("learned/a", &note).unwrap();
            let at = at % sealed.len();
            sealed[at] ^= 1 << bit;
            prop_assert!(notes.open("learned/a", &sealed).is_err());
        }

        #[test]
        fn noise_is_refused_and_never_panics(noise: Vec<u8>) {
            prop_assert!(notes([1]).open("learned/a", &noise).is_err());
            let headed = [&MAGIC[..], &[1, 0], &noise].concat();
            prop_assert!(notes([1]).open("learned/a", &headed).is_err());
        }
    }

    #[test]
    fn a_note_about_one_thing_does_not_open_as_one_about_another() {
        let notes = notes([1]);
        let sealed = notes.seal("learned/a", b"secret").unwrap();
        assert!(matches!(notes.open("learned/b", &sealed), Err(NoteFault::Damaged)));
    }

    #[test]
    fn a_note_of_an_older_key_opens_and_is_not_current() {
        let sealed = notes([1]).seal("a", b"secret").unwrap();
        let later = notes([1, 2]);
        assert_eq!(&**later.open("a", &sealed).unwrap(), b"secret");
        assert!(!later.is_current(&sealed));
        assert!(later.is_current(&later.seal("a", b"secret").unwrap()));
        let without = notes([2]).open("a", &sealed);
        assert!(matches!(without, Err(NoteFault::KeyMissing(1))));
    }

    #[test]
    fn without_keys_nothing_is_sealed() {
        assert_eq!(notes([]).seal("a", b"secret"), None);
        assert!(!notes([]).is_current(b"SGN1"));
    }
}
