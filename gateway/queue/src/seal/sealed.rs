//! Sealed entries: the body is encrypted before its CRC is made, and opened after it was checked.
//!
//! ```text
//! nonce 12 | encrypted body | tag 16
//! ```
//!
//! The additional data is the entry's kind and the number of the data key. The CRC covers what is
//! on the disk: torn tails, damage and quarantine are judged without a key. A body whose CRC is
//! right and whose tag is not was changed by somebody who knows CRCs: it is damage all the same.

use std::io;
use std::sync::Arc;

use super::aead::{NONCE_BYTES, TAG_BYTES};
use super::data_keys::DataKeys;
use crate::format::entry::{self, DataKeyId, HEADER_BYTES, Head, Kind};

/// Seals entries on their way to the log, or leaves them as they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sealer(pub(super) Arc<DataKeys>);

/// Opens bodies that come from the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unsealer(pub(super) Arc<DataKeys>);

/// An entry is sealed with a key that the keyring does not have.
#[derive(Debug, thiserror::Error)]
#[error("an entry is sealed with data key {}, which the keyring does not have", .0.0)]
pub(crate) struct NoKey(pub(crate) DataKeyId);

impl Sealer {
    /// Seals an entry that lacks only its place; after that it lacks only that, too.
    #[expect(clippy::expect_used, reason = "entries are ours and far under 64 GiB")]
    pub(crate) fn seal(&self, frame: &mut Vec<u8>) {
        let Some(key) = self.0.newest() else { return };
        let kind = entry::unfinish(frame).expect("`entry::finish` made it");
        let nonce = key.nonce(&self.0.worn);
        frame.splice(HEADER_BYTES..HEADER_BYTES, nonce);
        let body = frame.get_mut(HEADER_BYTES + NONCE_BYTES..).unwrap_or_default();
        // Plain bytes must never go on from here: rather end than write them.
        let tag = key.key.seal(nonce, &context(kind, key.id), body).expect("it is under 64 GiB");
        frame.extend_from_slice(&tag);
        entry::finish_with(frame, kind, Some(key.id));
    }

    /// The number of the key that seals; `None` if nothing is sealed.
    pub(crate) fn data_key(&self) -> Option<u16> {
        self.0.newest().map(|key| key.id.0.get())
    }

    /// How many data keys the folder has.
    pub(crate) fn data_keys(&self) -> usize {
        self.0.count()
    }
}

impl Unsealer {
    /// The plain body of an entry whose CRC was right; `None` if it is not what was sealed.
    /// `scratch` is where it is opened; what was in it is gone.
    ///
    /// # Errors
    /// When the key is not there. That is no damage: with the right keyring it can be read.
    pub(crate) fn open<'b>(
        &self,
        head: &Head,
        body: &'b [u8],
        scratch: &'b mut Vec<u8>,
    ) -> io::Result<Option<&'b [u8]>> {
        let Some(id) = head.key else { return Ok(Some(body)) };
        let key = self.0.find(id).ok_or_else(|| io::Error::other(NoKey(id)))?;
        let Some((nonce, sealed)) = body.split_first_chunk::<NONCE_BYTES>() else {
            return Ok(None);
        };
        scratch.clear();
        scratch.extend_from_slice(sealed);
        Ok(key.key.open(*nonce, &context(head.kind, id), scratch))
    }
}

fn context(kind: Kind, key: DataKeyId) -> [u8; 3] {
    let [low, high] = key.0.get().to_le_bytes();
    [kind.code(), low, high]
}

/// What sealing adds to a body.
pub(crate) const SEAL_BYTES: usize = NONCE_BYTES + TAG_BYTES;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use proptest::prelude::*;

    use super::*;
    use crate::format::entry::Position;
    use crate::seal::aead::Key;
    use crate::seal::data_keys::DataKey;

    const POSITION: Position = Position { segment: 3, offset: 64 };

    fn id(number: u16) -> DataKeyId {
        DataKeyId(NonZeroU16::new(number).unwrap())
    }

    fn keys(numbers: impl IntoIterator<Item = u16>) -> Arc<DataKeys> {
        let key = |number: u16| {
            let bytes = [number.to_le_bytes()[0]; 32];
            Arc::new(DataKey::new(id(number), Key::new(&bytes), [number.to_le_bytes()[1]; 12], 0))
        };
        Arc::new(DataKeys::new(numbers.into_iter().map(key).collect()))
    }

    fn sealed(keys: &Arc<DataKeys>, kind: Kind, body: &[u8]) -> Vec<u8> {
        let mut frame = entry::start(body.len());
        frame.extend_from_slice(body);
        entry::finish(&mut frame, kind);
        Sealer(Arc::clone(keys)).seal(&mut frame);
        entry::seal(&mut frame, POSITION);
        frame
    }

    fn opened(keys: &Arc<DataKeys>, frame: &[u8]) -> Option<io::Result<Option<Vec<u8>>>> {
        let head = entry::head(frame, POSITION)?;
        let body = head.body(frame)?;
        let mut scratch = vec![1, 2, 3];
        let opened = Unsealer(Arc::clone(keys)).open(&head, body, &mut scratch);
        Some(opened.map(|body| body.map(<[u8]>::to_vec)))
    }

    proptest! {
        #[test]
        fn a_sealed_entry_is_opened_by_its_key_and_shows_nothing(body: Vec<u8>, many in 1_u16..9) {
            let keys = keys(1..=many);
            let frame = sealed(&keys, Kind::Commit, &body);
            prop_assert_eq!(opened(&keys, &frame).unwrap().unwrap(), Some(body.clone()));
            let head = entry::head(&frame, POSITION).unwrap();
            prop_assert_eq!((head.key, head.body_len), (Some(id(many)), body.len() + SEAL_BYTES));
            if body.len() > 8 {
                prop_assert!(!frame.windows(body.len()).any(|window| window == body));
            }
        }

        #[test]
        fn one_flipped_bit_of_a_sealed_entry_is_seen_without_a_key(
            body: Vec<u8>, at: usize, bit in 0_u8..8
        ) {
            let mut frame = sealed(&keys([7]), Kind::Changes, &body);
            let covered = HEADER_BYTES + body.len() + SEAL_BYTES + 4;
            frame[at % covered] ^= 1 << bit;
            let head = entry::head(&frame, POSITION);
            prop_assert!(head.and_then(|head| head.body(&frame)).is_none());
        }

        #[test]
        fn whoever_changes_a_sealed_entry_and_mends_its_checksums_is_seen_by_the_tag(
            body: Vec<u8>, at: usize, bit in 0_u8..8
        ) {
            let keys = keys([7]);
            let mut frame = sealed(&keys, Kind::Commit, &body);
            let kind = entry::unfinish(&mut frame).unwrap();
            let at = HEADER_BYTES + at % (body.len() + SEAL_BYTES);
            frame[at] ^= 1 << bit;
            entry::finish_with(&mut frame, kind, Some(id(7)));
            entry::seal(&mut frame, POSITION);
            prop_assert_eq!(opened(&keys, &frame).unwrap().unwrap(), None);
        }

        #[test]
        fn noise_as_a_sealed_body_is_refused_and_never_panics(noise: Vec<u8>) {
            let mut frame = entry::start(noise.len());
            frame.extend_from_slice(&noise);
            entry::finish_with(&mut frame, Kind::Commit, Some(id(7)));
            entry::seal(&mut frame, POSITION);
            prop_assert_eq!(opened(&keys([7]), &frame).unwrap().unwrap(), None);
        }
    }

    #[test]
    fn a_sealed_body_does_not_open_as_another_kind_or_under_another_key() {
        let all = keys(1..=3);
        let frame = sealed(&all, Kind::Commit, b"payload");
        for (kind, key) in [(Kind::Changes, 3), (Kind::Commit, 1), (Kind::Commit, 2)] {
            let mut other = frame.clone();
            entry::unfinish(&mut other).unwrap();
            entry::finish_with(&mut other, kind, Some(id(key)));
            entry::seal(&mut other, POSITION);
            assert_eq!(opened(&all, &other).unwrap().unwrap(), None, "{kind:?} {key}");
        }
    }

    #[test]
    fn an_entry_whose_key_is_not_there_is_not_called_damaged() {
        let frame = sealed(&keys(1..=3), Kind::Commit, b"payload");
        let fault = opened(&keys(1..=2), &frame).unwrap().unwrap_err();
        assert!(fault.to_string().contains("data key 3"), "{fault}");
    }

    #[test]
    fn without_a_key_entries_stay_as_they_are() {
        let frame = sealed(&keys([]), Kind::Commit, b"payload");
        assert_eq!(entry::head(&frame, POSITION).unwrap().key, None);
        assert_eq!(opened(&keys([]), &frame).unwrap().unwrap(), Some(b"payload".to_vec()));
    }
}
