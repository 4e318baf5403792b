//! Keeps what schemes need from elsewhere: certificates and sets of keys. A stranger's delivery may
//! name where they lie (the scheme pins host and path), so fetches are few, short and shared, and a
//! failure is remembered for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use sluicegate_admission::{Anchors, Evidence, EvidenceKind};
use sluicegate_core::metrics::Counter;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::Pending;
use sluicegate_core::time::{Clock, Timestamp};

use crate::limiter::{Limiter, Rate};

/// Fetches a URL; else says why not.
pub type Fetch = Arc<dyn Fn(String) -> Pending<'static, Result<Bytes, String>> + Send + Sync>;

/// What was fetched, by URL.
pub struct Keeper {
    fetch: Fetch,
    anchors: Anchors,
    clock: Clock,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
    rate: Limiter,
    /// Fetches that gave something.
    pub fetched: Counter,
    /// Fetches that gave nothing.
    pub failed: Counter,
}

/// One URL. Who comes while it is fetched waits for that fetch.
type Slot = tokio::sync::Mutex<Option<Held>>;

struct Held {
    /// `None`: it could not be had.
    evidence: Option<Arc<Evidence>>,
    /// By the steady clock.
    until: Timestamp,
}

impl Keeper {
    /// A keeper of nothing yet.
    #[must_use]
    pub fn new(fetch: Fetch, anchors: Anchors, clock: Clock) -> Self {
        Self {
            fetch,
            anchors,
            clock,
            slots: Mutex::default(),
            rate: Limiter::new(FETCHES),
            fetched: Counter::default(),
            failed: Counter::default(),
        }
    }

    /// What lies there: kept, or fetched now.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn get(&self, kind: EvidenceKind, url: &str) -> Result<Arc<Evidence>, Refusal> {
        let slot = self.slot(url);
        let mut held = slot.lock().await;
        let now = self.clock.moment().steady;
        if held.as_ref().is_none_or(|held| held.until <= now) {
            self.rate.take(now).map_err(unavailable)?;
            *held = Some(self.ask(kind, url).await);
        }
        let evidence = held.as_ref().and_then(|held| held.evidence.clone());
        evidence.ok_or_else(|| unavailable(FAILURE_KEPT))
    }

    async fn ask(&self, kind: EvidenceKind, url: &str) -> Held {
        let fetched = (self.fetch)(url.to_owned()).await;
        let moment = self.clock.moment();
        let read = fetched.and_then(|bytes| {
            let read = Evidence::read(kind, &bytes, &self.anchors);
            read.ok_or_else(|| "what lies there is not what the scheme needs".to_owned())
        });
        match read {
            Ok(evidence) => {
                self.fetched.increment();
                let left = evidence.good_until().map_or(KEPT, |end| end.since(moment.wall));
                let until = moment.steady.plus(left.clamp(FAILURE_KEPT, KEPT));
                Held { evidence: Some(Arc::new(evidence)), until }
            }
            Err(why) => {
                self.failed.increment();
                tracing::warn!(url, why, "failed to fetch what a sender is proven by");
                Held { evidence: None, until: moment.steady.plus(FAILURE_KEPT) }
            }
        }
    }

    /// The slot of a URL. Where there are too many, all that nobody waits for are forgotten: that
    /// costs fetches, which are bounded.
    fn slot(&self, url: &str) -> Arc<Slot> {
        // Nothing panics under the lock; a poisoned one holds a whole map.
        let mut slots = self.slots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(slot) = slots.get(url) {
            return Arc::clone(slot);
        }
        if slots.len() >= SLOTS_MAX {
            let good = |slot: &Arc<Slot>| {
                slot.try_lock()
                    .map_or(true, |held| held.as_ref().is_some_and(|held| held.evidence.is_some()))
            };
            slots.retain(|_, slot| good(slot));
            if slots.len() >= SLOTS_MAX {
                slots.clear();
            }
        }
        let slot = Arc::new(Slot::default());
        slots.insert(url.to_owned(), Arc::clone(&slot));
        slot
    }
}

fn unavailable(retry_after: Duration) -> Refusal {
    Refusal::ProofUnavailable { retry_after }
}

/// Fetches of all sources: a provider has a handful of certificates.
const FETCHES: Rate = Rate { per_second: 1, burst: 16 };
/// URLs that are known at one time.
const SLOTS_MAX: usize = 64;
/// How long a document is kept, unless it ends before.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// How long a failure is.
const FAILURE_KEPT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    const KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

    struct World {
        keeper: Keeper,
        asked: Arc<AtomicUsize>,
        seconds: Arc<AtomicU64>,
    }

    fn world(answer: Result<&'static str, &'static str>) -> World {
        let (asked, seconds) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(1000)));
        let (count, now) = (Arc::clone(&asked), Arc::clone(&seconds));
        let fetch: Fetch = Arc::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                tokio::task::yield_now().await;
                answer.map(|text| Bytes::from_static(text.as_bytes())).map_err(str::to_owned)
            })
        });
        let clock = Clock::new(move || Timestamp::from_unix_ms(now.load(Ordering::SeqCst) * 1000));
        World { keeper: Keeper::new(fetch, Anchors::web(), clock), asked, seconds }
    }

    #[tokio::test]
    async fn many_who_come_at_once_share_one_fetch_and_it_is_kept_for_an_hour() {
        let world = world(Ok(KEYS));
        let all = (0..50).map(|_| world.keeper.get(EvidenceKind::Keys, "https://a/"));
        for got in futures_util::future::join_all(all).await {
            assert!(got.is_ok());
        }
        world.seconds.fetch_add(3599, Ordering::SeqCst);
        assert!(world.keeper.get(EvidenceKind::Keys, "https://a/").await.is_ok());
        assert_eq!(world.asked.load(Ordering::SeqCst), 1);
        world.seconds.fetch_add(1, Ordering::SeqCst);
        assert!(world.keeper.get(EvidenceKind::Keys, "https://a/").await.is_ok());
        assert_eq!(world.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_failure_is_remembered_for_a_while_and_is_no_refusal_of_the_sender() {
        let world = world(Err("no route"));
        for _ in 0..10 {
            let refusal = world.keeper.get(EvidenceKind::Keys, "https://a/").await.unwrap_err();
            assert_eq!(refusal.code(), "proof_unavailable");
        }
        assert_eq!(world.asked.load(Ordering::SeqCst), 1);
        world.seconds.fetch_add(15, Ordering::SeqCst);
        assert!(world.keeper.get(EvidenceKind::Keys, "https://a/").await.is_err());
        assert_eq!(world.asked.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_is_no_certificate_is_not_kept_as_one() {
        let world = world(Ok(KEYS));
        assert!(world.keeper.get(EvidenceKind::Certificate, "https://a/").await.is_err());
    }

    #[tokio::test]
    async fn a_flood_of_urls_makes_few_fetches_and_little_memory() {
        let world = world(Err("not found"));
        for number in 0..1000 {
            let url = format!("https://a/{number}");
            assert!(world.keeper.get(EvidenceKind::Keys, &url).await.is_err());
        }
        assert_eq!(world.asked.load(Ordering::SeqCst), 16);
        assert!(world.keeper.slots.lock().unwrap().len() <= SLOTS_MAX);
    }
}
