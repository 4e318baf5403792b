//! The words of compatibility: modes, and what speaks against a new version.

use std::fmt;
use std::str::FromStr;

/// Which data a new version must read, and which versions must read its data. The names and their
/// meaning are those of Confluent's registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nothing is asked.
    None,
    /// It reads what was valid under the version before.
    #[default]
    Backward,
    /// It reads what was valid under any version before.
    BackwardTransitive,
    /// What is valid under it is read by the version before.
    Forward,
    /// What is valid under it is read by every version before.
    ForwardTransitive,
    /// Both, with the version before.
    Full,
    /// Both, with every version before.
    FullTransitive,
}

/// Who must read whose data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The new version reads the data of the old one.
    Backward,
    /// The old version reads the data of the new one.
    Forward,
}

/// Whether a finding is a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Something that was valid is not any more.
    Narrowed,
    /// Whether that is so cannot be decided.
    Undecided,
}

/// What speaks against a schema that is to read another's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// JSON Pointer into the schema that is to read.
    pub at: String,
    /// Whether it is a fact.
    pub verdict: Verdict,
    /// What it is.
    pub why: String,
}

/// What speaks against a new version beside one that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incompatible {
    /// The version that is there.
    pub version: u32,
    /// Who cannot read whose data.
    pub direction: Direction,
    /// What it is about.
    pub finding: Finding,
}

impl Mode {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// Whether every version before counts, and not only the last.
    #[must_use]
    pub fn is_transitive(self) -> bool {
        matches!(self, Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive)
    }

    pub(super) fn directions(self) -> &'static [Direction] {
        match self {
            Self::None => &[],
            Self::Backward | Self::BackwardTransitive => &[Direction::Backward],
            Self::Forward | Self::ForwardTransitive => &[Direction::Forward],
            Self::Full | Self::FullTransitive => &[Direction::Backward, Direction::Forward],
        }
    }
}

/// The text is no mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mode is NONE, BACKWARD, FORWARD or FULL, or one of the last three with _TRANSITIVE")]
pub struct UnknownMode;

impl FromStr for Mode {
    type Err = UnknownMode;

    /// Reads a name; `backward-transitive` is one too.
    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        let name = text.to_ascii_uppercase().replace('-', "_");
        ALL.into_iter().find(|mode| mode.word() == name).ok_or(UnknownMode)
    }
}

const ALL: [Mode; 7] = [
    Mode::None,
    Mode::Backward,
    Mode::BackwardTransitive,
    Mode::Forward,
    Mode::ForwardTransitive,
    Mode::Full,
    Mode::FullTransitive,
];

impl Direction {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Backward => "backward",
            Self::Forward => "forward",
        }
    }
}

impl Verdict {
    /// Its name.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Narrowed => "narrowed",
            Self::Undecided => "undecided",
        }
    }
}

impl Finding {
    pub(super) fn narrowed(at: &str, why: impl Into<String>) -> Self {
        Self { at: at.to_owned(), verdict: Verdict::Narrowed, why: why.into() }
    }

    pub(super) fn undecided(at: &str, why: impl Into<String>) -> Self {
        Self { at: at.to_owned(), verdict: Verdict::Undecided, why: why.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "the schema" } else { &self.at };
        match self.verdict {
            Verdict::Narrowed => write!(f, "{at}: {}", self.why),
            Verdict::Undecided => write!(f, "{at}: cannot be decided: {}", self.why),
        }
    }
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.direction {
            Direction::Backward => {
                write!(f, "does not read all data of version {}: {}", self.version, self.finding)
            }
            Direction::Forward => {
                write!(f, "version {} does not read all its data: {}", self.version, self.finding)
            }
        }
    }
}
