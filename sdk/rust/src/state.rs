//! What a filter remembers between events. The gateway keeps it for the plugin on each route apart,
//! and writes it with the event: if the event is refused, or the filter fails, nothing was written.
//! It must be granted in the gateway's configuration (`state: {}`).
//!
//! Natively, in unit tests, it is a map of the test's own thread that answers as the gateway does;
//! see [`double`].

pub use crate::bindings::sluicegate::plugin::state::Error;

use std::time::Duration;

use crate::Failure;

#[cfg(target_arch = "wasm32")]
use crate::bindings::sluicegate::plugin::state as host;
#[cfg(not(target_arch = "wasm32"))]
use double as host;

/// The value of a key; `None` if there is none.
pub fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    host::get(key)
}

/// Sets a key, for good or for so long.
pub fn set(key: &str, value: &[u8], ttl: Option<Duration>) -> Result<(), Error> {
    host::set(key, value, ms(ttl))
}

/// Sets a key unless it has a value; says whether it did. Of two events that run at the same time
/// one gets `true`.
pub fn set_if_absent(key: &str, value: &[u8], ttl: Option<Duration>) -> Result<bool, Error> {
    host::set_if_absent(key, value, ms(ttl))
}

/// Forgets a key.
pub fn delete(key: &str) -> Result<(), Error> {
    host::delete(key)
}

/// Adds to the number under a key, which begins at 0; gives the sum. With a time to live that time
/// begins now; without one the key keeps what it has. The value is decimal text.
pub fn increment(key: &str, delta: i64, ttl: Option<Duration>) -> Result<i64, Error> {
    host::increment(key, delta, ms(ttl))
}

fn ms(ttl: Option<Duration>) -> Option<u64> {
    ttl.map(|ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX))
}

/// With this, `?` on a state error is a failure of the filter.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(match error {
            Error::QuotaExceeded => "state: quota exceeded".into(),
            Error::TooLarge => "state: the key or value is too large".into(),
            Error::Unavailable(why) => format!("state: {why}"),
        })
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod cases;
#[cfg(not(target_arch = "wasm32"))]
pub mod double;
