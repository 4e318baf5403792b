//! What is said about refused deliveries: what they are, where they stand, what is asked.

use std::io;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::{EventId, SourceName};
use sluicegate_core::time::Timestamp;

/// A delivery that was refused, whole.
#[derive(Debug, Clone)]
pub struct RefusedDelivery {
    /// The id that its event would have had.
    pub id: EventId,
    /// When it came: it is judged as of then.
    pub at: Timestamp,
    /// The stable code of the refusal.
    pub code: String,
    /// The reason, for the operator.
    pub why: String,
    /// Whether a header that its proof needs was masked before it was kept.
    pub masked: bool,
    /// What came.
    pub delivery: Delivery,
}

/// What a refused delivery may be. Each class has files and bounds of its own, so that one never
/// takes another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusedClass {
    /// It may be the provider's: it is signed, if wrongly, or its signature was not the reason.
    Likely,
    /// Nothing in it reads as a signature of the source's scheme.
    Unsigned,
}

impl RefusedClass {
    /// Every class.
    pub const ALL: [Self; 2] = [Self::Likely, Self::Unsigned];
}

#[cfg(test)]
impl PartialEq for RefusedDelivery {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

/// Where a refused delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedStanding {
    /// It waits to be judged again.
    Kept,
    /// Its release began at this time and nobody has said how it ended: it may be an event.
    Releasing(Timestamp),
    /// It became this event, or repeats it.
    Released(EventId),
}

impl RefusedStanding {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Releasing(_) => "releasing",
            Self::Released(_) => "released",
        }
    }
}

/// One refused delivery in a list: everything but its headers and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: EventId,
    /// Its source.
    pub source: SourceName,
    /// When it came.
    pub at: Timestamp,
    /// The stable code of the refusal.
    pub code: String,
    /// The reason.
    pub why: String,
    /// Bytes that it takes on the disk.
    pub bytes: u64,
    /// Where it stands.
    pub standing: RefusedStanding,
}

/// Which refused deliveries are asked for.
#[derive(Debug, Clone, Default)]
pub struct RefusedQuery {
    /// Of this source.
    pub source: Option<SourceName>,
    /// With this code.
    pub code: Option<String>,
    /// That stand so: `kept`, `releasing`, `released`.
    pub standing: Option<String>,
    /// That came at or after this time.
    pub since: Option<Timestamp>,
    /// That came before this time.
    pub until: Option<Timestamp>,
    /// After this one, in the order of their ids.
    pub after: Option<EventId>,
    /// At most so many.
    pub limit: usize,
}

impl RefusedQuery {
    /// Whether one is asked for.
    pub(super) fn wants(&self, one: &Kept) -> bool {
        self.code.as_ref().is_none_or(|code| *code == one.code)
            && self.standing.as_ref().is_none_or(|word| word == one.standing.word())
            && self.since.is_none_or(|since| one.at >= since)
            && self.until.is_none_or(|until| one.at < until)
    }
}

/// Why a refused delivery was not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepFault {
    /// The source keeps none, or none of this size.
    #[error("source does not keep it")]
    NotWanted,
    /// The disk has too little free space: the log comes first.
    #[error("the disk has too little free space")]
    DiskFull,
    /// The disk failed.
    #[error("failed to write it: {0}")]
    Disk(#[from] io::Error),
}

/// Why nothing can be done with a refused delivery.
#[derive(Debug, thiserror::Error)]
pub enum RefusedFault {
    /// It is not there: it was removed, or its place was needed, or it was too old.
    #[error("no refused delivery has this id")]
    Gone,
    /// Its entry is damaged, or its key is missing.
    #[error("refused delivery cannot be read")]
    Damaged,
    /// It was released before.
    #[error("refused delivery was released before: it is event {0}")]
    Released(EventId),
    /// Another release of it is under way, or one was cut short.
    #[error("release of this delivery has begun before")]
    Releasing(Timestamp),
    /// The disk failed.
    #[error("failed to read or write refused deliveries: {0}")]
    Disk(#[from] io::Error),
}

impl RefusedFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Gone => "refused_not_found",
            Self::Damaged => "refused_damaged",
            Self::Released(_) => "refused_released",
            Self::Releasing(_) => "refused_in_doubt",
            Self::Disk(_) => "refused_disk",
        }
    }
}
