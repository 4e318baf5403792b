//! One plugin, tried by a tool: the same engine, the same limits and the same checks as in the
//! gateway, one call at a time, each with what it cost. Nothing that it decides takes effect.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use sluicegate_core::decision::{Decision, Failure};
use sluicegate_core::event::Event;
use sluicegate_core::ids::{Digest, PluginName, RouteName};
use sluicegate_core::letter::Cause;
use sluicegate_core::seams::StateView;
use sluicegate_core::state::{Grant, Scratch, Session};
use sluicegate_core::time::Clock as SystemClock;
use wasmtime::Engine;

use crate::answer;
use crate::engine::{counting_engine, engine};
use crate::fault::{Fault, HostFault, LoadFault};
use crate::imports::{linker, now};
use crate::instance::{Instance, Place};
use crate::jobs::Jobs;
use crate::load::{Prepared, compile, prepare};
use crate::plugin::Plugin;
use crate::spec::{AnyQueue, Terms};
use crate::ticker::Ticker;
use crate::walk::Verdict;
use crate::watch::Watch;

/// What a trial counts beside time and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meter {
    /// Nothing: guests run as fast as in the gateway.
    Time,
    /// Instructions, which do not depend on the machine; guests run slower for it.
    Fuel,
}

/// Whether calls share an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// One instance takes all calls, as in the gateway.
    Kept,
    /// Every call gets a fresh one.
    Fresh,
}

/// A file that can be tried with one configuration after another: it is compiled once.
pub struct Trials {
    prepared: Prepared,
    clock: Arc<Clock>,
}

/// A plugin on trial.
pub struct Trial {
    plugin: Plugin,
    instance: Option<Box<Instance>>,
    clock: Arc<Clock>,
    id: String,
    route: RouteName,
    /// What it remembers from one call to the next, as long as the trial lasts.
    state: Arc<Scratch>,
}

/// One answer and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What the plugin said.
    pub said: Said,
    /// How long the call took, a fresh instance included where one was needed.
    pub took: Duration,
    /// Instructions of the guest, if they were counted and the call ended well.
    pub fuel: Option<u64>,
    /// What the instance had in memory afterwards; 0 if it is gone.
    pub memory_bytes: usize,
}

/// What a plugin says about an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// The host would not ask: it did not subscribe to the type.
    NotAsked,
    /// A decision.
    Decided(Decision),
    /// It cannot decide.
    Failed(Failure),
    /// It broke: the failure policy applies.
    Broke {
        /// The kind of failure.
        cause: Cause,
        /// What happened.
        why: String,
    },
}

/// Why a trial cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum TrialFault {
    /// The machine cannot run the engine.
    #[error(transparent)]
    Host(#[from] HostFault),
    /// The plugin cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadFault),
}

impl TrialFault {
    /// The stable code: what a person looks up.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Host(fault) => fault.code(),
            Self::Load(fault) => fault.code(),
        }
    }
}

impl Trials {
    /// Compiles a plugin as the gateway does, and holds it against the contract.
    ///
    /// # Errors
    /// When the machine cannot run the engine, or the plugin is refused.
    pub fn open(bytes: &[u8], meter: Meter) -> Result<Self, TrialFault> {
        let engine = match meter {
            Meter::Time => engine(INSTANCES),
            Meter::Fuel => counting_engine(INSTANCES),
        }?;
        let linker = linker(&engine).map_err(|error| HostFault::Engine(format!("{error:#}")))?;
        let component = compile(linker.engine(), bytes)?;
        let prepared = prepare(&linker, &component, Some(Grant::default()), meter)?;
        Ok(Self { prepared, clock: Arc::new(Clock::start(engine)?) })
    }

    /// Starts the plugin. A decision of it may name any queue: a tool knows none.
    ///
    /// # Errors
    /// When it refuses the configuration or does not start.
    pub fn start(
        &self,
        name: PluginName,
        digest: Digest,
        terms: Terms,
    ) -> Result<Trial, LoadFault> {
        let _running = self.clock.ticker.running();
        let plugin = self.prepared.start(name, digest, terms)?;
        let state = Arc::new(Scratch::new(SystemClock::new(now)));
        let clock = Arc::clone(&self.clock);
        Ok(Trial { plugin, instance: None, clock, id: String::new(), route: route(), state })
    }
}

impl Trial {
    /// Whether it subscribed to events of this type.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        self.plugin.wants(kind)
    }

    /// Asks about one event.
    pub fn ask(&mut self, event: &Event, reuse: Reuse) -> Asked {
        if !self.plugin.wants(&event.kind) {
            let took = Duration::ZERO;
            return Asked { said: Said::NotAsked, took, fuel: None, memory_bytes: 0 };
        }
        let _running = self.clock.ticker.running();
        if reuse == Reuse::Fresh {
            self.instance = None;
        }
        let mut watch = Watch::start();
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => {
                let started = self.plugin.0.start();
                watch.lap(|| None);
                match started {
                    Ok(instance) => instance,
                    Err(fault) => return broke(fault, watch.took()),
                }
            }
        };
        let before = instance.fuel();
        let loaded = &self.plugin.0;
        // As in the gateway: a plugin that may remember nothing does not pay for it.
        let remembers = loaded.limits.state.is_some();
        let view = || Session::over(Arc::clone(&self.state) as Arc<dyn StateView>);
        let mut session = remembers.then(view);
        let (route, id) = (&self.route, &mut self.id);
        let place = Place { session: &mut session, route, id, watch: &mut watch };
        let answer = instance.call(event, &loaded.subscription, loaded.limits.deadline, place);
        let took = watch.took();
        let answer = match answer {
            Ok(answer) => answer,
            Err(fault) => return broke(fault, took),
        };
        let fuel = before.zip(instance.fuel()).map(|(before, after)| before - after);
        let memory_bytes = instance.memory_bytes();
        self.instance = Some(instance);
        let said = match answer {
            Ok(said) => match answer::decision(said, &AnyQueue) {
                Ok(decision) => Said::Decided(decision),
                Err(fault) => Said::Broke { cause: fault.cause, why: fault.reason },
            },
            Err(said) => Said::Failed(answer::failure(said)),
        };
        // As in the gateway: what is refused, or what broke, is not remembered.
        if let (Said::Decided(decision), Some(session)) = (&said, session)
            && !matches!(decision, Decision::Reject(_))
        {
            self.state.commit(session.into_transaction());
        }
        Asked { said, took, fuel, memory_bytes }
    }
}

impl From<Verdict> for Said {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Ok(Ok(decision)) => Self::Decided(decision),
            Ok(Err(failure)) => Self::Failed(failure),
            Err(Fault { cause, reason }) => Self::Broke { cause, why: reason },
        }
    }
}

#[expect(clippy::expect_used, reason = "the text is a name")]
fn route() -> RouteName {
    "trial".parse().expect("it is a name")
}

fn broke(fault: Fault, took: Duration) -> Asked {
    let said = Said::Broke { cause: fault.cause, why: fault.reason };
    Asked { said, took, fuel: None, memory_bytes: 0 }
}

/// The clock of the deadlines; it stops with the trial.
struct Clock {
    ticker: Arc<Ticker>,
    thread: Option<JoinHandle<()>>,
}

impl Clock {
    fn start(engine: Engine) -> Result<Self, HostFault> {
        let ticker = Arc::new(Ticker::default());
        let thread = ticker.start(engine, Arc::new(Jobs::new(0)))?;
        Ok(Self { ticker, thread: Some(thread) })
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.ticker.stop();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so; there is nothing left of it to stop.
            let _ = thread.join();
        }
    }
}

/// Trials that may be kept at once, with one instance each, and those that are being started.
const INSTANCES: usize = 16;
