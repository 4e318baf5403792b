//! The consumer and admin API on the admin listener.
//!
//! `door` decides who may ask; `table` knows which methods and paths there are. `queues` answers
//! consumers; `show`, `peek` and `manage` answer operators: what queues are, what lies in them, and
//! what is done to them; `past` what came into them; `plugins` which versions of plugins decide,
//! and changes that; `schemas` is the schema registry; `jobs` answers for redrives and replays;
//! `refused` for what was refused and why, `keys` for keys and their use. `health` says whether the
//! gateway lives and takes events; `exposition` writes the metrics; `query` reads what the pages of
//! `past` and `peek` are asked; `event_json` is the CloudEvents JSON that consumers get.

mod door;
mod event_json;
mod exposition;
mod health;
mod jobs;
mod keys;
mod manage;
mod past;
mod peek;
mod plugins;
mod query;
mod queues;
mod refused;
mod reply;
mod schemas;
mod show;
mod table;

pub use door::Access;
pub use exposition::{Brokers, Rooms};
pub use health::Readiness;
pub use show::Configured;
pub use table::Api;
