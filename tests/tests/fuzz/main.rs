//! Every decoder of what strangers send, fed with what is nearly right: `sluicegate_tests::fuzz` is
//! the loop. `tests/README.md` says how to run it for hours.
//!
//! Decoders that only a room can reach have their properties there: `signature/mutated.rs` of
//! admission (DER, PEM, forms, targets), `format` of the queue (refused deliveries, entries).

mod cloudevents;
mod doors;
mod proofs;
mod schemas;
