//! Lists, shows, judges, releases and removes, by the admin API.

use serde_json::{Value, json};
use sluicegate_core::ids::EventId;

use super::arguments::{Chosen, Which};
use crate::cli::admin::Admin;
use crate::cli::table::{Table, plain, text};
use crate::cli::{CommandFault, say, say_error};

/// What is done with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Reverify,
    Release,
    Remove,
}

/// Lists those that are meant.
pub(super) async fn list(admin: &Admin, which: &Which) -> Result<(), CommandFault> {
    let all = every(admin, which, None).await?;
    admin.show(&json!({ "refused": all }), || {
        let mut table = Table::new(&["id", "arrived", "source", "bytes", "standing", "why"]);
        for one in &all {
            let cells = ["/id", "/arrived", "/source", "/bytes", "/standing", "/why"];
            table.row(cells.map(|cell| text(one, cell)).into());
        }
        table.print();
    });
    Ok(())
}

/// Shows one.
pub(super) async fn show(admin: &Admin, id: EventId) -> Result<(), CommandFault> {
    let document = admin.get(&format!("/v1/refused/{id}")).await?;
    admin.show(&document, || {
        for name in ["id", "source", "arrived", "standing", "code", "why"] {
            say(&format!("{name:<9} {}", plain(&text(&document, &format!("/{name}")))));
        }
        let delivery = |name: &str| plain(&text(&document, &format!("/delivery/{name}")));
        say(&format!("from      {}", delivery("peer")));
        say(&format!("\n{} {}", delivery("method"), delivery("target")));
        let headers = document.pointer("/delivery/headers").and_then(Value::as_array);
        for header in headers.into_iter().flatten() {
            say(&format!("{}: {}", plain(&text(header, "/0")), plain(&text(header, "/1"))));
        }
        let body = ["/delivery/body", "/delivery/body_base64"].into_iter();
        let body = body.filter(|place| document.pointer(place).is_some());
        let body: String = body.map(|place| plain(&text(&document, place))).collect();
        say(&format!("\n{body}"));
    });
    Ok(())
}

/// Does something with each that is chosen; fails if any could not be.
pub(super) async fn each(admin: &Admin, chosen: &Chosen, act: Act) -> Result<(), CommandFault> {
    let ids: Vec<String> = if chosen.all {
        let all = every(admin, &chosen.which, (act != Act::Remove).then_some("released")).await?;
        all.iter().map(|one| text(one, "/id")).collect()
    } else {
        chosen.ids.iter().map(ToString::to_string).collect()
    };
    let (mut done, mut not) = (0_u64, 0_u64);
    for id in ids {
        let path = format!("/v1/refused/{id}");
        let answer = match act {
            Act::Reverify => admin.post(&format!("{path}/reverify"), &json!({})).await,
            Act::Release => admin.post(&format!("{path}/release"), &json!({})).await,
            Act::Remove => admin.ask("DELETE", &path, None).await,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(fault @ CommandFault::Remote(_)) => return Err(fault),
            Err(fault) => {
                not += 1;
                say_error(&format!("{id}: {fault}"));
                continue;
            }
        };
        let refused = answer.get("accepted") == Some(&Value::Bool(false));
        if refused {
            not += 1;
        } else {
            done += 1;
        }
        admin.show(&with_id(&id, answer.clone()), || say(&told(&id, &answer, act)));
    }
    let word = match act {
        Act::Reverify => "would be taken",
        Act::Release => "released",
        Act::Remove => "removed",
    };
    say_error(&format!("{done} {word}, {not} not"));
    if not > 0 { Err(CommandFault::Told) } else { Ok(()) }
}

fn with_id(id: &str, mut answer: Value) -> Value {
    if let Some(map) = answer.as_object_mut() {
        map.insert("id".to_owned(), id.into());
    }
    answer
}

fn told(id: &str, answer: &Value, act: Act) -> String {
    match act {
        Act::Remove => format!("{id}: removed"),
        Act::Release if answer.get("duplicate") == Some(&Value::Bool(true)) => {
            format!("{id}: was event {} already", text(answer, "/event"))
        }
        Act::Release => format!("{id}: is event {}", text(answer, "/event")),
        Act::Reverify if answer.get("accepted") == Some(&Value::Bool(true)) => {
            format!("{id}: would be taken")
        }
        Act::Reverify => format!("{id}: {}", plain(&text(answer, "/why"))),
    }
}

/// All that are meant, page by page; none that stand as `without` says.
async fn every(
    admin: &Admin,
    which: &Which,
    without: Option<&str>,
) -> Result<Vec<Value>, CommandFault> {
    let mut asked = String::from("limit=500");
    for (name, value) in [
        ("source", &which.source),
        ("code", &which.code),
        ("standing", &which.standing),
        ("since", &which.since),
        ("until", &which.until),
    ] {
        if let Some(value) = value {
            asked.push_str(&format!("&{name}={}", value.replace('+', "%2B")));
        }
    }
    let limit =
        which.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let mut page = admin.get(&format!("/v1/refused?{asked}{after}")).await?;
        let next = page.get("next").and_then(Value::as_str).map(|next| format!("&after={next}"));
        if let Some(Value::Array(some)) = page.get_mut("refused").map(Value::take) {
            let stands = |one: &Value| one.get("standing").and_then(Value::as_str) != without;
            all.extend(some.into_iter().filter(|one| without.is_none() || stands(one)));
        }
        match next {
            Some(next) if all.len() < limit => after = next,
            _ => break,
        }
    }
    all.truncate(limit);
    Ok(all)
}
