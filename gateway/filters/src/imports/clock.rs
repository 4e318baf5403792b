//! The clock that a guest may ask. The only file of this room that asks what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use sluicegate_core::time::Timestamp;

use crate::contract::sluicegate::plugin::clock::Host;
use crate::imports::Context;

impl Host for Context {
    fn now_ns(&mut self) -> u64 {
        now().unix_ns()
    }
}

/// What time it is, for trials too.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ns(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
