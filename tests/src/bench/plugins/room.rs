//! The Wasm room as the gateway starts it, for what a single call does not show: a second try, the
//! ticker, callers beside each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluicegate_core::event::Event;
use sluicegate_core::letter::Cause;
use sluicegate_filters::{Chain, Compiler, End, Host, HostConfig, Plugin, Slot};
use tokio::runtime::{Builder, Runtime};

use super::guests::Guest;

/// The room.
pub(super) struct Room(Host);

/// A route with one filter.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) plugin: Plugin,
    chain: Arc<Chain>,
}

impl Room {
    /// Starts it with two filter threads, as on a machine of two cores.
    pub(super) fn start() -> Result<Self, String> {
        let queues: BTreeSet<_> = ["urgent".parse().map_err(|_| "urgent is not a name")?].into();
        let config = HostConfig {
            threads: 2,
            jobs_max: 1024,
            plugins_max: 4,
            queues: Arc::new(queues),
            compiler: Compiler::Here,
        };
        Host::start(config).map(Self).map_err(|fault| fault.to_string())
    }

    /// Loads a guest and makes it the filter of a route of its own.
    pub(super) fn route(&self, guest: Guest) -> Result<Route, String> {
        let plugin = self.0.load(guest.spec()?).map_err(|fault| fault.to_string())?;
        let plugins = vec![Slot::new(plugin.clone(), None)];
        let route = "main".parse().map_err(|_| "main is not a name")?;
        Ok(Route { plugin, chain: Arc::new(Chain { route, plugins }) })
    }

    /// Takes an event through a route; where it ended.
    pub(super) async fn decide(&self, event: &Event, route: &Route) -> Result<End, String> {
        let chains = vec![Arc::clone(&route.chain)];
        let decided = self.0.decide(event.clone(), chains).await;
        let mut decided = decided.map_err(|refusal| format!("refused: {refusal:?}"))?;
        let mut branches = decided.pop().unwrap_or_default();
        match (branches.pop(), branches.is_empty()) {
            (Some(branch), true) => Ok(branch.end),
            other => Err(format!("one event did not stay one: {other:?}")),
        }
    }
}

/// A runtime for one thread, on which the caller itself runs.
pub(super) fn runtime() -> Result<Runtime, String> {
    Builder::new_current_thread().build().map_err(|fault| fault.to_string())
}

/// Holds an end against the right one.
pub(super) fn require(end: &End, right: &End) -> Result<(), String> {
    if end == right { Ok(()) } else { Err(format!("it ended as {end:?}, not {right:?}")) }
}

/// Fails unless an event became a dead letter for this cause.
pub(super) fn require_dead(end: &End, cause: Cause) -> Result<(), String> {
    match end {
        End::Dead(letter) if letter.cause == cause => Ok(()),
        other => Err(format!("it ended as {other:?}, not as a dead letter for {cause:?}")),
    }
}
