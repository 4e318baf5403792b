//! Tokens in the place of passwords: a JWT (RFC 7519) in the password of a CONNECT. With `known`
//! the only file of this room that knows `ring`.
//!
//! The algorithm is what the configuration says, whatever the token says. A token without an end is
//! refused: it could never be taken back.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{hmac, signature};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use sluicegate_core::time::Timestamp;

/// What a token must say, and how it is signed.
#[derive(Debug, Clone)]
pub struct Tokens {
    key: Arc<Key>,
    issuer: Option<String>,
    audience: Option<String>,
}

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256 and a secret of at least 32 bytes.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256; the public key in PEM.
    Rs256,
    /// ECDSA over P-256 with SHA-256; the public key in PEM.
    Es256,
}

/// Why tokens cannot be checked with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenKeyFault {
    /// A secret that can be guessed.
    #[error("secret of HS256 has fewer than 32 bytes")]
    Short,
    /// Not a key, or of another algorithm.
    #[error("key is not a public key of this algorithm in PEM")]
    Key,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) user: String,
    pub(crate) until: Timestamp,
}

enum Key {
    Hmac(hmac::Key),
    Public(&'static dyn signature::VerificationAlgorithm, &'static str, Vec<u8>),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Body {
    sub: String,
    exp: f64,
    nbf: Option<f64>,
    iss: Option<String>,
    aud: Option<Audience>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Tokens {
    /// Tokens that are signed so, and say where they come from and whom they are for, if that is
    /// asked for.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn new(
        algorithm: TokenAlgorithm,
        key: &[u8],
        issuer: Option<String>,
        audience: Option<String>,
    ) -> Result<Self, TokenKeyFault> {
        let key = match algorithm {
            TokenAlgorithm::Hs256 if key.len() < 32 => return Err(TokenKeyFault::Short),
            TokenAlgorithm::Hs256 => Key::Hmac(hmac::Key::new(hmac::HMAC_SHA256, key)),
            TokenAlgorithm::Rs256 => {
                let key = public_key(key, RSA).ok_or(TokenKeyFault::Key)?;
                Key::Public(&signature::RSA_PKCS1_2048_8192_SHA256, "RS256", key)
            }
            TokenAlgorithm::Es256 => {
                let key = public_key(key, P256).ok_or(TokenKeyFault::Key)?;
                Key::Public(&signature::ECDSA_P256_SHA256_FIXED, "ES256", key)
            }
        };
        Ok(Self { key: Arc::new(key), issuer, audience })
    }

    /// Who the token says the client is, and until when; `None` if it is not good at `now`, which
    /// is by the machine's clock.
    pub(crate) fn read(&self, token: &[u8], now: Timestamp) -> Option<Claims> {
        let token = std::str::from_utf8(token).ok().filter(|t| t.len() <= TOKEN_BYTES_MAX)?;
        let (signed, mac) = token.rsplit_once('.')?;
        let (head, body) = signed.split_once('.')?;
        self.verify(&part::<Head>(head)?, signed, &URL_SAFE_NO_PAD.decode(mac).ok()?)?;
        let body: Body = part(body)?;
        let at = now.unix_ns() as f64 / 1e9;
        let audience = |wanted: &String| match &body.aud {
            Some(Audience::One(one)) => one == wanted,
            Some(Audience::Several(all)) => all.contains(wanted),
            None => false,
        };
        let good = body.exp + LEEWAY_S > at
            && body.nbf.is_none_or(|from| from - LEEWAY_S <= at)
            && self.issuer.as_ref().is_none_or(|wanted| body.iss.as_ref() == Some(wanted))
            && self.audience.as_ref().is_none_or(audience)
            && !body.sub.is_empty();
        let until = std::time::Duration::try_from_secs_f64(body.exp + LEEWAY_S).ok()?;
        good.then(|| Claims { user: body.sub, until: Timestamp::from_unix_ns(0).plus(until) })
    }

    fn verify(&self, head: &Head, signed: &str, mac: &[u8]) -> Option<()> {
        if head.crit.is_some() {
            return None;
        }
        match &*self.key {
            Key::Hmac(key) if head.alg == "HS256" => hmac::verify(key, signed.as_bytes(), mac).ok(),
            Key::Public(algorithm, name, key) if head.alg == *name => {
                let key = signature::UnparsedPublicKey::new(*algorithm, key);
                key.verify(signed.as_bytes(), mac).ok()
            }
            _ => None,
        }
    }
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// The key inside a SubjectPublicKeyInfo (RFC 5280 section 4.1) of this algorithm.
fn public_key(pem: &[u8], algorithm: &[u8]) -> Option<Vec<u8>> {
    let whole = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok()?;
    let (info, after) = element(0x30, &whole)?;
    let (of, bits) = element(0x30, info)?;
    let (bits, end) = element(0x03, bits)?;
    let (&unused, key) = bits.split_first()?;
    (of == algorithm && after.is_empty() && end.is_empty() && unused == 0).then(|| key.to_vec())
}

/// The contents of a DER element with this tag, and what follows it.
fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[is, first], rest) = bytes.split_first_chunk()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => rest.split_first().map(|(len, rest)| (usize::from(*len), rest))?,
        0x82 => {
            rest.split_first_chunk().map(|(len, r)| (usize::from(u16::from_be_bytes(*len)), r))?
        }
        _ => return None,
    };
    (is == tag).then(|| rest.split_at_checked(len))?
}

/// rsaEncryption with no parameters.
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
/// ecPublicKey over prime256v1.
const P256: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

/// Clocks of those who sign differ from ours by so much.
const LEEWAY_S: f64 = 30.0;

const TOKEN_BYTES_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::{Value, json};

    const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

    fn now() -> Timestamp {
        Timestamp::from_unix_ms(1_000_000_000)
    }

    fn text(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    fn token(head: &Value, body: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let signed = format!("{}.{}", text(head), text(body));
        let mac = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
        format!("{signed}.{mac}").into_bytes()
    }

    fn hs256(head: &Value, body: &Value) -> Vec<u8> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
        token(head, body, |signed| hmac::sign(&key, signed).as_ref().to_vec())
    }

    fn tokens(issuer: Option<&str>, audience: Option<&str>) -> Tokens {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Tokens::new(TokenAlgorithm::Hs256, SECRET, own(issuer), own(audience)).unwrap()
    }

    #[test]
    fn a_good_token_says_who_and_until_when() {
        let body = json!({ "sub": "d1", "exp": 1_000_100, "iss": "i", "aud": ["x", "y"] });
        let token = hs256(&json!({ "alg": "HS256", "typ": "JWT" }), &body);
        let claims = tokens(Some("i"), Some("y")).read(&token, now()).unwrap();
        assert_eq!(claims.user, "d1");
        assert_eq!(claims.until, Timestamp::from_unix_ms(1_000_130_000));
        for other in [tokens(Some("j"), None), tokens(None, Some("z"))] {
            assert_eq!(other.read(&token, now()), None);
        }
        for at in 0..token.len() {
            let mut bad = token.clone();
            bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(tokens(None, None).read(&bad, now()), None, "{at}");
        }
    }

    #[test]
    fn what_is_late_early_endless_or_of_another_algorithm_is_refused() {
        let good = json!({ "alg": "HS256" });
        for (head, body) in [
            (good.clone(), json!({ "sub": "d", "exp": 999_969 })),
            (good.clone(), json!({ "sub": "d", "exp": 1_000_100, "nbf": 1_000_031 })),
            (good.clone(), json!({ "sub": "d" })),
            (good.clone(), json!({ "exp": 1_000_100 })),
            (good.clone(), json!({ "sub": "", "exp": 1_000_100 })),
            (json!({ "alg": "none" }), json!({ "sub": "d", "exp": 1_000_100 })),
            (json!({ "alg": "RS256" }), json!({ "sub": "d", "exp": 1_000_100 })),
            (json!({ "alg": "HS256", "crit": [] }), json!({ "sub": "d", "exp": 1_000_100 })),
        ] {
            let token = hs256(&head, &body);
            assert_eq!(tokens(None, None).read(&token, now()), None, "{head} {body}");
        }
        assert_eq!(tokens(None, None).read(b"..", now()), None);
        assert_eq!(tokens(None, None).read(b"", now()), None);
    }

    #[test]
    fn a_public_key_checks_what_its_private_key_signed() {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random)
                .unwrap();
        let mut der = b"\x30\x59\x30\x13".to_vec();
        der.extend(P256);
        der.extend(b"\x03\x42\x00");
        der.extend(pair.public_key().as_ref());
        let base = base64::engine::general_purpose::STANDARD.encode(der);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{base}\n-----END PUBLIC KEY-----\n");
        let tokens = Tokens::new(TokenAlgorithm::Es256, pem.as_bytes(), None, None).unwrap();
        let body = json!({ "sub": "d1", "exp": 1_000_100.5 });
        let sign = |signed: &[u8]| pair.sign(&random, signed).unwrap().as_ref().to_vec();
        let good = token(&json!({ "alg": "ES256" }), &body, sign);
        assert_eq!(tokens.read(&good, now()).unwrap().user, "d1");
        // The public key as the secret of an HMAC: the oldest trick.
        let key = hmac::Key::new(hmac::HMAC_SHA256, pem.as_bytes());
        let forged = token(&json!({ "alg": "HS256" }), &body, |signed| {
            hmac::sign(&key, signed).as_ref().to_vec()
        });
        assert_eq!(tokens.read(&forged, now()), None);
        for (algorithm, key) in [
            (TokenAlgorithm::Rs256, pem.as_bytes()),
            (TokenAlgorithm::Es256, b"no key"),
            (TokenAlgorithm::Hs256, b"short"),
        ] {
            assert!(Tokens::new(algorithm, key, None, None).is_err());
        }
    }
}
