//! Handshakes at the door: which request is one, and its answer, once what it asks is proven.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::SourceName;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::admission::Admission;
use crate::gate::{Compiled, GateProblem};
use crate::handshake::{Asks, Greeting};
use crate::secret::{Key, Secret};
use crate::signature::{Evidence, Given};

impl Admission {
    /// The methods of a source's handshakes, beside `POST`.
    #[must_use]
    pub fn handshake_methods(&self, source: &SourceName) -> Vec<&'static str> {
        self.gates.get(source).map(|gate| gate.greeter.methods()).unwrap_or_default()
    }

    /// Whether a request is a handshake of its source. Cheap: it is asked of every delivery.
    #[must_use]
    pub fn greets(&self, delivery: &Delivery) -> bool {
        let gate = self.gates.get(&delivery.source);
        gate.is_some_and(|gate| gate.greeter.find(delivery).is_some())
    }

    /// Whether a handshake must be verified as a delivery is, and so may need what that needs.
    #[must_use]
    pub fn greeting_is_signed(&self, delivery: &Delivery) -> bool {
        let gate = self.gates.get(&delivery.source);
        let found = gate.and_then(|gate| gate.greeter.find(delivery));
        found.is_some_and(|handshake| handshake.asks == Asks::Signature)
    }

    /// Answers a handshake. One that is signed is verified first; what the answer signs is signed
    /// with the key that proved it, or else with the first live one.
    ///
    /// # Errors
    /// When it is no handshake of this source, what it must prove is not proven, or it holds no
    /// text to answer with.
    pub fn greet(
        &self,
        delivery: &Delivery,
        at: Timestamp,
        evidence: Option<&Evidence>,
    ) -> Result<Greeting, Refusal> {
        let gate = self.gate(&delivery.source)?;
        let handshake = gate.greeter.find(delivery).ok_or(Refusal::WrongMethod)?;
        let mut proven = None;
        if handshake.asks == Asks::Signature {
            let verified = gate.prover.verify(delivery, at, Given(evidence));
            proven = verified.map_err(Refusal::Unverified)?.key;
        }
        if handshake.learns.is_some() && !gate.prover.waits() {
            return Err(Refusal::Unverified(SignatureFault::Missing { header: LEARNT.into() }));
        }
        let answers = |key: &Key| match &proven {
            Some(id) => key.id == *id,
            None => key.live(at),
        };
        let secret = gate.prover.keys().into_iter().find(answers).map(|key| key.secret);
        gate.greeter.answer(handshake, delivery, secret.as_ref())
    }

    /// Gives a source the secret that its provider has handed over.
    ///
    /// # Errors
    /// When it cannot be used, or the source does not wait for one.
    pub fn learn(&self, source: &SourceName, secret: Secret) -> Result<(), GateProblem> {
        let nobody = || GateProblem::Handshake("there is no such source".into());
        self.gates.get(source).ok_or_else(nobody)?.prover.learn(secret)
    }

    /// The sources that wait for the secret of their provider, or have taken it.
    pub fn learners(&self) -> impl Iterator<Item = &SourceName> {
        let learns = |(_, gate): &(&SourceName, &Compiled)| gate.prover.learns();
        self.gates.iter().filter(learns).map(|(name, _)| name)
    }
}

/// What a late handshake is told to lack: the source has its secret, so it must be signed.
const LEARNT: &str = "(signature)";
