//! The hall's side of the `Intake` seam: what a source calls. Stamps the arrival, walks the line,
//! and counts and logs what came of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::SourceName;
use sluicegate_core::proof::{Receipt, Received, Repeat};
use sluicegate_core::refusal::{Blame, Refusal};
use sluicegate_core::seams::{Intake, Pending};
use sluicegate_core::time::Timestamp;

use crate::clock::Stamp;
use crate::limiter::{Limiter, Rate};
use crate::metrics::SourceCounters;
use crate::outage::Outage;
use crate::pipeline::Pipeline;
use crate::refused::Refused;

/// The door of the hall.
pub struct Door {
    pipeline: Arc<Pipeline>,
    stamp: Stamp,
    sources: HashMap<SourceName, Entrance>,
    refused: Arc<Refused>,
    outage: Outage,
    stopping: AtomicBool,
}

/// What the hall keeps for one source.
pub struct Entrance {
    log: Limiter,
    counters: Arc<SourceCounters>,
}

impl Door {
    /// The door of this line.
    #[must_use]
    pub fn new(
        pipeline: Arc<Pipeline>,
        stamp: Stamp,
        sources: HashMap<SourceName, Entrance>,
        refused: Arc<Refused>,
    ) -> Self {
        let (outage, stopping) = (Outage::default(), AtomicBool::new(false));
        Self { pipeline, stamp, sources, refused, outage, stopping }
    }

    /// From now on every delivery is refused: the gateway is stopping.
    pub fn close(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

impl Intake for Door {
    fn take(&self, delivery: Delivery) -> Pending<'_, Result<Receipt, Refusal>> {
        Box::pin(async move {
            let Some((name, entrance)) = self.sources.get_key_value(&delivery.source) else {
                return Err(Refusal::NoSource);
            };
            let arrival = self.stamp.arrival();
            let judged = if self.stopping.load(Ordering::Relaxed) {
                Err(Refusal::Stopping)
            } else {
                let received = Received::assertion(delivery, arrival);
                let judged = self.pipeline.run(&received).await;
                judged.inspect_err(|refusal| self.refused.offer(&received, refusal))
            };
            let now = self.stamp.now();
            entrance.counters.line_us.observe_duration(now.since(arrival.steady));
            if !self.outage.note(&judged) {
                entrance.log(name, &judged, now);
            }
            entrance.count(&judged);
            judged
        })
    }
}

impl Entrance {
    /// An entrance that counts here.
    #[must_use]
    pub fn new(counters: Arc<SourceCounters>) -> Self {
        Self { log: Limiter::new(REFUSALS_LOGGED), counters }
    }

    /// Counts every end.
    fn count(&self, judged: &Result<Receipt, Refusal>) {
        let counters = &self.counters;
        match judged {
            Ok(receipt) => match receipt.repeat() {
                Repeat::First => counters.accepted.increment(),
                Repeat::Duplicate => counters.duplicates.increment(),
            },
            Err(refusal) => counters.refused(refusal.code()),
        }
    }

    /// Logs refusals, but no faster than a disk can bear: a stranger must not be able to fill it.
    fn log(&self, source: &SourceName, judged: &Result<Receipt, Refusal>, now: Timestamp) {
        let Err(refusal) = judged else { return };
        if self.log.take(now).is_err() {
            return;
        }
        let code = refusal.code();
        match refusal.blame() {
            Blame::Sender => tracing::info!(%source, code, why = %refusal, "refused"),
            Blame::Operator | Blame::Gateway => {
                tracing::warn!(%source, code, why = %refusal, "refused");
            }
        }
    }
}

/// Refusals of one source that are logged; the metrics count them all.
const REFUSALS_LOGGED: Rate = Rate { per_second: 20, burst: 100 };
