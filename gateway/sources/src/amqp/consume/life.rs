//! The life of one channel: messages in, acknowledgements out.
//!
//! As many messages are in the line as the prefetch allows, and one flush frees many of them. What
//! has a receipt is acknowledged in one frame with everything before it. A message without a
//! receipt is never acknowledged: when the channel ends, the broker has it still.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicRejectOptions};
use sluicegate_core::proof::Repeat;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::consumer::{Consumer, End};
use super::hold::Hold;
use super::tries::Tried;
use crate::amqp::guard::{Delivered, Tap};
use crate::amqp::message::Message;
use crate::amqp::settle::{Acks, Window};
use crate::amqp::source::stopped;
use crate::amqp::state::{Cause, Standing};

/// What is said to the broker, under way.
type Saying = Pin<Box<dyn Future<Output = Result<Said, lapin::Error>> + Send>>;

/// What was said to the broker.
struct Said {
    acks: Acks,
    rejected: Vec<u64>,
}

/// One channel, with what is on its way.
pub(super) struct Life<'a> {
    consumer: &'a Consumer,
    channel: Channel,
    tap: Tap,
    window: Window,
    hold: Hold,
    tries: FuturesUnordered<Pin<Box<dyn Future<Output = Tried> + Send>>>,
    /// Messages that are put off.
    waits: FuturesUnordered<Pin<Box<dyn Future<Output = Message> + Send>>>,
    /// To be rejected with the next thing that is said.
    to_reject: Vec<u64>,
    saying: Option<Saying>,
}

impl<'a> Life<'a> {
    pub(super) fn new(consumer: &'a Consumer, channel: Channel, tap: Tap) -> Self {
        Self {
            consumer,
            channel,
            tap,
            window: Window::default(),
            hold: Hold::default(),
            tries: FuturesUnordered::new(),
            waits: FuturesUnordered::new(),
            to_reject: Vec::new(),
            saying: None,
        }
    }

    pub(super) async fn run(
        &mut self,
        mut subscription: lapin::Consumer,
        stop: &mut watch::Receiver<bool>,
    ) -> End {
        // With as many at hand, the rest that may come is worth a flush of its own.
        let many = usize::from(self.consumer.config.prefetch).div_ceil(2);
        let mut gathers_until = None;
        loop {
            let due = self.hold.due();
            let wanted = if gathers_until.is_some() { many } else { 1 };
            tokio::select! {
                biased;
                () = stopped(stop) => {
                    return self.stop(&subscription).await;
                }
                Some(tried) = self.tries.next(), if !self.tries.is_empty() => self.note(tried),
                Some(message) = self.waits.next(), if !self.waits.is_empty() => {
                    self.try_or_hold(message);
                }
                said = said(&mut self.saying), if self.saying.is_some() => {
                    if let Err(end) = self.said(said) { return end; }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    for message in self.hold.probe() { self.try_message(message); }
                }
                // While messages are held, too: so a lost channel is noticed, and a broker that
                // sends more than it may.
                messages = self.tap.take(wanted) => {
                    gathers_until = Some(Instant::now() + GATHERING);
                    if let Err(end) = self.take(messages) { return end; }
                }
                () = sleep_until(gathers_until.unwrap_or_else(Instant::now)),
                    if gathers_until.is_some() => gathers_until = None,
                ended = subscription.next() => return self.ended(ended).await,
            }
            self.settle_at_hand();
            self.say();
        }
    }

    /// Everything that has come to an end by now, so that one frame answers for it.
    fn settle_at_hand(&mut self) {
        while let Some(Some(tried)) = self.tries.next().now_or_never() {
            self.note(tried);
        }
    }

    fn take(&mut self, messages: impl IntoIterator<Item = Delivered>) -> Result<(), End> {
        let came_at = self.consumer.line.intake.clock();
        for delivered in messages {
            self.consumer.numbers.messages.increment();
            if delivered.redelivered {
                self.consumer.numbers.redelivered.increment();
            }
            self.window.open(delivered.tag);
            // Those that are being rejected may be counted on both sides.
            let unsettled_max = 2 * usize::from(self.consumer.config.prefetch);
            if self.window.len() > unsettled_max {
                // Not the channel alone: a broker that does this is not to be talked to.
                let why = "broker sends more messages than it may (prefetch)".to_owned();
                return Err(End::Interrupted(Cause::Connection, why));
            }
            self.try_or_hold(Message::new(delivered, came_at));
        }
        Ok(())
    }

    fn try_or_hold(&mut self, message: Message) {
        if self.hold.is_on() { self.hold.join(message) } else { self.try_message(message) }
    }

    fn try_message(&mut self, message: Message) {
        let line = Arc::clone(&self.consumer.line);
        self.tries.push(Box::pin(async move { line.try_once(message).await }));
    }

    fn note(&mut self, tried: Tried) {
        let (tag, is_new) = match tried {
            Tried::Durable(tag, repeat) => {
                self.window.durable(tag);
                // A repetition was known from memory, and proves no room.
                (tag, repeat == Repeat::First)
            }
            Tried::Republished(tag) => {
                self.consumer.numbers.republished.increment();
                self.window.durable(tag);
                (tag, false)
            }
            Tried::Reject(tag) => {
                self.to_reject.push(tag);
                (tag, false)
            }
            Tried::Refused(message, refusal) => {
                let (tag, line) = (message.tag, Arc::clone(&self.consumer.line));
                self.tries.push(Box::pin(async move { line.place(message, refusal).await }));
                (tag, false)
            }
            Tried::Hold(message, after) => {
                self.consumer.numbers.retried.increment();
                self.consumer.stand(Standing::Holding, "the gateway takes no more now");
                let random = self.consumer.random();
                self.hold.refused(message, after, Instant::now(), random);
                return;
            }
            Tried::PutOff(message, wait) => {
                self.consumer.numbers.retried.increment();
                let tag = message.tag;
                self.waits.push(Box::pin(async move {
                    tokio::time::sleep(wait).await;
                    message
                }));
                (tag, false)
            }
            Tried::Leave => return,
        };
        let was_held = self.hold.is_on();
        for message in self.hold.answered(tag, is_new) {
            self.try_message(message);
        }
        if was_held && !self.hold.is_on() {
            self.consumer.stand(Standing::Consuming, "");
        }
    }

    /// Says what there is to say, unless something is being said: it would wait, and so becomes
    /// more in the next frame.
    fn say(&mut self) {
        self.consumer.numbers.set_unsettled(self.window.len());
        if self.saying.is_some() {
            return;
        }
        let rejected = std::mem::take(&mut self.to_reject);
        let acks = self.window.due(usize::from(self.consumer.config.prefetch) / 2);
        if acks.is_empty() && rejected.is_empty() {
            return;
        }
        let channel = self.channel.clone();
        self.saying = Some(Box::pin(async move {
            for tag in &rejected {
                channel.basic_reject(*tag, BasicRejectOptions { requeue: false }).await?;
            }
            if let Some(tag) = acks.through {
                channel.basic_ack(tag, BasicAckOptions { multiple: true }).await?;
            }
            for tag in &acks.singly {
                channel.basic_ack(*tag, BasicAckOptions { multiple: false }).await?;
            }
            Ok(Said { acks, rejected })
        }));
    }

    fn said(&mut self, said: Result<Said, lapin::Error>) -> Result<(), End> {
        self.saying = None;
        let Said { acks, rejected } = said.map_err(|fault| self.lost(&fault))?;
        self.consumer.numbers.acked.add(acks.count);
        self.consumer.numbers.rejected.add(rejected.len() as u64);
        rejected.into_iter().for_each(|tag| self.window.told(tag));
        Ok(())
    }

    fn lost(&self, fault: &lapin::Error) -> End {
        let cause = if fault.is_amqp_soft_error() { Cause::Channel } else { Cause::Connection };
        End::Interrupted(cause, fault.to_string())
    }

    /// Takes no more, finishes what is in the line, and acknowledges it.
    async fn stop(&mut self, subscription: &lapin::Consumer) -> End {
        self.consumer.stand(Standing::Stopped, "");
        // What was not taken stays with the broker.
        self.tap.close();
        let tag = subscription.tag();
        let ended = async {
            let _ = self.channel.basic_cancel(tag, BasicCancelOptions::default()).await;
        };
        // A broker that does not answer closes the channel with the connection in a moment.
        let _ = timeout(LOOK, ended).await;
        self.drain().await;
        End::Stopped
    }

    /// The subscription is at its end. A channel whose consumer the broker has ended still takes
    /// answers: what has come is finished, and does not come again.
    async fn ended(&mut self, ended: Option<Result<Delivery, lapin::Error>>) -> End {
        let end = match ended {
            Some(Err(fault)) => return self.lost(&fault),
            Some(Ok(_)) | None => End::Interrupted(Cause::Cancelled, "consumer ended".into()),
        };
        if self.channel.status().connected() {
            self.consumer.stand(Standing::NoQueue, "the broker has ended the consumer");
            let at_hand = self.tap.close();
            if let Err(end) = self.take(at_hand) {
                return end;
            }
            self.drain().await;
        }
        end
    }

    /// Finishes what is in the line, and acknowledges it.
    async fn drain(&mut self) {
        let drain = self.consumer.config.drain;
        let drained = async {
            loop {
                self.say();
                tokio::select! {
                    Some(tried) = self.tries.next(), if !self.tries.is_empty() => self.note(tried),
                    said = said(&mut self.saying), if self.saying.is_some() => {
                        self.said(said).ok()?;
                    }
                    else => return Some(()),
                }
                self.settle_at_hand();
            }
        };
        // What is not durable by then was not acknowledged, and comes again.
        let _ = timeout(drain, drained).await;
    }

    /// Counts what was on its way.
    pub(super) fn abandon(&mut self) {
        let left = self.window.len() as u64;
        self.consumer.numbers.abandoned.add(left);
        self.consumer.numbers.set_unsettled(0);
    }
}

/// Waits for what is being said; for ever if nothing is.
async fn said(saying: &mut Option<Saying>) -> Result<Said, lapin::Error> {
    match saying {
        Some(saying) => saying.await,
        None => std::future::pending().await,
    }
}

/// How long messages wait for company after others were taken: one flush and one acknowledgement do
/// for all of them. One that comes after a pause does not wait.
const GATHERING: Duration = Duration::from_millis(2);

/// How long the broker may take to end a consumer.
const LOOK: Duration = Duration::from_secs(1);
