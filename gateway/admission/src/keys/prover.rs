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
use crate::secret::{Key, SECRET_BYTES_MIN, Secret};
use crate::signature::{Given, Learned, Needs, Proven, Scheme, Setting, Verifier, Watch};

/// How one source proves its senders.
pub(crate) struct Prover {
    pub(crate) terms: Terms,
    live: RwLock<Arc<Live>>,
}

/// What stays when keys are replaced.
pub(crate) struct Terms {
    pub(crate) scheme: Scheme,
    pub(crate) tolerance: Option<Duration>,
    pub(crate) public_url: Option<String>,
    /// The secret that a handshake hands over, where the scheme has that: it is used while there
    /// are no other keys.
    learned: Option<Arc<Learned>>,
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
            learned: learned(gate),
        };
        let live = terms.live(gate.keys.clone(), &[])?;
        Ok(Self { terms, live: RwLock::new(Arc::new(live)) })
    }

    /// What the verification of this delivery needs.
    pub(crate) fn needs(&self, delivery: &Delivery) -> Result<Needs, SignatureFault> {
        self.live().verifier.needs(delivery)
    }

    /// Proves a delivery as of its arrival, by what was fetched for it, and counts the key that
    /// did.
    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
        given: Given<'_>,
    ) -> Result<Proven, SignatureFault> {
        let live = self.live();
        let proven = live.verifier.verify(delivery, at, given)?;
        if let Some(key) = &proven.key
            && let Some(meter) = live.meter(key)
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
        given: Given<'_>,
    ) -> Result<Proven, SignatureFault> {
        self.live().verifier.verify(delivery, at, given)
    }

    /// Whether it waits for a secret that a handshake hands over.
    pub(crate) fn waits(&self) -> bool {
        matches!(&self.live().verifier, Verifier::Learned(learned) if learned.waits())
    }

    /// Whether it takes, or has taken, the secret of a handshake.
    pub(crate) fn learns(&self) -> bool {
        matches!(self.live().verifier, Verifier::Learned(_))
    }

    /// Takes the secret that a handshake hands over, if it waits for one.
    pub(crate) fn learn(&self, secret: Secret) -> Result<(), GateProblem> {
        match &self.live().verifier {
            Verifier::Learned(learned) => learned.learn(secret),
            _ => Err(GateProblem::Handshake("the source waits for no secret".into())),
        }
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

    /// The keys as they were given; or the one that was handed over.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.live().keys()
    }

    /// Every key with its use; a key that was never met is met now.
    pub(crate) fn states(&self, source: &SourceName, now: Timestamp) -> Vec<KeyState> {
        let live = self.live();
        let state = |key: Key| {
            let meter = live.meter(&key.id)?;
            meter.meet(now);
            let used = meter.read(source.clone(), key.id);
            Some(KeyState { used, not_before: key.not_before, not_after: key.not_after })
        };
        live.keys().into_iter().filter_map(state).collect()
    }

    /// Takes up what is known of a key from before this start.
    pub(crate) fn restore(&self, before: &KeyUse) {
        if let Some(meter) = self.live().meter(&before.key) {
            meter.restore(before);
        }
    }

    fn live(&self) -> Arc<Live> {
        // Nothing panics while it is put in place; it is one pointer.
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Live {
    fn keys(&self) -> Vec<Key> {
        match &self.verifier {
            Verifier::Learned(learned) => learned.key().cloned().into_iter().collect(),
            _ => self.keys.clone(),
        }
    }

    fn meter(&self, key: &KeyId) -> Option<&Meter> {
        self.meters.iter().find(|(id, _)| id == key).map(|(_, meter)| &**meter)
    }
}

impl Terms {
    fn live(
        &self,
        keys: Vec<Key>,
        before: &[(KeyId, Arc<Meter>)],
    ) -> Result<Live, Vec<GateProblem>> {
        let verifier = match &self.learned {
            Some(learned) if keys.is_empty() => Verifier::Learned(Arc::clone(learned)),
            _ => Verifier::build(&self.scheme, self.setting(keys.clone()))?,
        };
        let ids = keys.iter().map(|key| key.id.clone());
        let ids = ids.chain(self.learned.as_ref().and_then(|_| Learned::key_id()));
        let meter = |id: KeyId| {
            let known = before.iter().find(|(known, _)| *known == id);
            let meter = known.map(|(_, meter)| Arc::clone(meter)).unwrap_or_default();
            (id, meter)
        };
        let meters = ids.map(meter).collect();
        Ok(Live { keys, verifier, meters })
    }

    fn setting(&self, keys: Vec<Key>) -> Setting {
        Setting {
            keys,
            watch: Watch::Judged(self.tolerance),
            public_url: self.public_url.clone(),
            floor: SECRET_BYTES_MIN,
        }
    }
}

fn learned(gate: &Gate) -> Option<Arc<Learned>> {
    let Scheme::Preset(preset) = &gate.scheme else { return None };
    let watch = Watch::Judged(gate.tolerance);
    preset.learns().then(|| Arc::new(Learned::new(preset.generic(), watch, SECRET_BYTES_MIN)))
}
