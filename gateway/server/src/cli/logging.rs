//! How the gateway logs: one line per event on standard error, as text or JSON.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// How log lines are written.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging at a level such as `info`, or with directives such as
/// `info,sluicegate_queue=debug`. Control characters in values are escaped by the writer.
pub(super) fn start(level: &str, format: LogFormat) -> Result<(), String> {
    let filter = EnvFilter::try_new(level).map_err(|fault| format!("--log {level}: {fault}"))?;
    // lapin logs messages that come back with their whole content, and a payload is never logged.
    let filter = ["lapin=off", "amq_protocol=off"]
        .iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, EnvFilter::add_directive);
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_target(false).with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|fault| format!("start logging: {fault}"))
}
