//! Which gateway a command asks.

use std::path::PathBuf;

use clap::Args;

use super::CommandFault;
use super::admin::{Admin, Output};
use crate::fault::RunFault;

/// Which gateway, and how it is shown. The token of the admin API is taken from the environment:
/// SLUICEGATE_ADMIN_TOKEN.
#[derive(Debug, Args)]
pub(super) struct Gateway {
    /// The admin API. Without it: where `--config` says it listens, or http://127.0.0.1:8081.
    #[arg(long, global = true, value_name = "URL", env = "SLUICEGATE_ADMIN")]
    admin: Option<String>,
    /// The configuration of the gateway, to find its admin API.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON, as the API answers it: one document a line.
    #[arg(long, global = true)]
    json: bool,
}

impl Gateway {
    /// The way to its admin API.
    pub(super) fn admin(&self) -> Result<Admin, CommandFault> {
        let output = if self.json { Output::Json } else { Output::Table };
        Admin::new(self.admin.clone(), self.config.as_deref(), output)
    }

    /// Does something on a runtime that ends with it.
    pub(super) fn wait<T>(
        done: impl Future<Output = Result<T, CommandFault>>,
    ) -> Result<T, CommandFault> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|fault| RunFault::System { what: "start the runtime", fault })?;
        runtime.block_on(done)
    }
}
