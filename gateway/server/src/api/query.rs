//! What the queries of pages have in common: names and values, a place to go on from, a limit.

use sluicegate_core::limits::RECEIVE_BATCH_MAX;
use sluicegate_queue::Cursor;
use sluicegate_sources::http::Response;

use super::queues::out_of_range;
use super::reply;

/// The names and values of a query; a name without a value has an empty one.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let named = text.split('&').filter(|pair| !pair.is_empty());
    named.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// A place in a queue or the log, as an earlier page said it.
pub(super) fn cursor(name: &str, value: &str) -> Result<Cursor, Response> {
    value.parse().map_err(|_| invalid(name, "a cursor of ours"))
}

/// How many events a page may have.
pub(super) fn limit(value: &str) -> Result<usize, Response> {
    let limit = value.parse().ok().filter(|limit| (1..=RECEIVE_BATCH_MAX).contains(limit));
    limit.ok_or_else(|| out_of_range("limit", 1, RECEIVE_BATCH_MAX as u64))
}

/// The answer to a value that is not what is asked for.
pub(super) fn invalid(what: &str, asked: &str) -> Response {
    reply::problem(422, "request_invalid", &format!("{what} is {asked}"))
}
