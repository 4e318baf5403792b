//! The calls that complete a handshake: a subscription is confirmed, a consent is told. Only to the
//! open internet, and only so many at once.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_admission::handshake::Errand;
use sluicegate_core::refusal::Refusal;
use sluicegate_sinks::http::Fetcher;
use tokio::sync::Semaphore;

/// Runs errands.
pub struct Errands {
    fetcher: Arc<Fetcher>,
    places: Arc<Semaphore>,
}

impl Errands {
    /// Errands over this client.
    #[must_use]
    pub fn new(fetcher: Arc<Fetcher>) -> Self {
        Self { fetcher, places: Arc::new(Semaphore::new(AT_ONCE_MAX)) }
    }

    /// Runs one: before the handshake is answered if it asks for that, else beside it.
    ///
    /// # Errors
    /// When one that must be done first cannot be done: the provider will ask again.
    pub async fn run(&self, errand: Errand) -> Result<(), Refusal> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let Ok(place) = place else { return Err(UNAVAILABLE) };
        let (fetcher, first) = (Arc::clone(&self.fetcher), errand.first);
        let call = async move {
            let _held = place;
            let called = fetcher.get(&errand.url, &errand.headers).await;
            match &called {
                Ok(_) => tracing::info!(url = host(&errand.url), "completed a handshake"),
                Err(why) => {
                    tracing::warn!(url = host(&errand.url), %why, "failed to complete a handshake");
                }
            }
            called.map(drop).map_err(|_| UNAVAILABLE)
        };
        if first {
            return call.await;
        }
        tokio::spawn(call);
        Ok(())
    }
}

/// The URL without its query, which may hold a token.
fn host(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

const AT_ONCE_MAX: usize = 16;
const UNAVAILABLE: Refusal = Refusal::ProofUnavailable { retry_after: Duration::from_secs(15) };
