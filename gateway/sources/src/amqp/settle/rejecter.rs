//! Puts refused messages where the operator wants them, with the reason in their headers.
//!
//! `basic.reject` has no room for a reason. A message that is to have one is published again and
//! confirmed, and only then is the first one answered. This has a connection of its own: a broker
//! that blocks publishers must not hold up acknowledgements, which lapin would do.

use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation};
use sluicegate_core::refusal::Refusal;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::amqp::config::{Address, AmqpConfig};
use crate::amqp::link::{Link, Server};
use crate::amqp::message::Message;

/// Publishes refused messages again.
pub(crate) struct Rejecter {
    server: Server,
    to: Address,
    name: String,
    source: String,
    open: Mutex<Option<Live>>,
}

/// A channel on which nothing is under way, or one message.
struct Live {
    channel: Channel,
    link: Link,
}

/// Why a refused message could not be put there: it will be tried again.
#[derive(Debug, thiserror::Error)]
#[error("cannot put a refused message into {exchange:?}: {why}")]
pub(crate) struct RejectFault {
    exchange: String,
    why: String,
}

impl Rejecter {
    /// What this configuration asks for; `None` if refused messages are rejected.
    pub(crate) fn new(config: &AmqpConfig) -> Option<Self> {
        let to = config.on_reject.clone()?;
        let (server, source) = (config.server.clone(), config.source.to_string());
        let name = format!("sluicegate: refused by {source}");
        Some(Self { server, to, name, source, open: Mutex::new(None) })
    }

    /// Publishes the message with its reason. Returns once the broker has it in a queue.
    pub(crate) async fn put(
        &self,
        queue: &str,
        message: &Message,
        refusal: &Refusal,
    ) -> Result<(), RejectFault> {
        // One after the other: so a returned message can only be this one.
        let mut open = self.open.lock().await;
        // Taken out of its place: if nobody waits for this any more, what is still to come on the
        // channel would be taken for an answer to the next message.
        let before = open.take();
        let answered = timeout(TIMEOUT, self.publish(before, queue, message, refusal)).await;
        let why = match answered {
            Ok(Ok((live, Confirmation::Ack(None)))) => {
                *open = Some(live);
                return Ok(());
            }
            Ok(Ok((live, unconfirmed))) => {
                live.link.cut();
                match unconfirmed {
                    Confirmation::Ack(_) => "no queue is bound there".to_owned(),
                    Confirmation::Nack(_) | Confirmation::NotRequested => {
                        "the broker did not confirm".to_owned()
                    }
                }
            }
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
        };
        Err(RejectFault { exchange: self.to.exchange.clone(), why })
    }

    async fn publish(
        &self,
        before: Option<Live>,
        queue: &str,
        message: &Message,
        refusal: &Refusal,
    ) -> Result<(Live, Confirmation), String> {
        let said = |fault: lapin::Error| fault.to_string();
        let live = match before.filter(|live| live.channel.status().connected()) {
            Some(live) => live,
            None => self.connect().await?,
        };
        let headers = self.headers(queue, message, refusal);
        let properties = properties(&message.properties).with_headers(headers);
        let text = |text: &str| ShortString::try_new(text).map_err(|fault| fault.to_string());
        let confirmed = live
            .channel
            .basic_publish(
                text(&self.to.exchange)?,
                text(&self.to.routing_key)?,
                BasicPublishOptions { mandatory: true, immediate: false },
                &message.body,
                properties,
            )
            .await
            .map_err(said)?
            .await
            .map_err(said)?;
        Ok((live, confirmed))
    }

    async fn connect(&self) -> Result<Live, String> {
        let said = |fault: lapin::Error| fault.to_string();
        let link = self.server.dial(&self.name, u64::MAX).await;
        let link = link.map_err(|fault| fault.to_string())?;
        let channel = link.connection.create_channel().await.map_err(said)?;
        channel.confirm_select(ConfirmSelectOptions::default()).await.map_err(said)?;
        Ok(Live { channel, link })
    }

    /// The headers of the message, and why it was refused.
    fn headers(&self, queue: &str, message: &Message, refusal: &Refusal) -> FieldTable {
        let kept = message.properties.headers().iter().flatten();
        let mut headers = FieldTable::default();
        // The broker would send copies to the keys of these two again.
        for (name, value) in kept.filter(|(name, _)| !["CC", "BCC"].contains(&name.as_str())) {
            headers.insert(name.clone(), value.clone());
        }
        for (name, value) in [
            ("x-sluicegate-code", refusal.code().to_owned()),
            ("x-sluicegate-reason", refusal.to_string()),
            ("x-sluicegate-source", self.source.clone()),
            ("x-sluicegate-queue", queue.to_owned()),
            ("x-sluicegate-exchange", message.exchange.to_string()),
            ("x-sluicegate-routing-key", message.routing_key.to_string()),
        ] {
            headers.insert(name.into(), AMQPValue::LongString(value.into()));
        }
        headers
    }
}

/// The properties of a message that is published again: all but its user id, which the broker
/// would hold against ours, and its expiration, which would run anew.
fn properties(of: &BasicProperties) -> BasicProperties {
    type With = fn(BasicProperties, ShortString) -> BasicProperties;
    let texts: [(&Option<ShortString>, With); 8] = [
        (of.content_type(), BasicProperties::with_content_type),
        (of.content_encoding(), BasicProperties::with_content_encoding),
        (of.correlation_id(), BasicProperties::with_correlation_id),
        (of.reply_to(), BasicProperties::with_reply_to),
        (of.message_id(), BasicProperties::with_message_id),
        (of.kind(), BasicProperties::with_type),
        (of.app_id(), BasicProperties::with_app_id),
        (of.cluster_id(), BasicProperties::with_cluster_id),
    ];
    let start = BasicProperties::default().with_delivery_mode(2);
    let mut all = texts.into_iter().fold(start, |all, (text, with)| match text {
        Some(text) => with(all, text.clone()),
        None => all,
    });
    if let Some(priority) = of.priority() {
        all = all.with_priority(*priority);
    }
    match of.timestamp() {
        Some(seconds) => all.with_timestamp(*seconds),
        None => all,
    }
}

const TIMEOUT: Duration = Duration::from_secs(15);
