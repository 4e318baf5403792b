//! The weakest proof that providers use: the secret itself, in a header. Whoever reads one request
//! can send any other; it is here because GitLab and Okta have nothing better for many teams.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::Digest;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::secret::{Key, SecretEncoding, key_bytes};
use crate::signature::candidates::one_of;
use crate::signature::crypto::{same, sha256};
use crate::signature::verifier::{Proven, Setting};

/// The token check of one source.
pub(crate) struct TokenCheck {
    headers: Vec<String>,
    keys: Vec<(Key, Digest)>,
}

impl TokenCheck {
    pub(crate) fn build(headers: Vec<String>, setting: Setting) -> Result<Self, Vec<GateProblem>> {
        let mut problems = Vec::new();
        let mut keys = Vec::with_capacity(setting.keys.len());
        if headers.iter().all(String::is_empty) {
            problems.push(GateProblem::Scheme("no header carries the token".into()));
        }
        for key in setting.keys {
            match key_bytes(&key.secret, &SecretEncoding::Utf8, setting.floor) {
                Ok(bytes) => keys.push((key, sha256(&bytes))),
                Err(why) => problems.push(GateProblem::Key { key: key.id, why }),
            }
        }
        if problems.is_empty() { Ok(Self { headers, keys }) } else { Err(problems) }
    }

    /// Compares hashes, so that the time says nothing about the secret's length either.
    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let token = one_of(&delivery.headers, self.headers.iter().map(String::as_str))?;
        let token = sha256(token.as_bytes());
        let mut matched = None;
        let mut live = 0;
        for (key, hash) in self.keys.iter().filter(|(key, _)| key.live(at)) {
            live += 1;
            if same(&hash.0, &token.0) && matched.is_none() {
                matched = Some(key.id.clone());
            }
        }
        match matched {
            Some(key) => Ok(Proven { key: Some(key), skew_ms: None }),
            None if live == 0 => Err(SignatureFault::NoLiveKey),
            None => Err(SignatureFault::Mismatch),
        }
    }
}
