//! The index of a segment: every arrival of every queue in it, by queue and priority, in the
//! order of the ids. It is derived from the log and must never be the only place of anything: it
//! can be thrown away and is made again by a scan of its segment.

mod block;
mod directory;
mod draft;
mod file;
mod gather;
mod indexes;
mod slot;
mod summary;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use draft::Draft;
pub(crate) use gather::Loaded;
pub(crate) use indexes::{Indexes, Opened};
pub(crate) use summary::Section;
