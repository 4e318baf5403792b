//! The command line.
//!
//! Exit codes: 0 done; 1 the configuration or an input is bad; 2 the command is misused;
//! 3 something failed while running.

mod admin;
mod check;
mod compile;
mod config;
mod explain;
mod gateway;
mod keys;
mod logging;
mod plugin;
mod queue;
mod refused;
mod run;
mod schema;
mod schemes;
mod secret;
mod send;
mod table;
mod verify;

use std::error::Error;
use std::iter::successors;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use sluicegate_queue::OpenFault;

use crate::fault::RunFault;

/// A WebAssembly-pluggable event router gateway: verifies, validates, filters, stores, delivers.
#[derive(Debug, Parser)]
#[command(name = "sluicegate", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway until Ctrl-C or SIGTERM.
    Run(run::Arguments),
    /// Check a configuration: every fault at once, with file, line and path.
    Check {
        /// The configuration file.
        config: PathBuf,
    },
    /// Sign a file as a source's provider does, and post it to that source.
    Send(send::Arguments),
    /// Run known-answer vectors of webhook signatures.
    Verify {
        /// A file of vectors: a JSON list.
        #[arg(long, value_name = "FILE")]
        vectors: PathBuf,
    },
    /// Ask a running gateway about its queues and change them, or look into a data folder.
    Queue(queue::Arguments),
    /// Look at what was refused, and let in what should not have been.
    Refused(refused::Arguments),
    /// Say why a delivery was refused, and what would become of it.
    Explain(explain::Arguments),
    /// Which key of each source is used, and which can be removed; the secret of a handshake.
    Keys(keys::Arguments),
    /// Look at a configuration.
    #[command(subcommand)]
    Config(config::What),
    /// Make, build, test and look at plugins.
    Plugin(plugin::Arguments),
    /// Compile a plugin from standard input to standard output: the gateway's own child process.
    #[command(name = compile::COMMAND, hide = true)]
    Compile,
    /// Compile and compare schemas from standard input: the gateway's own child process.
    #[command(name = crate::schemas::COMMAND, hide = true)]
    JudgeSchema,
    /// List the signature schemes and what each needs.
    Schemes(schemes::Arguments),
    /// Schemas: compare, infer and lint them, register them, print those that are published.
    Schema(schema::Arguments),
    /// Make secrets.
    #[command(subcommand)]
    Secret(secret::What),
}

/// Why a command failed: said on standard error, and told by the exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandFault {
    /// The gateway cannot run.
    #[error(transparent)]
    Run(#[from] RunFault),
    /// An input file or argument is bad.
    #[error("{0}")]
    Input(String),
    /// The gateway does not answer, or what was begun failed.
    #[error("{0}")]
    Remote(String),
    /// The data folder cannot be looked at.
    #[error("failed to open the data folder")]
    Folder(#[source] OpenFault),
    /// The command is misused, in a way that only shows when it is understood.
    #[error("{0}")]
    Misused(String),
    /// It was said already; only the exit code is left to tell.
    #[error("")]
    Told,
}

impl CommandFault {
    /// What is said: the whole chain of causes and the code; `None` if it was said already.
    fn text(&self) -> Option<String> {
        let code = match self {
            Self::Told => return None,
            // Each of its faults is said with its own code.
            Self::Run(RunFault::Config(_))
            | Self::Input(_)
            | Self::Remote(_)
            | Self::Misused(_) => return Some(self.to_string()),
            Self::Run(fault) => fault.code(),
            Self::Folder(fault) => fault.code(),
        };
        let first: &dyn Error = self;
        let chain = successors(Some(first), |fault| (*fault).source());
        let texts: Vec<String> = chain.map(ToString::to_string).collect();
        Some(format!("{} [{code}]", texts.join(": ")))
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Run(RunFault::Config(_)) | Self::Input(_) | Self::Told => 1,
            Self::Misused(_) | Self::Folder(_) => 2,
            Self::Run(RunFault::StoreFailed { .. }) => 4,
            Self::Run(_) | Self::Remote(_) => 3,
        }
    }
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check { config } => check::check(&config),
        Command::Send(arguments) => send::send(&arguments),
        Command::Verify { vectors } => verify::verify(&vectors),
        Command::Queue(arguments) => queue::run(arguments),
        Command::Refused(arguments) => refused::run(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Config(what) => config::run(&what),
        Command::Compile => return compile::run(),
        Command::JudgeSchema => {
            return crate::schemas::judge_child(std::io::stdin().lock(), std::io::stdout().lock());
        }
        Command::Plugin(arguments) => plugin::run(arguments),
        Command::Schemes(arguments) => schemes::print(&arguments),
        Command::Schema(arguments) => schema::run(arguments),
        Command::Secret(what) => secret::make(&what),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            if let Some(text) = fault.text() {
                say_error(&text);
            }
            ExitCode::from(fault.exit_code())
        }
    }
}

/// Writes a line to standard output. A reader that went away (`| head`) is no fault of ours.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;
    // Nothing is left to tell when nobody listens.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Writes a line to standard error.
pub(crate) fn say_error(line: &str) {
    use std::io::Write as _;
    // As above.
    let _ = writeln!(std::io::stderr(), "{line}");
}
