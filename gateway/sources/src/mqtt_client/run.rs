//! Connects to the broker again and again, with a pause that grows and is never the same.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sluicegate_core::ids::NameError;
use sluicegate_core::seams::{Engine, Intake};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::config::MqttClientConfig;
use super::link::{End, Link};
use super::memory::Memory;
use super::metrics::MqttClientMetrics;

/// A client of one broker.
pub struct MqttClient {
    pub(super) config: MqttClientConfig,
    pub(super) intake: Arc<dyn Intake>,
    pub(super) memory: Memory,
    pub(super) dice: Box<dyn Fn() -> u64 + Send + Sync>,
    pub(super) metrics: Arc<MqttClientMetrics>,
}

/// What a client calls.
pub struct MqttClientSeams {
    /// Takes what comes.
    pub intake: Arc<dyn Intake>,
    /// Keeps packet ids.
    pub engine: Arc<dyn Engine>,
    /// Random bits, so that many gateways do not come back at the same moment.
    pub dice: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl MqttClient {
    /// A client that hands what comes to the intake. Connects to nothing yet.
    ///
    /// # Errors
    /// When the place of its memory has no name, which is a mistake of this room.
    pub fn new(config: MqttClientConfig, seams: MqttClientSeams) -> Result<Self, NameError> {
        let MqttClientSeams { intake, engine, dice } = seams;
        let memory = Memory::new(engine, config.source.clone())?;
        Ok(Self { config, intake, memory, dice, metrics: Arc::default() })
    }

    /// Its counters.
    #[must_use]
    pub fn metrics(&self) -> Arc<MqttClientMetrics> {
        Arc::clone(&self.metrics)
    }

    /// Takes from the broker until `stop` says `true` or its sender is gone. What was committed by
    /// then is answered; the rest stays at the broker.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut pause = PAUSE_MIN;
        let mut held: std::collections::BTreeSet<_> = self.memory.load().into_iter().collect();
        let mut fresh = true;
        loop {
            let began = Instant::now();
            let end = Link::new(&self, &mut held, fresh).run(&mut stop).await;
            self.metrics.connected.store(false, Ordering::Relaxed);
            let End::Fault(fault) = end else { return };
            fresh = false;
            self.metrics.faults.increment();
            let (source, host) = (&self.config.source, &self.config.broker.host);
            tracing::warn!(%source, broker = %host, %fault, "the connection to a broker is over");
            if began.elapsed() > SETTLED {
                pause = PAUSE_MIN;
            }
            tokio::select! {
                () = sleep(self.jitter(pause)) => {}
                // A sender that is gone can never say stop again: that is a stop.
                _ = stop.wait_for(|stop| *stop) => return,
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Between half of a pause and the whole of it.
    pub(super) fn jitter(&self, pause: Duration) -> Duration {
        let half = pause / 2;
        let parts = u32::try_from((self.dice)() % 1024).unwrap_or_default();
        half + half * parts / 1024
    }
}

const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A connection that held so long was a good one: the next pause is short again.
const SETTLED: Duration = Duration::from_secs(30);
