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
        let connections = Connections::new(config, Arc::clone(&metrics));
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
                let mut round = Round { live: &live, deadline, confirms: &mut confirms };
                let sent = self.publish(batch, &mut round, channel).await;
                self.publish_singly(batch, &mut round, sent).await;
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
    /// is still to come is not used again: it closes when it is dropped here. The places of those
    /// that were handed to the channel.
    async fn publish(
        &self,
        batch: &[Attempt],
        round: &mut Round<'_>,
        channel: Channel,
    ) -> Vec<usize> {
        let mut messages = Vec::with_capacity(batch.len());
        for (at, attempt) in batch.iter().enumerate() {
            match self.form.message(&attempt.event) {
                Ok(message) => messages.push((at, message)),
                Err(why) => round.confirms.impossible(at, why),
            }
        }
        let mandatory = self.on_unroutable.is_some();
        let (mut answers, mut sent) = (FuturesUnordered::new(), Vec::new());
        for (at, message) in messages {
            let there = round.live.check_exchange(&message.exchange);
            match timeout_at(round.deadline, there).await {
                // In order: each is written when it is first looked at, one after the other.
                Ok(Ok(())) => {
                    let channel = &channel;
                    answers.push(async move { (at, send(channel, message, mandatory).await) });
                    sent.push(at);
                }
                Ok(Err(fault)) => round.confirms.failed(at, &fault.to_string()),
                Err(_) => break,
            }
        }
        while let Ok(Some((at, answer))) = timeout_at(round.deadline, answers.next()).await {
            round.confirms.answered(at, answer);
        }
        // What is at hand by now: a message that came back may be shown with any of them.
        while let Some(Some((at, answer))) = answers.next().now_or_never() {
            round.confirms.answered(at, answer);
        }
        let all_heard = answers.is_empty();
        drop(answers);
        if all_heard && channel.status().connected() {
            round.live.give_back(channel);
        } else {
            round.live.forget();
        }
        sent
    }

    /// After the broker has closed the channel over one message, publishes what is not confirmed
    /// one at a time, each on a channel that is open: so only that one fails. What had arrived all
    /// the same comes twice, under the same id.
    async fn publish_singly(&self, batch: &[Attempt], round: &mut Round<'_>, sent: Vec<usize>) {
        if sent.len() < 2 {
            return;
        }
        for at in sent {
            let Some(attempt) = batch.get(at) else { continue };
            if !round.confirms.is_failed(at) || !round.live.is_open() || round.live.is_blocked() {
                continue;
            }
            let Ok(message) = self.form.message(&attempt.event) else { continue };
            match timeout_at(round.deadline, self.publish_one(round.live, message)).await {
                Ok(answer) => round.confirms.answered(at, answer),
                Err(_) => return,
            }
        }
    }

    async fn publish_one(&self, live: &Live, message: Message) -> Result<Confirmation, Error> {
        let channel = live.channel().await?;
        let answer = send(&channel, message, self.on_unroutable.is_some()).await;
        if answer.is_ok() && channel.status().connected() {
            live.give_back(channel);
        }
        answer
    }
}

/// One attempt, under way.
struct Round<'a> {
    live: &'a Live,
    deadline: Instant,
    confirms: &'a mut Confirms,
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
