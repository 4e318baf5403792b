//! The state of native tests: one for each thread, with a clock that the test moves. It answers as
//! the gateway does, which `sdk/state.cases` shows of both.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use super::Error;

/// How much a filter may remember: what `state` grants in the gateway's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// At most so many keys.
    pub keys_max: usize,
    /// At most so many bytes of keys and values.
    pub bytes_max: usize,
    /// At most so many bytes of one value.
    pub value_bytes_max: usize,
}

impl Default for Grant {
    /// What `state: {}` grants.
    fn default() -> Self {
        Self { keys_max: 10_000, bytes_max: 16 << 20, value_bytes_max: 64 << 10 }
    }
}

/// Forgets everything: keys, time and grant.
pub fn clear() {
    DOUBLE.with(|double| *double.borrow_mut() = Double::default());
}

/// Lets time pass.
pub fn pass(time: Duration) {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    with(|double| double.now_ms = double.now_ms.saturating_add(ms));
}

/// Changes how much the filter may remember.
pub fn grant(grant: Grant) {
    with(|double| double.grant = grant);
}

/// Grants no more keys than are there: a new one is refused.
pub fn fill() {
    with(|double| {
        double.forget_expired();
        double.grant.keys_max = double.values.len();
    });
}

/// The keys that are there.
pub fn keys() -> Vec<String> {
    with(|double| {
        double.forget_expired();
        double.values.keys().cloned().collect()
    })
}

#[derive(Default)]
struct Double {
    now_ms: u64,
    values: BTreeMap<String, Entry>,
    grant: Grant,
}

#[derive(Clone)]
struct Entry {
    value: Vec<u8>,
    /// From then on the key is not there; `None`: it stays.
    expires_ms: Option<u64>,
}

thread_local! {
    static DOUBLE: RefCell<Double> = RefCell::default();
}

pub(super) fn get(key: &str) -> Result<Option<Vec<u8>>, Error> {
    with(|double| Ok(double.look(key)?.map(|entry| entry.value)))
}

pub(super) fn set(key: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<(), Error> {
    with(|double| {
        double.look(key)?;
        let expires_ms = double.expiry(ttl_ms);
        double.put(key, Entry { value: value.to_vec(), expires_ms })
    })
}

pub(super) fn set_if_absent(key: &str, value: &[u8], ttl_ms: Option<u64>) -> Result<bool, Error> {
    match get(key)? {
        Some(_) => Ok(false),
        None => set(key, value, ttl_ms).map(|()| true),
    }
}

pub(super) fn delete(key: &str) -> Result<(), Error> {
    with(|double| {
        double.look(key)?;
        double.values.remove(key);
        Ok(())
    })
}

pub(super) fn increment(key: &str, delta: i64, ttl_ms: Option<u64>) -> Result<i64, Error> {
    with(|double| {
        let before = double.look(key)?;
        let number = before.as_ref().map_or(Some(0), |entry| number(&entry.value));
        let unavailable = |why: &str| Error::Unavailable(why.to_owned());
        let number = number.ok_or_else(|| unavailable("the value is not a number"))?;
        let sum = number.checked_add(delta).ok_or_else(|| unavailable("the sum is too large"))?;
        let kept = before.and_then(|entry| entry.expires_ms);
        let expires_ms = double.expiry(ttl_ms).or(kept);
        double.put(key, Entry { value: sum.to_string().into_bytes(), expires_ms })?;
        Ok(sum)
    })
}

fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

impl Double {
    /// The value of a key that is there. An error if no key can be this one.
    fn look(&mut self, key: &str) -> Result<Option<Entry>, Error> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(Error::TooLarge);
        }
        self.forget_expired();
        Ok(self.values.get(key).cloned())
    }

    fn put(&mut self, key: &str, entry: Entry) -> Result<(), Error> {
        if entry.value.len() > self.grant.value_bytes_max {
            return Err(Error::TooLarge);
        }
        let taken = |(key, entry): (&String, &Entry)| key.len() + entry.value.len();
        let before = self.values.get_key_value(key).map_or(0, taken);
        let after = key.len() + entry.value.len();
        let keys = self.values.len() + usize::from(before == 0);
        let bytes = self.values.iter().map(taken).sum::<usize>() - before + after;
        // What does not grow is always taken.
        let no_key = before == 0 && keys > self.grant.keys_max;
        if no_key || after > before && bytes > self.grant.bytes_max {
            return Err(Error::QuotaExceeded);
        }
        self.values.insert(key.to_owned(), entry);
        Ok(())
    }

    fn expiry(&self, ttl_ms: Option<u64>) -> Option<u64> {
        ttl_ms.map(|ttl| self.now_ms.saturating_add(ttl))
    }

    fn forget_expired(&mut self) {
        let now = self.now_ms;
        self.values.retain(|_, entry| entry.expires_ms.is_none_or(|end| now < end));
    }
}

fn with<T>(act: impl FnOnce(&mut Double) -> T) -> T {
    DOUBLE.with(|double| act(&mut double.borrow_mut()))
}

const KEY_BYTES_MAX: usize = 512;
