//! `GET /v1/queues/{queue}/past`: what came into a queue, page by page, whatever became of it
//! there, as far back as the log reaches.

use std::fmt::Write as _;

use sluicegate_core::ids::QueueName;
use sluicegate_core::limits::RECEIVE_BYTES_MAX;
use sluicegate_core::queue::QueueFault;
use sluicegate_core::time::Timestamp;
use sluicegate_queue::{Cursor, PastEvent, Store};
use sluicegate_sources::http::Response;

use super::event_json::{self, Payload};
use super::query::{cursor, invalid, limit, pairs};
use super::queues::refuse;
use super::reply;

/// What is asked for, in the query.
#[derive(Debug, PartialEq)]
struct Query {
    since: Timestamp,
    until: Option<Timestamp>,
    from: Option<Cursor>,
    limit: usize,
    payload: Payload,
}

impl Query {
    fn parse(text: &str) -> Result<Self, Response> {
        let mut query = Self {
            since: Timestamp::default(),
            until: None,
            from: None,
            limit: 100,
            payload: Payload::Shown,
        };
        for (name, value) in pairs(text) {
            match name {
                "since" => query.since = time("since", value)?,
                "until" => query.until = Some(time("until", value)?),
                "from" => query.from = Some(cursor("from", value)?),
                "limit" => query.limit = limit(value)?,
                "payload" => {
                    query.payload = match value {
                        "text" => Payload::Shown,
                        "base64" => Payload::Encoded,
                        "none" => Payload::LeftOut,
                        _ => return Err(invalid("payload", "text, base64 or none")),
                    };
                }
                _ => {
                    let why = "the query has since, until, from, limit and payload";
                    return Err(reply::problem(422, "request_invalid", why));
                }
            }
        }
        Ok(query)
    }

    fn wants(&self, queue: &QueueName, one: &PastEvent) -> bool {
        let at = one.event.received_at;
        at >= self.since && self.until.is_none_or(|until| at < until) && one.queues.contains(queue)
    }
}

fn time(what: &str, text: &str) -> Result<Timestamp, Response> {
    // The only character of such a time that a query may have encoded.
    let text = text.replace("%3A", ":").replace("%3a", ":").replace("%2B", "+");
    Timestamp::parse_rfc3339(&text).map_err(|_| invalid(what, "a time as RFC 3339 has it"))
}

/// Answers `{"events":[...],"next":CURSOR}`; `next` is null at the end of the log, and is where the
/// next page begins. A page may be empty before the end: much of the log may be of other queues.
pub(super) async fn events(store: &Store, queue: &QueueName, query: &str) -> Response {
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(reply) => return reply,
    };
    if !store.queues().iter().any(|info| info.config.name == *queue) {
        return refuse(&QueueFault::NoQueue);
    }
    let mut page = Page { json: "{\"events\":[".to_owned(), count: 0 };
    let mut next = query.from.or_else(|| store.seek(query.since));
    for _ in 0..PARTS_MAX {
        let Some(from) = next.filter(|_| page.has_room(&query)) else { break };
        let part = match store.past(from, PART_BYTES).await {
            Ok(part) => part,
            Err(fault) => return refuse(&fault),
        };
        next = part.next;
        match page.take(&part.events, queue, &query) {
            Ok(None) => {}
            Ok(full_at) => next = full_at,
            Err(fault) => return reply::problem(500, "internal", &fault.to_string()),
        }
    }
    page.json.push_str("],\"next\":");
    // Writing to a String cannot fail.
    let _ = match next {
        Some(next) => write!(page.json, "\"{next}\"}}"),
        None => write!(page.json, "null}}"),
    };
    reply::text("application/json", page.json)
}

/// A page in the making.
struct Page {
    json: String,
    /// Events on it.
    count: usize,
}

impl Page {
    fn has_room(&self, query: &Query) -> bool {
        self.count < query.limit && self.json.len() < RECEIVE_BYTES_MAX
    }

    /// Takes what is wanted; says where the page was full, if it was.
    fn take(
        &mut self,
        found: &[PastEvent],
        queue: &QueueName,
        query: &Query,
    ) -> serde_json::Result<Option<Cursor>> {
        for one in found.iter().filter(|one| query.wants(queue, one)) {
            if !self.has_room(query) {
                return Ok(Some(one.cursor));
            }
            if self.count > 0 {
                self.json.push(',');
            }
            event_json::write_past(&mut self.json, one, query.payload)?;
            self.count += 1;
        }
        Ok(None)
    }
}

/// Bytes of the log that are read together.
const PART_BYTES: usize = 1024 * 1024;

/// Parts that are read for one page: a rare queue must not hold a reader for the whole log.
const PARTS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_or_refused_with_a_reason() {
        let text = "since=2026-11-22T10:00:00Z&until=2026-11-22T11%3A00%3A00Z&limit=5\
                    &from=0000000100000040-0&payload=base64";
        let query = Query::parse(text).unwrap();
        assert_eq!(
            query.since.rfc3339(),
            Query::parse("").unwrap().since.rfc3339().replace("1970-01-01T00", "2026-11-22T10")
        );
        assert_eq!((query.limit, query.payload), (5, Payload::Encoded));
        assert!(query.until.is_some_and(|until| until > query.since) && query.from.is_some());
        for bad in ["since=noon", "until=", "from=x", "limit=0", "payload=all", "after=x"] {
            assert_eq!(Query::parse(bad).unwrap_err().status, 422, "{bad}");
        }
    }
}
