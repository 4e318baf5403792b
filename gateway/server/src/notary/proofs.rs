//! What was fetched for one source, by URL: how long it is good, and what goes when there is no
//! more room. Nothing is fetched here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluicegate_admission::Evidence;
use sluicegate_core::time::{Moment, Timestamp};
use tokio::sync::Semaphore;

use crate::limiter::{Limiter, Rate};

/// The documents of one source.
pub(super) struct Proofs {
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    /// Fetches from places that gave nothing yet. What is known is fetched again without it.
    rate: Limiter,
    /// Who waits for a fetch.
    pub(super) waiting: Semaphore,
}

/// One URL.
#[derive(Default)]
pub(super) struct Slot {
    /// One fetches; who needs it waits.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    held: Mutex<Held>,
    /// Whether it has proven a sender: no stranger can have chosen it.
    proven: AtomicBool,
    used_ns: AtomicU64,
}

/// Times are those of the steady clock.
#[derive(Default)]
struct Held {
    evidence: Option<Arc<Evidence>>,
    good_until: Timestamp,
    /// Before this it is not asked for again, whether there was an answer or not.
    ask_again_at: Timestamp,
}

/// How a slot stands.
pub(super) enum Standing {
    /// It is good, and new enough.
    Fresh(Arc<Evidence>),
    /// It is good, and due to be fetched again.
    Due(Arc<Evidence>),
    /// It could not be had a moment ago: for so long it is not asked for again.
    Failed(Duration),
    /// It is to be fetched.
    Missing,
}

impl Proofs {
    pub(super) fn new() -> Self {
        let (rate, waiting) = (Limiter::new(UNKNOWN), Semaphore::new(WAITING_MAX));
        Self { slots: Mutex::default(), rate, waiting }
    }

    /// The slot of a URL. One that has given nothing yet costs a token each time it is asked, and
    /// takes no place of one that has.
    ///
    /// # Errors
    /// How long until there is a token, or a place.
    pub(super) fn slot(&self, url: &str, now: Timestamp) -> Result<Arc<Slot>, Duration> {
        let mut slots = self.lock();
        if let Some(slot) = slots.get(url) {
            let free = slot.turn.try_lock().is_ok();
            if free && slot.is_spent(now) {
                self.rate.take(now)?;
            }
            slot.used_ns.store(now.unix_ns(), Ordering::Relaxed);
            return Ok(Arc::clone(slot));
        }
        self.rate.take(now)?;
        if slots.len() >= SLOTS_MAX {
            let idle = slots.iter().filter(|(_, slot)| slot.turn.try_lock().is_ok());
            let least = idle.min_by_key(|(_, slot)| slot.worth()).map(|(url, _)| url.clone());
            slots.remove(&least.ok_or(BUSY)?);
        }
        let slot = Arc::new(Slot::default());
        slot.used_ns.store(now.unix_ns(), Ordering::Relaxed);
        slots.insert(url.to_owned(), Arc::clone(&slot));
        Ok(slot)
    }

    /// Notes that what lies there has proven a sender.
    pub(super) fn has_proven(&self, url: &str) {
        if let Some(slot) = self.lock().get(url) {
            slot.proven.store(true, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        // Nothing panics under the lock; a poisoned one holds a whole map.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    pub(super) fn standing(&self, now: Timestamp) -> Standing {
        let held = self.lock();
        let due = held.ask_again_at <= now;
        match held.evidence.as_ref().filter(|_| now < held.good_until) {
            Some(evidence) if due => Standing::Due(Arc::clone(evidence)),
            Some(evidence) => Standing::Fresh(Arc::clone(evidence)),
            None if due => Standing::Missing,
            None => Standing::Failed(held.ask_again_at.since(now)),
        }
    }

    /// Keeps what was fetched: a certificate until it ends, a set of keys for a day.
    pub(super) fn keep(&self, evidence: Arc<Evidence>, now: &Moment) {
        let left = evidence.good_until().map_or(UNDATED_KEPT, |end| end.since(now.wall));
        let mut held = self.lock();
        // One that has ended is what a delivery of before may need: it is judged as of then.
        held.good_until = now.steady.plus(left.max(FAILURE_KEPT));
        held.ask_again_at = now.steady.plus(left.clamp(FAILURE_KEPT, FRESH));
        held.evidence = Some(evidence);
    }

    /// Notes that it could not be had. What was there before stays for as long as it is good.
    pub(super) fn fail(&self, now: Timestamp) {
        self.lock().ask_again_at = now.plus(FAILURE_KEPT);
    }

    /// Whether it has never given anything, and is to be asked again.
    fn is_spent(&self, now: Timestamp) -> bool {
        let held = self.lock();
        held.evidence.is_none() && held.ask_again_at <= now
    }

    /// The lowest goes first.
    fn worth(&self) -> (bool, bool, u64) {
        let given = self.lock().evidence.is_some();
        (self.proven.load(Ordering::Relaxed), given, self.used_ns.load(Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing panics under the lock.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fetches of one source from places that it does not know: a provider has a handful.
const UNKNOWN: Rate = Rate { per_second: 1, burst: 8 };
/// URLs that are known at one time, of one source.
const SLOTS_MAX: usize = 32;
/// Deliveries of one source that wait for fetches.
const WAITING_MAX: usize = 256;
const BUSY: Duration = Duration::from_secs(1);
/// How long a document is not asked for again.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// How long one that does not say when it ends is good, if it cannot be fetched again.
const UNDATED_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it is not tried again after a failure.
pub(super) const FAILURE_KEPT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_ms(seconds * 1000)
    }

    fn keys() -> Arc<Evidence> {
        let text = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let anchors = sluicegate_admission::Anchors::web();
        let kind = sluicegate_admission::EvidenceKind::Keys;
        Arc::new(Evidence::read(kind, text, &anchors).unwrap())
    }

    /// One more URL, that gives nothing.
    fn flood(proofs: &Proofs, number: u64, now: Timestamp) -> bool {
        let slot = proofs.slot(&format!("https://a/{number}"), now);
        slot.map(|slot| slot.fail(now)).is_ok()
    }

    #[test]
    fn a_flood_of_urls_takes_no_place_of_what_is_known_and_costs_one_fetch_a_second() {
        let proofs = Proofs::new();
        let moment = Moment { wall: at(1000), steady: at(1000) };
        for url in ["https://a/known", "https://a/proven"] {
            proofs.slot(url, at(1000)).unwrap().keep(keys(), &moment);
        }
        proofs.has_proven("https://a/proven");
        let made = (0..10_000).filter(|n| flood(&proofs, *n, at(1000 + n / 100))).count();
        assert_eq!(made, 6 + 99);
        assert!(proofs.lock().len() <= SLOTS_MAX);
        for url in ["https://a/known", "https://a/proven"] {
            let slot = proofs.slot(url, at(1099)).unwrap();
            assert!(matches!(slot.standing(at(1099)), Standing::Fresh(_)), "{url}");
        }
        // What gives something is not yet what proves somebody.
        for number in 0..100 {
            let now = at(2000 + number);
            proofs.slot(&format!("https://a/{number}"), now).unwrap().keep(keys(), &moment);
        }
        assert!(proofs.lock().contains_key("https://a/proven"));
        assert!(!proofs.lock().contains_key("https://a/known"), "the least used goes first");
    }

    #[test]
    fn what_failed_costs_a_token_each_time_that_it_is_tried_again() {
        let proofs = Proofs::new();
        assert!((0..UNKNOWN.burst).all(|number| flood(&proofs, number.into(), at(1000))));
        assert!(proofs.slot("https://a/0", at(1000)).is_ok(), "it is not tried yet");
        assert!((100..108).all(|number| flood(&proofs, number, at(1015))));
        assert!(proofs.slot("https://a/0", at(1015)).is_err());
    }

    #[test]
    fn a_set_of_keys_that_cannot_be_fetched_again_is_good_for_a_day() {
        let slot = Slot::default();
        assert!(matches!(slot.standing(at(1000)), Standing::Missing));
        slot.keep(keys(), &Moment { wall: at(1000), steady: at(1000) });
        assert!(matches!(slot.standing(at(4599)), Standing::Fresh(_)));
        assert!(matches!(slot.standing(at(4600)), Standing::Due(_)));
        slot.fail(at(4600));
        assert!(matches!(slot.standing(at(4601)), Standing::Fresh(_)));
        slot.fail(at(1000 + 86_400));
        assert!(matches!(slot.standing(at(1000 + 86_400)), Standing::Failed(_)));
        assert!(matches!(slot.standing(at(1015 + 86_400)), Standing::Missing));
    }
}
