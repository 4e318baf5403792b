//! The owner task of a queue, and what is asked of it.

mod mail;
mod run;

pub(crate) use mail::{Mail, Reply, Seen};
pub(crate) use run::{Owner, Waiting};
