//! Wills that are due: a few at a time go through the line, and what is not taken now is tried
//! again, after a wait that grows. None is forgotten here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluicegate_core::time::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::seat::Will;

/// Wills that are due, or will be again.
#[derive(Debug)]
pub(crate) struct Wills {
    /// By when they are due, and the order in which they came.
    line: Mutex<Line>,
    at_once: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Line {
    waiting: BTreeMap<(Timestamp, u64), Due>,
    came: u64,
}

/// A will that is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) will: Will,
    /// How often it was tried.
    tries: u32,
}

impl Due {
    /// A will that was never tried.
    pub(crate) fn first(will: Will) -> Self {
        Self { will, tries: 0 }
    }
}

impl Wills {
    pub(crate) fn new() -> Self {
        Self { line: Mutex::default(), at_once: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// A will is due now.
    pub(crate) fn add(&self, will: Will, now: Timestamp) {
        self.lock().add(Due::first(will), now);
    }

    /// A will was not taken now. Says how long it waits.
    pub(crate) fn put_off(&self, due: Due, now: Timestamp) -> Duration {
        let wait = WAIT_MAX.min(WAIT_MIN * 2_u32.saturating_pow(due.tries.min(TRIES_COUNTED)));
        let due = Due { tries: due.tries.saturating_add(1), ..due };
        self.lock().add(due, now.plus(wait));
        wait
    }

    /// The next one that is due, if it may go through the line now: others wait until the permit is
    /// given back.
    pub(crate) fn next(&self, now: Timestamp) -> Option<(Due, OwnedSemaphorePermit)> {
        let mut line = self.lock();
        let first = line.waiting.first_entry().filter(|first| first.key().0 <= now)?;
        let permit = self.permit()?;
        Some((first.remove(), permit))
    }

    /// The right to take one through the line now.
    pub(crate) fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.at_once).try_acquire_owned().ok()
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        // Nothing panics while the lock is held.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn add(&mut self, due: Due, at: Timestamp) {
        self.came += 1;
        self.waiting.insert((at, self.came), due);
    }
}

/// Wills that go through the line together: clients that come and go must not wait behind those of
/// a whole fleet.
const AT_ONCE: usize = 16;

const WAIT_MIN: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Beyond that the wait is the longest anyway.
const TRIES_COUNTED: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::wire::{Publish, QoS};

    fn will(client: &str) -> Will {
        let publish = Publish {
            dup: false,
            retain: false,
            qos: QoS::AtLeastOnce,
            topic: "t".into(),
            packet_id: None,
            payload: bytes::Bytes::new(),
            properties: None,
        };
        Will { publish, client: client.into(), user: None, delay: 0, number: None }
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_unix_ms(1_000_000 + ms)
    }

    #[test]
    fn a_will_waits_longer_each_time_and_is_never_given_up() {
        let wills = Wills::new();
        wills.add(will("c"), at(0));
        let (mut now, mut waits) = (0, Vec::new());
        for _ in 0..12 {
            assert!(now == 0 || wills.next(at(now - 1)).is_none());
            let (due, _permit) = wills.next(at(now)).unwrap();
            let wait = wills.put_off(due, at(now));
            now += u64::try_from(wait.as_millis()).unwrap();
            waits.push(wait.as_millis());
        }
        assert_eq!(waits[..4], [250, 500, 1000, 2000]);
        assert_eq!(waits[9..], [60_000; 3]);
    }

    #[test]
    fn only_a_few_go_through_the_line_together() {
        let wills = Wills::new();
        (0..AT_ONCE + 1).for_each(|number| wills.add(will(&number.to_string()), at(0)));
        let mut gone: Vec<_> = std::iter::from_fn(|| wills.next(at(0))).collect();
        assert_eq!(gone.len(), AT_ONCE);
        gone.pop();
        let (last, _permit) = wills.next(at(0)).unwrap();
        assert_eq!(&*last.will.client, AT_ONCE.to_string());
        assert!(wills.permit().is_none());
        assert!(wills.next(at(0)).is_none());
    }
}
