//! A source whose provider hands over the secret itself, in its handshake: Asana and Notion. It is
//! taken once; until then nothing verifies.

use std::sync::OnceLock;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::KeyId;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::secret::{Key, Secret};
use crate::signature::engine::Engine;
use crate::signature::generic::GenericHmac;
use crate::signature::verifier::{Proven, Setting, Watch};

/// A scheme that waits for its secret.
pub(crate) struct Learned {
    spec: GenericHmac,
    watch: Watch,
    floor: usize,
    taken: OnceLock<(Key, Engine)>,
}

impl Learned {
    /// A scheme whose secret has at least `floor` bytes.
    pub(crate) fn new(spec: GenericHmac, watch: Watch, floor: usize) -> Self {
        Self { spec, watch, floor, taken: OnceLock::new() }
    }

    /// The id of a key that was handed over.
    pub(crate) fn key_id() -> Option<KeyId> {
        LEARNED.parse().ok()
    }

    /// The key that was handed over; `None`: not yet.
    pub(crate) fn key(&self) -> Option<&Key> {
        self.taken.get().map(|(key, _)| key)
    }

    /// Whether there is no secret yet.
    pub(crate) fn waits(&self) -> bool {
        self.taken.get().is_none()
    }

    /// Takes the secret, if there is none yet.
    ///
    /// # Errors
    /// When it cannot be used, or there is one already.
    pub(crate) fn learn(&self, secret: Secret) -> Result<(), GateProblem> {
        let problem = |what: &str| GateProblem::Handshake(what.into());
        let id = Self::key_id().ok_or_else(|| problem("the key has no name"))?;
        let key = Key::new(id, secret);
        let setting = Setting {
            keys: vec![key.clone()],
            watch: self.watch,
            public_url: None,
            floor: self.floor,
        };
        let engine = Engine::build(self.spec.clone(), setting);
        let engine = engine.map_err(|_| problem("the secret that was handed over is too short"))?;
        self.taken.set((key, engine)).map_err(|_| problem("the source has its secret already"))
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let (_, engine) = self.taken.get().ok_or(SignatureFault::NoLiveKey)?;
        engine.verify(delivery, at)
    }
}

/// The id of a key that was handed over.
const LEARNED: &str = "learned";
