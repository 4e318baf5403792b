//! The one file of this room that knows `ring`: AES-256-GCM, and bytes that nobody can guess.
//!
//! It must never be given one nonce twice for one key: who calls it says how that is kept.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// Bytes of a key, of either kind.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 12;
/// Bytes of a tag.
pub(super) const TAG_BYTES: usize = 16;
const _: () = assert!(TAG_BYTES == MAX_TAG_LEN);

/// A key that is ready to use.
///
/// `ring` keeps the expanded key for as long as this lives and does not wipe it; the bytes that it
/// was made of are wiped by who made it.
pub(super) struct Key(LessSafeKey);

impl Key {
    #[expect(clippy::expect_used, reason = "the only error is a length that is not KEY_BYTES")]
    pub(super) fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes).expect("32 bytes are a key")))
    }

    /// Encrypts in place; the tag goes behind. `None` only for more than 64 GiB.
    pub(super) fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        context: &[u8],
        bytes: &mut [u8],
    ) -> Option<[u8; TAG_BYTES]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(context), bytes).ok()?;
        tag.as_ref().try_into().ok()
    }

    /// Decrypts in place, the tag behind. `None` if key, nonce, context, bytes or tag is another.
    pub(super) fn open<'b>(
        &self,
        nonce: [u8; NONCE_BYTES],
        context: &[u8],
        bytes: &'b mut [u8],
    ) -> Option<&'b [u8]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::from(context), bytes).ok().map(|opened| &*opened)
    }
}

/// Bytes from the system's generator; `None` if it has none.
pub(super) fn random<const N: usize>() -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new().fill(bytes.as_mut_slice()).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 16 of the GCM specification (McGrew and Viega): AES-256 with additional data.
    #[test]
    fn a_known_answer_of_aes_256_gcm_is_given() {
        let hex = |text: &str| -> Vec<u8> {
            let pairs = text.as_bytes().chunks(2);
            pairs
                .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
                .collect()
        };
        let key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let nonce: [u8; 12] = hex("cafebabefacedbaddecaf888").try_into().unwrap();
        let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let plain = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
        let mut bytes = plain.clone();
        let key = Key::new(&key.try_into().unwrap());
        let tag = key.seal(nonce, &aad, &mut bytes).unwrap();
        assert_eq!(
            bytes,
            hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662")
        );
        assert_eq!(tag.to_vec(), hex("76fc6ece0f4e1768cddf8853bb2d551b"));
        bytes.extend_from_slice(&tag);
        assert_eq!(key.open(nonce, &aad, &mut bytes), Some(plain.as_slice()));
    }
}
