//! Refused deliveries, kept so that they can be judged again once a secret or a schema is mended.
//!
//! Each source has files of its own in `data/refused`, a run of entries each, and bounds of its
//! own: what one source's strangers send never takes another's place. What nobody signed lies in
//! files apart, under small bounds, and takes no place of what may be the provider's. The oldest
//! go first, and go with their file; what one operator removes is punched out of it. An entry is
//! sealed with the data keys of the folder, if it has any. A torn tail is passed over, and never
//! written behind: every opening begins new files.
//!
//! It must never be waited for by the line, and nothing in the log depends on it.

mod book;
mod bounds;
mod log;
mod shelf;
#[cfg(test)]
mod tests;
mod words;

pub use bounds::{RefusedBounds, RefusedUsage};
pub use log::RefusedLog;
pub use words::{
    KeepFault, Kept, RefusedClass, RefusedDelivery, RefusedFault, RefusedQuery, RefusedStanding,
};

/// The folder.
pub(crate) const FOLDER: &str = "refused";
