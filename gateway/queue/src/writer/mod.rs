//! The one thread that writes: drains the desk, writes, flushes once, frees all that waited.

mod batch;
mod desk;
mod inbox;
mod janitor;
pub(crate) mod postman;
mod run;
mod work;

pub(crate) use desk::{Desk, Standing};
pub(crate) use inbox::Inbox;
pub(crate) use run::{Writer, spawn};
pub(crate) use work::{Answer, ChangesWork, CommitWork, Work};
