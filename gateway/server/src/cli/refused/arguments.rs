//! What can be said after `sluicegate refused`.

use clap::{Args, Subcommand};
use sluicegate_core::ids::EventId;

use super::act;
use crate::cli::CommandFault;
use crate::cli::gateway::Gateway;

/// Look at what was refused, and let in what should not have been. The token of the admin API is
/// taken from the environment: SLUICEGATE_ADMIN_TOKEN.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    pub(super) gateway: Gateway,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List what is kept, the oldest first.
    Ls(Which),
    /// One, with its headers and body; secrets are masked.
    Show {
        /// Its id.
        id: EventId,
    },
    /// Judge again by the keys and schemas of today, as of the arrival. Nothing is changed.
    Reverify(Chosen),
    /// Judge again, and take through the line what passes: each once, with its first id.
    Release(Chosen),
    /// Take away for good: the bytes are gone from the disk.
    Rm(Chosen),
}

/// Which are meant.
#[derive(Debug, Default, Args)]
pub(super) struct Which {
    /// Of this source.
    #[arg(long)]
    pub(super) source: Option<String>,
    /// With this code: `signature_refused`, `payload_invalid`, `schema_unknown`.
    #[arg(long)]
    pub(super) code: Option<String>,
    /// That stand so: `kept`, `releasing` or `released`.
    #[arg(long)]
    pub(super) standing: Option<String>,
    /// That came at or after this time (RFC 3339).
    #[arg(long)]
    pub(super) since: Option<String>,
    /// That came before this time (RFC 3339).
    #[arg(long)]
    pub(super) until: Option<String>,
    /// At most so many.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) limit: Option<u64>,
}

/// Ids, or all that are meant.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    /// Their ids.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(super) ids: Vec<EventId>,
    /// All of those that the options say, and that are not released yet.
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    pub(super) which: Which,
}

/// Does it.
pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), CommandFault> {
    let admin = arguments.gateway.admin()?;
    Gateway::wait(async {
        match &arguments.verb {
            Verb::Ls(which) => act::list(&admin, which).await,
            Verb::Show { id } => act::show(&admin, *id).await,
            Verb::Reverify(chosen) => act::each(&admin, chosen, act::Act::Reverify).await,
            Verb::Release(chosen) => act::each(&admin, chosen, act::Act::Release).await,
            Verb::Rm(chosen) => act::each(&admin, chosen, act::Act::Remove).await,
        }
    })
}
