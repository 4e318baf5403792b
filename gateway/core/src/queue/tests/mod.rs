//! What the state machine of a queue must do, one rule to a test, and all of it against a model.

mod bounds;
mod compare;
mod cost;
mod discard;
mod life;
mod model;
mod rules;
mod steps;
mod walk;
mod world;
