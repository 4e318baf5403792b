//! Where plugins come from: a file, a folder, a registry; and how new versions of them are noticed.
//!
//! `origin` is a place and fetches what is there; `folder` chooses the newest file of a folder;
//! `shelf` keeps what was pulled, so that a start needs no registry; `watch` looks at files and
//! folders while the gateway runs. Nothing here runs a plugin.

mod folder;
mod origin;
mod shelf;
mod watch;

pub use origin::{Artifact, Fetched, Origin, OriginFault};
pub use shelf::Shelf;
pub use watch::{NotTaken, Watch, WatchCounters, Watched};
