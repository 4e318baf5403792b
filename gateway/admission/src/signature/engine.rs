//! The one engine for every HMAC scheme: a scheme compiled with the keys of a source.
//!
//! It fails closed: what is missing, doubled, empty or malformed is refused before any key is
//! asked, and the time is judged only when the signature over it holds.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::signature::candidates;
use crate::signature::crypto::{Algorithm, Mac};
use crate::signature::frame::Frame;
use crate::signature::generic::GenericHmac;
use crate::signature::keyring::Keyring;
use crate::signature::verifier::{Proven, Setting};

/// A scheme with its keys.
pub(crate) struct Engine {
    frame: Frame,
    keyring: Keyring,
}

impl Engine {
    /// Compiles a scheme; everything that is wrong with it or its keys.
    pub(crate) fn build(spec: GenericHmac, setting: Setting) -> Result<Self, Vec<GateProblem>> {
        let Setting { keys, watch, public_url, floor } = setting;
        let keyring = Keyring::build(keys, &algorithms(&spec), &spec.secret, floor);
        let keyring = keyring.map_err(key_problems);
        match (Frame::build(spec, watch, public_url), keyring) {
            (Ok(frame), Ok(keyring)) => Ok(Self { frame, keyring }),
            (frame, keyring) => {
                let mut problems = frame.err().unwrap_or_default();
                problems.extend(keyring.err().unwrap_or_default());
                Err(problems)
            }
        }
    }

    /// Judges a delivery as of its arrival.
    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let spec = &self.frame.spec;
        let offered =
            candidates::read(&delivery.headers, &spec.headers, &spec.layout, &spec.forms)?;
        let parts = self.frame.parts(delivery, offered.time)?;
        let mut matched = None;
        // Every URL is tried, whichever matched: how long it takes says nothing.
        for url in self.frame.urls(delivery) {
            let form = self.frame.form(&parts, &url)?;
            let feed =
                |mac: &mut Mac| self.frame.feed(&parts, &url, &form, |piece| mac.update(piece));
            let judgement = self.keyring.judge(&offered.candidates, at, feed)?;
            matched = matched.or(judgement.key);
        }
        let key = matched.ok_or(SignatureFault::Mismatch)?;
        self.frame.proven(key, &parts, at)
    }
}

/// The faults of keys as those of the gate.
pub(crate) fn key_problems(
    faults: Vec<(sluicegate_core::ids::KeyId, crate::secret::SecretFault)>,
) -> Vec<GateProblem> {
    faults.into_iter().map(|(key, why)| GateProblem::Key { key, why }).collect()
}

fn algorithms(spec: &GenericHmac) -> Vec<Algorithm> {
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| spec.forms.iter().any(|form| form.algorithm == *algorithm))
        .collect()
}
