//! The way of one message of a broker through the line: what it is to the source, and how often
//! it is tried.

use std::time::Duration;

use rmqtt_codec::v5::PublishAckReason;
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::refusal::Refusal;
use tokio::sync::watch;
use tokio::time::sleep;

use super::run::MqttClient;
use super::wire::{Answer, Publish, QoS};
use crate::mqtt::{claims, lasts, reading};

impl MqttClient {
    /// What a message is to the source.
    pub(super) fn delivery(&self, publish: &Publish) -> Result<Delivery, Refusal> {
        let config = &self.config;
        if publish.payload.len() > config.payload_bytes_max {
            return Err(Refusal::TooLarge { limit_bytes: config.payload_bytes_max });
        }
        let headers = reading::headers(config.format, publish)?;
        let mut transport = Transport {
            attributes: claims::attributes_of_message(publish),
            kind: Some(claims::KIND.to_owned()),
            comes_again: publish.qos != QoS::AtMostOnce,
            // However often it is tried, it is judged as of now.
            came_at: self.intake.clock(),
            ..Transport::default()
        };
        // The broker says nothing of who published: its name stands for all of them.
        transport.dedupe = claims::dedupe(&config.dedupe, &headers, &config.broker.host);
        if let Some(id) = publish.packet_id.filter(|_| publish.qos == QoS::ExactlyOnce) {
            transport.state = self.memory.taken(id);
        }
        Ok(Delivery {
            source: config.source.clone(),
            method: claims::METHOD.to_owned(),
            target: publish.topic.to_string(),
            headers,
            body: publish.payload.clone(),
            peer: None,
            transport,
        })
    }

    /// Takes a delivery through the line, as often as it needs, until the connection is over.
    pub(super) async fn persist(
        &self,
        delivery: Delivery,
        mut over: watch::Receiver<bool>,
    ) -> Option<Answer> {
        let mut pause = AGAIN_MIN;
        loop {
            match self.intake.take(delivery.clone()).await {
                Ok(_) => return Some(Answer::Taken),
                Err(refusal) if lasts(&refusal) => {
                    let (source, code) = (&self.config.source, refusal.code());
                    tracing::info!(%source, code, "a message of a broker was refused");
                    return Some(refused(&refusal));
                }
                Err(_) => self.metrics.retried.increment(),
            }
            tokio::select! {
                () = sleep(self.jitter(pause)) => {}
                _ = over.wait_for(|over| *over) => return None,
            }
            pause = (pause * 2).min(AGAIN_MAX);
        }
    }
}

/// What a broker is told about a message that is never taken.
pub(super) fn refused(refusal: &Refusal) -> Answer {
    Answer::Refused(match crate::mqtt::answer(refusal) {
        crate::mqtt::Judged::Refused(reason, _) => reason,
        _ => PublishAckReason::UnspecifiedError,
    })
}

const AGAIN_MIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(10);
