//! Makes sure that a queue is there, as configured: only looks, or declares it.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

use super::config::{Declaration, QueueKind, Topology};

/// Looks for the queue, or declares it with what it is bound to.
///
/// # Errors
/// What the broker says: it closes the channel with it.
pub(super) async fn ensure(
    channel: &Channel,
    queue: &str,
    topology: &Topology,
) -> Result<(), lapin::Error> {
    match topology {
        Topology::Check => {
            let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            channel.queue_declare(short(queue), look, FieldTable::default()).await?;
        }
        Topology::Declare(declaration) => declare(channel, queue, declaration).await?,
    }
    Ok(())
}

async fn declare(
    channel: &Channel,
    queue: &str,
    declaration: &Declaration,
) -> Result<(), lapin::Error> {
    let mut arguments = FieldTable::default();
    let mut say = |name: &str, text: &str| {
        arguments.insert(name.into(), AMQPValue::LongString(text.into()));
    };
    match declaration.kind {
        QueueKind::Quorum => say("x-queue-type", "quorum"),
        QueueKind::Classic => say("x-queue-type", "classic"),
    }
    if let Some(exchange) = &declaration.dead_letter_exchange {
        say("x-dead-letter-exchange", exchange);
    }
    if let Some(limit) = declaration.delivery_limit {
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(limit));
    }
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(short(queue), durable, arguments).await?;
    for binding in &declaration.bindings {
        if let Some(kind) = &binding.declare {
            let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
            let (name, none) = (short(&binding.exchange), FieldTable::default());
            channel.exchange_declare(name, exchange_kind(kind), durable, none).await?;
        }
        channel
            .queue_bind(
                short(queue),
                short(&binding.exchange),
                short(&binding.key),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
    }
    Ok(())
}

fn exchange_kind(kind: &str) -> ExchangeKind {
    match kind {
        "direct" => ExchangeKind::Direct,
        "fanout" => ExchangeKind::Fanout,
        "headers" => ExchangeKind::Headers,
        "topic" => ExchangeKind::Topic,
        other => ExchangeKind::Custom(other.to_owned()),
    }
}

/// A name; the configuration has bounded it. One that is too long for AMQP is no name of anything.
pub(super) fn short(name: &str) -> ShortString {
    ShortString::try_new(name).unwrap_or_default()
}
