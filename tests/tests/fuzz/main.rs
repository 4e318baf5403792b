//! Every decoder of what strangers send, fed with what is nearly right: `sluicegate_tests::fuzz` is
//! the loop. `tests/README.md` says how to run it for hours.
//!
//! Decoders that only a room can reach have their properties there: `signature/mutated.rs` of
//! admission (DER, PEM, forms, targets), `format` of the queue (refused deliveries, entries),
//! `mqtt/tests` and `mqtt/session/random.rs` of sources (packets, held against another codec, and any
//! order of them), `amqp/guard/frames/tests.rs` (frames of a broker).

mod cloudevents;
mod doors;
mod proofs;
mod schemas;
