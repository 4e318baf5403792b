//! The front half of the house: the line with everything that it asks, and the door and the sources
//! before it. Nobody is served yet: `hall` starts them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sluicegate_admission::handshake::Errand;
use sluicegate_admission::{Admission, Anchors};
use sluicegate_core::ids::SourceName;
use sluicegate_core::seams::Engine;
use sluicegate_core::time::Clock;
use sluicegate_filters::{Chain, Host};
use sluicegate_queue::{Notes, Store};
use sluicegate_sinks::http::Fetcher;
use sluicegate_sources::http::{HttpConfig, HttpSource, PathRule};

use crate::clock::Stamp;
use crate::config::{DEAD_LETTERS, Plan, SourcePlan};
use crate::fault::RunFault;
use crate::intake::{Door, Entrance};
use crate::judges::Judges;
use crate::keys::Ledger;
use crate::limiter::Limiter;
use crate::metrics::SourceCounters;
use crate::notary::{Call, ErrandCounters, Errands, Fetch, Keeper, Learned, Notary};
use crate::pipeline::Pipeline;
use crate::refused::Refused;
use crate::routes::Matcher;

/// What the line is made of, as the configuration says.
pub(crate) struct LineParts {
    pub(crate) admission: Arc<Admission>,
    /// Fetches what proves senders, and runs what completes handshakes.
    pub(crate) fetcher: Arc<Fetcher>,
    /// Who vouches for certificates that senders are proven by.
    pub(crate) anchors: Anchors,
    pub(crate) filters: Host,
    pub(crate) routes: Matcher<Option<Arc<Chain>>>,
}

/// The line, what stands before it, and what looks at it.
pub(crate) struct Wired {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) keeper: Arc<Keeper>,
    pub(crate) learned: Learned,
    pub(crate) errands: Arc<ErrandCounters>,
    pub(crate) ledger: Ledger,
    pub(crate) refused: Arc<Refused>,
    pub(crate) sources: BTreeMap<SourceName, Arc<SourceCounters>>,
    pub(crate) door: Arc<Door>,
    pub(crate) source: HttpSource,
}

/// Wires them over this store.
///
/// # Errors
/// When what is kept of learned secrets or refused deliveries cannot be read.
pub(crate) async fn wire(
    plan: &Plan,
    parts: LineParts,
    store: &Arc<Store>,
    clock: &Clock,
) -> Result<Wired, RunFault> {
    let LineParts { admission, fetcher, anchors, filters, routes } = parts;
    let learned = recall(plan, &admission, store.notes()).await?;
    let keeper = Arc::new(Keeper::new(fetch_by(&fetcher), anchors, clock.clone()));
    let paths = paths(plan, &admission);
    let pipeline = Arc::new(Pipeline {
        notary: Notary::new(Arc::clone(&admission), Arc::clone(&keeper)),
        judges: Judges::default(),
        admission,
        rates: rates(plan),
        routes,
        filters,
        engine: Arc::clone(store) as Arc<dyn Engine>,
        state: store.state(),
        turn: tokio::sync::Mutex::default(),
        dead_letters: DEAD_LETTERS.parse().map_err(RunFault::Name)?,
    });
    let ledger = Ledger::open(&plan.store.folder, Arc::clone(&pipeline), clock.clone());
    let refused = open_refused(plan, store, &pipeline, clock.clone()).await?;
    let sources = counters(plan);
    let (line, stamp) = (Arc::clone(&pipeline), Stamp::new(clock.clone()));
    let (kept, calls) = (Arc::clone(&refused), Errands::new(call_by(&fetcher)));
    let errands = Arc::clone(&calls.counters);
    let entrances = entrances(plan, &sources);
    let door = Door::new(line, stamp, entrances, kept, calls, learned.clone());
    let door = Arc::new(door);
    let config = HttpConfig { limits: plan.http_limits.clone(), paths };
    let source = HttpSource::new(config, Arc::clone(&door) as _);
    Ok(Wired { pipeline, keeper, learned, errands, ledger, refused, sources, door, source })
}

/// Opens what was refused before, where blocking is allowed.
async fn open_refused(
    plan: &Plan,
    store: &Arc<Store>,
    line: &Arc<Pipeline>,
    clock: Clock,
) -> Result<Arc<Refused>, RunFault> {
    let (keeping, store, line) = (plan.refused.clone(), Arc::clone(store), Arc::clone(line));
    let open = move || Refused::open(&store, line, keeping, clock);
    let opened = tokio::task::spawn_blocking(open).await;
    let opened = opened.unwrap_or_else(|fault| Err(std::io::Error::other(fault)));
    let what = "read the refused deliveries";
    opened.map(Arc::new).map_err(|fault| RunFault::System { what, fault })
}

/// Gives sources the secrets that were handed over to them.
async fn recall(
    plan: &Plan,
    admission: &Arc<Admission>,
    notes: Notes,
) -> Result<Learned, RunFault> {
    let learned = Learned::new(&plan.store.folder, notes);
    let (folder, admission) = (learned.clone(), Arc::clone(admission));
    let recalled = tokio::task::spawn_blocking(move || folder.recall(&admission)).await;
    let recalled = recalled.unwrap_or_else(|fault| Err(std::io::Error::other(fault)));
    let what = "read the secrets of handshakes";
    recalled.map(|()| learned).map_err(|fault| RunFault::System { what, fault })
}

fn counters(plan: &Plan) -> BTreeMap<SourceName, Arc<SourceCounters>> {
    let names = plan.sources.iter().map(|source| source.name.clone());
    names.map(|name| (name, Arc::default())).collect()
}

fn entrances(
    plan: &Plan,
    counters: &BTreeMap<SourceName, Arc<SourceCounters>>,
) -> HashMap<SourceName, Entrance> {
    let entrance = |source: &SourcePlan| {
        let counters = Arc::clone(counters.get(&source.name)?);
        Some((source.name.clone(), Entrance::new(counters, source.answer_within)))
    };
    plan.sources.iter().filter_map(entrance).collect()
}

/// The paths of sources, with the methods of their handshakes.
fn paths(plan: &Plan, admission: &Admission) -> Vec<PathRule> {
    let path = |source: &SourcePlan| {
        let handshake_methods = admission.handshake_methods(&source.name);
        Some(PathRule { handshake_methods, ..source.way.path()?.clone() })
    };
    plan.sources.iter().filter_map(path).collect()
}

/// How the keeper fetches.
fn fetch_by(fetcher: &Arc<Fetcher>) -> Fetch {
    let fetcher = Arc::clone(fetcher);
    Arc::new(move |url: String| {
        let fetcher = Arc::clone(&fetcher);
        Box::pin(async move { fetcher.get(&url, &[]).await.map_err(|why| why.to_string()) })
    })
}

/// How errands are run.
fn call_by(fetcher: &Arc<Fetcher>) -> Call {
    let fetcher = Arc::clone(fetcher);
    Arc::new(move |errand: Errand| {
        let fetcher = Arc::clone(&fetcher);
        Box::pin(async move {
            let called = fetcher.get(&errand.url, &errand.headers).await;
            called.map_err(|why| why.to_string())
        })
    })
}

fn rates(plan: &Plan) -> HashMap<SourceName, Limiter> {
    let limiter = |source: &SourcePlan| Some((source.name.clone(), Limiter::new(source.rate?)));
    plan.sources.iter().filter_map(limiter).collect()
}
