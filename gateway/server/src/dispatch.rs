//! From a queue to a sink: takes a batch, lets the sink try once, and settles what came of it.
//!
//! One loop for each unit of concurrency. A sink that is slow or dead stalls its own loops and so
//! its own queue, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use sluicegate_core::ids::{QueueName, SinkName};
use sluicegate_core::outcome::Outcome;
use sluicegate_core::queue::{Consumed, QueueFault, Settlement, Verb};
use sluicegate_core::seams::{Ask, Attempt, Engine, Sink};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::metrics::SinkCounters;

/// One sink with the queue that it takes from.
pub struct Dispatch {
    /// The sink's name.
    pub name: SinkName,
    /// The queue.
    pub from: QueueName,
    /// The way out.
    pub sink: Arc<dyn Sink>,
    /// Events in one batch.
    pub batch: usize,
    /// How long an event is leased for one attempt: longer than the sink's own timeout.
    pub lease: Duration,
    /// What came of the attempts.
    pub counters: Arc<SinkCounters>,
}

impl Dispatch {
    /// Runs `concurrency` loops until `stop` says so; a batch in flight is finished first.
    pub fn start(
        self,
        engine: &Arc<dyn Engine>,
        concurrency: usize,
        stop: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) {
        let dispatch = Arc::new(self);
        for _ in 0..concurrency {
            tasks.spawn(Arc::clone(&dispatch).run(Arc::clone(engine), stop.clone()));
        }
    }

    async fn run(self: Arc<Self>, engine: Arc<dyn Engine>, mut stop: watch::Receiver<bool>) {
        let ask = Ask { max: self.batch, wait: RECEIVE_WAIT, lease: self.lease };
        while !*stop.borrow() {
            tokio::select! {
                () = self.sink.ready() => {}
                _ = stop.changed() => continue,
            }
            // Never cut short: a batch on its way would be leased to nobody, an attempt each.
            match engine.receive(&self.from, ask).await {
                Ok(batch) if batch.is_empty() => {}
                Ok(batch) => {
                    self.hold(engine.as_ref(), &batch, &mut stop).await;
                    self.hand_over(engine.as_ref(), batch).await;
                }
                Err(fault) => {
                    let queue = &self.from;
                    tracing::error!(sink = %self.name, %queue, %fault, "cannot receive");
                    if fault == QueueFault::Stopping || pause(&mut stop).await {
                        return;
                    }
                }
            }
        }
    }

    /// Waits until an attempt makes sense, which may have changed while there was nothing to do: an
    /// attempt that cannot succeed would be one of a few. What is leased stays so meanwhile.
    async fn hold(
        &self,
        engine: &dyn Engine,
        batch: &[Consumed],
        stop: &mut watch::Receiver<bool>,
    ) {
        let mut ready = self.sink.ready();
        if (&mut ready).now_or_never().is_some() {
            return;
        }
        loop {
            let is_over = tokio::select! {
                () = &mut ready => true,
                _ = stop.changed() => true,
                () = tokio::time::sleep(self.lease / 2) => false,
            };
            let again = batch.iter().map(|one| Settlement {
                receipt: one.receipt.clone(),
                verb: Verb::Extend { lease: self.lease },
            });
            if let Err(fault) = engine.settle(&self.from, again.collect()).await {
                tracing::error!(sink = %self.name, queue = %self.from, %fault, "cannot extend");
            }
            if is_over {
                return;
            }
        }
    }

    async fn hand_over(&self, engine: &dyn Engine, batch: Vec<Consumed>) {
        let attempts: Vec<_> = batch
            .iter()
            .map(|one| Attempt { event: one.event.clone(), number: one.attempt })
            .collect();
        let started = tokio::time::Instant::now();
        let outcomes = self.sink.deliver(&attempts).await;
        self.counters.attempt_us.observe_duration(started.elapsed());
        let settlements = batch
            .into_iter()
            .zip(outcomes)
            .map(|(one, outcome)| self.settlement(one, outcome))
            .collect();
        // What is not settled is delivered again when its lease runs out: at least once.
        if let Err(fault) = engine.settle(&self.from, settlements).await {
            tracing::error!(sink = %self.name, queue = %self.from, %fault, "cannot settle");
        }
    }

    fn settlement(&self, one: Consumed, outcome: Outcome) -> Settlement {
        let verb = match outcome {
            Outcome::Done => {
                self.counters.done.increment();
                Verb::Ack
            }
            Outcome::Retry { after, why } => {
                self.counters.retry.increment();
                let (event, attempt) = (one.event.id, one.attempt);
                tracing::debug!(sink = %self.name, %event, attempt, %why, "attempt failed");
                Verb::Nack { delay: after, reason: why }
            }
            Outcome::GiveUp { why } => {
                self.counters.give_up.increment();
                tracing::warn!(sink = %self.name, event = %one.event.id, %why, "given up");
                Verb::GiveUp { reason: why }
            }
        };
        Settlement { receipt: one.receipt, verb }
    }
}

/// Waits a second before the next try; true if the gateway stops meanwhile.
async fn pause(stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(1)) => false,
        _ = stop.changed() => true,
    }
}

/// How long one long poll of an empty queue takes, and so how long a stop waits for an idle sink.
const RECEIVE_WAIT: Duration = Duration::from_secs(1);
