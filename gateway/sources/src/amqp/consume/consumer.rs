//! The consumer of one queue: begins a channel, and says what is counted of it.

use std::sync::Arc;

use lapin::Channel;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use sluicegate_core::ids::SourceName;
use sluicegate_core::seams::Intake;
use tokio::sync::watch;

use super::life::Life;
use super::tries::Line;
use crate::amqp::config::{AmqpConfig, QueueRule};
use crate::amqp::guard::Tap;
use crate::amqp::link::Link;
use crate::amqp::settle::Rejecter;
use crate::amqp::state::{AmqpMetrics, Cause, QueueMetrics, Standing};
use crate::amqp::topology::{ensure, short};

/// The consumer of one queue.
pub(crate) struct Consumer {
    pub(super) config: AmqpConfig,
    queue: String,
    pub(super) line: Arc<Line>,
    /// What is counted of this queue.
    pub(super) numbers: Arc<QueueMetrics>,
    metrics: Arc<AmqpMetrics>,
}

/// Why a consumer's channel has ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The gateway stops, and everything that was durable is acknowledged.
    Stopped,
    /// Something came between.
    Interrupted(Cause, String),
}

impl Consumer {
    /// The consumer of this queue.
    pub(crate) fn new(
        config: &AmqpConfig,
        queue: &str,
        intake: Arc<dyn Intake>,
        rejecter: Option<Arc<Rejecter>>,
        metrics: Arc<AmqpMetrics>,
    ) -> Self {
        let rule = QueueRule {
            source: config.source.clone(),
            queue: queue.to_owned(),
            payload_bytes_max: config.payload_bytes_max,
            format: config.format,
            dedupe: config.dedupe,
        };
        let numbers = metrics.queue(queue);
        let (dice, counted) = (Arc::clone(&config.dice), Arc::clone(&numbers));
        let line = Arc::new(Line { rule, intake, rejecter, dice, numbers: counted });
        Self { config: config.clone(), queue: queue.to_owned(), line, numbers, metrics }
    }

    /// Consumes until the channel ends or the gateway stops.
    pub(crate) async fn run(&self, link: &Link, stop: &mut watch::Receiver<bool>) -> End {
        match self.begin(link).await {
            Ok((channel, tap, subscription)) => {
                self.stand(Standing::Consuming, "");
                let mut life = Life::new(self, channel, tap);
                let end = life.run(subscription, stop).await;
                life.abandon();
                end
            }
            Err((cause, fault)) => End::Interrupted(cause, fault.to_string()),
        }
    }

    async fn begin(
        &self,
        link: &Link,
    ) -> Result<(Channel, Tap, lapin::Consumer), (Cause, lapin::Error)> {
        let lost = |fault| (Cause::Connection, fault);
        let channel = link.connection.create_channel().await.map_err(lost)?;
        // Before the consumer: messages come with the answer to it.
        let tap = link.tap(&channel, self.config.prefetch);
        let qos = BasicQosOptions::default();
        channel.basic_qos(self.config.prefetch, qos).await.map_err(lost)?;
        let missing = |fault: lapin::Error| {
            let cause =
                if fault.is_amqp_soft_error() { Cause::Topology } else { Cause::Connection };
            (cause, fault)
        };
        ensure(&channel, &self.queue, &self.config.topology).await.map_err(missing)?;
        let tag = short(&format!("sluicegate.{}", self.config.source));
        let options = BasicConsumeOptions::default();
        let subscription =
            channel.basic_consume(short(&self.queue), tag, options, FieldTable::default());
        let subscription = subscription.await.map_err(missing)?;
        Ok((channel, tap, subscription))
    }

    pub(super) fn stand(&self, standing: Standing, why: &str) {
        self.numbers.stand(standing, why);
    }

    pub(super) fn interrupted(&self, cause: Cause) {
        self.metrics.interrupted(cause);
    }

    pub(super) fn source(&self) -> &SourceName {
        &self.config.source
    }

    pub(super) fn queue(&self) -> &str {
        &self.queue
    }

    /// Random bits.
    pub(super) fn random(&self) -> u64 {
        (self.config.dice)()
    }
}
