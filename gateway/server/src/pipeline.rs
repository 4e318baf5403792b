//! The line: the way of every event through the house. Read this file first.
//!
//! `verify -> limit -> validate -> match -> filter -> route -> commit`. Refusals return along the
//! call stack. Nothing here retries: a retry is a new delivery. Only the filters are asked again,
//! when what they remember was changed by another event before theirs could be committed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_admission::{Admission, Delivered, Judged};
use sluicegate_core::delivery::Arrival;
use sluicegate_core::ids::{QueueName, RouteName, SourceName};
use sluicegate_core::letter::Letter;
use sluicegate_core::proof::{Receipt, Received, Routed, Validated, Verified};
use sluicegate_core::refusal::{Refusal, STATE_OF_SOURCE};
use sluicegate_core::seams::{Engine, StateView, Uncommitted};
use sluicegate_core::state::Transaction;
use sluicegate_core::time::Timestamp;
use sluicegate_filters::{Branch, Chain, Decided, End, Host};
use tokio::sync::MutexGuard;

use crate::batch::JudgedBatch;
use crate::judges::Judges;
use crate::limiter::{Limiter, Short};
use crate::notary::Notary;
use crate::routes::{Matcher, Route, Ruling, dead, resolve};

/// A route with its filters; `None` where it has none.
pub type FilteredRoute = Route<Option<Arc<Chain>>>;

/// The line, with everything that it asks on the way.
pub struct Pipeline {
    pub(crate) admission: Arc<Admission>,
    /// Proves senders by those gates.
    pub(crate) notary: Notary,
    /// Hold payloads against schemas where that takes long.
    pub(crate) judges: Judges,
    /// The rate of each source that has one.
    pub(crate) rates: HashMap<SourceName, Limiter>,
    pub(crate) routes: Matcher<Option<Arc<Chain>>>,
    pub(crate) filters: Host,
    pub(crate) engine: Arc<dyn Engine>,
    /// What filters remember.
    pub(crate) state: Arc<dyn StateView>,
    /// Events that have met others are asked about one after the other.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// The queue for events that no queue could take.
    pub(crate) dead_letters: QueueName,
}

/// What a delivery holds, proven and validated.
pub enum Admitted {
    /// One event.
    One(Judged),
    /// Several, to be taken together or not at all.
    Batch(JudgedBatch),
}

impl Pipeline {
    /// Takes a delivery through the line.
    ///
    /// # Errors
    /// The refusal of whichever room said no; nothing was stored then.
    pub async fn run(&self, received: &Arc<Received>) -> Result<Receipt, Refusal> {
        let verified = self.notary.verify(received).await?;
        self.limit(&verified, received.arrival())?;
        let admitted = self.validate(verified).await?;
        self.place_with(admitted, received.delivery().transport.state.clone()).await
    }

    /// Judges a delivery that was refused when it came, by the keys and schemas of today but as of
    /// its arrival. It is held to no rate: an operator wants it.
    ///
    /// # Errors
    /// When it is still refused.
    pub async fn judge_late(
        &self,
        received: &Arc<Received>,
        now: Timestamp,
    ) -> Result<Admitted, Refusal> {
        let verified = self.notary.verify_late(received, now).await?;
        self.validate(verified).await
    }

    /// Takes what was admitted the rest of the way. It is new: what filters write is kept.
    ///
    /// # Errors
    /// The refusal of a filter or the store; nothing was stored then.
    pub async fn place(&self, admitted: Admitted) -> Result<Receipt, Refusal> {
        self.place_with(admitted, Transaction::default()).await
    }

    /// The same; what its source wants to be remembered is committed in the same entry.
    async fn place_with(
        &self,
        admitted: Admitted,
        of_source: Transaction,
    ) -> Result<Receipt, Refusal> {
        match admitted {
            Admitted::One(judged) => {
                let routes = self.matching(&judged);
                self.finish(judged, routes, Remembering::Kept(of_source)).await
            }
            // Boxed: the way of most deliveries must not carry the room for this one.
            Admitted::Batch(batch) => Box::pin(self.place_batch(batch, of_source)).await,
        }
    }

    /// Takes an event of the past through the filters and routes of today. What was proven at the
    /// door counts; it is held to no rate, and never taken for a repetition. If it was lost on one
    /// route, only that one takes it, so that the others do not have it twice; if that route no
    /// longer takes it, it goes as a new event goes. Filters see what they remember, and
    /// nothing that they write is kept: an event that comes again must not count again.
    ///
    /// # Errors
    /// The refusal of a filter or the store; nothing was stored then.
    pub async fn again(
        &self,
        stored: Validated,
        lost_on: Option<&RouteName>,
    ) -> Result<Receipt, Refusal> {
        let json = self.admission.json(&stored.event().source);
        let judged = Judged { validated: stored, json, letter: None };
        let mut routes = self.matching(&judged);
        if routes.iter().any(|route| Some(&route.name) == lost_on) {
            routes.retain(|route| Some(&route.name) == lost_on);
        }
        self.finish(judged, routes, Remembering::Dropped).await
    }

    /// The same for an event that broke its schema when it came: it is held against the schema of
    /// today first.
    ///
    /// # Errors
    /// As above; and when it still breaks its schema.
    pub async fn validate_again(&self, stored: Verified) -> Result<Receipt, Refusal> {
        let judged = self.judge(stored).await?;
        if judged.letter.is_some() {
            return Err(Refusal::Invalid { violations: Vec::new() });
        }
        let routes = self.matching(&judged);
        self.finish(judged, routes, Remembering::Dropped).await
    }

    async fn finish(
        &self,
        judged: Judged,
        routes: Vec<&FilteredRoute>,
        remembering: Remembering,
    ) -> Result<Receipt, Refusal> {
        let Judged { validated, json: _, letter } = judged;
        let mut turn = None;
        for _ in 0..TRIES_MAX {
            let (rulings, state) = self.filter(&validated, &routes, &self.state).await?;
            let state = match &remembering {
                Remembering::Kept(of_source) => state.and(of_source.clone()),
                Remembering::Dropped => Transaction::default(),
            };
            if state.is_empty() {
                return self.engine.commit(self.route(validated, letter, rulings)).await;
            }
            let routed = self.route(validated.clone(), letter.clone(), rulings);
            if let Some(receipt) = self.try_commit(routed, state, &mut turn).await? {
                return Ok(receipt);
            }
            if let Remembering::Kept(of_source) = &remembering {
                self.check_room(of_source)?;
            }
        }
        Err(MET_TOO_OFTEN)
    }

    /// Commits what was decided, with what the filters wrote. `None`: what they read was changed by
    /// another event meanwhile, and they are to be asked again; then it is this one's turn.
    pub(crate) async fn try_commit<'t>(
        &'t self,
        routed: Routed,
        state: Transaction,
        turn: &mut Option<MutexGuard<'t, ()>>,
    ) -> Result<Option<Receipt>, Refusal> {
        let committed = self.engine.commit_with(routed, state);
        // What was written is seen by others from now on, and the next one may go.
        drop(turn.take());
        match committed.await {
            Ok(receipt) => Ok(Some(receipt)),
            Err(Uncommitted::Refused(refusal)) => Err(refusal),
            Err(Uncommitted::Conflict) => {
                *turn = Some(self.turn.lock().await);
                Ok(None)
            }
        }
    }

    /// Whether what a source wants to be remembered has room. To ask the filters again would not
    /// make any.
    pub(crate) fn check_room(&self, of_source: &Transaction) -> Result<(), Refusal> {
        if of_source.has_room(&*self.state) { Ok(()) } else { Err(NO_ROOM) }
    }

    /// Holds a proven sender to the rate of its source. A stranger cannot use it up.
    fn limit(&self, delivered: &Delivered, arrival: Arrival) -> Result<(), Refusal> {
        let (first, events) = match delivered {
            Delivered::One(verified) => (verified, 1),
            Delivered::Batch(batch) => (&batch.whole, batch.events.len()),
        };
        let Some(limiter) = self.rates.get(&first.event().source) else { return Ok(()) };
        limiter.take_all(events, arrival.steady).map_err(|short| match short {
            Short::For(retry_after) => Refusal::RateLimited { retry_after },
            Short::Forever { burst } => Refusal::BatchTooLarge { events, events_max: burst },
        })
    }

    async fn validate(&self, delivered: Delivered) -> Result<Admitted, Refusal> {
        match delivered {
            Delivered::One(verified) => self.judge(verified).await.map(Admitted::One),
            // Boxed: the way of most deliveries must not carry the room for this one.
            Delivered::Batch(batch) => {
                Box::pin(self.validate_batch(batch)).await.map(Admitted::Batch)
            }
        }
    }

    /// Holds an event against its schema: here, or among the judges if that takes long.
    pub(crate) async fn judge(&self, verified: Verified) -> Result<Judged, Refusal> {
        let case = self.admission.case(verified)?;
        if case.is_long() {
            // Boxed, as above.
            return Box::pin(self.judges.judge(case)).await;
        }
        case.judge()
    }

    /// The routes that take the event. One that broke its schema is on none: it has a letter.
    pub(crate) fn matching(&self, judged: &Judged) -> Vec<&FilteredRoute> {
        if judged.letter.is_some() {
            return Vec::new();
        }
        let event = judged.validated.event();
        self.routes.matching(event, || judged.json.value(event))
    }

    /// Asks the filters of every route, all in one go. A route without any lets the event through.
    pub(crate) async fn filter(
        &self,
        validated: &Validated,
        routes: &[&FilteredRoute],
        state: &Arc<dyn StateView>,
    ) -> Result<(Vec<Ruling>, Transaction), Refusal> {
        let event = validated.event();
        let chains: Vec<_> = routes.iter().filter_map(|route| route.chain.clone()).collect();
        let Decided { chains, state } = if chains.is_empty() {
            Decided::default()
        } else {
            self.filters.decide_with(event.clone(), chains, state).await?
        };
        let mut decided = chains.into_iter();
        let rulings = routes.iter().map(|route| {
            let decided = route.chain.as_ref().and_then(|_| decided.next());
            let branches =
                decided.unwrap_or_else(|| vec![Branch { event: event.clone(), end: End::Through }]);
            Ruling { route: route.name.clone(), to: route.to.clone(), branches }
        });
        Ok((rulings.collect(), state))
    }

    pub(crate) fn route(
        &self,
        validated: Validated,
        letter: Option<Letter>,
        rulings: Vec<Ruling>,
    ) -> Routed {
        match letter {
            Some(letter) => dead(validated, letter, &self.dead_letters),
            None => resolve(validated, rulings, &self.dead_letters),
        }
    }
}

/// Whether what filters write is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Remembering {
    /// It is, and with it what the source wants to be remembered.
    Kept(Transaction),
    /// It is not.
    Dropped,
}

/// How often the filters are asked about one event, if what they remember is changed meanwhile.
pub(crate) const TRIES_MAX: usize = 32;

/// The answer to a source that wants more to be remembered than there is room for. It may ask
/// again for less.
const NO_ROOM: Refusal =
    Refusal::Overloaded { what: STATE_OF_SOURCE, retry_after: Duration::from_secs(1) };

/// The answer to a sender whose event has met others every time.
pub(crate) const MET_TOO_OFTEN: Refusal =
    Refusal::Overloaded { what: "state of filters", retry_after: Duration::from_secs(1) };
