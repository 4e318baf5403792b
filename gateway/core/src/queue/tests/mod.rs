//! What the state machine of a queue must do, one rule to a test, and all of it against a model.

mod discard;
mod model;
mod rules;
mod world;
