//! The hall: starts the rooms, runs them, and takes them down in the order in which nothing is
//! lost. The line and its door come from `wiring`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_admission::Registry;
use sluicegate_core::ids::{SinkName, SourceName};
use sluicegate_core::seams::{Engine, Intake};
use sluicegate_core::time::Clock;
use sluicegate_filters::{Force, PluginSpec};
use sluicegate_queue::Store;
use sluicegate_sources::http::{Front, HttpLimits};
use sluicegate_sources::mqtt::MqttMetrics;
use sluicegate_sources::mqtt_client::MqttClientMetrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::amqp;
use crate::api::{Access, Api, Brokers, Readiness, Rooms};
use crate::blueprint::{Blueprint, BrokerMetrics, BuiltPlugin, BuiltSink};
use crate::clock::machine_clock;
use crate::config::Plan;
use crate::dispatch::Dispatch;
use crate::fault::RunFault;
use crate::intake::Door;
use crate::jobs::Jobs;
use crate::keys::{Ledger, SecretWatch};
use crate::metrics::SinkCounters;
use crate::mqtt::{self, MqttDoor};
use crate::origins::{NotTaken, Watch};
use crate::pipeline::Pipeline;
use crate::plugins::{As, Put, VersionFault, Versions};
use crate::refused::Refused;
use crate::schemas::{Judge, Registrar};
use crate::wiring::{Wired, wire};

/// A gateway that runs.
pub struct Hall {
    /// Where webhooks come in.
    pub http: SocketAddr,
    /// Where MQTT clients come in, by the keys under `listen`.
    pub mqtt: Vec<(&'static str, SocketAddr)>,
    /// Where consumers and operators ask.
    pub admin: SocketAddr,
    door: Arc<Door>,
    refused: Arc<Refused>,
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
#[derive(Default)]
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
    pub async fn open(mut plan: Plan, blueprint: Blueprint) -> Result<Self, RunFault> {
        let clock = machine_clock();
        let listener = listen(plan.http).await?;
        let mqtt = MqttDoor::open(&plan).await?;
        let admin = listen(plan.admin.listen).await?;
        // Recovery reads the log; nobody is served yet, and senders wait at the listeners.
        let store = Store::open(plan.store.clone(), clock.clone()).map_err(RunFault::Store)?;
        let store = Arc::new(store);
        let engine: Arc<dyn Engine> = Arc::clone(&store) as Arc<dyn Engine>;
        let Blueprint { schemas, plugins, sinks, watch, line } = blueprint;
        let wired = wire(&plan, line, &store, &clock).await?;
        let Wired { pipeline, keeper, learned, errands, ledger, refused, sources, door, source } =
            wired;
        let mqtt_clock = clock.clone();
        let mut hall = Self {
            http: local(&listener)?,
            mqtt: mqtt.as_ref().map_or_else(Vec::new, MqttDoor::addresses),
            admin: local(&admin)?,
            door,
            refused: Arc::clone(&refused),
            pipeline: Arc::clone(&pipeline),
            store: Arc::clone(&store),
            readiness: Arc::new(Readiness::default()),
            drain: plan.drain,
            stops: Stops::default(),
            sources: JoinSet::new(),
            dispatches: JoinSet::new(),
            admin_tasks: JoinSet::new(),
        };
        let schemas = hall.open_schemas(&plan, schemas).await?;
        let plugins = hall.start_plugins(&plan, plugins).await?;
        let (sinks, mut brokers) = hall.start_sinks(sinks, &engine);
        brokers.amqp.sources =
            amqp::start(&plan, &hall.door, &hall.stops.sources, &mut hall.sources);
        let jobs = hall.start_jobs(&plan, clock)?;
        let watch = hall.start_watch(watch, &plugins);
        let (ledger, secrets) = hall.start_keys(&mut plan, ledger);
        let configured = plan.store.queues.iter().map(|queue| queue.name.clone()).collect();
        let (http, fsync) = (source.metrics(), plan.store.fsync);
        let mqtt =
            mqtt.map(|door| hall.start_mqtt(door, &plan, &engine, mqtt_clock)).transpose()?;
        let mqtt = mqtt.unwrap_or_default();
        brokers.mqtt.sources = hall.start_clients(&plan, &engine)?;
        let rooms = Rooms {
            store,
            jobs,
            plugins,
            schemas,
            sources,
            sinks,
            http,
            mqtt,
            brokers,
            configured,
            fsync,
            watch,
            keeper,
            learned,
            errands,
            refused,
            ledger,
            secrets,
        };
        hall.start_admin(&plan, admin, engine, rooms);
        hall.sources.spawn(source.serve(listener, hall.stops.sources.subscribe(), plan.drain));
        hall.readiness.ready();
        Ok(hall)
    }

    fn start_sinks(
        &mut self,
        sinks: Vec<BuiltSink>,
        engine: &Arc<dyn Engine>,
    ) -> (BTreeMap<SinkName, Arc<SinkCounters>>, Brokers) {
        let stop = self.stops.dispatches.subscribe();
        let (mut all, mut brokers) = (BTreeMap::new(), Brokers::default());
        for BuiltSink { name, sink, plan, broker } in sinks {
            let counters = Arc::new(SinkCounters::default());
            all.insert(name.clone(), Arc::clone(&counters));
            match broker {
                Some(BrokerMetrics::Amqp(own)) => {
                    drop(brokers.amqp.sinks.insert(name.clone(), own))
                }
                Some(BrokerMetrics::Mqtt(own)) => {
                    drop(brokers.mqtt.sinks.insert(name.clone(), own))
                }
                None => {}
            }
            let lease = plan.way.timeout().saturating_add(LEASE_BEYOND_TIMEOUT);
            let dispatch =
                Dispatch { name, from: plan.from, sink, batch: plan.batch, lease, counters };
            dispatch.start(engine, plan.concurrency, &stop, &mut self.dispatches);
        }
        (all, brokers)
    }

    /// Reads the schemas that were registered. From then on the line judges by them, too.
    async fn open_schemas(
        &self,
        plan: &Plan,
        files: Arc<Registry>,
    ) -> Result<Arc<Registrar>, RunFault> {
        let program = std::env::current_exe()
            .map_err(|fault| RunFault::System { what: "find the program itself", fault })?;
        let (data, line) = (plan.store.folder.clone(), Arc::clone(&self.pipeline));
        let open = move || Registrar::open(&data, files, Judge { program }, line);
        let opened = tokio::task::spawn_blocking(open).await;
        let opened = opened.unwrap_or_else(|fault| Err(std::io::Error::other(fault)));
        opened.map(Arc::new).map_err(RunFault::Schemas)
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

    fn start_mqtt(
        &mut self,
        door: MqttDoor,
        plan: &Plan,
        engine: &Arc<dyn Engine>,
        clock: Clock,
    ) -> Result<Arc<MqttMetrics>, RunFault> {
        let intake = Arc::clone(&self.door) as Arc<dyn Intake>;
        let stop = self.stops.sources.subscribe();
        let source = door.source(plan, intake, engine, clock)?;
        let metrics = source.metrics();
        door.serve(&source, &stop, self.drain, &mut self.sources);
        Ok(metrics)
    }

    /// Starts the sources that take from brokers.
    fn start_clients(
        &mut self,
        plan: &Plan,
        engine: &Arc<dyn Engine>,
    ) -> Result<BTreeMap<SourceName, Arc<MqttClientMetrics>>, RunFault> {
        let intake = Arc::clone(&self.door) as Arc<dyn Intake>;
        let clients = mqtt::clients(plan, &intake, engine)?;
        let mut all = BTreeMap::new();
        for (name, client) in clients {
            all.insert(name, client.metrics());
            self.sources.spawn(client.run(self.stops.sources.subscribe()));
        }
        Ok(all)
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

    /// Keeps the uses of keys, and reads their secrets again, until the line stops.
    fn start_keys(&mut self, plan: &mut Plan, ledger: Ledger) -> (Arc<Ledger>, Arc<SecretWatch>) {
        let (secrets, keys) = (std::mem::take(&mut plan.secrets), std::mem::take(&mut plan.keys));
        let watch = Arc::new(SecretWatch::new(Arc::clone(&self.pipeline), secrets, keys));
        let ledger = Arc::new(ledger);
        let stop = &self.stops.dispatches;
        self.dispatches.spawn(Arc::clone(&watch).run(stop.subscribe()));
        self.dispatches.spawn(Arc::clone(&ledger).run(stop.subscribe()));
        (ledger, watch)
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
        self.refused.close().await;
        self.store.stop().await;
        self.pipeline.filters.stop();
        match self.store.failure() {
            Some(what) => Err(RunFault::StoreFailed { what }),
            None => Ok(()),
        }
    }
}

pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, RunFault> {
    TcpListener::bind(address).await.map_err(|fault| RunFault::Listen { address, fault })
}

pub(crate) fn local(listener: &TcpListener) -> Result<SocketAddr, RunFault> {
    listener.local_addr().map_err(RunFault::Address)
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
