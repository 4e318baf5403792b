//! One attempt: a delivery as it would be without a mistake, held against a scheme and keys. The
//! verifier of the door judges it, so that an explanation never disagrees with the door.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::KeyId;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use super::mistake::Likely;
use crate::secret::Key;
use crate::signature::{
    Evidence, Form, GenericHmac, Given, Own, Proof, Scheme, Setting, Verifier, Watch,
};

/// The delivery as it came, with what its source proves it by, and what was found so far.
pub(super) struct Case<'a> {
    pub(super) delivery: &'a Delivery,
    pub(super) at: Timestamp,
    pub(super) scheme: &'a Scheme,
    /// Every key of the source, live at any time.
    pub(super) keys: Vec<Key>,
    pub(super) public_url: Option<&'a str>,
    /// What was fetched for it, where its scheme needs that and it was to be had.
    pub(super) evidence: Option<&'a Evidence>,
    pub(super) found: Vec<Likely>,
    pub(super) tried: usize,
}

/// What is otherwise than it came; `None`: as it came.
#[derive(Default)]
pub(super) struct Otherwise<'o> {
    pub(super) delivery: Option<&'o Delivery>,
    pub(super) scheme: Option<&'o Scheme>,
    pub(super) keys: Option<Vec<Key>>,
    pub(super) public_url: Option<&'o str>,
}

impl Case<'_> {
    /// Whether the signature holds if this were otherwise; the key that it holds under. The time of
    /// sending is not judged: that is a mistake of its own.
    pub(super) fn holds(&mut self, otherwise: Otherwise<'_>) -> Option<KeyId> {
        self.judge(otherwise).ok().flatten()
    }

    /// The same, with the fault.
    pub(super) fn judge(
        &mut self,
        otherwise: Otherwise<'_>,
    ) -> Result<Option<KeyId>, Option<SignatureFault>> {
        let bytes = otherwise.delivery.unwrap_or(self.delivery).body.len() as u64;
        if self.tried as u64 * bytes > WORK_BYTES_MAX {
            return Err(None);
        }
        self.tried += 1;
        let setting = Setting {
            keys: otherwise.keys.unwrap_or_else(|| self.keys.clone()),
            watch: Watch::Unjudged,
            public_url: otherwise.public_url.or(self.public_url).map(str::to_owned),
            floor: 1,
        };
        let scheme = otherwise.scheme.unwrap_or(self.scheme);
        let verifier = Verifier::build(scheme, setting).map_err(|_| None)?;
        let delivery = otherwise.delivery.unwrap_or(self.delivery);
        let judged = verifier.verify(delivery, self.at, Given(self.evidence));
        judged.map(|proven| proven.key).map_err(Some)
    }

    /// The scheme as the engine takes it, if it is of the engine.
    pub(super) fn generic(&self) -> Option<GenericHmac> {
        generic(self.scheme)
    }

    pub(super) fn find(&mut self, likely: Likely) {
        if !self.found.contains(&likely) {
            self.found.push(likely);
        }
    }
}

/// A scheme as the engine takes it, if it is of the engine.
pub(super) fn generic(scheme: &Scheme) -> Option<GenericHmac> {
    match scheme {
        Scheme::Preset(preset) if preset.proof == Proof::Hmac => Some(preset.generic()),
        Scheme::Generic(generic) => Some(generic.as_ref().clone()),
        _ => None,
    }
}

/// The headers that a scheme reads its proof from, in lower case.
pub(super) fn headers_of(scheme: &Scheme) -> Vec<String> {
    let lower = |name: &str| name.to_ascii_lowercase();
    match scheme {
        Scheme::Token { header } => vec![lower(header)],
        Scheme::Preset(preset) if preset.headers.is_empty() => match preset.proof {
            Proof::Own(Own::Connect | Own::Jwt | Own::Oidc) => vec![lower("authorization")],
            _ => Vec::new(),
        },
        Scheme::Preset(preset) => preset.headers.iter().map(|name| lower(name)).collect(),
        Scheme::Generic(generic) => generic.headers.iter().map(|name| lower(name)).collect(),
        _ => Vec::new(),
    }
}

/// A scheme of the engine that reads signatures in these forms.
pub(super) fn with_forms(mut generic: GenericHmac, forms: Vec<Form>) -> Scheme {
    generic.forms = forms;
    Scheme::Generic(Box::new(generic))
}

/// Bytes that one explanation hashes at most: of a body of the largest size, a few hundred times.
const WORK_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
