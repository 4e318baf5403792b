//! What `explain` takes, and whom it asks.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use sluicegate_core::ids::EventId;

use super::{curl, show};
use crate::cli::CommandFault;
use crate::cli::gateway::Gateway;

/// Say why a delivery was refused: the signature with the likely mistake, the schema, each route,
/// each filter. A running gateway is asked, since it has the secrets, the schemas and the filters.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The id of a refused delivery that is kept.
    #[arg(required_unless_present_any = ["file", "curl"], conflicts_with_all = ["file", "curl"])]
    id: Option<EventId>,
    /// A delivery as `refused show --json` writes it; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "curl")]
    file: Option<PathBuf>,
    /// A command line of curl in a file; `-` reads standard input. Needs `--source`.
    #[arg(long, value_name = "FILE", requires = "source")]
    curl: Option<PathBuf>,
    /// The source that the delivery is for.
    #[arg(long)]
    source: Option<String>,
    /// When it came (RFC 3339). Without it, as its file says, or now.
    #[arg(long)]
    arrived: Option<String>,
    #[command(flatten)]
    gateway: Gateway,
}

/// Asks, and prints what is answered. Fails if the delivery would be refused.
pub(in crate::cli) fn explain(arguments: &Arguments) -> Result<(), CommandFault> {
    let admin = arguments.gateway.admin()?;
    let document = Gateway::wait(async {
        match arguments.id {
            Some(id) => admin.get(&format!("/v1/refused/{id}/explain")).await,
            None => admin.post("/v1/explain", &delivery(arguments)?).await,
        }
    })?;
    admin.show(&document, || show::print(&document));
    if is_taken(&document) { Ok(()) } else { Err(CommandFault::Told) }
}

/// Whether the delivery is proven, and every event of it keeps to its schema.
fn is_taken(document: &Value) -> bool {
    let holds = |of: &Value, place: &str| of.pointer(place) == Some(&Value::Bool(true));
    let events = document.get("events").and_then(Value::as_array);
    holds(document, "/signature/proven")
        && document.get("refusal").is_none_or(Value::is_null)
        && events.is_some_and(|all| all.iter().all(|event| holds(event, "/schema/passes")))
}

/// The delivery of a file.
fn delivery(arguments: &Arguments) -> Result<Value, CommandFault> {
    let mut delivery = match (&arguments.file, &arguments.curl) {
        (Some(file), _) => {
            let document: Value = serde_json::from_str(&text(file)?)
                .map_err(|fault| CommandFault::Input(format!("{}: {fault}", file.display())))?;
            of_document(document)
        }
        (None, Some(file)) => {
            let folder = file.parent().unwrap_or(Path::new(".")).to_owned();
            curl::delivery(&text(file)?, &folder).map_err(CommandFault::Input)?
        }
        (None, None) => json!({}),
    };
    if let Some(map) = delivery.as_object_mut() {
        for (name, said) in [("source", &arguments.source), ("arrived", &arguments.arrived)] {
            if let Some(said) = said {
                map.insert(name.to_owned(), said.clone().into());
            }
        }
    }
    Ok(delivery)
}

/// What `refused show` wrote has the delivery within, and its arrival beside.
fn of_document(mut document: Value) -> Value {
    let arrived = document.get("arrived").cloned();
    let Some(mut delivery) = document.get_mut("delivery").map(Value::take) else { return document };
    if let (Some(map), Some(arrived)) = (delivery.as_object_mut(), arrived) {
        map.entry("arrived").or_insert(arrived);
    }
    delivery
}

fn text(file: &Path) -> Result<String, CommandFault> {
    let read = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|fault| CommandFault::Input(format!("cannot read {}: {fault}", file.display())))
}
