//! Messages on their way from the stream to those who consume: each channel has a tap of its own.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Poll, Waker};

use super::content::Delivered;

/// The taps of one connection, by channel.
#[derive(Debug, Default)]
pub(crate) struct Taps(Mutex<BTreeMap<u16, Weak<Basin>>>);

/// The messages of one channel.
#[derive(Debug)]
pub(crate) struct Tap(Arc<Basin>);

/// Where messages wait, and how many may.
#[derive(Debug)]
struct Basin {
    most: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: Vec<Delivered>,
    /// Who waits, and for how many.
    taker: Option<(usize, Waker)>,
    closed: bool,
}

/// A broker has sent more messages than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overflow;

impl Taps {
    /// The tap of a channel that has just been opened, on which the broker may send so many
    /// messages without an answer.
    pub(crate) fn open(&self, channel: u16, most: usize) -> Tap {
        let basin = Arc::new(Basin { most, waiting: Mutex::default() });
        let mut taps = self.lock();
        taps.retain(|_, basin| basin.strong_count() > 0);
        taps.insert(channel, Arc::downgrade(&basin));
        Tap(basin)
    }

    /// Whether somebody takes the messages of this channel.
    pub(super) fn is_open(&self, channel: u16) -> bool {
        self.basin(channel).is_some_and(|basin| !basin.lock().closed)
    }

    /// Hands messages out, each with its channel. Where the consumer is gone they stay with the
    /// broker, which has no answer for them.
    pub(super) fn hand_out(
        &self,
        delivered: impl Iterator<Item = (u16, Delivered)>,
    ) -> Result<(), Overflow> {
        let mut delivered = delivered.peekable();
        while let Some((channel, _)) = delivered.peek() {
            let channel = *channel;
            let of_channel = std::iter::from_fn(|| delivered.next_if(|(next, _)| *next == channel));
            let mut messages = of_channel.map(|(_, message)| message);
            if let Some(basin) = self.basin(channel) {
                basin.add(&mut messages)?;
            }
            messages.for_each(drop);
        }
        Ok(())
    }

    fn basin(&self, channel: u16) -> Option<Arc<Basin>> {
        self.lock().get(&channel).and_then(Weak::upgrade)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, Weak<Basin>>> {
        // Nothing that runs under this lock can leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Basin {
    fn add(&self, messages: impl Iterator<Item = Delivered>) -> Result<(), Overflow> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Ok(());
        }
        waiting.messages.extend(messages);
        let there = waiting.messages.len();
        let taker = waiting.taker.take_if(|(wanted, _)| there >= *wanted);
        drop(waiting);
        if let Some((_, waker)) = taker {
            waker.wake();
        }
        if there > self.most { Err(Overflow) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // As above.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tap {
    /// Waits until so many messages are there, and takes all that are. None is lost if this is
    /// called off.
    pub(crate) async fn take(&mut self, wanted: usize) -> Vec<Delivered> {
        poll_fn(|context| {
            let mut waiting = self.0.lock();
            if waiting.messages.len() >= wanted {
                waiting.taker = None;
                return Poll::Ready(std::mem::take(&mut waiting.messages));
            }
            waiting.taker = Some((wanted, context.waker().clone()));
            Poll::Pending
        })
        .await
    }

    /// Takes what is there, and nothing more ever.
    pub(crate) fn close(&mut self) -> Vec<Delivered> {
        let mut waiting = self.0.lock();
        waiting.closed = true;
        std::mem::take(&mut waiting.messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand_out(taps: &Taps, messages: &[(u16, u64)]) -> Result<(), Overflow> {
        taps.hand_out(messages.iter().map(|(channel, tag)| (*channel, Delivered::empty(*tag))))
    }

    fn tags(taken: &[Delivered]) -> Vec<u64> {
        taken.iter().map(|one| one.tag).collect()
    }

    #[tokio::test]
    async fn each_channel_gets_its_own_and_a_new_one_of_the_same_number_nothing_old() {
        let taps = Taps::default();
        let (mut one, mut two) = (taps.open(1, 9), taps.open(2, 9));
        hand_out(&taps, &[(1, 1), (2, 2), (3, 3), (1, 4)]).unwrap();
        assert_eq!(tags(&one.take(1).await), [1, 4]);
        assert_eq!(tags(&two.take(1).await), [2]);
        let mut again = taps.open(1, 9);
        hand_out(&taps, &[(1, 5), (2, 6)]).unwrap();
        assert!(one.close().is_empty());
        assert_eq!(tags(&again.take(1).await), [5]);
        drop(again);
        hand_out(&taps, &[(1, 7), (2, 8)]).unwrap();
        assert_eq!(tags(&two.close()), [6, 8]);
        assert!(!taps.is_open(1) && !taps.is_open(2) && !taps.is_open(3));
        hand_out(&taps, &[(2, 9)]).unwrap();
        assert!(two.close().is_empty());
        drop((one, two));
        let _last = taps.open(4, 9);
        assert_eq!(taps.lock().len(), 1, "those that are gone take no room");
    }

    #[tokio::test]
    async fn who_waits_for_several_is_woken_once_they_are_there() {
        let taps = Taps::default();
        let mut tap = taps.open(1, 9);
        let waits = tokio::spawn(async move { tap.take(3).await });
        tokio::task::yield_now().await;
        hand_out(&taps, &[(1, 1), (1, 2)]).unwrap();
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        hand_out(&taps, &[(1, 3), (1, 4)]).unwrap();
        assert_eq!(tags(&waits.await.unwrap()), [1, 2, 3, 4]);
    }

    #[tokio::test]
    async fn more_than_may_wait_is_told() {
        let taps = Taps::default();
        let mut tap = taps.open(1, 2);
        hand_out(&taps, &[(1, 1), (1, 2)]).unwrap();
        assert_eq!(hand_out(&taps, &[(1, 3)]), Err(Overflow));
        assert_eq!(tags(&tap.take(1).await), [1, 2, 3]);
    }
}
