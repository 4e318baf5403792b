//! Messages on their way from the stream to those who consume: each channel has a tap of its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::amqp::guard::Delivered;

/// The taps of one connection, by channel.
#[derive(Debug, Default)]
pub(super) struct Taps(Mutex<BTreeMap<u16, UnboundedSender<Delivered>>>);

/// The messages of one channel. How many may wait here, the broker was told: the prefetch.
#[derive(Debug)]
pub(crate) struct Tap(UnboundedReceiver<Delivered>);

impl Taps {
    /// The tap of a channel that has just been opened.
    pub(super) fn open(&self, channel: u16) -> Tap {
        let (sender, receiver) = unbounded_channel();
        self.lock().insert(channel, sender);
        Tap(receiver)
    }

    /// Hands messages out, each with its channel. Where the consumer is gone they stay with the
    /// broker, which has no answer for them.
    pub(super) fn hand_out(&self, delivered: impl Iterator<Item = (u16, Delivered)>) {
        let mut taps = self.lock();
        for (channel, message) in delivered {
            if let Some(tap) = taps.get(&channel)
                && tap.send(message).is_err()
            {
                taps.remove(&channel);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, UnboundedSender<Delivered>>> {
        // Nothing that runs under this lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap {
    /// Waits for messages, and takes those that are there, up to `most`. None lost if it is called
    /// off.
    pub(crate) async fn take(&mut self, most: usize) -> Vec<Delivered> {
        let mut taken = Vec::new();
        if self.0.recv_many(&mut taken, most).await == 0 {
            // A new tap has taken the place of this one, whose channel is gone: lapin says so.
            std::future::pending::<()>().await;
        }
        taken
    }

    /// Takes what is there.
    pub(crate) fn at_hand(&mut self) -> Vec<Delivered> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn message(tag: u64) -> Delivered {
        let (exchange, routing_key) = Default::default();
        let content = Ok(Default::default());
        Delivered { tag, redelivered: false, exchange, routing_key, content }
    }

    fn hand_out(taps: &Taps, messages: &[(u16, u64)]) {
        taps.hand_out(messages.iter().map(|(channel, tag)| (*channel, message(*tag))));
    }

    fn tags(taken: &[Delivered]) -> Vec<u64> {
        taken.iter().map(|one| one.tag).collect()
    }

    #[tokio::test]
    async fn each_channel_gets_its_own_and_a_new_one_of_the_same_number_nothing_old() {
        let taps = Taps::default();
        let (mut one, mut two) = (taps.open(1), taps.open(2));
        hand_out(&taps, &[(1, 1), (2, 2), (3, 3), (1, 4)]);
        assert_eq!(tags(&one.take(9).await), [1, 4]);
        assert_eq!(tags(&two.at_hand()), [2]);
        let mut again = taps.open(1);
        hand_out(&taps, &[(1, 5), (2, 6)]);
        assert!(one.take(9).now_or_never().is_none());
        assert_eq!(tags(&again.take(9).await), [5]);
        drop(again);
        hand_out(&taps, &[(1, 7), (2, 8)]);
        assert_eq!(tags(&two.take(9).await), [6, 8]);
    }
}
