//! A source whose provider hands over the secret itself, in its handshake: Asana and Notion. It is
//! taken once; until then nothing verifies.

use std::sync::OnceLock;

use sluicegate_core::delivery::Delivery;
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
    engine: OnceLock<Engine>,
}

impl Learned {
    pub(crate) fn new(spec: GenericHmac, setting: Setting) -> Self {
        let Setting { watch, floor, .. } = setting;
        Self { spec, watch, floor, engine: OnceLock::new() }
    }

    /// Whether there is no secret yet.
    pub(crate) fn waits(&self) -> bool {
        self.engine.get().is_none()
    }

    /// Takes the secret, if there is none yet.
    ///
    /// # Errors
    /// When it cannot be used, or there is one already.
    pub(crate) fn learn(&self, secret: Secret) -> Result<(), GateProblem> {
        let problem = |what: &str| GateProblem::Handshake(what.into());
        let id = LEARNED.parse().map_err(|_| problem("the key has no name"))?;
        let setting = Setting {
            keys: vec![Key::new(id, secret)],
            watch: self.watch,
            public_url: None,
            floor: self.floor,
        };
        let engine = Engine::build(self.spec.clone(), setting);
        let engine = engine.map_err(|_| problem("the secret that was handed over is too short"))?;
        self.engine.set(engine).map_err(|_| problem("the source has its secret already"))
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        self.engine.get().ok_or(SignatureFault::NoLiveKey)?.verify(delivery, at)
    }
}

/// The id of a key that was handed over.
const LEARNED: &str = "learned";
