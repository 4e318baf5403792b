//! The one file that knows `ring`: keyed and plain hashes, public keys, and comparison in constant
//! time.
//!
//! It must never compare secret bytes with `==`.

use ring::{digest, hmac, signature};
use sluicegate_core::ids::Digest;
use subtle::ConstantTimeEq;

/// How a secret and a text become a tag: an HMAC, but for one that is older than its sender's
/// taste.
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
    /// SHA-256 over the secret and then the text, as HubSpot had it before its version 3. Whoever
    /// has one tag can make that of a longer text: take version 3 where it is to be had.
    KeyedSha256,
}

/// Bytes of the longest tag.
pub(crate) const TAG_BYTES_MAX: usize = 64;

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 5] =
        [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512, Self::KeyedSha256];

    /// The name, as in `sha256=`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::KeyedSha256 => "keyed-sha256",
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
            Self::Sha256 | Self::KeyedSha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    fn hmac(self) -> Option<hmac::Algorithm> {
        match self {
            Self::Sha1 => Some(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            Self::Sha256 => Some(hmac::HMAC_SHA256),
            Self::Sha384 => Some(hmac::HMAC_SHA384),
            Self::Sha512 => Some(hmac::HMAC_SHA512),
            Self::KeyedSha256 => None,
        }
    }
}

/// A secret made ready for one algorithm: what comes before the text is hashed once, here.
#[derive(Clone)]
pub(crate) enum MacKey {
    Hmac(hmac::Key),
    Keyed(digest::Context),
}

impl MacKey {
    pub(crate) fn new(algorithm: Algorithm, secret: &[u8]) -> Self {
        if let Some(algorithm) = algorithm.hmac() {
            return Self::Hmac(hmac::Key::new(algorithm, secret));
        }
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(secret);
        Self::Keyed(context)
    }

    /// A tag in the making, fed piece by piece, so that the body is never copied.
    pub(crate) fn start(&self) -> Mac {
        match self {
            Self::Hmac(key) => Mac::Hmac(hmac::Context::with_key(key)),
            Self::Keyed(context) => Mac::Keyed(context.clone()),
        }
    }
}

pub(crate) enum Mac {
    Hmac(hmac::Context),
    Keyed(digest::Context),
}

impl Mac {
    pub(crate) fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Hmac(context) => context.update(piece),
            Self::Keyed(context) => context.update(piece),
        }
    }

    pub(crate) fn finish(self) -> Tag {
        match self {
            Self::Hmac(context) => Tag::Hmac(context.sign()),
            Self::Keyed(context) => Tag::Keyed(context.finish()),
        }
    }
}

/// What the hash gave.
pub(crate) enum Tag {
    Hmac(hmac::Tag),
    Keyed(digest::Digest),
}

impl Tag {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Hmac(tag) => tag.as_ref(),
            Self::Keyed(digest) => digest.as_ref(),
        }
    }
}

/// How a private key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// Ed25519 (RFC 8032); the key is its 32 bytes.
    Ed25519,
    /// ECDSA on P-256 with SHA-256, written in DER; the key is its point.
    EcdsaP256,
    /// RSA PKCS #1 v1.5 with SHA-1: only because providers still use it, and on keys of 2048 bits
    /// at least. The key is its `RSAPublicKey`.
    RsaSha1,
    /// The same with SHA-256.
    RsaSha256,
}

/// A public key, in the form that its way of signing has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicKey(pub(crate) Vec<u8>);

impl PublicKey {
    /// Whether the owner of the private key signed the message so.
    pub(crate) fn verifies(&self, signing: Signing, message: &[u8], given: &[u8]) -> bool {
        let algorithm: &dyn signature::VerificationAlgorithm = match signing {
            Signing::Ed25519 => &signature::ED25519,
            Signing::EcdsaP256 => &signature::ECDSA_P256_SHA256_ASN1,
            Signing::RsaSha1 => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Signing::RsaSha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        };
        signature::UnparsedPublicKey::new(algorithm, &self.0).verify(message, given).is_ok()
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
