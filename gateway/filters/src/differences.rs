//! How the answers of two versions differ, counted and sampled. No payload is kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sluicegate_core::decision::{Decision, Failure, Output};
use sluicegate_core::event::Event;
use sluicegate_core::ids::EventId;

use crate::metrics::RETRY_AFTER;
use crate::trial::Said;

/// In what two answers about one event differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs {
    /// One decides another thing, or breaks, or is not asked.
    Kind,
    /// The same kind of answer, with other words, queues or outputs.
    Detail,
    /// The same outputs with other payloads.
    Payload,
}

impl Differs {
    /// A stable word for the API and the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Detail => "detail",
            Self::Payload => "payload",
        }
    }
}

impl Said {
    /// The kind of answer, in one word: the codes of decisions, of failures, or `not_asked`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::Decided(decision) => decision.code(),
            Self::Failed(Failure::RetryAfter(_)) => RETRY_AFTER,
            Self::Failed(Failure::Failed(_)) => "failed",
            Self::Broke { cause, .. } => cause.code(),
        }
    }

    /// In what another answer differs from this one. What the host says of a failure is not
    /// compared, nor is what an author says of one: addresses and times stand in it.
    #[must_use]
    pub fn differs(&self, other: &Self) -> Option<Differs> {
        if self.kind() != other.kind() {
            return Some(Differs::Kind);
        }
        let same = match (self, other) {
            (Self::Broke { .. }, Self::Broke { .. })
            | (Self::Failed(Failure::Failed(_)), Self::Failed(Failure::Failed(_))) => true,
            (one, other) => one == other,
        };
        if same {
            return None;
        }
        let but_for_payloads = self.without_payloads() == other.without_payloads();
        Some(if but_for_payloads { Differs::Payload } else { Differs::Detail })
    }

    /// The answer without the payloads that it sets.
    #[must_use]
    pub fn without_payloads(&self) -> Self {
        let Self::Decided(Decision::Emit(outputs)) = self else { return self.clone() };
        let bare = |output: &Output| Output { payload: None, ..output.clone() };
        Self::Decided(Decision::Emit(outputs.iter().map(bare).collect()))
    }
}

/// An event about which two versions said different things.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The event.
    pub event: EventId,
    /// Its type.
    pub kind: String,
    /// In what they differ.
    pub differs: Differs,
    /// What the version that decides said, without payloads.
    pub current: Said,
    /// What the shadow said, without payloads.
    pub shadow: Said,
}

/// What came of a shadow so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Differences {
    /// Events that both were asked about.
    pub compared: u64,
    /// Those of them about which they differ.
    pub different: u64,
    /// Events that the shadow was not asked about, because it was too slow.
    pub dropped: u64,
    /// Differences by the kinds of both answers: the one that counts, the shadow's.
    pub pairs: BTreeMap<(&'static str, &'static str), u64>,
    /// The last of them, oldest first.
    pub last: VecDeque<Difference>,
}

/// [`Differences`] in the making.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Differences>);

impl Tally {
    /// Compares two answers about an event.
    pub(crate) fn compare(&self, event: &Event, current: &Said, shadow: &Said) {
        let differs = current.differs(shadow);
        let mut all = self.lock();
        all.compared += 1;
        let Some(differs) = differs else { return };
        all.different += 1;
        *all.pairs.entry((current.kind(), shadow.kind())).or_default() += 1;
        if all.last.len() >= LAST_MAX {
            all.last.pop_front();
        }
        all.last.push_back(Difference {
            event: event.id,
            kind: event.kind.clone(),
            differs,
            current: current.without_payloads(),
            shadow: shadow.without_payloads(),
        });
    }

    /// Counts events that were not compared.
    pub(crate) fn dropped(&self, count: u64) {
        self.lock().dropped += count;
    }

    /// The state now.
    pub(crate) fn snapshot(&self) -> Differences {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Differences> {
        // What this lock guards is whole at every moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Differences that are kept.
const LAST_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use sluicegate_core::letter::Cause;

    fn emit(kind: &str, payload: &'static str) -> Said {
        let output = Output {
            kind: Some(kind.into()),
            payload: Some(Bytes::from_static(payload.as_bytes())),
            ..Output::default()
        };
        Said::Decided(Decision::Emit(vec![output]))
    }

    fn broke(cause: Cause, why: &str) -> Said {
        Said::Broke { cause, why: why.into() }
    }

    #[test]
    fn answers_differ_by_kind_by_detail_or_by_payload() {
        let drop = |why: &str| Said::Decided(Decision::Drop(why.into()));
        for (one, other, differs) in [
            (drop("a"), drop("a"), None),
            (drop("a"), drop("b"), Some(Differs::Detail)),
            (drop("a"), Said::NotAsked, Some(Differs::Kind)),
            (emit("a", "1"), emit("a", "1"), None),
            (emit("a", "1"), emit("a", "2"), Some(Differs::Payload)),
            (emit("a", "1"), emit("b", "1"), Some(Differs::Detail)),
            (broke(Cause::Trap, "at 1"), broke(Cause::Trap, "at 2"), None),
            (broke(Cause::Trap, "at 1"), broke(Cause::Memory, "at 1"), Some(Differs::Kind)),
        ] {
            assert_eq!(one.differs(&other), differs, "{one:?} {other:?}");
        }
    }
}
