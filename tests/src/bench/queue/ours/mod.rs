//! What is measured in this process: the raw loop, and the engine.

mod desk;
pub(super) mod engine;
pub(super) mod raw;
