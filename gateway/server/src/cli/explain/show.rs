//! An explanation as people read it: one step after the other, each with what to do.

use serde_json::Value;

use crate::cli::say;
use crate::cli::table::{plain, text};

/// Prints it.
pub(super) fn print(document: &Value) {
    let at = |place: &str| plain(&text(document, place));
    say(&format!("delivery {} of source {}, arrived {}", at("/id"), at("/source"), at("/arrived")));
    signature(document);
    if document.pointer("/refusal").is_some_and(Value::is_object) {
        say(&format!("event      none: {} [{}]", at("/refusal/why"), at("/refusal/code")));
    }
    list(document, "/events").for_each(event);
}

fn event(event: &Value) {
    let at = |place: &str| plain(&text(event, place));
    let facts = format!("type {}, subject {}", at("/type"), at("/subject"));
    say(&format!("event      {facts}, {} bytes", at("/bytes")));
    schema(event);
    for route in list(event, "/routes") {
        let takes = route.get("takes") == Some(&Value::Bool(true));
        let name = plain(&text(route, "/route"));
        if !takes {
            say(&format!("route      {name}: does not match"));
            continue;
        }
        say(&format!("route      {name}: matches"));
        for step in list(route, "/filters") {
            let cell = |place: &str| plain(&text(step, place));
            let detail = match cell("/detail") {
                detail if detail.is_empty() => String::new(),
                detail => format!(": {detail}"),
            };
            let (plugin, took) = (cell("/plugin"), cell("/took_us"));
            say(&format!("  filter   {plugin}: {}{detail} ({took} us)", cell("/decision")));
        }
        let queues: Vec<String> =
            list(route, "/queues").filter_map(Value::as_str).map(plain).collect();
        let queues = if queues.is_empty() { "no queue".to_owned() } else { queues.join(", ") };
        say(&format!("  to       {queues}"));
    }
}

fn signature(document: &Value) {
    let at = |place: &str| plain(&text(document, &format!("/signature{place}")));
    if document.pointer("/signature/proven") == Some(&Value::Bool(true)) {
        let skew = match document.pointer("/signature/skew_ms").and_then(Value::as_i64) {
            Some(ms) => format!(", its time {ms} ms before it came"),
            None => String::new(),
        };
        return say(&format!("signature  proven ({}) by key {}{skew}", at("/scheme"), at("/key")));
    }
    say(&format!("signature  refused ({}): {} [{}]", at("/scheme"), at("/why"), at("/fault")));
    if document.pointer("/signature/masked") == Some(&Value::Bool(true)) {
        return say("  masked   its token was not kept: the data folder is not encrypted");
    }
    for likely in list(document, "/signature/likely") {
        let (mistake, detail) = (text(likely, "/mistake"), plain(&text(likely, "/detail")));
        say(&format!("  likely   {mistake}: {detail}"));
    }
    if list(document, "/signature/likely").next().is_none() {
        let tried = at("/tried");
        say(&format!(
            "  likely   none of {tried} usual mistakes explains it: the secret is another one, or \
             the body was changed"
        ));
    }
}

fn schema(document: &Value) {
    let at = |place: &str| plain(&text(document, &format!("/schema{place}")));
    let passes = document.pointer("/schema/passes") == Some(&Value::Bool(true));
    match document.pointer("/schema/subject").is_some_and(|subject| !subject.is_null()) {
        true if passes => say(&format!("schema     passes {} v{}", at("/subject"), at("/version"))),
        _ if passes => say("schema     none is asked for"),
        _ if document.pointer("/schema/dead_letter").is_some_and(|letter| !letter.is_null()) => {
            say(&format!("schema     a dead letter: {}", at("/dead_letter")));
        }
        _ => say(&format!("schema     refused: {} [{}]", at("/why"), at("/code"))),
    }
    for one in list(document, "/schema/violations") {
        let cell = |place: &str| plain(&text(one, place));
        let place = match cell("/instance") {
            place if place.is_empty() => "/".to_owned(),
            place => place,
        };
        say(&format!("  at       {place}: {} ({})", cell("/message"), cell("/keyword")));
    }
}

fn list<'d>(document: &'d Value, place: &str) -> impl Iterator<Item = &'d Value> + use<'d> {
    document.pointer(place).and_then(Value::as_array).into_iter().flatten()
}
