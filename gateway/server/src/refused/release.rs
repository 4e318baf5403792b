//! The way of a refused delivery into the line after all.
//!
//! It is judged as of its arrival, by the keys and schemas of today. What keeps it from being an
//! event twice: it has the same id and idempotency key every time, and one that its provider gave
//! no key has one made of its id; the beginning of a release is durable before its commit, and one
//! whose end is not known is only begun anew while repetitions are still known.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::delivery::Arrival;
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::{Receipt, Received, Repeat};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::time::Timestamp;
use sluicegate_queue::{RefusedDelivery, RefusedFault, RefusedStanding};

use super::desk::Refused;

/// What a release came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// The event that it is now.
    pub event: EventId,
    /// Whether it had been an event before, by its idempotency key.
    pub repeat: Repeat,
}

/// Why a refused delivery was not released.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseFault {
    /// It cannot be had, or was released before.
    #[error(transparent)]
    Kept(#[from] RefusedFault),
    /// The header that its proof needs was not kept.
    #[error("the token of this delivery was not kept: the data folder is not encrypted")]
    Masked,
    /// It is still refused.
    #[error("still refused: {0}")]
    Refused(Refusal),
}

impl ReleaseFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Kept(fault) => fault.code(),
            Self::Masked => "refused_masked",
            Self::Refused(refusal) => refusal.code(),
        }
    }
}

impl Refused {
    /// Judges one again, as of its arrival. Nothing becomes of it.
    ///
    /// # Errors
    /// When it cannot be had, or is still refused.
    pub async fn reverify(&self, id: EventId) -> Result<(), ReleaseFault> {
        let (refused, _) = self.read(id).await?;
        let received = received(refused)?;
        let judged = self.line.judge_late(&received, self.clock.now()).await;
        judged.map(drop).map_err(ReleaseFault::Refused)
    }

    /// Judges one again, as of its arrival, and takes it through the line. Returns once the event
    /// is durable, and so is the note that it was released.
    ///
    /// # Errors
    /// When it cannot be had, was released before, is in doubt, or is still refused.
    pub async fn release(&self, id: EventId) -> Result<Released, ReleaseFault> {
        let _turn = self.turn.lock().await;
        let (refused, standing) = self.read(id).await?;
        if let RefusedStanding::Released(event) = standing {
            return Err(RefusedFault::Released(event).into());
        }
        let source = refused.delivery.source.clone();
        let received = received(refused)?;
        let now = self.clock.now();
        let admitted = self.line.judge_late(&received, now).await;
        let admitted = admitted.map_err(ReleaseFault::Refused)?;
        let doubt_since = before(now, self.keeping.dedupe_window);
        self.with_log(move |log| log.begin_release(id, doubt_since, now)).await?;
        let receipt = match self.line.place(admitted).await {
            Ok(receipt) => receipt,
            Err(refusal) => {
                // After a failed flush nobody knows what is on the disk: it stays as begun.
                if !matches!(refusal, Refusal::StoreUnavailable { .. }) {
                    self.with_log(move |log| log.held(id, now)).await?;
                }
                return Err(ReleaseFault::Refused(refusal));
            }
        };
        let event = Receipt::event(&receipt);
        self.with_log(move |log| log.released(id, event, now)).await?;
        self.counters_of(&source).into_iter().for_each(|counters| counters.released.increment());
        tracing::info!(%source, %id, %event, "a refused delivery was released");
        Ok(Released { event, repeat: receipt.repeat() })
    }
}

/// A delivery with its arrival of then.
fn received(refused: RefusedDelivery) -> Result<Arc<Received>, ReleaseFault> {
    let RefusedDelivery { id, at, masked, delivery, .. } = refused;
    if masked {
        return Err(ReleaseFault::Masked);
    }
    Ok(Arc::new(Received::stored(delivery, Arrival { id, at, steady: at })))
}

fn before(now: Timestamp, window: Duration) -> Timestamp {
    let window = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_unix_ns(now.unix_ns().saturating_sub(window))
}
