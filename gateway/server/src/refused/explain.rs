//! Why was it refused, and what would become of it: every step of the line, one after the other.
//! Nothing that is found here takes effect.

use std::sync::Arc;

use sluicegate_admission::{SignatureExplained, SupposedEvent};
use sluicegate_core::delivery::{Arrival, Delivery};
use sluicegate_core::ids::EventId;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::time::Timestamp;

use super::desk::Refused;
use super::walk::{RouteWalk, walk};

/// Every step of the line for one delivery.
#[derive(Debug)]
pub struct Explained {
    /// Its id, where it was kept.
    pub id: EventId,
    /// When it came.
    pub at: Timestamp,
    /// What came.
    pub delivery: Delivery,
    /// Whether the header that its proof needs was not kept: the signature step says nothing then.
    pub masked: bool,
    /// The signature.
    pub signature: SignatureExplained,
    /// Why there is no event in it.
    pub refusal: Option<Refusal>,
    /// The events that there would be: what the schema says of each, and what its way would be.
    pub events: Vec<(SupposedEvent, Vec<RouteWalk>)>,
}

impl Refused {
    /// Explains a delivery as of its arrival, whoever says what came. `None`: no such source.
    pub async fn explain(
        &self,
        delivery: Delivery,
        (id, at): (EventId, Timestamp),
        masked: bool,
    ) -> Option<Explained> {
        let line = Arc::clone(&self.line);
        let evidence = line.notary.evidence(&delivery).await;
        // Hundreds of verifications: not on a thread of the line.
        let looked = tokio::task::spawn_blocking(move || {
            let arrival = Arrival { id, at, steady: at };
            let signature = line.admission.explain(&delivery, at, evidence.as_deref())?;
            let supposed = line.admission.suppose(&delivery, arrival)?;
            Some((delivery, signature, supposed))
        });
        let (delivery, signature, supposed) = looked.await.ok().flatten()?;
        let mut events = Vec::with_capacity(supposed.events.len());
        for event in supposed.events {
            let routes = walk(&self.line, &event).await;
            events.push((event, routes));
        }
        let refusal = supposed.refusal;
        Some(Explained { id, at, delivery, masked, signature, refusal, events })
    }
}
