//! The Wasm room as the hall uses it, with guests that are good, bad and false.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up fails")]
#![expect(clippy::panic, reason = "a test that finds another answer fails")]

mod batches;
mod chains;
mod children;
mod decisions;
mod failures;
mod flat;
mod guest;
mod imports;
mod load;
mod loading;
mod mutants;
mod plugins;
mod state;
mod state_cases;
mod versions;
