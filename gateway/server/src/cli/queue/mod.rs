//! `sluicegate queue`: what operators do with the queues of a running gateway, over its admin API.
//!
//! `arguments` is what can be said; `admin` asks the gateway; `look`, `manage` and `jobs` do what
//! is said; `offline` does without a gateway. `--json` prints what the API answered instead of
//! tables.

mod arguments;
mod jobs;
mod look;
mod manage;
mod offline;
mod watch;

pub(super) use arguments::{Arguments, run};
