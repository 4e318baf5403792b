//! Whether a queue takes messages now. Pure: it is told what came of tries, and when a next one is
//! due.
//!
//! A gateway that is full refuses every message. Then one is tried from time to time, and the rest
//! waits. Only a message that became durable proves that there is room: one that was refused for
//! what it is says nothing of that, and the next one is tried in its place. Once there is room,
//! what waits goes on by ones, twos, fours: a gateway that has just found room is not flooded.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::amqp::message::Message;
use crate::amqp::source::WAITS;

/// The messages that wait for the gateway to take some again.
#[derive(Debug)]
pub(super) struct Hold {
    /// By tag: they go on in the order in which they came.
    held: BTreeMap<u64, Message>,
    /// Tries that failed, one after the other.
    strikes: u32,
    /// When the next try is due; `None` while none is, or some are under way.
    due: Option<Instant>,
    /// The tags of the messages that are tried.
    probes: BTreeSet<u64>,
    /// How many may be tried at once.
    width: usize,
}

impl Default for Hold {
    fn default() -> Self {
        let (held, probes) = (BTreeMap::new(), BTreeSet::new());
        Self { held, strikes: 0, due: None, probes, width: 1 }
    }
}

impl Hold {
    /// Whether messages are held back.
    pub(super) fn is_on(&self) -> bool {
        self.due.is_some() || !self.probes.is_empty()
    }

    /// When the next try is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Holds a message back that was not tried, while others are.
    pub(super) fn join(&mut self, message: Message) {
        self.held.insert(message.tag, message);
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
        let was_probe = self.probes.remove(&message.tag);
        if self.due.is_none() && (was_probe || self.probes.is_empty()) {
            self.strikes = self.strikes.saturating_add(1);
            let wait = WAITS.wait(self.strikes, random).max(after.unwrap_or_default());
            self.due = Some(now + wait.min(WAITS.wait_max));
            self.width = 1;
        }
        self.join(message);
    }

    /// The gateway has answered for a message: it is durable now, or it was refused for what it
    /// is. The messages to try next.
    pub(super) fn answered(&mut self, tag: u64, is_durable: bool) -> Vec<Message> {
        if !self.probes.remove(&tag) {
            return Vec::new();
        }
        // Of several that were tried, one was refused: there was room for this one, and no more.
        if self.due.is_some() {
            return Vec::new();
        }
        if is_durable {
            self.strikes = 0;
            self.width = self.width.saturating_mul(2);
        }
        let next = self.more();
        if !self.is_on() {
            *self = Self::default();
        }
        next
    }

    /// The messages to try now that a try is due.
    pub(super) fn probe(&mut self) -> Vec<Message> {
        self.due = None;
        self.more()
    }

    fn more(&mut self) -> Vec<Message> {
        let mut next = Vec::new();
        while self.probes.len() < self.width
            && let Some((tag, message)) = self.held.pop_first()
        {
            self.probes.insert(tag);
            next.push(message);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp::guard::Delivered;

    fn message(tag: u64) -> Message {
        Message::new(Delivered::empty(tag), None)
    }

    fn tags(messages: Vec<Message>) -> Vec<u64> {
        messages.iter().map(|message| message.tag).collect()
    }

    fn full(count: u64, now: Instant) -> Hold {
        let mut hold = Hold::default();
        (1..=count).for_each(|tag| hold.refused(message(tag), None, now, 0));
        hold
    }

    #[test]
    fn one_message_is_tried_and_the_rest_waits_for_it() {
        let now = Instant::now();
        let mut hold = full(3, now);
        assert_eq!(hold.due(), Some(now + WAITS.wait_min));
        assert_eq!(tags(hold.probe()), [1]);
        assert!(hold.is_on() && hold.due().is_none());
        hold.refused(message(4), None, now, 0);
        assert_eq!(hold.due(), None, "only the try decides");
        hold.refused(message(1), None, now, 0);
        assert_eq!(hold.due(), Some(now + WAITS.wait_min * 2));
        assert_eq!(tags(hold.probe()), [1], "their order is kept");
        assert_eq!(tags(hold.answered(9, true)), Vec::<u64>::new());
        assert_eq!(tags(hold.answered(1, true)), [2, 3]);
        assert_eq!(tags(hold.answered(2, true)), [4]);
        assert_eq!(tags(hold.answered(3, true)), Vec::<u64>::new());
        assert!(hold.is_on());
        assert_eq!(tags(hold.answered(4, true)), Vec::<u64>::new());
        assert!(!hold.is_on());
    }

    #[test]
    fn a_message_that_is_refused_for_what_it_is_does_not_prove_that_there_is_room() {
        let now = Instant::now();
        let mut hold = full(4, now);
        assert_eq!(tags(hold.probe()), [1]);
        assert_eq!(tags(hold.answered(1, false)), [2], "one in its place");
        assert_eq!(tags(hold.answered(2, false)), [3]);
        hold.refused(message(3), None, now, 0);
        assert_eq!(hold.due(), Some(now + WAITS.wait_min * 2), "and it waits for longer");
        assert_eq!(tags(hold.probe()), [3]);
        assert_eq!(tags(hold.answered(3, true)), [4]);
        assert!(hold.answered(4, false).is_empty() && !hold.is_on());
    }

    #[test]
    fn what_was_held_goes_on_gradually_and_waits_again_when_one_is_refused() {
        let now = Instant::now();
        let mut hold = full(20, now);
        assert_eq!(tags(hold.probe()), [1]);
        assert_eq!(tags(hold.answered(1, true)), [2, 3]);
        assert_eq!(tags(hold.answered(2, true)), [4, 5, 6]);
        hold.join(message(21));
        hold.refused(message(4), None, now, 0);
        assert_eq!(hold.due(), Some(now + WAITS.wait_min));
        assert!(hold.answered(3, true).is_empty(), "no more until the next try");
        hold.refused(message(5), None, now, 0);
        assert!(hold.answered(6, true).is_empty());
        assert_eq!(tags(hold.probe()), [4], "one again");
    }

    #[test]
    fn waits_are_as_long_as_asked_for_and_never_longer_than_half_a_minute() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        hold.refused(message(1), Some(Duration::from_secs(5)), now, 0);
        assert_eq!(hold.due(), Some(now + Duration::from_secs(5)));
        for _ in 0..40 {
            let probe = hold.probe().remove(0);
            hold.refused(probe, Some(Duration::from_secs(3600)), now, 0);
            assert_eq!(hold.due(), Some(now + WAITS.wait_max));
        }
    }
}
