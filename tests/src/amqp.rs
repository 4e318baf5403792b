//! A client of an AMQP broker for tests: publishes with confirms, looks into queues.

use std::time::Duration;

use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, BasicRejectOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind,
};
use tokio::runtime::Runtime;

use crate::deadline::wait_within;

/// A connection and a channel in confirm mode. All calls block.
pub struct AmqpClient {
    runtime: Runtime,
    channel: Channel,
    _connection: Connection,
}

/// A message taken out of a queue.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The body.
    pub body: Vec<u8>,
    /// Everything else.
    pub properties: BasicProperties,
    /// The exchange that it was published to.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
}

impl Taken {
    /// A header as text; empty if there is none, or it is none.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        match self.value(name) {
            Some(AMQPValue::LongString(text)) => text.to_string(),
            _ => String::new(),
        }
    }

    /// A header.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&AMQPValue> {
        self.properties.headers().as_ref()?.inner().get(name)
    }
}

impl AmqpClient {
    /// Connects.
    ///
    /// # Panics
    /// When the broker does not take the connection.
    #[must_use]
    pub fn connect(uri: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let connection = wait_within(Duration::from_secs(60), "the broker", || {
            let connected = Connection::connect(uri, ConnectionProperties::default());
            runtime.block_on(connected).ok()
        });
        let channel = runtime.block_on(async {
            let channel = connection.create_channel().await.expect("a channel");
            channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirm mode");
            channel
        });
        Self { runtime, channel, _connection: connection }
    }

    /// Declares a durable queue with these arguments.
    ///
    /// # Panics
    /// When the broker does not.
    pub fn queue_with(&self, name: &str, arguments: &[(&str, &str)]) {
        let mut table = FieldTable::default();
        for (name, value) in arguments {
            table.insert((*name).into(), AMQPValue::LongString((*value).into()));
        }
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let declared = self.channel.queue_declare(name.into(), durable, table);
        self.runtime.block_on(declared).expect("the queue is declared");
    }

    /// Declares a durable classic queue.
    pub fn queue(&self, name: &str) {
        self.queue_with(name, &[]);
    }

    /// Declares a durable exchange of this kind.
    ///
    /// # Panics
    /// When the broker does not.
    pub fn exchange(&self, name: &str, kind: ExchangeKind) {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let none = FieldTable::default();
        let declared = self.channel.exchange_declare(name.into(), kind, durable, none);
        self.runtime.block_on(declared).expect("the exchange is declared");
    }

    /// Binds a queue to an exchange.
    ///
    /// # Panics
    /// When the broker does not.
    pub fn bind(&self, queue: &str, exchange: &str, key: &str) {
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        let bound =
            self.channel.queue_bind(queue.into(), exchange.into(), key.into(), options, none);
        self.runtime.block_on(bound).expect("the queue is bound");
    }

    /// Deletes a queue with what is in it.
    ///
    /// # Panics
    /// When the broker does not.
    pub fn delete(&self, queue: &str) {
        let deleted = self.channel.queue_delete(queue.into(), QueueDeleteOptions::default());
        self.runtime.block_on(deleted).expect("the queue is deleted");
    }

    /// Publishes persistently, and waits for the confirmation.
    ///
    /// # Panics
    /// When it does not come.
    pub fn publish(&self, exchange: &str, key: &str, body: &[u8], properties: BasicProperties) {
        let published = self.try_publish(exchange, key, body, properties);
        assert!(published, "the broker did not confirm");
    }

    /// Publishes persistently; whether it was confirmed.
    #[must_use]
    pub fn try_publish(
        &self,
        exchange: &str,
        key: &str,
        body: &[u8],
        properties: BasicProperties,
    ) -> bool {
        let properties = complete(properties);
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        self.runtime.block_on(async {
            let sent = self
                .channel
                .basic_publish(exchange.into(), key.into(), options, body, properties)
                .await;
            let Ok(confirm) = sent else { return false };
            matches!(confirm.await, Ok(Confirmation::Ack(None)))
        })
    }

    /// Publishes many to a queue, and waits for all confirmations.
    ///
    /// # Panics
    /// When one does not come.
    pub fn publish_all(&self, queue: &str, all: Vec<(Vec<u8>, BasicProperties)>) {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        self.runtime.block_on(async {
            let mut confirms = Vec::with_capacity(all.len());
            for (body, properties) in all {
                let properties = complete(properties);
                let sent =
                    self.channel.basic_publish("".into(), queue.into(), options, &body, properties);
                confirms.push(sent.await.expect("it is written"));
            }
            for confirm in confirms {
                assert_eq!(confirm.await.expect("it is confirmed"), Confirmation::Ack(None));
            }
        });
    }

    /// Takes one message out of a queue, if there is one.
    ///
    /// # Panics
    /// When the broker does not answer.
    #[must_use]
    pub fn get(&self, queue: &str) -> Option<Taken> {
        self.runtime.block_on(async {
            let got = self.channel.basic_get(queue.into(), BasicGetOptions::default()).await;
            let delivery = got.expect("the broker answers")?.delivery;
            delivery.ack(BasicAckOptions::default()).await.expect("it is acknowledged");
            Some(Taken {
                body: delivery.data.clone(),
                properties: delivery.properties.clone(),
                exchange: delivery.exchange.to_string(),
                routing_key: delivery.routing_key.to_string(),
            })
        })
    }

    /// Takes one message out of a queue and gives it back, once there is one.
    ///
    /// # Panics
    /// When the broker does not answer, or none comes.
    pub fn give_back(&self, queue: &str) {
        wait_within(Duration::from_secs(40), &format!("a message in {queue}"), || {
            self.runtime.block_on(async {
                let got = self.channel.basic_get(queue.into(), BasicGetOptions::default()).await;
                let delivery = got.expect("the broker answers")?.delivery;
                let requeue = BasicRejectOptions { requeue: true };
                Some(delivery.reject(requeue).await.expect("it is given back"))
            })
        });
    }

    /// Waits for a message in a queue, and takes it.
    #[must_use]
    pub fn wait_for(&self, queue: &str) -> Taken {
        wait_within(Duration::from_secs(40), &format!("a message in {queue}"), || self.get(queue))
    }

    /// How many messages are ready in a queue.
    ///
    /// # Panics
    /// When there is no such queue.
    #[must_use]
    pub fn depth(&self, queue: &str) -> u32 {
        let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let looked = self.channel.queue_declare(queue.into(), look, FieldTable::default());
        self.runtime.block_on(looked).expect("the queue is there").message_count()
    }
}

/// Persistent, and of a media type: an event without one is shown as JSON.
fn complete(properties: BasicProperties) -> BasicProperties {
    let properties = properties.with_delivery_mode(2);
    match properties.content_type() {
        Some(_) => properties,
        None => properties.with_content_type("text/plain".into()),
    }
}
