//! The Wasm room as the hall uses it, with guests that are good, bad and false.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]

mod decisions;
mod guest;
