//! How one source proves its senders, with keys that can be replaced while it runs: the new ring is
//! built whole, then put in place as one pointer. Whoever is being proven ends with the old one.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::{KeyId, SourceName};
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use super::usage::{KeyState, KeyUse, Meter};
use crate::gate::{Gate, GateProblem, check_keys};
use crate::secret::{Key, SECRET_BYTES_MIN};
use crate::signature::{Proven, Scheme, Setting, Verifier, Watch};

/// How one source proves its senders.
pub(crate) struct Prover {
    pub(crate) terms: Terms,
    live: RwLock<Arc<Live>>,
}

/// What stays when keys are replaced.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) scheme: Scheme,
    pub(crate) tolerance: Option<Duration>,
    pub(crate) public_url: Option<String>,
}

/// A ring, ready.
struct Live {
    keys: Vec<Key>,
    verifier: Verifier,
    meters: Vec<(KeyId, Arc<Meter>)>,
}

impl Prover {
    /// Compiles the scheme with its first ring; everything that is wrong with either.
    pub(crate) fn build(gate: &Gate) -> Result<Self, Vec<GateProblem>> {
        let terms = Terms {
            scheme: gate.scheme.clone(),
            tolerance: gate.tolerance,
            public_url: gate.public_url.clone(),
        };
        let live = terms.live(gate.keys.clone(), &[])?;
        Ok(Self { terms, live: RwLock::new(Arc::new(live)) })
    }

    /// Proves a delivery as of its arrival, and counts the key that did.
    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let live = self.live();
        let proven = live.verifier.verify(delivery, at)?;
        if let Some(key) = &proven.key
            && let Some((_, meter)) = live.meters.iter().find(|(id, _)| id == key)
        {
            meter.count(at);
        }
        Ok(proven)
    }

    /// The same, but nothing is counted.
    pub(crate) fn try_verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        self.live().verifier.verify(delivery, at)
    }

    /// Puts other keys in place of all. A key that stays keeps its counts. On any fault the old
    /// ring stays.
    pub(crate) fn replace(&self, keys: Vec<Key>) -> Result<(), Vec<GateProblem>> {
        let problems = check_keys(&keys);
        if !problems.is_empty() {
            return Err(problems);
        }
        let live = self.terms.live(keys, &self.live().meters)?;
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
        Ok(())
    }

    /// What is wrong with keys that would be put in place.
    pub(crate) fn check(&self, keys: Vec<Key>) -> Result<(), Vec<GateProblem>> {
        let problems = check_keys(&keys);
        if problems.is_empty() { self.terms.live(keys, &[]).map(drop) } else { Err(problems) }
    }

    /// The keys as they were given.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.live().keys.clone()
    }

    /// Every key with its use; a key that was never met is met now.
    pub(crate) fn states(&self, source: &SourceName, now: Timestamp) -> Vec<KeyState> {
        let live = self.live();
        let state = |(key, (id, meter)): (&Key, &(KeyId, Arc<Meter>))| {
            meter.meet(now);
            let used = meter.read(source.clone(), id.clone());
            KeyState { used, not_before: key.not_before, not_after: key.not_after }
        };
        live.keys.iter().zip(&live.meters).map(state).collect()
    }

    /// Takes up what is known of a key from before this start.
    pub(crate) fn restore(&self, before: &KeyUse) {
        let live = self.live();
        if let Some((_, meter)) = live.meters.iter().find(|(id, _)| *id == before.key) {
            meter.restore(before);
        }
    }

    fn live(&self) -> Arc<Live> {
        // Nothing panics while it is put in place; it is one pointer.
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Terms {
    fn live(
        &self,
        keys: Vec<Key>,
        before: &[(KeyId, Arc<Meter>)],
    ) -> Result<Live, Vec<GateProblem>> {
        let setting = Setting {
            keys: keys.clone(),
            watch: Watch::Judged(self.tolerance),
            public_url: self.public_url.clone(),
            floor: SECRET_BYTES_MIN,
        };
        let verifier = Verifier::build(&self.scheme, setting)?;
        let meter = |key: &Key| {
            let known = before.iter().find(|(id, _)| *id == key.id);
            (key.id.clone(), known.map(|(_, meter)| Arc::clone(meter)).unwrap_or_default())
        };
        let meters = keys.iter().map(meter).collect();
        Ok(Live { keys, verifier, meters })
    }
}
