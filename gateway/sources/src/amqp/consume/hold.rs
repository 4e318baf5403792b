//! Whether a queue takes messages now. Pure: it is told what came of tries, and when a next one is
//! due.
//!
//! A gateway that is full refuses every message. Then one is tried from time to time, and the rest
//! waits: at the broker, and a prefetch's worth here.

use std::collections::VecDeque;
use std::time::Duration;

use sluicegate_core::retry::RetryPolicy;
use tokio::time::Instant;

use crate::amqp::message::Message;

/// The messages that wait for the gateway to take some again.
#[derive(Debug, Default)]
pub(super) struct Hold {
    held: VecDeque<Message>,
    /// Tries that failed, one after the other.
    strikes: u32,
    /// When the next try is due; `None` while none is, or one is under way.
    due: Option<Instant>,
    /// The tag of the message that is tried.
    probe: Option<u64>,
}

impl Hold {
    /// Whether messages are held back.
    pub(super) fn is_on(&self) -> bool {
        self.due.is_some() || self.probe.is_some()
    }

    /// When the next try is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The gateway did not take a message. The first one of many that were on their way begins the
    /// wait, and the others only join it.
    pub(super) fn refused(
        &mut self,
        message: Message,
        after: Option<Duration>,
        now: Instant,
        random: u64,
    ) {
        let was_probe = self.probe == Some(message.tag);
        if was_probe || !self.is_on() {
            self.strikes = self.strikes.saturating_add(1);
            let wait = WAITS.wait(self.strikes, random).max(after.unwrap_or_default());
            self.due = Some(now + wait.min(WAITS.wait_max));
            self.probe = None;
        }
        if was_probe {
            self.held.push_front(message);
        } else {
            self.held.push_back(message);
        }
    }

    /// The gateway has answered for a message, whatever it said: it is not full. If that was the
    /// try, all that was held goes on.
    pub(super) fn answered(&mut self, tag: u64) -> VecDeque<Message> {
        if self.probe != Some(tag) {
            return VecDeque::new();
        }
        (self.probe, self.strikes) = (None, 0);
        std::mem::take(&mut self.held)
    }

    /// The message to try now that a try is due.
    pub(super) fn probe(&mut self) -> Option<Message> {
        self.due = None;
        let message = self.held.pop_front()?;
        self.probe = Some(message.tag);
        Some(message)
    }
}

/// From a quarter of a second to half a minute.
const WAITS: RetryPolicy = RetryPolicy {
    attempts_max: 1,
    wait_min: Duration::from_millis(250),
    wait_max: Duration::from_secs(30),
};

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn message(tag: u64) -> Message {
        Message {
            tag,
            exchange: "".into(),
            routing_key: "".into(),
            redelivered: false,
            properties: lapin::BasicProperties::default(),
            body: Bytes::new(),
            put_off: 0,
        }
    }

    fn tags(messages: VecDeque<Message>) -> Vec<u64> {
        messages.iter().map(|message| message.tag).collect()
    }

    #[test]
    fn one_message_is_tried_and_the_rest_waits_for_it() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        (1..=3).for_each(|tag| hold.refused(message(tag), None, now, 0));
        assert_eq!(hold.due(), Some(now + WAITS.wait_min));
        assert_eq!(hold.probe().unwrap().tag, 1);
        assert!(hold.is_on() && hold.due().is_none());
        hold.refused(message(4), None, now, 0);
        assert_eq!(hold.due(), None, "only the try decides");
        hold.refused(message(1), None, now, 0);
        assert_eq!(hold.due(), Some(now + WAITS.wait_min * 2));
        assert_eq!(hold.probe().unwrap().tag, 1, "their order is kept");
        assert_eq!(tags(hold.answered(9)), Vec::<u64>::new());
        assert_eq!(tags(hold.answered(1)), [2, 3, 4]);
        assert!(!hold.is_on());
    }

    #[test]
    fn waits_are_as_long_as_asked_for_and_never_longer_than_half_a_minute() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        hold.refused(message(1), Some(Duration::from_secs(5)), now, 0);
        assert_eq!(hold.due(), Some(now + Duration::from_secs(5)));
        for _ in 0..40 {
            let probe = hold.probe().unwrap();
            hold.refused(probe, Some(Duration::from_secs(3600)), now, 0);
            assert_eq!(hold.due(), Some(now + WAITS.wait_max));
        }
    }
}
