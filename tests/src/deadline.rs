//! Waiting on a condition with a deadline: the only way in which a test waits.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for something that must happen soon: on a machine that others use, too,
/// one flush of a disk can take seconds.
pub const SOON: Duration = Duration::from_secs(60);

/// Asks `condition` until it answers, and returns its answer.
///
/// # Panics
/// When there is no answer within [`SOON`]; `what` says what was waited for.
pub fn wait_for<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_within(SOON, what, condition)
}

/// Asks `condition` until it answers, and returns its answer.
///
/// # Panics
/// When there is no answer within `limit`; `what` says what was waited for.
pub fn wait_within<T>(limit: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = condition() {
            return answer;
        }
        assert!(Instant::now() < end, "waited {limit:?} for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
