//! `GET /v1/refused`: what is kept, page by page, in the order of arrival.

use serde_json::{Value, json};
use sluicegate_core::time::Timestamp;
use sluicegate_queue::{Kept, RefusedQuery, RefusedStanding};
use sluicegate_sources::http::Response;

use crate::api::query::{invalid, limit, pairs};
use crate::api::reply;
use crate::refused::Refused;

/// Answers `{"refused":[...],"next":ID}`; `next` is null at the end, and is `after` of the next
/// page.
pub(super) async fn list(refused: &Refused, query: &str) -> Response {
    let query = match parse(query) {
        Ok(query) => query,
        Err(reply) => return reply,
    };
    match refused.list(query).await {
        Ok((page, more)) => {
            let next = page.last().filter(|_| more).map(|one| one.id.to_string());
            let page: Vec<Value> = page.iter().map(kept).collect();
            reply::json(&json!({ "refused": page, "next": next }))
        }
        Err(fault) => reply::problem(503, "refused_disk", &fault.to_string()),
    }
}

/// One in a list.
pub(super) fn kept(one: &Kept) -> Value {
    let mut written = json!({
        "id": one.id.to_string(),
        "source": one.source.as_str(),
        "arrived": one.at.rfc3339(),
        "code": one.code,
        "why": one.why,
        "bytes": one.bytes,
    });
    standing(&mut written, one.standing);
    written
}

/// Where one stands.
pub(super) fn standing(written: &mut Value, standing: RefusedStanding) {
    let Some(map) = written.as_object_mut() else { return };
    map.insert("standing".to_owned(), standing.word().into());
    match standing {
        RefusedStanding::Kept => {}
        RefusedStanding::Releasing(since) => {
            map.insert("releasing_since".to_owned(), since.rfc3339().into());
        }
        RefusedStanding::Released(event) => {
            map.insert("event".to_owned(), event.to_string().into());
        }
    }
}

fn parse(text: &str) -> Result<RefusedQuery, Response> {
    let mut query = RefusedQuery { limit: 50, ..RefusedQuery::default() };
    for (name, value) in pairs(text) {
        match name {
            "source" => {
                let source = value.parse().map_err(|_| invalid("source", "a name"))?;
                query.source = Some(source);
            }
            "code" => query.code = Some(value.to_owned()),
            "standing" => {
                let known = ["kept", "releasing", "released"].contains(&value);
                let asked = || invalid("standing", "kept, releasing or released");
                query.standing = Some(known.then(|| value.to_owned()).ok_or_else(asked)?);
            }
            "since" => query.since = Some(time("since", value)?),
            "until" => query.until = Some(time("until", value)?),
            "after" => {
                let after = value.parse().map_err(|_| invalid("after", "an id of ours"))?;
                query.after = Some(after);
            }
            "limit" => query.limit = limit(value)?,
            _ => {
                let why = "the query has source, code, standing, since, until, after and limit";
                return Err(reply::problem(422, "request_invalid", why));
            }
        }
    }
    Ok(query)
}

fn time(what: &str, text: &str) -> Result<Timestamp, Response> {
    // The only characters of such a time that a query may have encoded.
    let text = text.replace("%3A", ":").replace("%3a", ":").replace("%2B", "+");
    Timestamp::parse_rfc3339(&text).map_err(|_| invalid(what, "a time as RFC 3339 has it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_or_refused_with_a_reason() {
        let text = "source=github&code=signature_refused&standing=kept&limit=5\
                    &since=2026-11-22T10:00:00Z&after=00000000-0000-7000-8000-000000000001";
        let query = parse(text).unwrap();
        assert_eq!(query.limit, 5);
        assert!(query.source.is_some() && query.since.is_some() && query.after.is_some());
        for bad in ["source=/", "standing=x", "since=noon", "after=1", "limit=0", "x=1"] {
            assert_eq!(parse(bad).unwrap_err().status, 422, "{bad}");
        }
    }
}
