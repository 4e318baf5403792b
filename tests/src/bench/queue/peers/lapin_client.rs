//! A RabbitMQ quorum queue: publisher confirms, manual acknowledgements, both over one
//! connection with a channel for each side.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use tokio::sync::Mutex;

use crate::bench::queue::drive::{Flushes, Publish, Take};
use crate::bench::queue::shim::Shim;

/// A connection to a RabbitMQ.
pub(in crate::bench::queue) struct RabbitMq {
    producers: Channel,
    consumers: Vec<Mutex<Option<Consumer>>>,
    connection: Connection,
    shim: Shim,
}

const QUEUE: &str = "events";
const WAIT: Duration = Duration::from_millis(200);
/// Deliveries on their way to one consumer: enough that it never waits for the next ones.
const PREFETCH: u16 = 512;

impl RabbitMq {
    /// Connects, and declares the queue.
    pub(in crate::bench::queue) async fn connect(
        port: u16,
        lanes: usize,
        shim: Shim,
    ) -> Result<Self, String> {
        let uri = format!("amqp://guest:guest@127.0.0.1:{port}/%2f");
        let connection = Connection::connect(&uri, ConnectionProperties::default());
        let connection = connection.await.map_err(said)?;
        let producers = connection.create_channel().await.map_err(said)?;
        let confirm = ConfirmSelectOptions::default();
        producers.confirm_select(confirm).await.map_err(said)?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        producers.queue_declare(QUEUE.into(), durable, arguments).await.map_err(said)?;
        let consumers = (0..lanes).map(|_| Mutex::new(None)).collect();
        Ok(Self { producers, consumers, connection, shim })
    }

    async fn consumer(&self, lane: usize) -> Result<Consumer, String> {
        let channel = self.connection.create_channel().await.map_err(said)?;
        channel.basic_qos(PREFETCH, BasicQosOptions::default()).await.map_err(said)?;
        let tag = format!("bench-{lane}");
        let options = BasicConsumeOptions::default();
        let consumer =
            channel.basic_consume(QUEUE.into(), tag.into(), options, FieldTable::default());
        consumer.await.map_err(said)
    }
}

impl Publish for RabbitMq {
    async fn publish(&self, _: u64, payload: Vec<u8>) -> Result<(), String> {
        let persistent = BasicProperties::default().with_delivery_mode(2);
        let options = BasicPublishOptions::default();
        let confirm =
            self.producers.basic_publish("".into(), QUEUE.into(), options, &payload, persistent);
        match confirm.await.map_err(said)?.await.map_err(said)? {
            Confirmation::Ack(None) => Ok(()),
            other => Err(format!("a publication was not confirmed: {other:?}")),
        }
    }

    fn flushes(&self) -> Flushes {
        Flushes { count: self.shim.flushes(), total_us: 0 }
    }
}

impl Take for RabbitMq {
    async fn take(
        &self,
        lane: usize,
        max: usize,
        show: &(dyn Fn(&[u8]) + Sync),
    ) -> Result<usize, String> {
        let mut place = self.consumers[lane].lock().await;
        if place.is_none() {
            *place = Some(self.consumer(lane).await?);
        }
        let Some(consumer) = place.as_mut() else { return Ok(0) };
        let Ok(first) = tokio::time::timeout(WAIT, consumer.next()).await else { return Ok(0) };
        let mut last = first.ok_or("the consumer was cancelled")?.map_err(said)?;
        show(&last.data);
        let mut count = 1;
        while count < max
            && let Some(Some(next)) = consumer.next().now_or_never()
        {
            last = next.map_err(said)?;
            show(&last.data);
            count += 1;
        }
        // One frame for all that is at hand: what serves the broker best.
        let all = BasicAckOptions { multiple: true };
        match last.ack(all).await.map_err(said)? {
            true => Ok(count),
            false => Err("an acknowledgement was not taken".into()),
        }
    }
}

fn said(fault: lapin::Error) -> String {
    format!("RabbitMQ: {fault}")
}
