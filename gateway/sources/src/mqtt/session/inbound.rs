//! QoS 2 messages of a client on their way in: which of them are taken, and about which the line
//! has not spoken yet.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

/// QoS 2 messages of a client.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    /// Taken, and not released yet.
    received: BTreeMap<NonZeroU16, Mark>,
    /// On their way through the line; whether the connection that speaks now waits for that.
    taking: BTreeMap<NonZeroU16, bool>,
    marks: u64,
}

/// Tells one message from the next that has the same packet id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

/// What is known of a packet id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: it may be taken.
    New,
    /// Its message is on its way through the line.
    OnItsWay,
    /// Its message was taken.
    Taken,
}

impl Inbound {
    /// A message came on the connection that speaks now.
    pub(super) fn came(&mut self, id: NonZeroU16) -> Known {
        if self.received.contains_key(&id) {
            return Known::Taken;
        }
        match self.taking.get_mut(&id) {
            Some(waits) => {
                *waits = true;
                Known::OnItsWay
            }
            None => Known::New,
        }
    }

    /// A message goes through the line.
    pub(super) fn goes(&mut self, id: NonZeroU16) {
        self.taking.insert(id, true);
    }

    /// The line has spoken. Says whether the connection that speaks now waits for that.
    pub(super) fn judged(&mut self, id: NonZeroU16, taken: bool) -> bool {
        if taken {
            self.remember(id);
        }
        self.taking.remove(&id).unwrap_or(false)
    }

    /// Its message was taken.
    pub(super) fn remember(&mut self, id: NonZeroU16) {
        self.marks += 1;
        self.received.insert(id, Mark(self.marks));
    }

    /// The message that was taken under this packet id.
    pub(super) fn mark(&self, id: NonZeroU16) -> Option<Mark> {
        self.received.get(&id).copied()
    }

    /// Forgets this message, and no later one of the same packet id. Says whether it was there.
    pub(super) fn forget(&mut self, id: NonZeroU16, mark: Mark) -> bool {
        self.mark(id) == Some(mark) && self.received.remove(&id).is_some()
    }

    /// Another connection speaks: nothing came on it yet.
    pub(super) fn turn(&mut self) {
        self.taking.values_mut().for_each(|waits| *waits = false);
    }

    /// All packet ids that may be written down.
    pub(super) fn ids(&self) -> Vec<NonZeroU16> {
        self.received.keys().chain(self.taking.keys()).copied().collect()
    }
}
