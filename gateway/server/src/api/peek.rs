//! `GET /v1/queues/{queue}/events`: what lies in a queue, page by page, without leasing any of it.

use sluicegate_core::ids::QueueName;
use sluicegate_core::limits::RECEIVE_BYTES_MAX;
use sluicegate_queue::{Browsed, Cursor, Store};
use sluicegate_sources::http::Response;

use super::event_json::{self, Payload};
use super::query::{cursor, invalid, limit, pairs};
use super::queues::refuse;
use super::reply;

/// What is asked for, in the query.
#[derive(Debug, PartialEq)]
struct Query {
    after: Option<Cursor>,
    limit: usize,
    standing: Option<&'static str>,
    payload: Payload,
}

impl Query {
    fn parse(text: &str) -> Result<Self, Response> {
        let mut query = Self { after: None, limit: 20, standing: None, payload: Payload::Shown };
        for (name, value) in pairs(text) {
            match name {
                "after" => query.after = Some(cursor("after", value)?),
                "limit" => query.limit = limit(value)?,
                "standing" => {
                    let known = STANDINGS.into_iter().find(|known| *known == value);
                    let asked = "ready, leased, delayed or blocked";
                    query.standing = Some(known.ok_or_else(|| invalid("standing", asked))?);
                }
                "payload" => {
                    query.payload = match value {
                        "text" => Payload::Shown,
                        "none" => Payload::LeftOut,
                        _ => return Err(invalid("payload", "text or none")),
                    };
                }
                _ => {
                    let why = "the query has after, limit, standing and payload";
                    return Err(reply::problem(422, "request_invalid", why));
                }
            }
        }
        Ok(query)
    }

    fn wants(&self, one: &Browsed) -> bool {
        self.standing.is_none_or(|wanted| wanted == one.standing.word())
    }
}

const STANDINGS: [&str; 4] = ["ready", "leased", "delayed", "blocked"];

/// Answers `{"events":[...],"next":CURSOR}`; `next` is null at the end of the queue. A page is
/// shorter than its limit where events are large, and where many are passed over because they
/// stand otherwise than is asked.
pub(super) async fn events(store: &Store, queue: &QueueName, query: &str) -> Response {
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(reply) => return reply,
    };
    let mut page = Page { json: "{\"events\":[".to_owned(), count: 0, passed: 0 };
    let mut after = query.after;
    while page.has_room(&query) {
        let count = if query.standing.is_some() { FILTERED_PAGE } else { query.limit - page.count };
        let found = match store.browse(queue, after, count).await {
            Ok(found) => found,
            Err(fault) => return refuse(&fault),
        };
        let Some(last) = found.last().map(|one| one.cursor) else {
            after = None;
            break;
        };
        match page.take(&found, &query) {
            Ok(reached) => after = Some(reached.unwrap_or(last)),
            Err(fault) => return reply::problem(500, "internal", &fault.to_string()),
        }
    }
    let next = after.map_or_else(|| "null".to_owned(), |cursor| format!("\"{cursor}\""));
    page.json.push_str(&format!("],\"next\":{next}}}"));
    reply::text("application/json", page.json)
}

/// A page in the making.
struct Page {
    json: String,
    /// Events on it.
    count: usize,
    /// Events that were looked at.
    passed: usize,
}

impl Page {
    fn has_room(&self, query: &Query) -> bool {
        let looked_at = self.passed < LOOKED_AT_MAX;
        looked_at && self.count < query.limit && self.json.len() < RECEIVE_BYTES_MAX
    }

    /// Takes what is wanted; where the page is full before the end, says where that was.
    fn take(&mut self, found: &[Browsed], query: &Query) -> serde_json::Result<Option<Cursor>> {
        for one in found {
            self.passed += 1;
            if !query.wants(one) {
                continue;
            }
            if self.count > 0 {
                self.json.push(',');
            }
            event_json::write_browsed(&mut self.json, one, query.payload)?;
            self.count += 1;
            if !self.has_room(query) {
                return Ok(Some(one.cursor));
            }
        }
        Ok(None)
    }
}

/// Events looked at together where some may be passed over.
const FILTERED_PAGE: usize = 500;

/// Events looked at for one page.
const LOOKED_AT_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_or_refused_with_a_reason() {
        let cursor = "0000000100000040-0";
        let text = format!("after={cursor}&limit=5&standing=leased&payload=none");
        let query = Query::parse(&text).unwrap();
        assert_eq!(query.after.unwrap().to_string(), cursor);
        assert_eq!((query.limit, query.standing), (5, Some("leased")));
        assert_eq!(query.payload, Payload::LeftOut);
        assert_eq!(Query::parse("").unwrap().limit, 20);
        for bad in
            ["after=x", "limit=0", "limit=1001", "limit=-1", "standing=dead", "payload", "x=1"]
        {
            assert_eq!(Query::parse(bad).unwrap_err().status, 422, "{bad}");
        }
    }
}
