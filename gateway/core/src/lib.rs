//! The words and rules of the gateway. This crate decides; it never acts.
//!
//! It has no clock, disk, socket, randomness, thread or JSON: time, random numbers and limits are
//! arguments. It imports none of our crates, and all of ours import it.
//!
//! # The few words
//!
//! | word | meaning |
//! | --- | --- |
//! | *source* | where events come in: one configured path, topic set or broker queue |
//! | *delivery* | what a source read from the wire, before anyone believed it |
//! | *event* | a verified delivery, as a CloudEvent with its payload byte for byte |
//! | *filter* | a Wasm component that decides about an event |
//! | *route* | a pattern, the filters to ask, and the queues to place the event in |
//! | *queue* | a durable line of events, with leases and retries |
//! | *sink* | a way out: takes from a queue and hands over to another system |
//! | *receipt* | the answer to a sender: the event is durable |
//! | *refusal* | the answer to a sender: the event was not taken, and why |
//! | *decision* | what a filter says about an event |
//! | *outcome* | what became of one attempt to hand over |
//! | *state* | what a filter remembers between events, committed with each of them |
//! | *letter* | the reason that travels with an event into a dead-letter queue |
//!
//! # The proof types
//!
//! `Received -> Verified -> Validated -> Routed -> Receipt`: each is made only from the one before,
//! by a constructor called `assertion`, and the `tidy` test pins who may call it. Forgetting to
//! verify does not compile.

pub mod decision;
pub mod delivery;
pub mod event;
pub mod fields;
pub mod handshake;
pub mod ids;
pub mod letter;
pub mod limits;
pub mod metrics;
pub mod outcome;
pub mod proof;
pub mod queue;
pub mod refusal;
pub mod retry;
pub mod seams;
pub mod signature;
pub mod state;
pub mod time;
