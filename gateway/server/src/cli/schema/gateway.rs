//! `register`, `ls` and `show`: the schemas of a gateway that runs.

use serde_json::{Value, json};

use super::arguments::{Register, Show};
use super::files::read;
use crate::cli::admin::Admin;
use crate::cli::gateway::Gateway;
use crate::cli::table::{Table, text};
use crate::cli::{CommandFault, say, say_error};

/// Registers a schema, or says whether it could be.
pub(super) fn register(arguments: Register) -> Result<(), CommandFault> {
    let Register { subject, file, references, dry_run, of } = arguments;
    let references: Result<Vec<Value>, CommandFault> =
        references.iter().map(|text| reference(text)).collect();
    let body = json!({ "schema": read(&file)?, "references": references? });
    ask(&of, async |admin: &Admin| {
        let path = format!("/v1/schemas/{subject}");
        if dry_run {
            return would_be(admin, &admin.post(&format!("{path}/check"), &body).await?);
        }
        let answer = admin.post(&path, &body).await?;
        admin.show(&answer, || {
            let (version, id) = (text(&answer, "/version"), text(&answer, "/id"));
            say(&format!("{subject} version {version}, id {id}"));
        });
        Ok(())
    })
}

fn would_be(admin: &Admin, answer: &Value) -> Result<(), CommandFault> {
    let fits = answer.get("compatible") == Some(&Value::Bool(true));
    admin.show(answer, || {
        let found = answer.get("findings").and_then(Value::as_array).into_iter().flatten();
        found.for_each(|one| say_error(&text(one, "/message")));
        if fits {
            say("it can be registered");
        }
    });
    if fits { Ok(()) } else { Err(CommandFault::Told) }
}

/// `NAME=SUBJECT:VERSION`.
fn reference(given: &str) -> Result<Value, CommandFault> {
    let parts = given.rsplit_once('=').and_then(|(name, to)| {
        let (subject, version) = to.rsplit_once(':')?;
        Some(json!({ "name": name, "subject": subject, "version": version.parse::<u32>().ok()? }))
    });
    parts.ok_or_else(|| CommandFault::Misused(format!("{given:?} is not NAME=SUBJECT:VERSION")))
}

/// Lists the subjects.
pub(super) fn list(of: &Gateway) -> Result<(), CommandFault> {
    ask(of, async |admin: &Admin| {
        let answer = admin.get("/v1/schemas").await?;
        admin.show(&answer, || {
            let heads = ["subject", "latest", "versions", "origin", "compatibility", "formats"];
            let mut table = Table::new(&heads);
            for one in answer.get("subjects").and_then(Value::as_array).into_iter().flatten() {
                let count = one.get("versions").and_then(Value::as_array).map_or(0, Vec::len);
                let cell = |name: &str| text(one, &format!("/{name}"));
                table.row(vec![
                    cell("subject"),
                    cell("latest"),
                    count.to_string(),
                    cell("origin"),
                    cell("compatibility"),
                    cell("formats"),
                ]);
            }
            table.print();
        });
        Ok(())
    })
}

/// Shows a version: its schema, as it was given.
pub(super) fn show(arguments: Show) -> Result<(), CommandFault> {
    let Show { subject, number, of } = arguments;
    ask(&of, async |admin: &Admin| {
        let answer = admin.get(&format!("/v1/schemas/{subject}/versions/{number}")).await?;
        admin.show(&answer, || say(text(&answer, "/text").trim_end()));
        Ok(())
    })
}

/// Asks a gateway.
fn ask(
    of: &Gateway,
    question: impl AsyncFnOnce(&Admin) -> Result<(), CommandFault>,
) -> Result<(), CommandFault> {
    let admin = of.admin()?;
    Gateway::wait(question(&admin))
}
