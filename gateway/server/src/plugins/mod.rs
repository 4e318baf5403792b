//! The versions of the plugins of a gateway that runs: which of them decides, which is in shadow,
//! what survives a restart.
//!
//! `versions` is what the API and the hall hold; `folder` and `index` are what is on the disk;
//! `restart` takes it up again.

mod fault;
mod folder;
mod index;
mod restart;
mod versions;

pub use fault::VersionFault;
pub use versions::{As, Held, Put, PutDone, Versions};
