//! One attempt: publish the batch on a channel of its own, and wait until the broker has confirmed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation, Error};
use sluicegate_core::outcome::Outcome;
use sluicegate_core::seams::{Attempt, Pending, Sink};
use tokio::time::{Instant, timeout_at};

use super::config::{AmqpSinkConfig, OnUnroutable};
use super::confirms::Confirms;
use super::connection::{Connections, Live};
use super::fault::AmqpSinkFault;
use super::message::{Form, Message};
use super::metrics::AmqpSinkMetrics;

/// Publishes each event to an exchange.
pub struct AmqpSink {
    form: Form,
    connections: Connections,
    on_unroutable: Option<OnUnroutable>,
    timeout: Duration,
    metrics: Arc<AmqpSinkMetrics>,
}

impl AmqpSink {
    /// A sink of this configuration. Connects to nothing yet.
    ///
    /// # Errors
    /// When the configuration cannot work.
    pub fn new(config: &AmqpSinkConfig) -> Result<Self, AmqpSinkFault> {
        let form = Form::read(config)?;
        let metrics = Arc::new(AmqpSinkMetrics::default());
        let (connect, dice) = (Arc::clone(&config.connect), Arc::clone(&config.dice));
        let connections = Connections::new(connect, dice, Arc::clone(&metrics));
        let (on_unroutable, timeout) = (config.on_unroutable, config.timeout);
        Ok(Self { form, connections, on_unroutable, timeout, metrics })
    }

    /// The counters of this sink.
    #[must_use]
    pub fn metrics(&self) -> Arc<AmqpSinkMetrics> {
        Arc::clone(&self.metrics)
    }

    async fn attempt(&self, batch: &[Attempt]) -> Vec<Outcome> {
        let deadline = Instant::now() + self.timeout;
        let mut confirms = Confirms::new(batch.len());
        let missing = match timeout_at(deadline, self.begin()).await {
            Ok(Ok((live, channel))) => {
                self.publish(batch, &live, channel, deadline, &mut confirms).await;
                match live.is_blocked() {
                    true => "broker takes no messages for now".to_owned(),
                    false => format!("no confirmation within {:?}", self.timeout),
                }
            }
            Ok(Err(why)) => why,
            Err(_) => format!("no connection within {:?}", self.timeout),
        };
        let ids: Vec<String> = batch.iter().map(|attempt| attempt.event.id.to_string()).collect();
        let unroutable = self.on_unroutable.unwrap_or(OnUnroutable::Retry);
        let (outcomes, tally) = confirms.outcomes(&ids, unroutable, &missing);
        self.metrics.returned.add(tally.returned);
        self.metrics.nacked.add(tally.nacked);
        self.metrics.unconfirmed.add(tally.unconfirmed);
        outcomes
    }

    async fn begin(&self) -> Result<(Arc<Live>, Channel), String> {
        let live = self.connections.live().await?;
        let channel = live.channel().await.map_err(|fault| fault.to_string())?;
        Ok((live, channel))
    }

    /// Publishes what can be, and hears what comes until the deadline. A channel on which something
    /// is still to come is not used again: it closes when it is dropped here.
    async fn publish(
        &self,
        batch: &[Attempt],
        live: &Live,
        channel: Channel,
        deadline: Instant,
        confirms: &mut Confirms,
    ) {
        let mut messages = Vec::with_capacity(batch.len());
        for (at, attempt) in batch.iter().enumerate() {
            match self.form.message(&attempt.event) {
                Ok(message) => messages.push((at, message)),
                Err(why) => confirms.impossible(at, why),
            }
        }
        let mandatory = self.on_unroutable.is_some();
        let mut answers = FuturesUnordered::new();
        for (at, message) in messages {
            match timeout_at(deadline, live.check_exchange(&message.exchange)).await {
                // In order: each is written when it is first looked at, one after the other.
                Ok(Ok(())) => {
                    let channel = &channel;
                    answers.push(async move { (at, send(channel, message, mandatory).await) });
                }
                Ok(Err(fault)) => confirms.failed(at, &fault.to_string()),
                Err(_) => break,
            }
        }
        while let Ok(Some((at, answer))) = timeout_at(deadline, answers.next()).await {
            confirms.answered(at, answer);
        }
        // What is at hand by now: a message that came back may be shown with any of them.
        while let Some(Some((at, answer))) = answers.next().now_or_never() {
            confirms.answered(at, answer);
        }
        let all_heard = answers.is_empty();
        drop(answers);
        if all_heard && channel.status().connected() {
            live.give_back(channel);
        } else {
            live.forget();
        }
    }
}

impl Sink for AmqpSink {
    fn deliver<'a>(&'a self, batch: &'a [Attempt]) -> Pending<'a, Vec<Outcome>> {
        Box::pin(self.attempt(batch))
    }

    /// A broker that is away, or short of memory or disk, is waited for: nothing is leased
    /// meanwhile, and no attempt is used up.
    fn ready(&self) -> Pending<'_, ()> {
        Box::pin(self.connections.ready())
    }
}

async fn send(channel: &Channel, message: Message, mandatory: bool) -> Result<Confirmation, Error> {
    let options = BasicPublishOptions { mandatory, immediate: false };
    let Message { exchange, routing_key, properties, body } = message;
    channel.basic_publish(exchange, routing_key, options, &body, properties).await?.await
}
