//! The answer to a handshake. What is reflected is short, of plain characters, and never a page:
//! plain text or JSON, and `nosniff` with it.

use serde_json::{Map, Value};
use sluicegate_core::delivery::Delivery;
use sluicegate_core::handshake::Reply;

use crate::facts::{query_field, text_at};
use crate::handshake::spec::{Place, Term};
use crate::secret::Secret;
use crate::signature::{Algorithm, MacKey};

/// What a handshake comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The handshake's name.
    pub name: &'static str,
    /// The answer.
    pub reply: Reply,
    /// What is called after it, if something is.
    pub errand: Option<Errand>,
    /// The secret that it hands over: it must be kept before it is answered.
    pub learned: Option<Secret>,
}

/// A call that completes a handshake. It may go to the open internet only, and once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// The address, `https`.
    pub url: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// Whether the handshake is answered only when the call was.
    pub first: bool,
}

/// The text in a place, if it is there once and may be reflected.
pub(super) fn value(place: Place, delivery: &Delivery) -> Option<String> {
    let text = raw(place, delivery)?;
    let plain = !text.chars().any(char::is_control);
    (plain && (1..=VALUE_BYTES_MAX).contains(&text.len())).then_some(text)
}

/// The text in a place, whatever it is.
pub(super) fn raw(place: Place, delivery: &Delivery) -> Option<String> {
    match place {
        Place::Header(name) => delivery.headers.once(name).ok().map(str::to_owned),
        Place::Query(name) => {
            let found = query_field(&delivery.target, name)?;
            String::from_utf8(found.into_owned()).ok()
        }
        Place::Pointer(pointer) => {
            // Handshakes are small; a large payload is an event, and is not looked through for one.
            let small = delivery.body.len() <= BODY_BYTES_MAX;
            small.then(|| text_at(&delivery.body, pointer).map(|text| text.into_owned()))?
        }
    }
}

/// An object with these members; `None` if one cannot be had.
pub(super) fn object(
    terms: &[(&str, Term)],
    delivery: &Delivery,
    key: impl Fn() -> Option<MacKey>,
) -> Option<String> {
    let mut members = Map::new();
    for (name, term) in terms {
        let text = match term {
            Term::Value(place) => value(*place, delivery)?,
            Term::Mac { of, prefix, encoding } => {
                let text = value(*of, delivery).filter(|text| is_token(text.as_bytes()))?;
                let mut mac = key()?.start();
                mac.update(text.as_bytes());
                format!("{prefix}{}", encoding.encode(mac.finish().bytes()))
            }
        };
        members.insert((*name).to_owned(), Value::String(text));
    }
    serde_json::to_string(&Value::Object(members)).ok()
}

/// Whether a text is a token, and nothing that an event could be.
pub(crate) fn is_token(text: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(byte);
    (1..=TOKEN_BYTES_MAX).contains(&text.len()) && text.iter().all(plain)
}

/// The key for a text that is signed in an answer.
pub(super) fn mac_key(secret: &[u8]) -> MacKey {
    MacKey::new(Algorithm::Sha256, secret)
}

/// Bytes that are reflected.
const VALUE_BYTES_MAX: usize = 1024;
/// Bytes of a text that is signed.
const TOKEN_BYTES_MAX: usize = 128;
/// Bytes of a payload that may be a handshake.
pub(super) const BODY_BYTES_MAX: usize = 16 * 1024;
