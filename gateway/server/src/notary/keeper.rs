//! Fetches and keeps what schemes need from elsewhere: certificates and sets of keys. A stranger's
//! delivery may name where they lie (the scheme pins host and path), so fetches are few, short and
//! shared, and a failure is remembered for a while.
//!
//! Each source has its own budget and its own places: a flood for one leaves the others alone, and
//! what has given something before is never held up by it. What is old is used until what replaces
//! it is here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sluicegate_admission::{Anchors, Evidence, EvidenceKind};
use sluicegate_core::ids::SourceName;
use sluicegate_core::metrics::Counter;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::Pending;
use sluicegate_core::time::Clock;

use super::proofs::{FAILURE_KEPT, Proofs, Slot, Standing};

/// Fetches a URL; else says why not.
pub type Fetch = Arc<dyn Fn(String) -> Pending<'static, Result<Bytes, String>> + Send + Sync>;

/// What was fetched, by source and URL.
pub struct Keeper {
    fetch: Fetch,
    anchors: Anchors,
    clock: Clock,
    /// Of the sources that need it: their names are those of the configuration.
    sources: Mutex<HashMap<SourceName, Arc<Proofs>>>,
    /// Fetches that gave something.
    pub fetched: Counter,
    /// Fetches that gave nothing.
    pub failed: Counter,
    /// Fetches that were not made: too many places that are not known, of one source.
    pub held_back: Counter,
}

impl Keeper {
    /// A keeper of nothing yet.
    #[must_use]
    pub fn new(fetch: Fetch, anchors: Anchors, clock: Clock) -> Self {
        Self {
            fetch,
            anchors,
            clock,
            sources: Mutex::default(),
            fetched: Counter::default(),
            failed: Counter::default(),
            held_back: Counter::default(),
        }
    }

    /// What lies there, for this source: kept, or fetched now.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn get(
        self: &Arc<Self>,
        source: &SourceName,
        kind: EvidenceKind,
        url: &str,
    ) -> Result<Arc<Evidence>, Refusal> {
        let proofs = self.proofs(source);
        let slot = proofs.slot(url, self.clock.steady()).map_err(|after| {
            self.held_back.increment();
            unavailable(after)
        })?;
        if let Some(answer) = self.look(&slot, kind, url) {
            return answer;
        }
        let _place = proofs.waiting.try_acquire().map_err(|_| unavailable(FAILURE_KEPT))?;
        let _turn = slot.turn.lock().await;
        // Who had the turn before may have fetched it.
        if let Some(answer) = self.look(&slot, kind, url) {
            return answer;
        }
        let fetched = self.ask(&slot, kind, url).await;
        fetched.ok_or_else(|| unavailable(FAILURE_KEPT))
    }

    /// Notes that what lies there has proven a sender of this source: it keeps its place.
    pub fn has_proven(&self, source: &SourceName, url: &str) {
        self.proofs(source).has_proven(url);
    }

    /// What is there without waiting. What is due is fetched beside.
    fn look(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        kind: EvidenceKind,
        url: &str,
    ) -> Option<Result<Arc<Evidence>, Refusal>> {
        match slot.standing(self.clock.steady()) {
            Standing::Fresh(evidence) => Some(Ok(evidence)),
            Standing::Due(evidence) => {
                if let Ok(turn) = Arc::clone(&slot.turn).try_lock_owned() {
                    let (keeper, slot, url) = (Arc::clone(self), Arc::clone(slot), url.to_owned());
                    tokio::spawn(async move {
                        keeper.ask(&slot, kind, &url).await;
                        drop(turn);
                    });
                }
                Some(Ok(evidence))
            }
            Standing::Failed(after) => Some(Err(unavailable(after))),
            Standing::Missing => None,
        }
    }

    /// Fetches. Only who has the turn of the slot may.
    async fn ask(&self, slot: &Slot, kind: EvidenceKind, url: &str) -> Option<Arc<Evidence>> {
        let fetched = (self.fetch)(url.to_owned()).await;
        let read = fetched.and_then(|bytes| {
            let read = Evidence::read(kind, &bytes, &self.anchors);
            read.ok_or_else(|| "what lies there is not what the scheme needs".to_owned())
        });
        let now = self.clock.moment();
        match read {
            Ok(evidence) => {
                self.fetched.increment();
                let evidence = Arc::new(evidence);
                slot.keep(Arc::clone(&evidence), &now);
                Some(evidence)
            }
            Err(why) => {
                self.failed.increment();
                tracing::warn!(url, why, "failed to fetch what a sender is proven by");
                slot.fail(now.steady);
                None
            }
        }
    }

    fn proofs(&self, source: &SourceName) -> Arc<Proofs> {
        // Nothing panics under the lock; a poisoned one holds a whole map.
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(proofs) = sources.get(source) {
            return Arc::clone(proofs);
        }
        let proofs = Arc::new(Proofs::new());
        sources.insert(source.clone(), Arc::clone(&proofs));
        proofs
    }
}

fn unavailable(retry_after: Duration) -> Refusal {
    Refusal::ProofUnavailable { retry_after }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};

    use sluicegate_core::time::Timestamp;

    const KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// Good until the end of the century.
    const CERTIFICATE: &str = include_str!("../../../admission/tests/keys/root.pem");

    struct World {
        keeper: Arc<Keeper>,
        asked: Arc<AtomicUsize>,
        seconds: Arc<AtomicU64>,
        answers: Arc<AtomicBool>,
    }

    /// A web on which this lies below `https://good/`, and nothing elsewhere.
    fn world(answer: &'static str) -> World {
        let (asked, seconds) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(NOW)));
        let (count, now) = (Arc::clone(&asked), Arc::clone(&seconds));
        let answers = Arc::new(AtomicBool::new(true));
        let up = Arc::clone(&answers);
        let fetch: Fetch = Arc::new(move |url| {
            count.fetch_add(1, SeqCst);
            let good = up.load(SeqCst) && url.starts_with("https://good/");
            Box::pin(async move {
                tokio::task::yield_now().await;
                let bytes = Bytes::from_static(answer.as_bytes());
                if good { Ok(bytes) } else { Err("not found".to_owned()) }
            })
        });
        let clock = Clock::new(move || Timestamp::from_unix_ms(now.load(SeqCst) * 1000));
        let keeper = Arc::new(Keeper::new(fetch, Anchors::web(), clock));
        World { keeper, asked, seconds, answers }
    }

    impl World {
        async fn get(&self, source: &str, url: &str) -> Result<Arc<Evidence>, Refusal> {
            self.keeper.get(&source.parse().unwrap(), EvidenceKind::Keys, url).await
        }

        async fn certificate(&self) -> Result<Arc<Evidence>, Refusal> {
            let kind = EvidenceKind::Certificate;
            self.keeper.get(&"a".parse().unwrap(), kind, "https://good/pem").await
        }

        /// Lets what was spawned end: there is one thread.
        async fn settle(&self) {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }

        fn pass(&self, seconds: u64) {
            self.seconds.fetch_add(seconds, SeqCst);
        }

        fn asked(&self) -> usize {
            self.asked.load(SeqCst)
        }
    }

    #[tokio::test]
    async fn many_who_come_at_once_share_one_fetch() {
        let world = world(KEYS);
        let all = (0..50).map(|_| world.get("a", "https://good/1"));
        for got in futures_util::future::join_all(all).await {
            assert!(got.is_ok());
        }
        world.pass(3599);
        assert!(world.get("a", "https://good/1").await.is_ok());
        assert_eq!(world.asked(), 1);
    }

    #[tokio::test]
    async fn what_is_old_is_used_while_it_is_fetched_again() {
        let world = world(KEYS);
        assert!(world.get("a", "https://good/1").await.is_ok());
        world.pass(3600);
        for _ in 0..10 {
            assert!(world.get("a", "https://good/1").await.is_ok());
        }
        world.settle().await;
        assert_eq!(world.asked(), 2, "once, beside");
        world.answers.store(false, SeqCst);
        world.pass(3600);
        for _ in 0..3 {
            assert!(world.get("a", "https://good/1").await.is_ok());
            world.settle().await;
        }
        assert_eq!(world.asked(), 3, "a failure is remembered for a while");
        world.pass(24 * 3600);
        assert!(world.get("a", "https://good/1").await.is_err(), "keys may have been withdrawn");
        world.pass(15);
        world.answers.store(true, SeqCst);
        assert!(world.get("a", "https://good/1").await.is_ok());
    }

    #[tokio::test]
    async fn a_certificate_is_used_until_it_ends_also_where_it_cannot_be_fetched_again() {
        let world = world(CERTIFICATE);
        let end = world.certificate().await.unwrap().good_until().unwrap();
        world.answers.store(false, SeqCst);
        world.seconds.store(end.unix_ms() / 1000 - 1, SeqCst);
        assert!(world.certificate().await.is_ok());
        world.settle().await;
        world.pass(20);
        assert!(world.certificate().await.is_err());
    }

    #[tokio::test]
    async fn a_failure_is_remembered_for_a_while_and_is_no_refusal_of_the_sender() {
        let world = world(KEYS);
        for _ in 0..10 {
            let refusal = world.get("a", "https://bad/").await.unwrap_err();
            assert_eq!(refusal.code(), "proof_unavailable");
        }
        assert_eq!(world.asked(), 1);
        world.pass(15);
        assert!(world.get("a", "https://bad/").await.is_err());
        assert_eq!(world.asked(), 2);
    }

    #[tokio::test]
    async fn what_is_no_certificate_is_not_kept_as_one() {
        assert!(world(KEYS).certificate().await.is_err());
    }

    #[tokio::test]
    async fn a_flood_of_urls_for_one_source_holds_up_no_other_and_nothing_that_is_known() {
        let world = world(KEYS);
        assert!(world.get("a", "https://good/known").await.is_ok());
        for number in 0..1000 {
            assert!(world.get("a", &format!("https://bad/{number}")).await.is_err());
        }
        assert_eq!(world.asked(), 8, "the burst of one source");
        assert_eq!(world.keeper.held_back.value(), 993);
        assert!(world.get("b", "https://good/known").await.is_ok(), "another source");
        world.pass(3600);
        for number in 0..1000 {
            assert!(world.get("a", &format!("https://bad/{number}")).await.is_err());
        }
        let before = world.asked();
        assert!(world.get("a", "https://good/known").await.is_ok(), "the same source");
        world.settle().await;
        assert_eq!(world.asked(), before + 1, "and it is fetched again");
    }

    const NOW: u64 = 1_800_000_000;
}
