//! `ls`, `show`, `put` and what else is done to the plugins of a gateway that runs.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sluicegate_admission::sha256;
use sluicegate_core::ids::PluginName;

use super::subject;
use crate::cli::admin::{Admin, Output};
use crate::cli::table::{Table, text};
use crate::cli::{CommandFault, say};
use crate::fault::RunFault;

/// What is done to the plugins of a gateway that runs.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List the plugins of a running gateway: which version decides, and how each stands.
    Ls(Gateway),
    /// Everything about one plugin of a running gateway.
    Show(Named),
    /// Put another version in a plugin's place, without losing or stalling an event.
    Put(Put),
    /// Bring back the version that decided before.
    Rollback(Named),
    /// Ask a plugin again that is paused, or that failed too often.
    Resume(Named),
    /// Put the version in shadow in place.
    Promote(Named),
    /// End the shadow.
    Unshadow(Named),
    /// What came of the shadow: where it would have decided otherwise.
    Differences(Named),
}

/// Which gateway.
#[derive(Debug, Args)]
pub(super) struct Gateway {
    /// The admin API. Without it: where `--gateway` says it listens, or http://127.0.0.1:8081.
    #[arg(long, value_name = "URL", env = "SLUICEGATE_ADMIN")]
    admin: Option<String>,
    /// The configuration of the gateway, to find its admin API.
    #[arg(long, value_name = "FILE")]
    gateway: Option<PathBuf>,
}

/// Which plugin.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The plugin, by its name in the configuration.
    name: PluginName,
    #[command(flatten)]
    of: Gateway,
}

/// What `put` takes.
#[derive(Debug, Args)]
pub(super) struct Put {
    /// The plugin, by its name in the configuration.
    name: PluginName,
    /// The component, or a core module that carries its component type.
    file: PathBuf,
    /// Only beside the version that decides: what it says is compared, and takes no effect.
    #[arg(long)]
    shadow: bool,
    /// Even if this version failed too often before.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    of: Gateway,
}

impl Gateway {
    /// The way to its admin API.
    pub(super) fn admin(&self, output: Output) -> Result<Admin, CommandFault> {
        Admin::new(self.admin.clone(), self.gateway.as_deref(), output)
    }

    /// The configuration of the gateway, if it was said.
    pub(super) fn file(&self) -> Option<&Path> {
        self.gateway.as_deref()
    }
}

/// Does what was said.
pub(super) fn run(verb: Verb, json: bool) -> Result<(), CommandFault> {
    let output = if json { Output::Json } else { Output::Table };
    let of = match &verb {
        Verb::Ls(of) => of,
        Verb::Put(put) => &put.of,
        Verb::Show(named)
        | Verb::Rollback(named)
        | Verb::Resume(named)
        | Verb::Promote(named)
        | Verb::Unshadow(named)
        | Verb::Differences(named) => &named.of,
    };
    let admin = of.admin(output)?;
    runtime()?.block_on(act(&admin, verb))
}

/// What asks the admin API runs here.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, RunFault> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|fault| RunFault::System { what: "start the runtime", fault })
}

async fn act(admin: &Admin, verb: Verb) -> Result<(), CommandFault> {
    match verb {
        Verb::Ls(_) => list(admin).await,
        Verb::Put(ask) => put(admin, &ask).await,
        Verb::Show(named) => {
            let shown = admin.get(&path(&named, "")).await?;
            admin.show(&shown, || print(&shown));
            Ok(())
        }
        Verb::Differences(named) => {
            let shown = admin.get(&path(&named, "/differences")).await?;
            admin.show(&shown, || print_differences(&shown));
            Ok(())
        }
        Verb::Unshadow(named) => {
            let answer = admin.ask("DELETE", &path(&named, "/shadow"), None).await?;
            admin.show(&answer, || say(&format!("{}: no version is in shadow", named.name)));
            Ok(())
        }
        Verb::Rollback(named) => change(admin, &named, "/rollback").await,
        Verb::Resume(named) => change(admin, &named, "/resume").await,
        Verb::Promote(named) => change(admin, &named, "/promote").await,
    }
}

fn path(named: &Named, part: &str) -> String {
    format!("/v1/plugins/{}{part}", named.name)
}

async fn change(admin: &Admin, named: &Named, part: &str) -> Result<(), CommandFault> {
    let shown = admin.post(&path(named, part), &json!({})).await?;
    admin.show(&shown, || say_place(&shown));
    Ok(())
}

async fn put(admin: &Admin, ask: &Put) -> Result<(), CommandFault> {
    let bytes = subject::read(&ask.file)?;
    let mut path = format!("/v1/plugins/{}?sha256={}", ask.name, sha256(&bytes));
    for (wanted, word) in [(ask.shadow, "&shadow=true"), (ask.force, "&force=true")] {
        path.push_str(if wanted { word } else { "" });
    }
    let shown = admin.send("PUT", &path, "application/wasm", Bytes::from(bytes)).await?;
    admin.show(&shown, || say_place(&shown));
    Ok(())
}

/// One line: which version decides now, and which is in shadow.
fn say_place(shown: &Value) {
    let [name, standing, current] = ["/name", "/standing", "/current"].map(|at| text(shown, at));
    let shadow = match shown.get("shadow").and_then(Value::as_str) {
        Some(shadow) => format!(", {} in shadow", short(shadow)),
        None => String::new(),
    };
    say(&format!("{name}: {} decides, {standing}{shadow}", short(&current)));
}

async fn list(admin: &Admin) -> Result<(), CommandFault> {
    let document = admin.get("/v1/plugins").await?;
    admin.show(&document, || {
        let heads = ["plugin", "standing", "current", "previous", "shadow", "differences", "why"];
        let mut table = Table::new(&heads);
        let plugins = document.get("plugins").and_then(Value::as_array);
        for plugin in plugins.into_iter().flatten() {
            let [name, standing, why] = ["/name", "/standing", "/why"].map(|at| text(plugin, at));
            let versions = ["/current", "/previous", "/shadow"].map(|at| short(&text(plugin, at)));
            let mut cells = vec![name, standing];
            cells.extend(versions);
            cells.extend([text(plugin, "/differences"), why]);
            table.row(cells);
        }
        table.print();
    });
    Ok(())
}

/// Every leaf of what is known of a plugin, a line each.
fn print(shown: &Value) {
    let mut table = Table::new(&["what", "value"]);
    table.spread("", shown);
    table.print();
}

fn print_differences(shown: &Value) {
    let [compared, different, dropped] =
        ["/compared", "/different", "/dropped"].map(|at| text(shown, at));
    say(&format!("{compared} compared, {different} different, {dropped} dropped\n"));
    print_pairs(shown, "shadow");
    for one in shown.get("last").and_then(Value::as_array).into_iter().flatten() {
        print_difference(one, "shadow");
    }
}

/// How often which kinds of answers stood against each other.
pub(super) fn print_pairs(shown: &Value, new: &str) {
    let mut table = Table::new(&["current", new, "count"]);
    for pair in shown.get("pairs").and_then(Value::as_array).into_iter().flatten() {
        let new = format!("/{new}");
        table.row([text(pair, "/current"), text(pair, &new), text(pair, "/count")].into());
    }
    table.print();
}

/// One event, with what both versions said.
pub(super) fn print_difference(one: &Value, new: &str) {
    let [id, kind, differs] = ["/id", "/type", "/differs"].map(|at| text(one, at));
    say(&crate::cli::table::plain(&format!("\n{id} {kind} ({differs})")));
    for word in ["current", new] {
        let said = crate::cli::table::plain(&text(one, &format!("/{word}")));
        say(&format!("  {word}: {said}"));
    }
}

/// The first twelve digits of a digest.
fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}
