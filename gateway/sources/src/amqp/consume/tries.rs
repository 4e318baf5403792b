//! One message through the line, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::refusal::Refusal;
use sluicegate_core::retry::RetryPolicy;
use sluicegate_core::seams::Intake;

use crate::amqp::answers::{Fate, fate};
use crate::amqp::config::{Dice, QueueRule};
use crate::amqp::message::{Message, read};
use crate::amqp::settle::Rejecter;

/// What came of one message.
#[derive(Debug)]
pub(super) enum Tried {
    /// It is durable.
    Durable(u64),
    /// It is to be rejected.
    Reject(u64),
    /// It was refused, and published again with its reason: it can be acknowledged.
    Republished(u64),
    /// The gateway takes none now.
    Hold(Message, Option<Duration>),
    /// It is to be tried again after this time.
    PutOff(Message, Duration),
    /// It is left to the broker.
    Leave,
}

/// What a message is tried with.
pub(super) struct Line {
    pub(super) rule: QueueRule,
    pub(super) intake: Arc<dyn Intake>,
    pub(super) rejecter: Option<Arc<Rejecter>>,
    pub(super) dice: Dice,
    /// Counts what the source itself refuses.
    pub(super) refused: Box<dyn Fn(&Refusal) + Send + Sync>,
}

impl Line {
    /// Takes the message through the line.
    pub(super) async fn try_once(&self, mut message: Message) -> Tried {
        let refusal = match read(&self.rule, &message) {
            Ok(delivery) => match self.intake.take(delivery).await {
                Ok(_receipt) => return Tried::Durable(message.tag),
                Err(refusal) => refusal,
            },
            Err(refusal) => {
                (self.refused)(&refusal);
                refusal
            }
        };
        match fate(&refusal) {
            Fate::Reject => self.reject(message, &refusal).await,
            Fate::Hold(after) => Tried::Hold(message, after),
            Fate::Leave => Tried::Leave,
            Fate::PutOff(after) => {
                message.put_off = message.put_off.saturating_add(1);
                let wait = WAITS.wait(message.put_off, (self.dice)());
                let wait = wait.max(after.unwrap_or_default()).min(WAITS.wait_max);
                Tried::PutOff(message, wait)
            }
        }
    }

    /// Publishes the message with its reason, for as long as that takes. One that could not be read
    /// is not here to be published: only the broker has it. And where headers are too large already
    /// there is no room for a reason.
    async fn reject(&self, message: Message, refusal: &Refusal) -> Tried {
        let has_room = message.is_whole() && *refusal != Refusal::HeadersTooLarge;
        let Some(rejecter) = self.rejecter.as_ref().filter(|_| has_room) else {
            return Tried::Reject(message.tag);
        };
        let mut failed = 0_u32;
        loop {
            match rejecter.put(&self.rule.queue, &message, refusal).await {
                Ok(()) => return Tried::Republished(message.tag),
                Err(fault) => {
                    failed = failed.saturating_add(1);
                    let (source, queue) = (&self.rule.source, &self.rule.queue);
                    if failed.is_power_of_two() {
                        tracing::warn!(%source, %queue, failed, %fault, "refused message waits");
                    }
                    tokio::time::sleep(WAITS.wait(failed, (self.dice)())).await;
                }
            }
        }
    }
}

/// From half a second to half a minute.
const WAITS: RetryPolicy = RetryPolicy {
    attempts_max: 1,
    wait_min: Duration::from_millis(500),
    wait_max: Duration::from_secs(30),
};
