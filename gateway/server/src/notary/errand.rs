//! The calls that complete a handshake: a subscription is confirmed, a consent is told. Only to the
//! open internet, only so many at once, and only so often for each source: who asks for a consent
//! is not proven, and names the address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sluicegate_admission::handshake::Errand;
use sluicegate_core::ids::SourceName;
use sluicegate_core::metrics::Counter;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::Pending;
use sluicegate_core::time::Timestamp;
use tokio::sync::Semaphore;

use crate::limiter::{Limiter, Rate};

/// Makes a call; else says why not.
pub type Call = Arc<dyn Fn(Errand) -> Pending<'static, Result<Bytes, String>> + Send + Sync>;

/// Runs errands.
pub struct Errands {
    call: Call,
    /// Calls that a handshake waits for: whoever asked was proven.
    awaited: Arc<Semaphore>,
    /// Calls that strangers may have asked for: they take no place of the others.
    beside: Arc<Semaphore>,
    rates: Mutex<HashMap<SourceName, Arc<Limiter>>>,
    /// What came of them.
    pub counters: Arc<ErrandCounters>,
}

/// What came of the calls of all sources.
#[derive(Debug, Default)]
pub struct ErrandCounters {
    /// Calls that were answered.
    pub done: Counter,
    /// Calls that were not answered, or with an error.
    pub failed: Counter,
    /// Calls that were not made: too many of one source, or at once.
    pub held_back: Counter,
}

impl Errands {
    /// Errands that are run by these calls.
    #[must_use]
    pub fn new(call: Call) -> Self {
        let places = || Arc::new(Semaphore::new(AT_ONCE_MAX));
        let (awaited, beside) = (places(), places());
        Self { call, awaited, beside, rates: Mutex::default(), counters: Arc::default() }
    }

    /// Runs one: before the handshake is answered if it asks for that, else beside it. One of
    /// those that come too fast is left out: the answer says the same as the call would.
    ///
    /// # Errors
    /// When one that must be done first cannot be done: the provider will ask again.
    pub async fn run(
        &self,
        source: &SourceName,
        errand: Errand,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let first = errand.first;
        let places = if first { &self.awaited } else { &self.beside };
        let due = self.rate(source).take(now).map_err(unavailable);
        let place = due.and_then(|()| {
            Arc::clone(places).try_acquire_owned().map_err(|_| unavailable(RETRY_AFTER))
        });
        let place = match place {
            Ok(place) => place,
            Err(refusal) => {
                self.counters.held_back.increment();
                return if first { Err(refusal) } else { Ok(()) };
            }
        };
        let (call, counters) = (Arc::clone(&self.call), Arc::clone(&self.counters));
        let source = source.clone();
        let run = async move {
            let _held = place;
            let host = host(&errand.url).to_owned();
            let called = call(errand).await;
            // One line for each call, and calls have a rate: nobody fills the disk with them.
            match called {
                Ok(_) => {
                    counters.done.increment();
                    tracing::info!(%source, host, "completed a handshake");
                    Ok(())
                }
                Err(why) => {
                    counters.failed.increment();
                    tracing::warn!(%source, host, why, "failed to complete a handshake");
                    Err(unavailable(RETRY_AFTER))
                }
            }
        };
        if first {
            return run.await;
        }
        tokio::spawn(run);
        Ok(())
    }

    fn rate(&self, source: &SourceName) -> Arc<Limiter> {
        // Nothing panics under the lock; a poisoned one holds a whole map. Sources are those of
        // the configuration: there are not many.
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Limiter::new(CALLS));
        Arc::clone(rates.entry(source.clone()).or_insert_with(new))
    }
}

/// The host of a URL, and nothing else of it: path, query and user may hold a token.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

fn unavailable(retry_after: Duration) -> Refusal {
    Refusal::ProofUnavailable { retry_after }
}

/// Calls of one source: a provider subscribes once.
const CALLS: Rate = Rate { per_second: 1, burst: 4 };
const AT_ONCE_MAX: usize = 16;
const RETRY_AFTER: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    /// Errands whose calls never end, and how many there are.
    fn errands() -> (Errands, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let call: Call = Arc::new(move |_| {
            count.fetch_add(1, SeqCst);
            Box::pin(std::future::pending())
        });
        (Errands::new(call), calls)
    }

    fn errand(first: bool) -> Errand {
        Errand { url: "https://e.example/path".into(), headers: vec![], first }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_ms(1_700_000_000_000 + seconds * 1000)
    }

    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn strangers_make_few_calls_for_each_source_and_their_handshakes_are_answered() {
        let (errands, calls) = errands();
        let events: SourceName = "events".parse().unwrap();
        for _ in 0..1000 {
            assert_eq!(errands.run(&events, errand(false), at(0)).await, Ok(()));
        }
        settle().await;
        assert_eq!((calls.load(SeqCst), errands.counters.held_back.value()), (4, 996));
        assert_eq!(errands.run(&events, errand(false), at(1)).await, Ok(()));
        settle().await;
        assert_eq!(calls.load(SeqCst), 5);
        // However many sources there are, so many calls are under way.
        for number in 0..100 {
            let source = format!("events-{number}").parse().unwrap();
            assert_eq!(errands.run(&source, errand(false), at(1)).await, Ok(()));
        }
        settle().await;
        assert_eq!(calls.load(SeqCst), AT_ONCE_MAX);
        let topic = "topic".parse().unwrap();
        let confirmed = errands.run(&topic, errand(true), at(1));
        let waits = tokio::time::timeout(Duration::from_millis(1), confirmed).await;
        assert!(waits.is_err(), "one that was proven has a place");
        assert_eq!(calls.load(SeqCst), AT_ONCE_MAX + 1);
    }

    #[tokio::test]
    async fn a_confirmation_that_comes_too_fast_is_asked_for_again() {
        let call: Call = Arc::new(|_| Box::pin(async { Ok(Bytes::new()) }));
        let (errands, topic) = (Errands::new(call), "topic".parse().unwrap());
        for _ in 0..4 {
            assert_eq!(errands.run(&topic, errand(true), at(0)).await, Ok(()));
        }
        let refusal = errands.run(&topic, errand(true), at(0)).await.unwrap_err();
        assert_eq!(refusal.code(), "proof_unavailable");
        assert_eq!(errands.counters.done.value(), 4);
    }

    #[test]
    fn nothing_of_a_url_but_its_host_is_logged() {
        for (url, logged) in [
            ("https://e.example/never/logged?never=logged#never", "e.example"),
            ("https://e.example:8443?never", "e.example:8443"),
            ("https://never:logged@e.example/never", "e.example"),
            ("https://e.example\\never", "e.example"),
            ("https://[::1]/never", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(host(url), logged, "{url}");
        }
    }
}
