//! The consumer and admin API on the admin listener.
//!
//! `door` decides who may ask; `table` knows which methods and paths there are; `queues` answers
//! for queues; `health` says whether the gateway lives and takes events; `exposition` writes the
//! metrics; `jobs` answers for redrives and replays; `event_json` is the CloudEvents JSON that consumers get.

mod door;
mod event_json;
mod exposition;
mod health;
mod jobs;
mod queues;
mod reply;
mod table;

pub use door::Access;
pub use exposition::Rooms;
pub use health::Readiness;
pub use table::Api;
