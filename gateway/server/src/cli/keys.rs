//! `sluicegate keys`: which key of each source is used, and which can go; and the secret that a
//! handshake handed over, for who must type it elsewhere.

use clap::{Args, Subcommand};
use serde_json::Value;
use sluicegate_core::ids::SourceName;

use super::gateway::Gateway;
use super::table::{Table, text};
use super::{CommandFault, say};

/// What `keys` takes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Only those of this source.
    source: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the secret that a source's handshake handed over: Notion wants it typed into its page.
    Learned {
        /// The source.
        source: String,
    },
}

/// Does what is asked.
pub(super) fn run(arguments: &Arguments) -> Result<(), CommandFault> {
    match &arguments.verb {
        Some(Verb::Learned { source }) => learned(arguments, source),
        None => list(arguments),
    }
}

/// Prints the secret, and nothing else.
fn learned(arguments: &Arguments, source: &str) -> Result<(), CommandFault> {
    // It becomes a part of a path.
    let source: SourceName =
        source.parse().map_err(|fault| CommandFault::Input(format!("{source:?}: {fault}")))?;
    let admin = arguments.gateway.admin()?;
    let document = Gateway::wait(admin.get(&format!("/v1/keys/learned/{source}")))?;
    admin.show(&document, || say(&text(&document, "/secret")));
    Ok(())
}

/// Prints the keys.
fn list(arguments: &Arguments) -> Result<(), CommandFault> {
    let admin = arguments.gateway.admin()?;
    let mut document = Gateway::wait(admin.get("/v1/keys"))?;
    if let (Some(source), Some(Value::Array(keys))) = (&arguments.source, document.get_mut("keys"))
    {
        keys.retain(|key| key.get("source").and_then(Value::as_str) == Some(source));
    }
    admin.show(&document, || {
        let heads = ["source", "key", "live", "matched", "last used", "what to do"];
        let mut table = Table::new(&heads);
        for key in rows(&document, "keys") {
            let cells = ["/source", "/key", "/live", "/matched", "/last_used", "/advice"];
            table.row(cells.map(|cell| text(key, cell)).into());
        }
        table.print();
        for secret in rows(&document, "secrets") {
            if secret.get("in_force") == Some(&Value::Bool(false)) {
                let (name, why) = (text(secret, "/secret"), text(secret, "/why"));
                say(&format!("\nsecret {name}: its newest value is not in force: {why}"));
            }
        }
    });
    Ok(())
}

fn rows<'d>(document: &'d Value, name: &str) -> impl Iterator<Item = &'d Value> {
    document.get(name).and_then(Value::as_array).into_iter().flatten()
}
