//! The source: keeps a connection, and a consumer of each queue on it, for as long as the gateway
//! runs.
//!
//! Nothing here gives up: a broker that is away for a week is tried for a week, ever more rarely,
//! down to twice a minute. lapin's own recovery is off: it gives up after some minutes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::Event;
use sluicegate_core::ids::SourceName;
use sluicegate_core::retry::RetryPolicy;
use sluicegate_core::seams::Intake;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};

use super::config::AmqpConfig;
use super::consume::Consumer;
use super::link::Link;
use super::settle::Rejecter;
use super::state::{AmqpMetrics, Cause, Standing};

/// The AMQP way in.
pub struct AmqpSource {
    config: AmqpConfig,
    consumers: Vec<Arc<Consumer>>,
    metrics: Arc<AmqpMetrics>,
}

impl AmqpSource {
    /// A source that hands deliveries to `intake`. Connects to nothing yet.
    #[must_use]
    pub fn new(config: AmqpConfig, intake: &Arc<dyn Intake>) -> Self {
        let metrics = Arc::new(AmqpMetrics::new(&config.queues));
        let rejecter = Rejecter::new(&config).map(Arc::new);
        let consumer = |queue: &String| {
            let (intake, metrics) = (Arc::clone(intake), Arc::clone(&metrics));
            Arc::new(Consumer::new(&config, queue, intake, rejecter.clone(), metrics))
        };
        let consumers = config.queues.iter().map(consumer).collect();
        Self { config, consumers, metrics }
    }

    /// The counters of this source.
    #[must_use]
    pub fn metrics(&self) -> Arc<AmqpMetrics> {
        Arc::clone(&self.metrics)
    }

    /// Consumes until `stop` says `true` or its sender is gone. What is in the line then is
    /// finished and acknowledged first, within the drain time.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let source = &self.config.source;
        let (mut failed, name) = (0_u32, format!("sluicegate: {source}"));
        while !*stop.borrow() {
            self.metrics.stand(Standing::Connecting, "");
            let body_bytes_max = self.config.payload_bytes_max as u64;
            let dialled = tokio::select! {
                dialled = self.config.server.dial(&name, body_bytes_max) => dialled,
                () = stopped(&mut stop) => break,
            };
            let since = Instant::now();
            let (cause, why) = match dialled {
                Ok(link) => {
                    self.metrics.connections.increment();
                    let broker = self.config.server.place();
                    tracing::info!(%source, %broker, "connected");
                    match self.serve(link, &mut stop).await {
                        Some(ended) => ended,
                        None => break,
                    }
                }
                Err(fault) => (Cause::Unreachable, fault.to_string()),
            };
            failed = if since.elapsed() > STEADY { 1 } else { failed.saturating_add(1) };
            let wait = WAITS.wait(failed, (self.config.dice)());
            self.interrupted(cause, &why, wait);
            if pause(wait, &mut stop).await {
                break;
            }
        }
        self.metrics.stand(Standing::Stopped, "");
    }

    fn interrupted(&self, cause: Cause, why: &str, wait: Duration) {
        self.metrics.interrupted(cause);
        self.metrics.stand(Standing::Connecting, why);
        let (source, cause) = (&self.config.source, cause.word());
        let again_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(%source, cause, %why, again_ms, "no connection to the broker");
    }

    /// Runs the consumers until the connection is gone; `None` if the gateway stops.
    async fn serve(&self, link: Link, stop: &mut watch::Receiver<bool>) -> Option<(Cause, String)> {
        let link = Arc::new(link);
        let (gone, lost) = watch::channel(false);
        let mut queues = JoinSet::new();
        for consumer in &self.consumers {
            let link = Arc::clone(&link);
            queues.spawn(Arc::clone(consumer).keep(link, stop.clone(), lost.clone()));
        }
        let mut reason = None;
        let watched = watch_over(&link, &self.config.source, &self.metrics);
        tokio::pin!(watched);
        while !queues.is_empty() {
            tokio::select! {
                ended = queues.join_next() => {
                    reason = reason.or(ended.and_then(|ended| self.ended(ended)));
                }
                why = &mut watched, if reason.is_none() => reason = Some(why),
            }
            // What one has noticed is so for all of them.
            if let Some((_, why)) = &reason
                && !gone.send_replace(true)
            {
                link.cut();
                self.metrics.stand(Standing::Connecting, why);
            }
        }
        self.metrics.set_blocked(false);
        if *stop.borrow() {
            let closed = link.connection.close(200, "the gateway stops".into());
            // It is only polite: what is durable is acknowledged.
            let _ = timeout(CLOSE, closed).await;
            return None;
        }
        link.cut();
        Some(reason.unwrap_or((Cause::Connection, "connection was lost".to_owned())))
    }

    /// Why a consumer has ended; `None` if it was to stop. One that has panicked begins anew with
    /// the connection: a queue that nobody consumes from any more would be seen by nobody.
    fn ended(&self, ended: Result<Option<(Cause, String)>, JoinError>) -> Option<(Cause, String)> {
        ended.unwrap_or_else(|fault| {
            tracing::error!(source = %self.config.source, %fault, "a consumer has broken");
            Some((Cause::Failed, "a consumer has broken".to_owned()))
        })
    }
}

/// Ends when the connection must: it is lost, or its broker has fallen silent.
async fn watch_over(link: &Link, source: &SourceName, metrics: &AmqpMetrics) -> (Cause, String) {
    let mut events = Box::pin(link.connection.events_listener());
    let heartbeat = Duration::from_secs(u64::from(link.connection.configuration().heartbeat()));
    let look = if heartbeat.is_zero() { LOOK } else { (heartbeat / 4).clamp(LOOK_MIN, LOOK) };
    let (mut bytes, mut heard) = (link.bytes(), Instant::now());
    loop {
        tokio::select! {
            event = events.next() => match event {
                // A channel's own fault is for its consumer.
                Some(Event::Error(fault)) if !fault.is_amqp_soft_error() => {
                    return (Cause::Connection, fault.to_string());
                }
                Some(Event::ConnectionBlocked(why)) => {
                    tracing::warn!(%source, %why, "broker blocks the connection");
                    metrics.set_blocked(true);
                }
                Some(Event::ConnectionUnblocked) => metrics.set_blocked(false),
                Some(_) => {}
                None => return (Cause::Connection, "connection was closed".to_owned()),
            },
            () = sleep(look) => {
                if link.bytes() != bytes {
                    (bytes, heard) = (link.bytes(), Instant::now());
                }
                // lapin cuts after twice the time, and does not say why.
                if !heartbeat.is_zero() && heard.elapsed() > heartbeat * 3 / 2 {
                    let why = format!("nothing came for {} s", heard.elapsed().as_secs());
                    return (Cause::Silent, why);
                }
                if !link.connection.status().connected() {
                    return (Cause::Connection, "connection was lost".to_owned());
                }
            }
        }
    }
}

/// Ends when this says so: that the gateway stops, or that the connection is lost.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone says so too.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits; true if the gateway stops meanwhile.
pub(super) async fn pause(wait: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = sleep(wait) => false,
        () = stopped(stop) => true,
    }
}

/// From a quarter of a second to half a minute.
pub(super) const WAITS: RetryPolicy = RetryPolicy {
    attempts_max: 1,
    wait_min: Duration::from_millis(250),
    wait_max: Duration::from_secs(30),
};

/// A connection that lasted so long was a good one: the next wait is short again.
pub(super) const STEADY: Duration = Duration::from_secs(60);

/// How often a connection is looked at: often enough to see silence before lapin does.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_MIN: Duration = Duration::from_millis(100);

/// How long a goodbye may take.
const CLOSE: Duration = Duration::from_secs(2);
