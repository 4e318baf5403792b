//! The segmented log: appending, scanning, reading back, and which segments are still needed.

mod append;
mod depot;
mod holed;
mod ledger;
mod note;
mod reader;
mod room;
mod scan;
mod segments;
mod shelf;
mod window;
mod yard;

pub(crate) use append::Log;
pub(crate) use depot::{Depot, spawn as spawn_depot};
pub(crate) use holed::Holed;
pub(crate) use ledger::Ledger;
pub(crate) use note::Noted;
pub(crate) use reader::{PlacedBefore, ReadBack, Reader, entry_len};
pub(crate) use room::{LogFault, Use, says_full};
pub(crate) use scan::{Found, Walk, scan, unreadable_at, walk};
pub(crate) use segments::{Segments, segment_name, segment_number};
pub(crate) use yard::{BALLAST, ballast_bytes, holds_only_zeros, remove_unused};

#[cfg(test)]
mod tests;
