//! What the state machine of a queue must do, one rule to a test, and all of it against a model.

mod model;
mod rules;
mod walk;
mod world;
