//! The schema registry of a gateway that runs: what the configuration's files have, and what was
//! registered with it.
//!
//! `registrar` changes the registry and hands it to admission; `folder` keeps what was registered
//! on disk, as `record` has it; `look` finds what is there; `judge` compiles and compares in a
//! child process first, so that no schema can hold the gateway up; `settings` has the modes of
//! compatibility; `fault` is why not.

mod fault;
mod folder;
mod judge;
mod look;
mod record;
mod registrar;
mod settings;

pub use fault::SchemasFault;
pub use judge::{COMMAND, Judge, Question, Verdict, judge_child};
pub use registrar::{Given, Registered, Registrar};
pub use settings::{Settings, SubjectSettings};
