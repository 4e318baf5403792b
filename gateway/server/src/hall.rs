//! The hall: wires the rooms, runs them, and takes them down in the order in which nothing is lost.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::ids::{SinkName, SourceName};
use sluicegate_core::seams::{Engine, Intake};
use sluicegate_core::time::Clock;
use sluicegate_filters::{Force, PluginSpec};
use sluicegate_queue::Store;
use sluicegate_sinks::amqp::AmqpSinkMetrics;
use sluicegate_sources::amqp::{AmqpConfig, AmqpMetrics, AmqpSource};
use sluicegate_sources::http::{Front, HttpConfig, HttpLimits, HttpSource};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::{Access, Amqp, Api, Readiness, Rooms};
use crate::blueprint::{Blueprint, BuiltPlugin, BuiltSink};
use crate::clock::{Stamp, machine_clock};
use crate::config::{DEAD_LETTERS, Plan, SourcePlan, WayIn};
use crate::dispatch::Dispatch;
use crate::fault::RunFault;
use crate::intake::{Door, Entrance};
use crate::jobs::Jobs;
use crate::limiter::Limiter;
use crate::metrics::{SinkCounters, SourceCounters};
use crate::origins::{NotTaken, Watch};
use crate::pipeline::Pipeline;
use crate::plugins::{As, Put, VersionFault, Versions};

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
    pub async fn open(plan: Plan, blueprint: Blueprint) -> Result<Self, RunFault> {
        let clock = machine_clock();
        let listener = listen(plan.http).await?;
        let admin = listen(plan.admin.listen).await?;
        // Recovery reads the log; nobody is served yet, and senders wait at the listeners.
        let store = Store::open(plan.store.clone(), clock.clone()).map_err(RunFault::Store)?;
        let store = Arc::new(store);
        let engine: Arc<dyn Engine> = Arc::clone(&store) as Arc<dyn Engine>;
        let (sinks, built) = (blueprint.sinks, blueprint.plugins);
        let dead_letters = DEAD_LETTERS.parse().map_err(RunFault::Name)?;
        let pipeline = Arc::new(Pipeline {
            admission: blueprint.admission,
            rates: rates(&plan),
            routes: blueprint.routes,
            filters: blueprint.filters,
            engine: Arc::clone(&engine),
            state: store.state(),
            turn: tokio::sync::Mutex::default(),
            dead_letters,
        });
        let counters: BTreeMap<SourceName, Arc<SourceCounters>> = plan
            .sources
            .iter()
            .map(|source| (source.name.clone(), Arc::new(SourceCounters::default())))
            .collect();
        let entrance = |(name, counters): (&SourceName, &Arc<SourceCounters>)| {
            (name.clone(), Entrance::new(Arc::clone(counters)))
        };
        let entrances = counters.iter().map(entrance).collect();
        let job_clock = clock.clone();
        let door = Arc::new(Door::new(Arc::clone(&pipeline), Stamp::new(clock), entrances));
        let stops = Stops {
            sources: watch::Sender::new(false),
            dispatches: watch::Sender::new(false),
            admin: watch::Sender::new(false),
        };
        let paths = plan.sources.iter().filter_map(|source| source.path().cloned()).collect();
        let config = HttpConfig { limits: plan.http_limits.clone(), paths };
        let source = HttpSource::new(config, Arc::clone(&door) as _);
        let mut hall = Self {
            http: local(&listener)?,
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
        let plugins = hall.start_plugins(&plan, built).await?;
        let amqp_sources = hall.start_amqp(&plan);
        let (sinks, amqp_sinks) = hall.start_sinks(sinks, &engine);
        let amqp = Amqp { sources: amqp_sources, sinks: amqp_sinks };
        let jobs = hall.start_jobs(&plan, job_clock)?;
        let watch = hall.start_watch(blueprint.watch, &plugins);
        let configured = plan.store.queues.iter().map(|queue| queue.name.clone()).collect();
        let (http, fsync) = (source.metrics(), plan.store.fsync);
        let sources = counters;
        let rooms =
            Rooms { store, jobs, plugins, sources, sinks, http, amqp, configured, fsync, watch };
        hall.start_admin(&plan, admin, engine, rooms);
        hall.sources.spawn(source.serve(listener, hall.stops.sources.subscribe(), plan.drain));
        hall.readiness.ready();
        Ok(hall)
    }

    fn start_sinks(
        &mut self,
        sinks: Vec<BuiltSink>,
        engine: &Arc<dyn Engine>,
    ) -> (BTreeMap<SinkName, Arc<SinkCounters>>, BTreeMap<SinkName, Arc<AmqpSinkMetrics>>) {
        let stop = self.stops.dispatches.subscribe();
        let (mut all, mut brokers) = (BTreeMap::new(), BTreeMap::new());
        for BuiltSink { name, sink, plan, amqp } in sinks {
            let counters = Arc::new(SinkCounters::default());
            all.insert(name.clone(), Arc::clone(&counters));
            brokers.extend(amqp.map(|amqp| (name.clone(), amqp)));
            let lease = plan.way.timeout().saturating_add(LEASE_BEYOND_TIMEOUT);
            let dispatch =
                Dispatch { name, from: plan.from, sink, batch: plan.batch, lease, counters };
            dispatch.start(engine, plan.concurrency, &stop, &mut self.dispatches);
        }
        (all, brokers)
    }

    /// Consumes from the queues of brokers, until the listeners stop.
    fn start_amqp(&mut self, plan: &Plan) -> BTreeMap<SourceName, Arc<AmqpMetrics>> {
        let intake: Arc<dyn Intake> = Arc::clone(&self.door) as _;
        let mut all = BTreeMap::new();
        for source in &plan.sources {
            let WayIn::Amqp(config) = &source.way else { continue };
            let config = AmqpConfig { drain: plan.drain, ..AmqpConfig::clone(config) };
            let amqp = AmqpSource::new(config, &intake);
            all.insert(source.name.clone(), amqp.metrics());
            self.sources.spawn(amqp.run(self.stops.sources.subscribe()));
        }
        all
    }

    /// Takes up the versions of before, and writes down what becomes of them. That stops with the
    /// sinks: nothing is asked any more then.
    async fn start_plugins(
        &mut self,
        plan: &Plan,
        built: Vec<BuiltPlugin>,
    ) -> Result<Arc<Versions>, RunFault> {
        let (data, line) = (plan.store.folder.clone(), Arc::clone(&self.pipeline));
        let open = move || Versions::open(&data, line, built);
        let opened = tokio::task::spawn_blocking(open).await;
        let opened = opened.unwrap_or_else(|fault| Err(std::io::Error::other(fault)));
        let plugins = opened
            .map_err(|fault| RunFault::System { what: "read the versions of plugins", fault })?;
        let plugins = Arc::new(plugins);
        self.dispatches.spawn(Arc::clone(&plugins).run(self.stops.dispatches.subscribe()));
        Ok(plugins)
    }

    /// Jobs that had not ended go on. They stop with the sinks: before the store does.
    fn start_jobs(&mut self, plan: &Plan, clock: Clock) -> Result<Arc<Jobs>, RunFault> {
        let (store, line) = (Arc::clone(&self.store), Arc::clone(&self.pipeline));
        let jobs = Jobs::open(&plan.store.folder, store, line, clock)
            .map_err(|fault| RunFault::System { what: "read the jobs", fault })?;
        let jobs = Arc::new(jobs);
        self.dispatches.spawn(Arc::clone(&jobs).run(self.stops.dispatches.subscribe()));
        Ok(jobs)
    }

    /// Looks for new versions of plugins, until the line stops.
    fn start_watch(&mut self, watch: Watch, plugins: &Arc<Versions>) -> Arc<Watch> {
        let (watch, plugins) = (Arc::new(watch), Arc::clone(plugins));
        let runtime = tokio::runtime::Handle::current();
        let take = move |spec: PluginSpec| {
            let put = Put { sha256: Some(spec.digest), to_be: As::Current, force: Force::No };
            let taken = runtime.block_on(plugins.put(&spec.name, spec.bytes.into(), put));
            let not_taken =
                |fault: VersionFault| NotTaken { code: fault.code(), why: fault.to_string() };
            taken.map(|_| ()).map_err(not_taken)
        };
        let stop = self.stops.dispatches.subscribe();
        self.dispatches.spawn(Arc::clone(&watch).run(take, stop));
        watch
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

    /// Waits until the store has failed for good, and says why.
    pub async fn store_failed(&self) -> &'static str {
        self.store.failed().await
    }

    /// Stops in the order in which nothing is lost: refuse new deliveries, finish those in flight,
    /// finish attempts under way, answer consumers, flush, close.
    ///
    /// # Errors
    /// When the store has failed, before or while it was flushed for the last time.
    pub async fn close(mut self) -> Result<(), RunFault> {
        self.readiness.stopping();
        self.stops.sources.send_replace(true);
        join(&mut self.sources, self.drain, "sources").await;
        self.door.close();
        self.stops.dispatches.send_replace(true);
        join(&mut self.dispatches, self.drain, "sinks").await;
        self.stops.admin.send_replace(true);
        join(&mut self.admin_tasks, self.drain, "admin API").await;
        self.store.stop().await;
        self.pipeline.filters.stop();
        match self.store.failure() {
            Some(what) => Err(RunFault::StoreFailed { what }),
            None => Ok(()),
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RunFault> {
    TcpListener::bind(address).await.map_err(|fault| RunFault::Listen { address, fault })
}

fn local(listener: &TcpListener) -> Result<SocketAddr, RunFault> {
    listener.local_addr().map_err(RunFault::Address)
}

fn rates(plan: &Plan) -> HashMap<SourceName, Limiter> {
    let limiter = |source: &SourcePlan| Some((source.name.clone(), Limiter::new(source.rate?)));
    plan.sources.iter().filter_map(limiter).collect()
}

async fn join(tasks: &mut JoinSet<()>, drain: Duration, what: &str) {
    let all = async { while tasks.join_next().await.is_some() {} };
    // The rooms keep to the drain time themselves; this is for one that does not.
    if tokio::time::timeout(drain + Duration::from_secs(5), all).await.is_err() {
        tracing::warn!("{what} did not stop in time");
        tasks.abort_all();
    }
}

/// A lease outlives the sink's own timeout, so that a slow attempt is not made twice.
const LEASE_BEYOND_TIMEOUT: Duration = Duration::from_secs(30);
