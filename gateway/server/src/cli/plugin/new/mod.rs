//! `sluicegate plugin new`: a folder that builds and passes its cases at once, with the SDK of its
//! language inside.

mod files;
mod verb;

pub(super) use verb::{Ask, new};
