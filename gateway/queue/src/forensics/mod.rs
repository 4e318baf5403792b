//! Forensics on a data folder that no gateway has open: verify, dump, repair, and a look at its
//! queues. It never changes anything but what [`repair()`] says that it does.

mod checkpoints;
mod dump;
mod files;
mod finding;
mod indexes;
mod look;
mod lost;
mod lying;
mod meanings;
mod past;
mod repair;
mod report;
mod segment;
mod stopped;
mod verify;
mod words;

#[cfg(test)]
pub(crate) use {
    dump::dump_stopped, repair::repair_stopped, stopped::Stopped, verify::verify_stopped,
};

pub(crate) use files::{DRAFT, FOLDERS, is_known};

pub use dump::{EntryKind, Filter, Payloads, dump};
pub use finding::{Finding, Severity, What};
pub use look::{peek, queues};
pub use past::past;
pub use repair::{Action, Mode, Repaired, repair};
pub use report::{Health, Progress, QueueCount, Report};
pub use stopped::Options;
pub use verify::verify;
