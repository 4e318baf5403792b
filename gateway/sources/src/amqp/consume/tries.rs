//! One message through the line, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::proof::Repeat;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::retry::RetryPolicy;
use sluicegate_core::seams::Intake;

use crate::amqp::answers::{Fate, fate};
use crate::amqp::config::{Dice, QueueRule};
use crate::amqp::message::{Message, read};
use crate::amqp::settle::Rejecter;
use crate::amqp::state::QueueMetrics;

/// What came of one message.
#[derive(Debug)]
pub(super) enum Tried {
    /// It is durable; whether it was made so now, which proves that there is room.
    Durable(u64, Repeat),
    /// It is to be rejected.
    Reject(u64),
    /// It was refused, and is to be published again with its reason.
    Refused(Message, Refusal),
    /// It was published again with its reason: it can be acknowledged.
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
    pub(super) numbers: Arc<QueueMetrics>,
}

impl Line {
    /// Takes the message through the line.
    pub(super) async fn try_once(&self, mut message: Message) -> Tried {
        let refusal = match read(&self.rule, &message) {
            Ok(delivery) => match self.intake.take(delivery).await {
                Ok(receipt) => return Tried::Durable(message.tag, receipt.repeat()),
                Err(refusal) => refusal,
            },
            Err(refusal) => {
                self.unreadable(&refusal);
                refusal
            }
        };
        match fate(&refusal) {
            Fate::Reject => self.refuse(message, refusal),
            Fate::Hold(after) => Tried::Hold(message, after),
            Fate::Leave => Tried::Leave,
            Fate::PutOff(after) => {
                message.put_off = message.put_off.saturating_add(1);
                let wait = WAITS.wait(message.put_off, (self.dice)());
                let asked = after.unwrap_or_default().min(PUT_OFF_MAX);
                Tried::PutOff(message, wait.max(asked))
            }
        }
    }

    /// Counts what the source itself refuses.
    fn unreadable(&self, refusal: &Refusal) {
        let (refused, rule) = (&self.numbers.refused, &self.rule);
        refused.increment();
        // A stranger must not be able to fill the log.
        if refused.value().is_power_of_two() {
            let (source, queue) = (&rule.source, &rule.queue);
            let (code, count) = (refusal.code(), refused.value());
            tracing::info!(%source, %queue, code, count, why = %refusal, "refused");
        }
    }

    /// A message that could not be read is not here to be published: only the broker has it. And
    /// where headers are too large already there is no room for a reason.
    fn refuse(&self, message: Message, refusal: Refusal) -> Tried {
        let has_room = message.unreadable.is_none() && refusal != Refusal::HeadersTooLarge;
        match &self.rejecter {
            Some(_) if has_room => Tried::Refused(message, refusal),
            _ => Tried::Reject(message.tag),
        }
    }

    /// Publishes the message with its reason, for as long as that takes.
    pub(super) async fn place(&self, message: Message, refusal: Refusal) -> Tried {
        let Some(rejecter) = &self.rejecter else { return Tried::Reject(message.tag) };
        let mut failed = 0_u32;
        let mut waiting = None;
        loop {
            match rejecter.put(&self.rule.queue, &message, &refusal).await {
                Ok(()) => return Tried::Republished(message.tag),
                Err(fault) => {
                    waiting.get_or_insert_with(|| self.numbers.unplaced());
                    self.numbers.unplaced_tries.increment();
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

/// Nobody waits for longer before the next try, whatever was asked for: half of the time for which
/// RabbitMQ lets a consumer keep a message.
const PUT_OFF_MAX: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use sluicegate_core::delivery::Delivery;
    use sluicegate_core::proof::Receipt;
    use sluicegate_core::seams::Pending;
    use sluicegate_core::time::Timestamp;

    use super::*;
    use crate::amqp::config::Dedupe;
    use crate::amqp::guard::Delivered;
    use crate::format::Format;

    /// Refuses everything, and keeps what each delivery said of when it came.
    struct Refuses(Refusal, Mutex<Vec<Option<Timestamp>>>);

    impl Intake for Refuses {
        fn take(&self, delivery: Delivery) -> Pending<'_, Result<Receipt, Refusal>> {
            self.1.lock().unwrap().push(delivery.transport.came_at);
            Box::pin(async { Err(self.0.clone()) })
        }
    }

    fn message() -> Message {
        Message::new(Delivered::empty(1), Some(Timestamp::from_unix_ms(7)))
    }

    fn line(refusal: Refusal) -> (Arc<Refuses>, Line) {
        let intake = Arc::new(Refuses(refusal, Mutex::default()));
        let rule = QueueRule {
            source: "s".parse().unwrap(),
            queue: "q".into(),
            payload_bytes_max: 100,
            format: Format::Message,
            dedupe: Dedupe::Off,
        };
        let (dice, numbers) = (Arc::new(|| 0_u64) as Dice, Arc::default());
        let taken = Arc::clone(&intake) as Arc<dyn Intake>;
        (intake, Line { rule, intake: taken, rejecter: None, dice, numbers })
    }

    #[tokio::test]
    async fn a_message_that_is_tried_again_says_when_it_first_came() {
        let (intake, line) = line(Refusal::StoreUnavailable { what: "full" });
        let mut message = message();
        for _ in 0..3 {
            let Tried::Hold(back, _) = line.try_once(message).await else { panic!("not held") };
            message = back;
        }
        let first = Some(Timestamp::from_unix_ms(7));
        assert_eq!(*intake.1.lock().unwrap(), [first, first, first]);
    }

    #[tokio::test]
    async fn a_filter_that_asks_for_minutes_gets_them_and_one_that_asks_for_days_does_not() {
        for (asked_s, waits_s) in [(0, 1), (600, 600), (86_400, 900)] {
            let retry_after = Duration::from_secs(asked_s);
            let (_, line) = line(Refusal::Deferred { retry_after });
            let mut again = message();
            again.put_off = 1;
            let Tried::PutOff(_, wait) = line.try_once(again).await else { panic!("not put off") };
            assert_eq!(wait.as_secs(), waits_s);
        }
    }
}
