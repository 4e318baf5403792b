//! How bytes are written in a header: hexadecimal or base64. Strict both ways: what is not exactly
//! of the form is not decoded at all.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits; written in lower case, read in both.
    Hex,
    /// Base64 (RFC 4648 section 4), padded.
    Base64,
    /// Base64 with the URL alphabet (RFC 4648 section 5), padded or not.
    Base64Url,
}

impl Encoding {
    /// Decodes `text` into the front of `out`; how many bytes it gave. `None` if the text is not
    /// of the form, or has more bytes than `out`.
    pub(crate) fn decode(self, text: &[u8], out: &mut [u8]) -> Option<usize> {
        match self {
            Self::Hex => decode_hex(text, out),
            Self::Base64 => STRICT.decode_slice(text, out).ok(),
            Self::Base64Url => URL.decode_slice(text, out).ok(),
        }
    }

    /// The same; what it gave.
    pub(crate) fn decoded<'o>(self, text: &[u8], out: &'o mut [u8]) -> Option<&'o [u8]> {
        let len = self.decode(text, out)?;
        out.get(..len)
    }

    /// Writes the bytes.
    pub(crate) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => encode_hex(bytes),
            Self::Base64 => STRICT.encode(bytes),
            Self::Base64Url => URL.encode(bytes),
        }
    }
}

/// Decodes a secret given as hexadecimal.
pub(crate) fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = vec![0; text.len() / 2];
    let len = decode_hex(text, &mut out)?;
    out.truncate(len);
    Some(out)
}

/// Decodes a secret given as base64 of either alphabet. Looser than for signatures: people paste
/// secrets without padding, and some providers issue them with trailing bits set.
pub(crate) fn loose_base64(text: &[u8]) -> Option<Vec<u8>> {
    LOOSE.decode(text).or_else(|_| LOOSE_URL.decode(text)).ok()
}

fn encode_hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(digit), 16).unwrap_or_default());
        }
    }
    out
}

fn decode_hex(text: &[u8], out: &mut [u8]) -> Option<usize> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let out = out.get_mut(..pairs.len())?;
    for (to, [high, low]) in out.iter_mut().zip(pairs) {
        *to = digit(*high)? << 4 | digit(*low)?;
    }
    Some(pairs.len())
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

const STRICT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new());
const INDIFFERENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, INDIFFERENT);
const LOOSE: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, INDIFFERENT.with_decode_allow_trailing_bits(true));
const LOOSE_URL: GeneralPurpose =
    GeneralPurpose::new(&alphabet::URL_SAFE, INDIFFERENT.with_decode_allow_trailing_bits(true));

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Encoding; 3] = [Encoding::Hex, Encoding::Base64, Encoding::Base64Url];

    proptest! {
        #[test]
        fn decoders_never_panic_and_never_overrun(text: Vec<u8>, room in 0_usize..100) {
            let mut out = vec![0; room];
            for encoding in ALL {
                if let Some(len) = encoding.decode(&text, &mut out) {
                    prop_assert!(len <= room);
                }
            }
            hex(&text);
            loose_base64(&text);
        }

        #[test]
        fn what_is_encoded_decodes_to_itself(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            for encoding in ALL {
                let mut out = [0; 64];
                let len = encoding.decode(encoding.encode(&bytes).as_bytes(), &mut out);
                prop_assert_eq!(len, Some(bytes.len()));
                prop_assert_eq!(&out[..bytes.len()], &bytes[..]);
            }
        }
    }

    #[test]
    fn near_misses_are_not_decoded() {
        let mut out = [0; 64];
        for text in ["abc", "0x12", "1 ", "é1", "zz"] {
            assert_eq!(Encoding::Hex.decode(text.as_bytes(), &mut out), None, "{text}");
        }
        for text in ["QQ", "QQ=", " QQ==", "QQ==\n", "QR==", "Q-==", "QQ==QQ=="] {
            assert_eq!(Encoding::Base64.decode(text.as_bytes(), &mut out), None, "{text}");
        }
    }

    #[test]
    fn a_secret_may_lack_padding_and_carry_trailing_bits() {
        assert_eq!(loose_base64(b"QR").as_deref(), Some(&b"A"[..]));
        assert_eq!(loose_base64(b"-_8=").as_deref(), Some(&[0xfb, 0xff][..]));
        assert_eq!(loose_base64(b"a!"), None);
    }
}
