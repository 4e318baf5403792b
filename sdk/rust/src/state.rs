//! What a filter remembers between events. The gateway keeps it for the plugin on each route apart,
//! and writes it with the event: if the event is refused, or the filter fails, nothing was written.
//! It must be granted in the gateway's configuration (`state: {}`).
//!
//! Natively, in unit tests, it is a map of the test's own thread; see [`double`].

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

/// The state of native tests: one for each thread, with a clock that the test moves.
#[cfg(not(target_arch = "wasm32"))]
pub mod double {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::Error;

    #[derive(Default)]
    struct Double {
        now_ms: u64,
        /// Values, each with the time when it is over.
        values: BTreeMap<String, (Vec<u8>, Option<u64>)>,
        full: bool,
    }

    thread_local! {
        static DOUBLE: RefCell<Double> = RefCell::default();
    }

    /// Forgets everything.
    pub fn clear() {
        DOUBLE.with(|double| *double.borrow_mut() = Double::default());
    }

    /// Lets time pass.
    pub fn pass(time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        with(|double| double.now_ms = double.now_ms.saturating_add(ms));
    }

    /// From now on every new key is refused, as when the quota is used up.
    pub fn fill() {
        with(|double| double.full = true);
    }

    /// The keys that are there.
    pub fn keys() -> Vec<String> {
        with(|double| {
            let all = double.values.keys().cloned().collect::<Vec<_>>();
            all.into_iter().filter(|key| double.live(key).is_some()).collect()
        })
    }

    pub(super) fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(with(|double| double.live(key).map(|(value, _)| value)))
    }

    pub(super) fn set(key: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<(), Error> {
        with(|double| {
            let until = ttl_ms.map(|ttl| double.now_ms.saturating_add(ttl));
            double.put(key, value.to_vec(), until)
        })
    }

    pub(super) fn set_if_absent(
        key: &str,
        value: &[u8],
        ttl_ms: Option<u64>,
    ) -> Result<bool, Error> {
        match get(key)? {
            Some(_) => Ok(false),
            None => set(key, value, ttl_ms).map(|()| true),
        }
    }

    pub(super) fn delete(key: &str) -> Result<(), Error> {
        with(|double| double.values.remove(key));
        Ok(())
    }

    pub(super) fn increment(key: &str, delta: i64, ttl_ms: Option<u64>) -> Result<i64, Error> {
        with(|double| {
            let (before, kept) = match double.live(key) {
                None => (0, None),
                Some((value, until)) => {
                    let text = String::from_utf8(value).unwrap_or_default();
                    let no_number = |_| Error::Unavailable("the value is not a number".into());
                    (text.parse::<i64>().map_err(no_number)?, until)
                }
            };
            let too_large = || Error::Unavailable("the sum is too large".into());
            let sum = before.checked_add(delta).ok_or_else(too_large)?;
            let until = ttl_ms.map(|ttl| double.now_ms.saturating_add(ttl)).or(kept);
            double.put(key, sum.to_string().into_bytes(), until)?;
            Ok(sum)
        })
    }

    impl Double {
        fn live(&self, key: &str) -> Option<(Vec<u8>, Option<u64>)> {
            let (value, until) = self.values.get(key)?;
            until.is_none_or(|until| self.now_ms < until).then(|| (value.clone(), *until))
        }

        fn put(&mut self, key: &str, value: Vec<u8>, until: Option<u64>) -> Result<(), Error> {
            if self.full && self.live(key).is_none() {
                return Err(Error::QuotaExceeded);
            }
            self.values.insert(key.to_owned(), (value, until));
            Ok(())
        }
    }

    fn with<T>(act: impl FnOnce(&mut Double) -> T) -> T {
        DOUBLE.with(|double| act(&mut double.borrow_mut()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Option<Duration> = Some(Duration::from_secs(1));

    #[test]
    fn a_key_is_there_until_its_time_is_over_and_only_one_wins_it() {
        assert_eq!(set_if_absent("k", b"v", SECOND), Ok(true));
        assert_eq!(set_if_absent("k", b"w", None), Ok(false));
        assert_eq!(get("k"), Ok(Some(b"v".to_vec())));
        double::pass(Duration::from_secs(1));
        assert_eq!((get("k"), double::keys()), (Ok(None), vec![]));
        assert_eq!(set_if_absent("k", b"w", None), Ok(true));
        assert_eq!(delete("k"), Ok(()));
        assert_eq!(get("k"), Ok(None));
    }

    #[test]
    fn numbers_add_up_and_keep_their_time() {
        assert_eq!(increment("n", 2, SECOND), Ok(2));
        assert_eq!(increment("n", -5, None), Ok(-3));
        double::pass(Duration::from_secs(1));
        assert_eq!(increment("n", 1, None), Ok(1));
        set("n", b"x", None).unwrap();
        assert!(matches!(increment("n", 1, None), Err(Error::Unavailable(_))));
    }

    #[test]
    fn a_full_state_takes_no_new_key() {
        set("old", b"1", None).unwrap();
        double::fill();
        assert_eq!(set("old", b"2", None), Ok(()));
        assert_eq!(set("new", b"1", None), Err(Error::QuotaExceeded));
        double::clear();
        assert_eq!(set("new", b"1", None), Ok(()));
    }
}
