//! The segmented log: appending, scanning, reading back, and which segments are still needed.

mod append;
mod ledger;
mod reader;
mod scan;
mod segments;
mod window;

pub(crate) use append::{Log, LogFault, Use};
pub(crate) use ledger::Ledger;
pub(crate) use reader::{PlacedBefore, ReadBack, Reader};
pub(crate) use scan::{Found, Walk, scan, walk};
pub(crate) use segments::{Segments, segment_name, segment_number};
