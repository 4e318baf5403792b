//! `sluicegate run`: the gateway, until it is told to stop.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use sluicegate_queue::FsyncMode;
use tokio::signal::unix::{SignalKind, signal};

use super::logging::{self, LogFormat};
use super::{CommandFault, compile, say};
use crate::blueprint::Blueprint;
use crate::clock::machine_clock;
use crate::config::{self, Plan};
use crate::fault::RunFault;
use crate::hall::Hall;
use crate::origins::Origin;

/// What `run` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The configuration file.
    config: PathBuf,
    /// What to log: a level, or directives such as `info,sluicegate_queue=debug`.
    #[arg(long, default_value = "info", env = "SLUICEGATE_LOG")]
    log: String,
    /// How to log.
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,
}

/// Runs the gateway. Says on standard output, in one JSON line, where it listens.
pub(super) fn run(arguments: &Arguments) -> Result<(), CommandFault> {
    logging::start(&arguments.log, arguments.log_format).map_err(CommandFault::Input)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
        .map_err(|fault| RunFault::System { what: "start the runtime", fault })?;
    let done = runtime.block_on(serve(arguments));
    // What is still running has been told to stop, and was waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(done?)
}

async fn serve(arguments: &Arguments) -> Result<(), RunFault> {
    let mut plan = config::load(&arguments.config, &machine_clock())?;
    keep_pulled(&mut plan);
    let cache = plan.store.folder.join(COMPILED);
    let blueprint = Blueprint::build(&mut plan, compile::child(Some(cache))?)?;
    let (mode, data) = (plan.store.fsync, plan.store.folder.clone());
    let fsync = fsync_words(mode);
    let sealed_by = plan.store.encryption.as_ref().map(|one| one.seal_with.name().to_owned());
    let sealed_by = sealed_by.as_deref().unwrap_or("nothing");
    let mut stop = StopSignals::new()?;
    // Said before: a long log takes its time, and what fails must be looked for somewhere.
    tracing::info!(data = %data.display(), "opening the data folder");
    let hall = Hall::open(plan, blueprint).await?;
    let (http, admin) = (hall.http, hall.admin);
    let data = data.display();
    tracing::info!(%http, %admin, %fsync, sealed_by, %data, "sluicegate takes events");
    if mode != FsyncMode::Always {
        tracing::warn!(%fsync, "a power cut loses what was acknowledged since the last flush");
    }
    let mut ready =
        json!({ "event": "ready", "http": http.to_string(), "admin": admin.to_string() });
    for (name, address) in &hall.mqtt {
        tracing::info!(protocol = name, %address, "sluicegate takes messages");
        if let Some(ready) = ready.as_object_mut() {
            ready.insert((*name).to_owned(), address.to_string().into());
        }
    }
    say(&ready.to_string());
    let failed = tokio::select! {
        () = stop.wait() => None,
        what = hall.store_failed() => Some(what),
    };
    // Nothing can be taken any more: whoever restarts the gateway should not wait (decision 0008).
    failed.iter().for_each(|what| tracing::error!(what, "the store has failed: stopping"));
    tracing::info!("stopping: finishing what is in flight (a second signal stops at once)");
    tokio::select! {
        closed = hall.close() => {
            closed?;
            tracing::info!("stopped: everything acknowledged is on disk");
            Ok(())
        }
        () = stop.wait() => {
            tracing::warn!("stopped at once: what was in flight was not answered");
            failed.map_or(Ok(()), |what| Err(RunFault::StoreFailed { what }))
        }
    }
}

/// Puts what was pulled on the shelf, so that the next start needs no registry.
fn keep_pulled(plan: &mut Plan) {
    let shelf = plan.shelf();
    for plugin in &mut plan.plugins {
        let (Origin::Registry(artifact), Some(pulled)) = (&plugin.origin, plugin.pulled.take())
        else {
            continue;
        };
        let (plugin, digest) = (&plugin.spec.name, pulled.manifest_digest);
        tracing::info!(%plugin, artifact = %artifact.reference, %digest, "pulled a plugin");
        if let Err(fault) = shelf.keep(&artifact.reference, &pulled) {
            tracing::warn!(%plugin, %fault, "what was pulled cannot be kept: it is pulled again");
        }
    }
}

/// The mode as the configuration has it.
fn fsync_words(mode: FsyncMode) -> String {
    match mode {
        FsyncMode::Always => "always".to_owned(),
        FsyncMode::Interval(every) => format!("interval {every:?}"),
    }
}

/// Ctrl-C and SIGTERM.
struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn new() -> Result<Self, RunFault> {
        let on = |kind| {
            signal(kind).map_err(|fault| RunFault::System { what: "listen for signals", fault })
        };
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Bytes of the stack of each thread: twice what the deepest schema that is accepted needs to judge
/// a payload, nothing optimised. What is not used costs no memory.
const STACK_BYTES: usize = 4 * 1024 * 1024;

/// Where compiled plugins are kept, in the data folder.
const COMPILED: &str = "compiled";
