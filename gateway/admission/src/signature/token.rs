//! The weakest proof that providers use: the secret itself, in the request. Whoever reads one
//! request can send any other; it is here because many have nothing better.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::Digest;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::facts::query_field;
use crate::gate::GateProblem;
use crate::secret::{Secret, SecretEncoding, key_bytes};
use crate::signature::candidates::{malformed, one_of};
use crate::signature::crypto::{same, sha256};
use crate::signature::engine::key_problems;
use crate::signature::known::Known;
use crate::signature::own::object;
use crate::signature::verifier::{Proven, Setting};

/// Where a request holds the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPlace {
    /// In a header, as it is.
    Header,
    /// In `authorization`, as `user:password` (RFC 7617).
    Basic,
    /// In the query, under this name.
    Query(&'static str),
    /// In the payload: in each item of the list of the first name, under the second.
    Items(&'static str, &'static str),
}

/// The token check of one source.
pub(crate) struct TokenCheck {
    headers: Vec<String>,
    place: TokenPlace,
    keys: Known<Digest>,
}

impl TokenCheck {
    pub(crate) fn build(
        headers: Vec<String>,
        place: TokenPlace,
        setting: Setting,
    ) -> Result<Self, Vec<GateProblem>> {
        let Setting { keys, floor, .. } = setting;
        let hash = |secret: &Secret| {
            key_bytes(secret, &SecretEncoding::Utf8, floor).map(|bytes| sha256(&bytes))
        };
        let keys = Known::build(keys, hash).map_err(key_problems);
        let mut problems = Vec::new();
        if place == TokenPlace::Header && headers.iter().all(String::is_empty) {
            problems.push(GateProblem::Scheme("no header carries the token".into()));
        }
        match keys {
            Ok(keys) if problems.is_empty() => Ok(Self { headers, place, keys }),
            keys => {
                problems.extend(keys.err().unwrap_or_default());
                Err(problems)
            }
        }
    }

    /// Compares hashes, so that the time says nothing about the secret's length either.
    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let token = self.offered(delivery)?;
        let key = self.keys.judge(at, |hash| same(&hash.0, &token.0))?;
        Ok(Proven::by(key))
    }

    /// The hash of what the request holds.
    fn offered(&self, delivery: &Delivery) -> Result<Digest, SignatureFault> {
        let header = || one_of(&delivery.headers, self.headers.iter().map(String::as_str));
        match self.place {
            TokenPlace::Header => Ok(sha256(header()?.as_bytes())),
            TokenPlace::Basic => {
                let (kind, text) = header()?.split_once(' ').unwrap_or_default();
                let decoded = STANDARD.decode(text).ok();
                let decoded = decoded.filter(|_| kind.eq_ignore_ascii_case("basic"));
                let decoded = decoded.ok_or_else(|| malformed("it is no basic authorization"))?;
                Ok(sha256(&decoded))
            }
            TokenPlace::Query(name) => {
                let found = query_field(&delivery.target, name);
                let missing = || SignatureFault::Missing { header: format!("(query) {name}") };
                let found = found.ok_or_else(missing)?;
                if found.is_empty() {
                    return Err(malformed("it is empty"));
                }
                Ok(sha256(&found))
            }
            TokenPlace::Items(list, name) => items(&delivery.body, list, name),
        }
    }
}

/// The one token that every item holds.
fn items(body: &[u8], list: &str, name: &str) -> Result<Digest, SignatureFault> {
    let payload = object(body)?;
    let missing = || SignatureFault::Missing { header: format!("(body) {name}") };
    let items = payload.get(list).and_then(Value::as_array).filter(|items| !items.is_empty());
    let mut found: Option<&str> = None;
    for item in items.ok_or_else(missing)? {
        let token = item.get(name).and_then(Value::as_str).ok_or_else(missing)?;
        if token.is_empty() {
            return Err(malformed("it is empty"));
        }
        if found.replace(token).is_some_and(|other| other != token) {
            return Err(malformed("the items hold different ones"));
        }
    }
    Ok(sha256(found.unwrap_or_default().as_bytes()))
}
