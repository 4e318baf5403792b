//! The hall's side of the `Intake` seam: what a source calls. Stamps the arrival, walks the line,
//! and counts and logs what came of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sluicegate_admission::Secret;
use sluicegate_admission::handshake::Greeting;
use sluicegate_core::delivery::{Arrival, Delivery};
use sluicegate_core::handshake::Reply;
use sluicegate_core::ids::SourceName;
use sluicegate_core::proof::{Receipt, Received, Repeat};
use sluicegate_core::refusal::{Blame, Refusal};
use sluicegate_core::seams::{Intake, Pending};
use sluicegate_core::time::Timestamp;

use crate::clock::Stamp;
use crate::limiter::{Limiter, Rate};
use crate::metrics::SourceCounters;
use crate::notary::{Errands, Learned};
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
    errands: Errands,
    learned: Learned,
}

/// What the hall keeps for one source.
pub struct Entrance {
    log: Limiter,
    counters: Arc<SourceCounters>,
    answer_within: Option<Duration>,
}

impl Door {
    /// The door of this line.
    #[must_use]
    pub fn new(
        pipeline: Arc<Pipeline>,
        stamp: Stamp,
        sources: HashMap<SourceName, Entrance>,
        refused: Arc<Refused>,
        errands: Errands,
        learned: Learned,
    ) -> Self {
        let (outage, stopping) = (Outage::default(), AtomicBool::new(false));
        Self { pipeline, stamp, sources, refused, outage, stopping, errands, learned }
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
            let now = self.stamp.arrival();
            // The id and the steady time are of this try: ids are of one moment, and rates too.
            let arrival = Arrival { at: delivery.transport.came_at.unwrap_or(now.at), ..now };
            let judged = if self.stopping.load(Ordering::Relaxed) {
                Err(Refusal::Stopping)
            } else {
                let received = Arc::new(Received::assertion(delivery, arrival));
                let judged = self.pipeline.run(&received).await;
                judged.inspect_err(|refusal| self.refused.offer(&received, refusal))
            };
            let now = self.stamp.now();
            entrance.time(name, now.since(arrival.steady), now);
            if !self.outage.note(&judged) {
                entrance.log(name, &judged, now);
            }
            entrance.count(&judged);
            judged
        })
    }

    fn clock(&self) -> Option<Timestamp> {
        Some(self.stamp.arrival().at)
    }

    fn greets(&self, delivery: &Delivery) -> bool {
        self.pipeline.admission.greets(delivery)
    }

    fn greet(&self, delivery: Delivery) -> Pending<'_, Result<Reply, Refusal>> {
        Box::pin(async move {
            let entrance = self.sources.get(&delivery.source).ok_or(Refusal::NoSource)?;
            let source = delivery.source.clone();
            let arrival = self.stamp.arrival();
            let answered = if self.stopping.load(Ordering::Relaxed) {
                Err(Refusal::Stopping)
            } else {
                self.shake_hands(delivery, arrival.at).await
            };
            let greeting = answered.inspect_err(|refusal| {
                entrance.counters.refused(refusal.code());
                entrance.log_refusal(&source, refusal, self.stamp.now());
            })?;
            entrance.counters.handshakes.increment();
            if entrance.log.take(self.stamp.now()).is_ok() {
                tracing::info!(%source, handshake = greeting.name, "answered a handshake");
            }
            Ok(greeting.reply)
        })
    }
}

impl Door {
    /// Answers a handshake: its secret is kept and its errand done before the answer goes out.
    async fn shake_hands(&self, delivery: Delivery, at: Timestamp) -> Result<Greeting, Refusal> {
        let source = delivery.source.clone();
        let mut greeting = self.pipeline.notary.greet(delivery, at).await?;
        if let Some(secret) = greeting.learned.take() {
            self.learn(source.clone(), secret).await?;
        }
        if let Some(errand) = greeting.errand.take() {
            self.errands.run(&source, errand, self.stamp.now()).await?;
        }
        Ok(greeting)
    }

    /// Takes a secret into use once it is durable. Of two that come at once one is refused.
    async fn learn(&self, source: SourceName, secret: Secret) -> Result<(), Refusal> {
        let admission = Arc::clone(&self.pipeline.admission);
        let learned = self.learned.clone();
        let kept = tokio::task::spawn_blocking(move || {
            learned.keep(&source, &secret, || admission.learn(&source, secret.clone()).is_ok())
        });
        match kept.await.unwrap_or_else(|fault| Err(std::io::Error::other(fault))) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refusal::Malformed { what: "the secret cannot be taken" }),
            Err(fault) => {
                tracing::error!(%fault, "failed to keep the secret of a handshake");
                Err(Refusal::StoreUnavailable { what: "secret of a handshake" })
            }
        }
    }
}

impl Entrance {
    /// An entrance that counts here, for senders that wait so long.
    #[must_use]
    pub fn new(counters: Arc<SourceCounters>, answer_within: Option<Duration>) -> Self {
        Self { log: Limiter::new(REFUSALS_LOGGED), counters, answer_within }
    }

    /// Notes how long a delivery took, and says so if its sender has ceased to wait: it will come
    /// again.
    fn time(&self, source: &SourceName, took: Duration, now: Timestamp) {
        self.counters.line_us.observe_duration(took);
        let Some(within) = self.answer_within.filter(|within| took > *within) else { return };
        self.counters.late.increment();
        if self.log.take(now).is_ok() {
            tracing::warn!(%source, ?took, ?within, "answered later than the sender waits");
        }
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
        if let Err(refusal) = judged {
            self.log_refusal(source, refusal, now);
        }
    }

    fn log_refusal(&self, source: &SourceName, refusal: &Refusal, now: Timestamp) {
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
