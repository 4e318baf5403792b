//! `sluicegate check`: every fault of a configuration at once, without running it.

use std::path::Path;

use super::{CommandFault, compile, say};
use crate::amqp;
use crate::blueprint::Blueprint;
use crate::clock::machine_clock;
use crate::config;
use crate::fault::RunFault;

/// Reads the configuration, builds every room that needs neither disk nor network, and says `ok`.
pub(super) fn check(file: &Path) -> Result<(), CommandFault> {
    let mut plan = config::load(file, &machine_clock()).map_err(RunFault::from)?;
    let routes = plan.routes.len();
    let (sources, queues) = (plan.sources.len(), plan.store.queues.len());
    let remarks = amqp::remarks(&plan);
    Blueprint::build(&mut plan, compile::child(None)?).map_err(RunFault::from)?;
    let file = file.display();
    for remark in remarks {
        say(&format!("{file}: warning: {remark}"));
    }
    say(&format!("{file}: ok: {sources} sources, {routes} routes, {queues} queues"));
    Ok(())
}
