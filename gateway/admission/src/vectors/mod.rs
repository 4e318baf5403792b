//! Known answers: deliveries with their verdict, from providers' documentation and libraries. The
//! same engine that guards sources judges them.

mod challenge;
mod line;
mod run;

use std::fmt;

pub use run::run;

/// What became of each known answer, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One for each line.
    pub answers: Vec<Answer>,
}

/// What became of one known answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The engine says what the provider says.
    Passed,
    /// It does not.
    Failed {
        /// Which one.
        id: String,
        /// How the answers differ.
        why: String,
    },
    /// The engine does not know this scheme.
    Unsupported {
        /// Which one.
        id: String,
        /// Its scheme.
        scheme: String,
    },
}

/// Why known answers cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[error("known answers cannot be read: {0}")]
pub struct VectorFault(#[from] serde_json::Error);

impl Report {
    /// How many passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.count(|answer| *answer == Answer::Passed)
    }

    /// How many failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.count(|answer| matches!(answer, Answer::Failed { .. }))
    }

    /// How many are of a scheme that the engine does not know.
    #[must_use]
    pub fn unsupported(&self) -> usize {
        self.count(|answer| matches!(answer, Answer::Unsupported { .. }))
    }

    fn count(&self, which: impl Fn(&Answer) -> bool) -> usize {
        self.answers.iter().filter(|answer| which(answer)).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, failed, unsupported) = (self.passed(), self.failed(), self.unsupported());
        write!(f, "{passed} passed, {failed} failed, {unsupported} unsupported")
    }
}
