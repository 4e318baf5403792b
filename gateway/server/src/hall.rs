//! The hall: builds every room from a plan, wires them, runs them, and takes them down in order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_admission::Admission;
use sluicegate_core::ids::{PluginName, SinkName, SourceName};
use sluicegate_core::seams::{Engine, Sink};
use sluicegate_core::time::Clock;
use sluicegate_filters::{Chain, Host, HostConfig, Plugin};
use sluicegate_queue::Store;
use sluicegate_sinks::http::HttpSink;
use sluicegate_sources::http::{Front, HttpConfig, HttpLimits, HttpSource};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::{Access, Api, Readiness, Rooms};
use crate::clock::{Stamp, wall_clock};
use crate::config::{ConfigFault, ConfigFaults, DEAD_LETTERS, Plan, SinkPlan};
use crate::dispatch::Dispatch;
use crate::fault::RunFault;
use crate::intake::{Door, Entrance};
use crate::metrics::{SinkCounters, SourceCounters};
use crate::pipeline::Pipeline;
use crate::routes::{Matcher, Route};

/// Everything that can be built without touching disk or network: what `check` builds too.
pub struct Blueprint {
    admission: Admission,
    filters: Host,
    routes: Matcher<Option<Arc<Chain>>>,
    sinks: Vec<BuiltSink>,
}

struct BuiltSink {
    name: SinkName,
    sink: Arc<dyn Sink>,
    plan: SinkPlan,
}

impl Blueprint {
    /// Builds the rooms of a plan; takes from the plan what they keep.
    ///
    /// # Errors
    /// Every fault of the plan, and those that show only here: a plugin that is not Wasm, a key
    /// that is too short, a URL that may not be called.
    pub fn build(plan: &mut Plan) -> Result<Self, ConfigFaults> {
        let mut faults = std::mem::take(&mut plan.found);
        let (filters, plugins) = build_filters(plan, &mut faults);
        let sinks = build_sinks(plan, &mut faults);
        let admission = build_admission(plan, &mut faults);
        match (admission, filters) {
            (Some(admission), Some(filters)) if faults.is_empty() => {
                let routes = build_routes(plan, &plugins);
                Ok(Self { admission, filters, routes, sinks })
            }
            _ => Err(plan.faults(faults)),
        }
    }
}

fn build_admission(plan: &mut Plan, faults: &mut Vec<ConfigFault>) -> Option<Admission> {
    let registry = std::mem::take(&mut plan.registry);
    match Admission::build(std::mem::take(&mut plan.gates), registry) {
        Ok(admission) => Some(admission),
        Err(found) => {
            for fault in found {
                let pointer = format!("/sources/{}/verify", fault.source_name);
                faults.push(plan.fault(&pointer, "source_invalid", fault.problem.to_string()));
            }
            None
        }
    }
}

fn build_filters(
    plan: &mut Plan,
    faults: &mut Vec<ConfigFault>,
) -> (Option<Host>, BTreeMap<PluginName, Plugin>) {
    let mut plugins = BTreeMap::new();
    let queues: BTreeSet<_> = plan.store.queues.iter().map(|queue| queue.name.clone()).collect();
    let config = HostConfig {
        threads: plan.filter_threads,
        jobs_max: JOBS_MAX,
        plugins_max: plan.plugins.len().max(1),
        queues,
    };
    let host = match Host::start(config) {
        Ok(host) => host,
        Err(fault) => {
            faults.push(plan.fault("/plugins", fault.code(), fault.to_string()));
            return (None, plugins);
        }
    };
    for plugin in std::mem::take(&mut plan.plugins) {
        let (name, pointer) = (plugin.spec.name.clone(), plugin.pointer);
        match host.load(plugin.spec) {
            Ok(loaded) => {
                plugins.insert(name, loaded);
            }
            Err(fault) => faults.push(plan.fault(&pointer, fault.code(), fault.to_string())),
        }
    }
    (Some(host), plugins)
}

fn build_sinks(plan: &mut Plan, faults: &mut Vec<ConfigFault>) -> Vec<BuiltSink> {
    let mut built = Vec::new();
    for sink in std::mem::take(&mut plan.sinks) {
        match HttpSink::new(sink.http.clone()) {
            Ok(way_out) => {
                let (name, way_out) = (sink.name.clone(), Arc::new(way_out));
                built.push(BuiltSink { name, sink: way_out, plan: sink });
            }
            Err(fault) => {
                let pointer = format!("{}/http", sink.pointer);
                faults.push(plan.fault(&pointer, fault.code(), fault.to_string()));
            }
        }
    }
    built
}

fn build_routes(
    plan: &mut Plan,
    plugins: &BTreeMap<PluginName, Plugin>,
) -> Matcher<Option<Arc<Chain>>> {
    let (mut routes, mut defaults) = (Vec::new(), Vec::new());
    for route in std::mem::take(&mut plan.routes) {
        let asked: Vec<_> =
            route.filters.iter().filter_map(|name| plugins.get(name).cloned()).collect();
        let chain = (!asked.is_empty())
            .then(|| Arc::new(Chain { route: route.name.clone(), plugins: asked }));
        let list = if route.default { &mut defaults } else { &mut routes };
        list.push(Route { name: route.name, pattern: route.pattern, to: route.to, chain });
    }
    Matcher::new(routes, defaults)
}

/// A gateway that runs.
pub struct Hall {
    /// Where webhooks come in.
    pub http: SocketAddr,
    /// Where consumers and operators ask.
    pub admin: SocketAddr,
    door: Arc<Door>,
    pipeline: Arc<Pipeline>,
    store: Arc<Store>,
    readiness: Arc<Readiness>,
    drain: Duration,
    stops: Stops,
    sources: JoinSet<()>,
    dispatches: JoinSet<()>,
    admin_tasks: JoinSet<()>,
}

/// Who is told to stop, in this order.
struct Stops {
    sources: watch::Sender<bool>,
    dispatches: watch::Sender<bool>,
    admin: watch::Sender<bool>,
}

impl Hall {
    /// Opens the store and the listeners, and starts everything.
    ///
    /// # Errors
    /// When the data folder or an address cannot be had.
    pub async fn open(
        mut plan: Plan,
        blueprint: Blueprint,
        clock: Clock,
    ) -> Result<Self, RunFault> {
        let http = listen(plan.http).await?;
        let admin = listen(plan.admin.listen).await?;
        let store = open_store(&mut plan, &clock).await?;
        let engine: Arc<dyn Engine> = Arc::clone(&store) as Arc<dyn Engine>;
        let dead_letters = DEAD_LETTERS.parse().map_err(RunFault::Name)?;
        let pipeline = Arc::new(Pipeline::new(
            blueprint.admission,
            blueprint.routes,
            blueprint.filters,
            Arc::clone(&engine),
            dead_letters,
        ));
        let counters: BTreeMap<SourceName, Arc<SourceCounters>> = plan
            .sources
            .iter()
            .map(|source| (source.name.clone(), Arc::new(SourceCounters::default())))
            .collect();
        let door = open_door(&plan, Arc::clone(&pipeline), clock, &counters);
        let stops = Stops {
            sources: watch::Sender::new(false),
            dispatches: watch::Sender::new(false),
            admin: watch::Sender::new(false),
        };
        let paths = plan.sources.iter().map(|source| source.path.clone()).collect();
        let config = HttpConfig { limits: plan.http_limits.clone(), paths };
        let source = HttpSource::new(config, Arc::clone(&door) as _);
        let mut hall = Self {
            http: local(&http)?,
            admin: local(&admin)?,
            door,
            pipeline: Arc::clone(&pipeline),
            store: Arc::clone(&store),
            readiness: Arc::new(Readiness::default()),
            drain: plan.drain,
            stops,
            sources: JoinSet::new(),
            dispatches: JoinSet::new(),
            admin_tasks: JoinSet::new(),
        };
        let sinks = hall.start_sinks(blueprint.sinks, &engine);
        let rooms =
            Rooms { store, pipeline, sources: counters, sinks, http: source.metrics() };
        hall.start_admin(&plan, admin, engine, rooms);
        hall.sources.spawn(source.serve(http, hall.stops.sources.subscribe(), plan.drain));
        hall.readiness.ready();
        Ok(hall)
    }

    fn start_sinks(
        &mut self,
        sinks: Vec<BuiltSink>,
        engine: &Arc<dyn Engine>,
    ) -> BTreeMap<SinkName, Arc<SinkCounters>> {
        let stop = self.stops.dispatches.subscribe();
        let mut all = BTreeMap::new();
        for BuiltSink { name, sink, plan } in sinks {
            let counters = Arc::new(SinkCounters::default());
            all.insert(name.clone(), Arc::clone(&counters));
            let lease = plan.http.timeout.saturating_add(LEASE_BEYOND_TIMEOUT);
            let dispatch =
                Dispatch { name, from: plan.from, sink, batch: plan.batch, lease, counters };
            dispatch.start(engine, plan.concurrency, &stop, &mut self.dispatches);
        }
        all
    }

    fn start_admin(
        &mut self,
        plan: &Plan,
        listener: TcpListener,
        engine: Arc<dyn Engine>,
        rooms: Rooms,
    ) {
        let access = plan.admin.token.map_or(Access::Local(self.admin), Access::Token);
        let api = Arc::new(Api::new(engine, access, Arc::clone(&self.readiness), rooms));
        let front = Front::new(HttpLimits::default(), api);
        self.admin_tasks.spawn(front.serve(listener, self.stops.admin.subscribe(), self.drain));
    }

    /// Stops in the order in which nothing is lost: refuse new deliveries, finish those in flight,
    /// finish attempts under way, answer consumers, flush, close.
    pub async fn close(mut self) {
        self.readiness.stopping();
        self.stops.sources.send_replace(true);
        join(&mut self.sources, self.drain, "sources").await;
        self.door.close();
        self.stops.dispatches.send_replace(true);
        join(&mut self.dispatches, self.drain, "sinks").await;
        self.stops.admin.send_replace(true);
        join(&mut self.admin_tasks, self.drain, "admin API").await;
        self.store.stop().await;
        self.pipeline.filters().stop();
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RunFault> {
    TcpListener::bind(address).await.map_err(|fault| RunFault::Listen { address, fault })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, RunFault> {
    listener.local_addr().map_err(RunFault::Address)
}

/// Recovery reads a whole log: off the threads that serve.
async fn open_store(plan: &mut Plan, clock: &Clock) -> Result<Arc<Store>, RunFault> {
    let config = plan.store.clone();
    let store = Store::open(config, clock.clone()).map_err(RunFault::Store)?;
    Ok(Arc::new(store))
}

fn open_door(
    plan: &Plan,
    pipeline: Arc<Pipeline>,
    clock: Clock,
    counters: &BTreeMap<SourceName, Arc<SourceCounters>>,
) -> Arc<Door> {
    let mut entrances = HashMap::new();
    for source in &plan.sources {
        if let Some(counters) = counters.get(&source.name) {
            let entrance = Entrance::new(source.rate, Arc::clone(counters));
            entrances.insert(source.name.clone(), entrance);
        }
    }
    Arc::new(Door::new(pipeline, Stamp::new(clock), entrances))
}

async fn join(tasks: &mut JoinSet<()>, drain: Duration, what: &str) {
    let all = async { while tasks.join_next().await.is_some() {} };
    // The rooms keep to the drain time themselves; this is for one that does not.
    if tokio::time::timeout(drain + Duration::from_secs(5), all).await.is_err() {
        tracing::warn!("{what} did not stop in time");
        tasks.abort_all();
    }
}

/// The clock of the machine, for those who build a hall.
#[must_use]
pub fn machine_clock() -> Clock {
    wall_clock()
}

/// Events that may wait for a filter thread.
const JOBS_MAX: usize = 4096;

/// A lease outlives the sink's own timeout, so that a slow attempt is not made twice.
const LEASE_BEYOND_TIMEOUT: Duration = Duration::from_secs(30);
