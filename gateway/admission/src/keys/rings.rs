//! The keys of all sources: replaced, counted, and shown without their secrets.

use sluicegate_core::ids::SourceName;
use sluicegate_core::time::Timestamp;

use super::custody::Custody;
use super::usage::{KeyState, KeyUse};
use crate::admission::Admission;
use crate::gate::GateProblem;
use crate::secret::Key;

impl Admission {
    /// Puts other keys in place of all keys of a source, atomically. On any fault the old stay.
    ///
    /// # Errors
    /// Everything that is wrong with the keys; nothing if there is no such source.
    pub fn replace_keys(
        &self,
        source: &SourceName,
        keys: Vec<Key>,
    ) -> Result<(), Vec<GateProblem>> {
        self.gates.get(source).map_or(Ok(()), |gate| gate.prover.replace(keys))
    }

    /// Whether a source could have these keys. Nothing is changed.
    ///
    /// # Errors
    /// Everything that is wrong with the keys; nothing if there is no such source.
    pub fn check_keys(&self, source: &SourceName, keys: Vec<Key>) -> Result<(), Vec<GateProblem>> {
        self.gates.get(source).map_or(Ok(()), |gate| gate.prover.check(keys))
    }

    /// Every key of every source with its use, by the name of the source.
    #[must_use]
    pub fn keys(&self, now: Timestamp) -> Vec<KeyState> {
        let mut sources: Vec<_> = self.gates.iter().collect();
        sources.sort_by_key(|(source, _)| *source);
        sources.into_iter().flat_map(|(source, gate)| gate.prover.states(source, now)).collect()
    }

    /// Takes up what is known of keys from before this start.
    pub fn restore_uses(&self, before: &[KeyUse]) {
        for used in before {
            self.gates.get(&used.source).into_iter().for_each(|gate| gate.prover.restore(used));
        }
    }

    /// Where a source's deliveries carry secrets.
    #[must_use]
    pub fn custody(&self, source: &SourceName) -> Option<Custody> {
        self.gates.get(source).map(|gate| Custody::of(&gate.prover.terms.scheme))
    }
}
