//! Write Sluicegate filters in Rust.
//!
//! A filter is asked about events and decides where they go. It runs in a sandbox: it has no
//! files, no network, no environment, only what this crate offers.
//!
//! ```
//! use sluicegate_plugin::{Decision, Subscription, filter};
//!
//! filter!(Subscription::to(["push"]).headers(["x-spam"]), |event| {
//!     Ok(match event.header("x-spam") {
//!         Some(_) => Decision::drop("marked as spam"),
//!         None => Decision::Next,
//!     })
//! });
//! # fn main() {}
//! ```
//!
//! A filter with a configuration or with state implements [`Filter`] and says [`export!`]; one that
//! is asked about several events in one call, [`BatchFilter`] and [`export_batch!`].
//! Natively, in unit tests, everything works without the gateway: [`log`] writes to standard
//! error, [`metrics`] count nothing, [`state`] is a map.

pub mod bindings;
pub mod clock;
mod decision;
mod event;
mod export;
#[cfg(any(test, target_arch = "wasm32"))]
mod heap;
pub mod json;
pub mod log;
pub mod metrics;
pub mod state;
mod subscription;

pub use bindings::sluicegate::plugin::types::{
    Data, DataMode, Decision, Event, Failure, Output, RejectCode, Rejection, Subscription,
};
pub use event::EventBuilder;
#[cfg(feature = "serde")]
pub use export::config;
pub use export::{BatchFilter, Filter};
