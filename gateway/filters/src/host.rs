//! The room as the hall sees it: load plugins, ask them about events, read the numbers, stop.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sluicegate_core::event::Event;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::StateView;
use sluicegate_core::state::{Scratch, Session};
use sluicegate_core::time::{Clock, Timestamp};
use tokio::sync::oneshot;
use wasmtime::component::Linker;

use crate::aot::Compiler;
use crate::change::Force;
use crate::engine::{WORKER_STACK_BYTES, engine};
use crate::fault::{HostFault, LoadFault, SlotFault};
use crate::imports::{Context, linker};
use crate::jobs::{Job, Jobs, NotTaken};
use crate::load::prepare;
use crate::metrics::PluginMetrics;
use crate::plugin::{Loaded, Plugin};
use crate::shadow::{Shadow, ShadowThread};
use crate::slot::Slot;
use crate::spec::{Branch, Chain, Decided, End, HostConfig, PluginSpec, Queues};
use crate::station::Station;
use crate::ticker::Ticker;
use crate::trial::Meter;
use crate::work::{Answer, decide, work};

/// The Wasm room. It stops when it is dropped.
pub struct Host {
    linker: Linker<Context>,
    compiler: Compiler,
    jobs: Arc<Jobs>,
    ticker: Arc<Ticker>,
    loading: Mutex<()>,
    loaded: Mutex<Vec<Weak<Loaded>>>,
    versions_max: usize,
    queues: Arc<dyn Queues>,
    shadows: Mutex<Vec<ShadowThread>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Where callers' own threads ask. Apart from the workers' stations, so that plugins that are
    /// slow do not keep the quick ones waiting.
    stations: Box<[Mutex<Station>]>,
    /// State of which nothing is kept.
    nothing: Arc<dyn StateView>,
    stopping: AtomicBool,
}

impl Host {
    /// Starts the engine and its threads.
    ///
    /// # Errors
    /// When this machine cannot run the engine, or does not give the threads.
    pub fn start(config: HostConfig) -> Result<Self, HostFault> {
        let threads = match config.threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        // Each station may hold an instance of the version that decides and, until it is swept, of
        // the one that did; one is in shadow, and one is started when it is loaded.
        let engine = engine((4 * threads + 3).saturating_mul(config.plugins_max.max(1)))?;
        let linker = linker(&engine).map_err(|error| HostFault::Engine(format!("{error:#}")))?;
        let queues = config.queues;
        let station = || Mutex::new(Station::new(Arc::clone(&queues)));
        let host = Self {
            linker,
            compiler: config.compiler,
            jobs: Arc::new(Jobs::new(config.jobs_max)),
            ticker: Arc::new(Ticker::default()),
            loading: Mutex::new(()),
            loaded: Mutex::new(Vec::new()),
            versions_max: config.plugins_max.saturating_mul(VERSIONS_EACH),
            queues: Arc::clone(&queues),
            shadows: Mutex::default(),
            threads: Mutex::new(Vec::with_capacity(threads + 1)),
            stations: std::iter::repeat_with(station).take(threads).collect(),
            nothing: Arc::new(Scratch::new(Clock::new(Timestamp::default))),
            stopping: AtomicBool::new(false),
        };
        // A thread that does not start drops the host, which stops those that did.
        lock(&host.threads).push(host.ticker.start(engine, Arc::clone(&host.jobs))?);
        for number in 0..threads {
            let worker = host.worker(number, Station::new(Arc::clone(&queues)))?;
            lock(&host.threads).push(worker);
        }
        Ok(host)
    }

    /// Compiles a plugin, holds it against the contract, and starts it once to prove that its
    /// `configure` works. Takes as long as that takes: call it where blocking is allowed.
    ///
    /// # Errors
    /// When the bytes are not a plugin, it imports what it may not have, or it does not start.
    pub fn load(&self, spec: PluginSpec) -> Result<Plugin, LoadFault> {
        // One at a time; the numbers can be read meanwhile.
        let _loading = lock(&self.loading);
        lock(&self.loaded).retain(|plugin| plugin.strong_count() > 0);
        if lock(&self.loaded).len() >= self.versions_max {
            return Err(LoadFault::TooMany { max: self.versions_max });
        }
        self.sweep();
        let _running = self.ticker.running();
        let PluginSpec { name, bytes, digest, terms } = spec;
        let plugin = on_a_thread_of_its_own(|| {
            let component = self.compiler.compile(self.linker.engine(), digest, &bytes)?;
            prepare(&self.linker, &component, terms.state, Meter::Time)?.start(name, digest, terms)
        })?;
        lock(&self.loaded).push(Arc::downgrade(&plugin.0));
        Ok(plugin)
    }

    /// Puts another version in a plugin's place. Events that have begun end with the old one; no
    /// event waits. The old version is the one before, which [`roll_back`](Self::roll_back) brings
    /// back.
    ///
    /// # Errors
    /// When these bytes are quarantined and not forgiven.
    pub fn swap(&self, slot: &Slot, plugin: Plugin, force: Force) -> Result<(), SlotFault> {
        slot.swap(plugin, force)?;
        self.sweep();
        Ok(())
    }

    /// Brings back the version that decided before.
    ///
    /// # Errors
    /// When there is none.
    pub fn roll_back(&self, slot: &Slot) -> Result<(), SlotFault> {
        slot.roll_back()?;
        self.sweep();
        Ok(())
    }

    /// Sets a version beside the one that decides: it is asked about the same events, and what it
    /// says is compared. It takes the place of another one in shadow.
    ///
    /// # Errors
    /// When these bytes are quarantined and not forgiven, or its thread cannot be started.
    pub fn shadow(&self, slot: &Slot, plugin: Plugin, force: Force) -> Result<(), SlotFault> {
        slot.admits(plugin.digest(), force)?;
        let (queues, ticker) = (Arc::clone(&self.queues), Arc::clone(&self.ticker));
        let (shadow, thread) = Shadow::start(plugin, queues, ticker)
            .map_err(|fault| SlotFault::Thread(fault.to_string()))?;
        let mut threads = lock(&self.shadows);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        drop(threads);
        slot.set_shadow(shadow, force)
    }

    /// Puts the version in shadow in place.
    ///
    /// # Errors
    /// When there is none.
    pub fn promote(&self, slot: &Slot) -> Result<(), SlotFault> {
        slot.promote()?;
        self.sweep();
        Ok(())
    }

    /// Gives back the instances of versions that decide no more: workers when they are done with
    /// what they are at, the others now.
    fn sweep(&self) {
        self.jobs.rouse();
        self.stations.iter().for_each(|station| lock(station).sweep());
    }

    /// Takes an event through its chains: one list of branches for each chain, in order. Plugins
    /// that may remember something find nothing, and nothing of theirs is kept.
    ///
    /// # Errors
    /// As those of [`Self::decide_with`].
    pub async fn decide(
        &self,
        event: Event,
        chains: Vec<Arc<Chain>>,
    ) -> Result<Vec<Vec<Branch>>, Refusal> {
        Ok(self.decide_with(event, chains, &self.nothing).await?.chains)
    }

    /// Takes an event through its chains. All chains are walked in one job, by one worker. Plugins
    /// that were granted state see what is in this view; what they write is in the answer, and
    /// takes effect with the commit of the event or not at all.
    ///
    /// # Errors
    /// When a filter rejects the event or asks for it later, when too many events wait, or when
    /// the room is stopping. Nothing was decided then for any chain.
    pub async fn decide_with(
        &self,
        event: Event,
        chains: Vec<Arc<Chain>>,
        state: &Arc<dyn StateView>,
    ) -> Result<Decided, Refusal> {
        if !chains.iter().any(|chain| chain.wants(&event.kind)) {
            let through = |_| vec![Branch { event: event.clone(), end: End::Through }];
            return Ok(Decided {
                chains: chains.iter().map(through).collect(),
                ..Decided::default()
            });
        }
        let remembers = chains.iter().any(|chain| chain.remembers());
        let mut session = remembers.then(|| Session::over(Arc::clone(state)));
        if chains.iter().all(|chain| chain.is_quick()) {
            match self.decide_here(&event, &chains, session) {
                Ok(answer) => return answer,
                Err(unused) => session = unused,
            }
        }
        let (reply, answer) = oneshot::channel();
        let job = Job { event, chains, session, ahead: None, reply };
        self.jobs.push(job).map_err(|not_taken| match not_taken {
            NotTaken::Full => overloaded("filter jobs"),
            NotTaken::Stopping => Refusal::Stopping,
        })?;
        match answer.await {
            Ok(answer) => answer,
            Err(_) if self.jobs.is_stopping() => Err(Refusal::Stopping),
            // The worker panicked over it, and has said so in the log.
            Err(_) => Err(overloaded("filter worker")),
        }
    }

    /// Decides on the caller's own thread; gives the session back if no station is free, or the
    /// room is stopping.
    fn decide_here(
        &self,
        event: &Event,
        chains: &[Arc<Chain>],
        session: Option<Session>,
    ) -> Result<Answer, Option<Session>> {
        if self.stopping.load(Ordering::Acquire) {
            return Err(session);
        }
        let first = HERE.with(|here| *here) % self.stations.len().max(1);
        let Some((before, from)) = self.stations.split_at_checked(first) else {
            return Err(session);
        };
        let free = from.iter().chain(before).find_map(|station| station.try_lock().ok());
        let Some(mut station) = free else { return Err(session) };
        let _running = self.ticker.running();
        let answer = decide(&mut station, event, chains, session, None);
        Ok(answer.unwrap_or_else(|| Err(overloaded("filter"))))
    }

    /// The numbers of every plugin that is loaded.
    #[must_use]
    pub fn metrics(&self) -> Vec<PluginMetrics> {
        let loaded: Vec<_> = lock(&self.loaded).iter().filter_map(Weak::upgrade).collect();
        loaded.into_iter().map(|loaded| Plugin(loaded).metrics()).collect()
    }

    /// Stops the threads. Events that still wait are refused; those being decided are finished.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.jobs.stop();
        lock(&self.shadows).drain(..).for_each(ShadowThread::stop);
        let mut threads = lock(&self.threads);
        // The first is the ticker: without it, a guest that loops would never be stopped.
        let workers = 1.min(threads.len());
        for thread in threads.drain(workers..) {
            // A thread that panicked has said so; there is nothing left of it to stop.
            let _ = thread.join();
        }
        self.ticker.stop();
        if let Some(ticker) = threads.pop() {
            // As above.
            let _ = ticker.join();
        }
    }

    fn worker(&self, number: usize, mut station: Station) -> Result<JoinHandle<()>, HostFault> {
        let (jobs, ticker) = (Arc::clone(&self.jobs), Arc::clone(&self.ticker));
        thread::Builder::new()
            .name(format!("filter-{number}"))
            .stack_size(WORKER_STACK_BYTES)
            .spawn(move || {
                jobs.enter();
                loop {
                    let running = ticker.running();
                    while let Some(job) = jobs.take() {
                        work(&mut station, &jobs, job);
                    }
                    station.sweep();
                    drop(running);
                    if !jobs.wait() {
                        return;
                    }
                }
            })
            .map_err(HostFault::Thread)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Host")
    }
}

/// Loads on a thread that ends with it. The compiler takes tens of megabytes, and an allocator that
/// keeps freed memory by thread gives it back only then. A panic of the compiler is a fault of the
/// plugin's load and no more.
fn on_a_thread_of_its_own(
    load: impl FnOnce() -> Result<Plugin, LoadFault> + Send,
) -> Result<Plugin, LoadFault> {
    let broken = |why: String| LoadFault::Compiler { why };
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("filter-load".into())
            .stack_size(LOAD_STACK_BYTES)
            .spawn_scoped(scope, load)
            .map_err(|error| broken(format!("its thread cannot be started: {error}")))?;
        thread.join().unwrap_or_else(|_| Err(broken("it panicked".to_owned())))
    })
}

thread_local! {
    /// Spreads the callers' threads over the stations.
    static HERE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

fn overloaded(what: &'static str) -> Refusal {
    Refusal::Overloaded { what, retry_after: RETRY_AFTER }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks guard is whole at every moment.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stack of a loading thread: the compiler recurses deeper than a guest may.
const LOAD_STACK_BYTES: usize = 8 * 1024 * 1024;

/// Versions of one plugin that may be loaded: one that decides, the one before it, one in shadow,
/// one that is on its way; and as many again that slow events still hold.
const VERSIONS_EACH: usize = 8;

/// When a sender that was refused for want of room may come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);
