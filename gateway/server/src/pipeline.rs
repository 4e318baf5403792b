//! The line: the way of every event through the house. Read this file first.
//!
//! `verify -> limit -> validate -> match -> filter -> route -> commit`. Refusals return along the
//! call stack. Nothing here retries: a retry is a new delivery.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_admission::{Admission, Judged};
use sluicegate_core::delivery::Arrival;
use sluicegate_core::ids::{QueueName, SourceName};
use sluicegate_core::proof::{Receipt, Received, Routed, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::Engine;
use sluicegate_filters::{Branch, Chain, End, Host};

use crate::limiter::Limiter;
use crate::routes::{Matcher, Route, Ruling, dead, resolve};

/// A route with its filters; `None` where it has none.
pub type FilteredRoute = Route<Option<Arc<Chain>>>;

/// The line, with everything that it asks on the way.
pub struct Pipeline {
    admission: Admission,
    rates: HashMap<SourceName, Limiter>,
    routes: Matcher<Option<Arc<Chain>>>,
    filters: Host,
    engine: Arc<dyn Engine>,
    dead_letters: QueueName,
}

impl Pipeline {
    /// A line through these rooms. Events that no queue could take go to `dead_letters`.
    #[must_use]
    pub fn new(
        admission: Admission,
        rates: HashMap<SourceName, Limiter>,
        routes: Matcher<Option<Arc<Chain>>>,
        filters: Host,
        engine: Arc<dyn Engine>,
        dead_letters: QueueName,
    ) -> Self {
        Self { admission, rates, routes, filters, engine, dead_letters }
    }

    /// Takes a delivery through the line.
    ///
    /// # Errors
    /// The refusal of whichever room said no; nothing was stored then.
    pub async fn run(&self, received: Received) -> Result<Receipt, Refusal> {
        let arrival = received.arrival();
        let verified = self.admission.verify(received)?;
        self.limit(&verified, arrival)?;
        let judged = self.admission.validate(verified)?;
        let routes = self.matching(&judged);
        let rulings = self.filter(&judged, routes).await?;
        let routed = self.route(judged, rulings);
        self.engine.commit(routed).await
    }

    /// Holds a proven sender to the rate of its source. A stranger cannot use it up.
    fn limit(&self, verified: &Verified, arrival: Arrival) -> Result<(), Refusal> {
        let Some(limiter) = self.rates.get(&verified.event().source) else { return Ok(()) };
        limiter.take(arrival.steady).map_err(|retry_after| Refusal::RateLimited { retry_after })
    }

    /// The filters' host, for its metrics and its end.
    #[must_use]
    pub fn filters(&self) -> &Host {
        &self.filters
    }

    /// The routes that take the event. One that broke its schema is on none: it has a letter.
    fn matching(&self, judged: &Judged) -> Vec<&FilteredRoute> {
        if judged.letter.is_some() {
            return Vec::new();
        }
        let event = judged.validated.event();
        self.routes.matching(event, || judged.json.value(event))
    }

    /// Asks the filters of every route in one hand-over to a filter thread; none if none has any.
    async fn filter(
        &self,
        judged: &Judged,
        routes: Vec<&FilteredRoute>,
    ) -> Result<Vec<Ruling>, Refusal> {
        let event = judged.validated.event();
        let chains: Vec<_> = routes.iter().filter_map(|route| route.chain.clone()).collect();
        let mut decided = if chains.is_empty() {
            Vec::new()
        } else {
            self.filters.decide(event.clone(), chains).await?
        }
        .into_iter();
        let rulings = routes.into_iter().map(|route| {
            let decided = route.chain.as_ref().and_then(|_| decided.next());
            let branches =
                decided.unwrap_or_else(|| vec![Branch { event: event.clone(), end: End::Through }]);
            Ruling { route: route.name.clone(), to: route.to.clone(), branches }
        });
        Ok(rulings.collect())
    }

    fn route(&self, judged: Judged, rulings: Vec<Ruling>) -> Routed {
        match judged.letter {
            Some(letter) => dead(judged.validated, letter, &self.dead_letters),
            None => resolve(judged.validated, rulings, &self.dead_letters),
        }
    }
}
