//! Every preset, and every handshake, against what providers send and what strangers may.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where something is wrong"
)]

mod envelopes;
mod explained;
mod handshakes;
mod open_source;
mod own;
mod own_schemes;
mod repetitions;
mod replaced;
mod senders;
mod signatures;
