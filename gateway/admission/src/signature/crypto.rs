//! The one file that knows `ring`: keyed and plain hashes, and comparison in constant time.
//!
//! It must never compare secret bytes with `==`.

use ring::{digest, hmac};
use sluicegate_core::ids::Digest;
use subtle::ConstantTimeEq;

/// A hash function under an HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC-SHA1: only because providers still use it; HMAC does not need collision resistance.
    Sha1,
    /// HMAC-SHA256.
    Sha256,
    /// HMAC-SHA384.
    Sha384,
    /// HMAC-SHA512.
    Sha512,
}

/// Bytes of the longest tag.
pub(crate) const TAG_BYTES_MAX: usize = 64;

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The name, as in `sha256=`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Bytes of a tag.
    #[must_use]
    pub fn tag_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn ring(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// A secret made ready for one algorithm: both pads are hashed once, here.
#[derive(Clone)]
pub(crate) struct MacKey(hmac::Key);

impl MacKey {
    pub(crate) fn new(algorithm: Algorithm, secret: &[u8]) -> Self {
        Self(hmac::Key::new(algorithm.ring(), secret))
    }

    /// An HMAC that is fed piece by piece, so that the body is never copied.
    pub(crate) fn start(&self) -> Mac {
        Mac(hmac::Context::with_key(&self.0))
    }
}

pub(crate) struct Mac(hmac::Context);

impl Mac {
    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(crate) fn finish(self) -> Tag {
        Tag(self.0.sign())
    }
}

/// What an HMAC gave.
pub(crate) struct Tag(hmac::Tag);

impl Tag {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_ref()
    }
}

/// Whether two byte strings are equal, in time that depends on their lengths only.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// HMAC-SHA256 over the parts, one after the other.
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = MacKey::new(Algorithm::Sha256, key).start();
    parts.iter().for_each(|part| mac.update(part));
    let tag = mac.finish();
    let mut out = [0; 32];
    out.iter_mut().zip(tag.bytes()).for_each(|(to, from)| *to = *from);
    out
}

/// SHA-256 of the bytes.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    let hash = digest::digest(&digest::SHA256, bytes);
    let mut out = [0; 32];
    out.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    Digest(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_gives_the_answer_of_fips_180() {
        assert_eq!(
            sha256(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn parts_are_hashed_as_if_they_were_one_piece() {
        let whole = hmac_sha256(b"Jefe", &[b"what do ya want for nothing?"]);
        assert_eq!(whole, hmac_sha256(b"Jefe", &[b"what do ya ", b"", b"want for nothing?"]));
        assert_eq!(&whole[..4], &[0x5b, 0xdc, 0xc1, 0x46]);
    }

    #[test]
    fn tags_have_the_length_that_the_algorithm_says() {
        for algorithm in Algorithm::ALL {
            let tag = MacKey::new(algorithm, b"key").start().finish();
            assert_eq!(tag.bytes().len(), algorithm.tag_bytes());
            assert!(tag.bytes().len() <= TAG_BYTES_MAX);
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::named("SHA256"), None);
    }

    #[test]
    fn only_equal_bytes_of_equal_length_are_the_same() {
        assert!(same(b"abc", b"abc") && same(b"", b""));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab") && !same(b"", b"a"));
    }
}
