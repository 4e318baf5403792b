//! Secrets and keys. A secret is never shown, and its bytes are wiped when it is dropped.

use std::borrow::Cow;
use std::fmt;

use sluicegate_core::ids::KeyId;
use sluicegate_core::time::Timestamp;
use zeroize::Zeroizing;

use crate::signature::encoding::{hex, loose_base64};

/// The bytes of a secret as the operator gave them, before any decoding.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A secret of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes, for the one place that needs them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// One signing key: a secret with a name and a time in which it is live.
#[derive(Debug, Clone)]
pub struct Key {
    /// Says which key matched; stored with the event.
    pub id: KeyId,
    /// The secret.
    pub secret: Secret,
    /// Whose it is, where tokens name who signed them: another name is refused.
    pub issuer: Option<String>,
    /// Live from this moment on.
    pub not_before: Option<Timestamp>,
    /// Live until just before this moment.
    pub not_after: Option<Timestamp>,
}

impl Key {
    /// A key that is always live.
    #[must_use]
    pub fn new(id: KeyId, secret: Secret) -> Self {
        Self { id, secret, issuer: None, not_before: None, not_after: None }
    }

    /// Whether the key is live at `at`.
    #[must_use]
    pub fn live(&self, at: Timestamp) -> bool {
        self.not_before.is_none_or(|from| from <= at) && self.not_after.is_none_or(|to| at < to)
    }
}

/// How a provider writes the secret that it gives to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretEncoding {
    /// The key is the text, byte for byte.
    Utf8,
    /// The key is what the hexadecimal digits say.
    Hex,
    /// The key is what the base64 says.
    Base64,
    /// The prefix is taken off if it is there; the key is what the base64 after it says.
    PrefixedBase64(Cow<'static, str>),
}

/// Why a secret cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// There is nothing in it.
    #[error("secret is empty")]
    Empty,
    /// It can be guessed.
    #[error("secret has {bytes} bytes, at least {SECRET_BYTES_MIN} are needed")]
    TooShort {
        /// How many bytes it has once decoded.
        bytes: usize,
    },
    /// It is not written as its scheme says.
    #[error("secret is not {0}")]
    Encoding(&'static str),
    /// It is a public key, for a scheme that this gateway does not verify.
    #[error("secret is a public key; this scheme needs the shared secret")]
    PublicKey,
}

/// A secret has at least so many bytes once decoded. Real providers issue 16 and more; some let
/// people choose, and eight is where a guess over the network stops being possible.
pub const SECRET_BYTES_MIN: usize = 8;

/// The key bytes that a secret stands for, at least `floor` of them.
pub(crate) fn key_bytes(
    secret: &Secret,
    encoding: &SecretEncoding,
    floor: usize,
) -> Result<Zeroizing<Vec<u8>>, SecretFault> {
    let text = secret.expose();
    let decoded = match encoding {
        SecretEncoding::Utf8 => text.to_vec(),
        SecretEncoding::Hex => hex(text).ok_or(SecretFault::Encoding("hexadecimal"))?,
        SecretEncoding::Base64 => loose_base64(text).ok_or(SecretFault::Encoding("base64"))?,
        SecretEncoding::PrefixedBase64(prefix) => {
            if text.starts_with(b"whpk_") {
                return Err(SecretFault::PublicKey);
            }
            let text = text.strip_prefix(prefix.as_bytes()).unwrap_or(text);
            loose_base64(text).ok_or(SecretFault::Encoding("base64 after its prefix"))?
        }
    };
    match Zeroizing::new(decoded) {
        key if key.is_empty() => Err(SecretFault::Empty),
        key if key.len() < floor => Err(SecretFault::TooShort { bytes: key.len() }),
        key => Ok(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str, encoding: &SecretEncoding) -> Result<Vec<u8>, SecretFault> {
        key_bytes(&text.into(), encoding, SECRET_BYTES_MIN).map(|key| key.to_vec())
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::from("hunter2")), "Secret(..)");
    }

    #[test]
    fn empty_short_and_badly_written_secrets_are_refused() {
        let whsec = SecretEncoding::PrefixedBase64("whsec_".into());
        assert_eq!(bytes("", &SecretEncoding::Utf8), Err(SecretFault::Empty));
        assert_eq!(bytes("whsec_", &whsec), Err(SecretFault::Empty));
        assert_eq!(
            bytes("1234567", &SecretEncoding::Utf8),
            Err(SecretFault::TooShort { bytes: 7 })
        );
        assert_eq!(bytes("abcd", &SecretEncoding::Hex), Err(SecretFault::TooShort { bytes: 2 }));
        assert!(matches!(
            bytes("no hex here!", &SecretEncoding::Hex),
            Err(SecretFault::Encoding(_))
        ));
        assert!(matches!(bytes("whsec_???", &whsec), Err(SecretFault::Encoding(_))));
        assert_eq!(bytes("whpk_AAAAAAAAAAAAAAAA", &whsec), Err(SecretFault::PublicKey));
    }

    #[test]
    fn the_prefix_may_be_there_or_not() {
        let whsec = SecretEncoding::PrefixedBase64("whsec_".into());
        let with = bytes("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &whsec).unwrap();
        assert_eq!(with.len(), 24);
        assert_eq!(Ok(with), bytes("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &whsec));
    }

    #[test]
    fn a_key_is_live_from_its_first_moment_to_just_before_its_last() {
        let at = Timestamp::from_unix_ms;
        let mut key = Key::new("a".parse().unwrap(), "secret".into());
        assert!(key.live(at(0)));
        key.not_before = Some(at(10));
        key.not_after = Some(at(20));
        assert_eq!([9, 10, 19, 20].map(|ms| key.live(at(ms))), [false, true, true, false]);
    }
}
