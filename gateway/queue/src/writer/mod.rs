//! The one thread that writes: drains the desk, writes, flushes once, frees all that waited.

mod batch;
mod checkpoint;
mod desk;
mod inbox;
mod janitor;
pub(crate) mod postman;
mod run;
mod work;

pub(crate) use desk::{Desk, Standing};
pub(crate) use inbox::{Arrival, Inbox};
pub(crate) use run::{Ended, Progress, Writer, spawn};
pub(crate) use work::{
    AgainWork, Answer, ChangesWork, CommitWork, LookupWork, MarkWork, NamesWork, Work, give_back,
};
