//! The connection of one sink, made when it is needed and again when it is lost, and its channels.
//!
//! A batch has a channel for itself: lapin attributes a returned message to whichever confirmation
//! comes next on its channel, and so it is at least one of the same batch.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Event, ExchangeKind};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::config::{AmqpSinkConfig, Connect, Connected};
use super::metrics::AmqpSinkMetrics;
use crate::{Dice, RECONNECT};

/// Makes connections, one at a time.
pub(crate) struct Connections {
    /// The sink.
    name: Arc<str>,
    connect: Connect,
    dice: Dice,
    metrics: Arc<AmqpSinkMetrics>,
    now: tokio::sync::Mutex<Now>,
}

/// What there is now.
#[derive(Default)]
struct Now {
    live: Option<Arc<Live>>,
    failed: u32,
    next_try: Option<Instant>,
    why: String,
}

/// A connection that is open.
pub(crate) struct Live {
    connected: Connected,
    blocked: watch::Receiver<bool>,
    idle: Mutex<Vec<Channel>>,
    /// Exchanges that are there.
    known: Mutex<HashSet<String>>,
}

impl Connections {
    pub(crate) fn new(config: &AmqpSinkConfig, metrics: Arc<AmqpSinkMetrics>) -> Self {
        let (connect, dice) = (Arc::clone(&config.connect), Arc::clone(&config.dice));
        let name = config.name.as_str().into();
        Self { name, connect, dice, metrics, now: tokio::sync::Mutex::default() }
    }

    /// The connection; tries to make one if there is none, unless the last try was a moment ago.
    pub(crate) async fn live(&self) -> Result<Arc<Live>, String> {
        let mut now = self.now.lock().await;
        if let Some(live) = now.live.as_ref().filter(|live| live.is_open()) {
            return Ok(Arc::clone(live));
        }
        if now.live.take().is_some() {
            self.metrics.set_connected(false, "connection was lost");
            tracing::warn!(sink = %self.name, "an AMQP sink has lost its connection");
        }
        if now.next_try.is_some_and(|at| Instant::now() < at) {
            return Err(now.why.clone());
        }
        match (self.connect)().await {
            Ok(connected) => {
                let live = Arc::new(Live::new(connected, &self.name, Arc::clone(&self.metrics)));
                self.metrics.connections.increment();
                self.metrics.set_connected(true, "");
                *now = Now { live: Some(Arc::clone(&live)), ..Now::default() };
                Ok(live)
            }
            Err(why) => {
                now.failed = now.failed.saturating_add(1);
                now.next_try = Some(Instant::now() + RECONNECT.wait(now.failed, (self.dice)()));
                if now.failed.is_power_of_two() {
                    let (sink, failed) = (&self.name, now.failed);
                    tracing::warn!(%sink, failed, %why, "an AMQP sink cannot connect");
                }
                self.metrics.set_connected(false, &why);
                now.why.clone_from(&why);
                Err(why)
            }
        }
    }

    /// Waits until there is a connection, and its broker takes messages.
    pub(crate) async fn ready(&self) {
        loop {
            match self.live().await {
                Ok(live) => {
                    if live.unblocked().await {
                        return;
                    }
                }
                Err(_) => {
                    let next_try = self.now.lock().await.next_try;
                    sleep_until(next_try.unwrap_or_else(|| Instant::now() + LOOK)).await;
                }
            }
        }
    }
}

impl Live {
    fn new(connected: Connected, name: &Arc<str>, metrics: Arc<AmqpSinkMetrics>) -> Self {
        let sink = Arc::clone(name);
        let (sender, blocked) = watch::channel(false);
        let events = connected.connection.events_listener();
        tokio::spawn(async move {
            let mut events = Box::pin(events);
            while let Some(event) = events.next().await {
                match event {
                    Event::ConnectionBlocked(why) => {
                        tracing::warn!(%sink, %why, "broker takes no messages for now");
                        metrics.set_blocked(true);
                        sender.send_replace(true);
                    }
                    Event::ConnectionUnblocked => {
                        metrics.set_blocked(false);
                        sender.send_replace(false);
                    }
                    _ => {}
                }
            }
            metrics.set_blocked(false);
        });
        let (idle, known) = (Mutex::default(), Mutex::default());
        Self { connected, blocked, idle, known }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.connected.connection.status().connected()
    }

    /// Whether the broker takes nothing for now.
    pub(crate) fn is_blocked(&self) -> bool {
        *self.blocked.borrow()
    }

    /// Waits until the broker takes messages; `false` if the connection is gone before.
    async fn unblocked(&self) -> bool {
        while self.is_open() {
            if !self.is_blocked() {
                return true;
            }
            sleep(LOOK_BLOCKED).await;
        }
        false
    }

    /// A channel in confirm mode that nobody else uses.
    pub(crate) async fn channel(&self) -> Result<Channel, lapin::Error> {
        while let Some(channel) = held(&self.idle).pop() {
            if channel.status().connected() {
                return Ok(channel);
            }
        }
        let channel = self.connected.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }

    /// Gives a channel back on which nothing is under way.
    pub(crate) fn give_back(&self, channel: Channel) {
        held(&self.idle).push(channel);
    }

    /// Makes sure that an exchange is there: a message for one that is not would end the channel,
    /// and take the rest of its batch with it.
    pub(crate) async fn check_exchange(&self, name: &ShortString) -> Result<(), lapin::Error> {
        if name.as_str().is_empty() || held(&self.known).contains(name.as_str()) {
            return Ok(());
        }
        let channel = self.connected.connection.create_channel().await?;
        let look = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let kind = ExchangeKind::Topic; // Of no meaning when one only looks.
        channel.exchange_declare(name.clone(), kind, look, FieldTable::default()).await?;
        let mut known = held(&self.known);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(name.to_string());
        Ok(())
    }

    /// Something was not as it was known to be.
    pub(crate) fn forget(&self) {
        held(&self.known).clear();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if !self.is_open() {
            (self.connected.cut)();
        }
    }
}

/// What is held here is right at every moment, also when a holder has panicked.
fn held<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How soon a connection is tried that failed for a reason that says nothing of when.
const LOOK: Duration = Duration::from_secs(1);

/// How often a broker that blocks is looked at.
const LOOK_BLOCKED: Duration = Duration::from_millis(100);

/// Exchanges that are remembered.
const KNOWN_MAX: usize = 1000;
