//! A batch of events through the line: all of it is committed as one entry, or nothing is.
//!
//! Each event is held to the rate, to its schema, to the routes and to the filters by itself. A
//! later event's filters see what those of the earlier ones wrote, as if it had come after them.

use std::sync::Arc;

use sluicegate_admission::{Batch, Judged};
use sluicegate_core::limits::PLACEMENTS_MAX;
use sluicegate_core::proof::{Receipt, Routed, Validated};
use sluicegate_core::refusal::{Refusal, Violation};
use sluicegate_core::seams::StateView;
use sluicegate_core::state::{Layer, Transaction};

use crate::pipeline::{FilteredRoute, MET_TOO_OFTEN, Pipeline, TRIES_MAX};
use crate::routes::together;

/// A batch whose events were all held against their schemas.
pub struct JudgedBatch {
    whole: Validated,
    events: Vec<Judged>,
}

/// An event of a batch, with the routes that take it.
struct Member<'p> {
    judged: Judged,
    routes: Vec<&'p FilteredRoute>,
}

impl Pipeline {
    /// Holds each event of a batch against its schema. Others have their turn between two events:
    /// each is judged quickly, and all of them together may not be.
    ///
    /// # Errors
    /// The refusal of any of its events is that of the whole.
    pub(crate) async fn validate_batch(&self, batch: Batch) -> Result<JudgedBatch, Refusal> {
        let Batch { whole, events } = batch;
        let mut judged = Vec::with_capacity(events.len());
        for (number, event) in events.into_iter().enumerate() {
            judged.push(self.judge(event).await.map_err(|refusal| of_event(number, refusal))?);
            tokio::task::yield_now().await;
        }
        Ok(JudgedBatch { whole: self.admission.envelope(whole), events: judged })
    }

    /// Takes a batch the rest of the way, with what its source wants to be remembered.
    ///
    /// # Errors
    /// The refusal of any of its events is that of the whole; nothing was stored then.
    pub(crate) async fn place_batch(
        &self,
        batch: JudgedBatch,
        of_source: Transaction,
    ) -> Result<Receipt, Refusal> {
        let JudgedBatch { whole, events } = batch;
        let member = |judged| Member { routes: self.matching(&judged), judged };
        let members: Vec<_> = events.into_iter().map(member).collect();
        let mut turn = None;
        for _ in 0..TRIES_MAX {
            let (routed, state) = self.decide(&whole, &members).await?;
            let state = state.and(of_source.clone());
            if state.is_empty() {
                return self.engine.commit(routed).await;
            }
            if let Some(receipt) = self.try_commit(routed, state, &mut turn).await? {
                return Ok(receipt);
            }
            self.check_room(&of_source)?;
        }
        Err(MET_TOO_OFTEN)
    }

    /// Asks the filters of one event after the other, and puts where they all go together.
    async fn decide(
        &self,
        whole: &Validated,
        members: &[Member<'_>],
    ) -> Result<(Routed, Transaction), Refusal> {
        let mut written = Transaction::default();
        let mut all = Vec::with_capacity(members.len());
        for Member { judged, routes } in members {
            let view: Arc<dyn StateView> = match written.is_empty() {
                true => Arc::clone(&self.state),
                false => Arc::new(Layer::over(Arc::clone(&self.state), written.clone())),
            };
            let (rulings, state) = self.filter(&judged.validated, routes, &view).await?;
            written = written.then(state);
            all.push(self.route(judged.validated.clone(), judged.letter.clone(), rulings));
        }
        let routed = together(whole.clone(), all).ok_or_else(|| Refusal::NotCloudEvent {
            what: format!("the batch became more than {PLACEMENTS_MAX} events: send fewer at once"),
        })?;
        Ok((routed, written))
    }
}

/// A refusal of one event of a batch says which.
fn of_event(number: usize, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Invalid { violations } => {
            let within = |one: Violation| Violation {
                instance: format!("/{number}/data{}", one.instance),
                ..one
            };
            Refusal::Invalid { violations: violations.into_iter().map(within).collect() }
        }
        other => other,
    }
}
