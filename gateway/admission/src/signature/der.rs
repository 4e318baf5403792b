//! Public keys as they are written: PEM, and the few shapes of DER (X.690) that lead to a key and
//! to the times of a certificate.
//!
//! Strict: lengths are definite and minimal, and what is left over is a fault. It believes nothing:
//! who vouches for a certificate is for `certificate` to say.

use sluicegate_core::time::Timestamp;

use crate::signature::crypto::PublicKey;
use crate::signature::encoding::loose_base64;

/// A key by what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyOf {
    Ed25519(PublicKey),
    P256(PublicKey),
    Rsa(PublicKey),
}

/// What a certificate says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    pub(crate) key: KeyOf,
}

/// The bytes of every block with this label in a PEM text (RFC 7468), at most so many; `None` if
/// one is cut off or is not base64.
pub(crate) fn pem(text: &str, label: &str, max: usize) -> Option<Vec<Vec<u8>>> {
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(begin.as_str()) {
        let (block, after) = after.split_once(end.as_str())?;
        let packed: Vec<u8> = block.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        if packed.is_empty() || blocks.len() == max {
            return None;
        }
        blocks.push(loose_base64(&packed)?);
        rest = after;
    }
    Some(blocks)
}

/// A `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7).
pub(crate) fn public_key(der: &[u8]) -> Option<KeyOf> {
    let mut whole = Reader(der);
    let key = key_info(whole.take(SEQUENCE)?)?;
    whole.end().then_some(key)
}

/// A `Certificate` (RFC 5280 section 4.1).
pub(crate) fn certificate(der: &[u8]) -> Option<Leaf> {
    let mut whole = Reader(der);
    let mut outer = Reader(whole.take(SEQUENCE)?);
    let mut tbs = Reader(outer.take(SEQUENCE)?);
    // The version is there in every certificate with extensions.
    tbs.take(VERSION)?;
    tbs.take(INTEGER)?;
    tbs.take(SEQUENCE)?;
    tbs.take(SEQUENCE)?;
    let mut validity = Reader(tbs.take(SEQUENCE)?);
    let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
    tbs.take(SEQUENCE)?;
    let key = key_info(tbs.take(SEQUENCE)?)?;
    outer.take(SEQUENCE)?;
    outer.take(BIT_STRING)?;
    (validity.end() && outer.end() && whole.end()).then_some(Leaf { not_before, not_after, key })
}

fn key_info(content: &[u8]) -> Option<KeyOf> {
    let mut info = Reader(content);
    let mut algorithm = Reader(info.take(SEQUENCE)?);
    let name = algorithm.take(OBJECT)?;
    let (unused, key) = info.take(BIT_STRING)?.split_first()?;
    if *unused != 0 || !info.end() {
        return None;
    }
    let key = PublicKey(key.to_vec());
    match name {
        RSA => Some(KeyOf::Rsa(key)),
        ED25519 if key.0.len() == 32 => Some(KeyOf::Ed25519(key)),
        EC if algorithm.take(OBJECT)? == P256 => Some(KeyOf::P256(key)),
        _ => None,
    }
}

/// `UTCTime` or `GeneralizedTime`, both in seconds and with `Z` (RFC 5280 section 4.1.2.5).
fn time(reader: &mut Reader<'_>) -> Option<Timestamp> {
    let (tag, content) = reader.next()?;
    let digits = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let year: u64 = digits.get(..2)?.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, digits.get(2..)?)
        }
        GENERALIZED_TIME => (digits.get(..4)?.parse().ok()?, digits.get(4..)?),
        _ => return None,
    };
    let two = |at: usize| rest.get(at..at + 2);
    if rest.len() != 10 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (month, day, hour) = (two(0)?, two(2)?, two(4)?);
    let text = format!("{year:04}-{month}-{day}T{hour}:{}:{}Z", two(6)?, two(8)?);
    Timestamp::parse_rfc3339(&text).ok()
}

/// What is left to read.
struct Reader<'d>(&'d [u8]);

impl<'d> Reader<'d> {
    /// The next value, if it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'d [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81 => {
                let (length, rest) = rest.split_first()?;
                (usize::from(*length).checked_sub(0x80)? + 0x80, rest)
            }
            0x82 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)).checked_sub(0x100)? + 0x100, rest)
            }
            // Longer than any key or certificate.
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    fn end(&self) -> bool {
        self.0.is_empty()
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10045.3.1.7
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.101.112
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
