//! Where verifications run.
//!
//! RSA and elliptic curves cost a hundred times an HMAC. They run on as many blocking threads as
//! there are cores, and a bounded number of deliveries waits for those; beyond it the answer is
//! 503. A flood of bad signatures for one source cannot slow the line of the others.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_admission::handshake::Greeting;
use sluicegate_admission::{Admission, Delivered, Evidence, Needs};
use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::SourceName;
use sluicegate_core::proof::Received;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::time::Timestamp;

use super::keeper::Keeper;
use crate::threads::Threads;

/// Proves senders, each where it belongs.
pub struct Notary {
    admission: Arc<Admission>,
    keeper: Arc<Keeper>,
    threads: Threads,
}

impl Notary {
    /// A notary for these gates.
    #[must_use]
    pub fn new(admission: Arc<Admission>, keeper: Arc<Keeper>) -> Self {
        Self { admission, keeper, threads: Threads::new(WAITING_MAX, OVERLOADED) }
    }

    /// Proves the sender of a delivery; what it holds.
    ///
    /// # Errors
    /// When it is not proven, or what it is proven by cannot be had.
    pub async fn verify(&self, received: &Arc<Received>) -> Result<Delivered, Refusal> {
        self.prove(received, Admission::verify_all).await
    }

    /// Proves the sender of a delivery that was refused when it came, as of then.
    ///
    /// # Errors
    /// When it is still not proven, or what it is proven by cannot be had.
    pub async fn verify_late(
        &self,
        received: &Arc<Received>,
        now: Timestamp,
    ) -> Result<Delivered, Refusal> {
        let late =
            move |admission: &Admission, received: &Received, evidence: Option<&Evidence>| {
                admission.verify_late(received, evidence, now)
            };
        self.prove(received, late).await
    }

    /// What a delivery is proven by, where that lies elsewhere and can be had.
    pub async fn evidence(&self, delivery: &Delivery) -> Option<Arc<Evidence>> {
        match self.admission.needs(delivery).ok()? {
            Needs::Fetched { kind, url } => {
                self.keeper.get(&delivery.source, kind, &url).await.ok()
            }
            Needs::Nothing | Needs::Thread => None,
        }
    }

    async fn prove<T: Send + 'static>(
        &self,
        received: &Arc<Received>,
        how: impl FnOnce(&Admission, &Received, Option<&Evidence>) -> Result<T, Refusal>
        + Send
        + 'static,
    ) -> Result<T, Refusal> {
        match self.admission.needs(received.delivery())? {
            Needs::Nothing => how(&self.admission, received, None),
            needs => {
                let source = received.delivery().source.clone();
                let (admission, received) = (Arc::clone(&self.admission), Arc::clone(received));
                let work = move |evidence: Option<Arc<Evidence>>| {
                    how(&admission, &received, evidence.as_deref())
                };
                // Boxed: the way of most deliveries must not carry the room for this one.
                Box::pin(self.apart(&source, needs, work)).await
            }
        }
    }

    /// Answers a handshake, a signed one once its sender is proven.
    ///
    /// # Errors
    /// When it is none, or not proven.
    pub async fn greet(&self, delivery: Delivery, at: Timestamp) -> Result<Greeting, Refusal> {
        if !self.admission.greeting_is_signed(&delivery) {
            return self.admission.greet(&delivery, at, None);
        }
        let needs = self.admission.needs(&delivery)?;
        let (admission, source) = (Arc::clone(&self.admission), delivery.source.clone());
        let work = move |evidence: Option<Arc<Evidence>>| {
            admission.greet(&delivery, at, evidence.as_deref())
        };
        self.apart(&source, needs, work).await
    }

    /// Does the work on a thread of its own, with what it needs.
    async fn apart<T: Send + 'static>(
        &self,
        source: &SourceName,
        needs: Needs,
        work: impl FnOnce(Option<Arc<Evidence>>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        // Who waits for a fetch takes no place of those who need none: the keeper has its own.
        let (evidence, url) = match needs {
            Needs::Nothing => return work(None),
            Needs::Thread => (None, None),
            Needs::Fetched { kind, url } => {
                (Some(self.keeper.get(source, kind, &url).await?), Some(url))
            }
        };
        let done = self.threads.run(move || work(evidence)).await;
        if let Some(url) = url.filter(|_| done.is_ok()) {
            self.keeper.has_proven(source, &url);
        }
        done
    }
}

const OVERLOADED: Refusal =
    Refusal::Overloaded { what: "signatures by public keys", retry_after: Duration::from_secs(1) };

/// Deliveries that wait for a thread: a second's work of one core.
const WAITING_MAX: usize = 4096;
