//! What is asked of a job, as the API and the job's file have it, and compiled.
//!
//! It must accept nothing that a later page would stumble over: patterns are compiled, times and
//! names are read before the job is made.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sluicegate_core::ids::QueueName;
use sluicegate_core::letter::Cause;
use sluicegate_core::time::Timestamp;
use sluicegate_queue::Cursor;

use super::filter::Filter;
use crate::config;

/// What a job does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Task {
    /// Dead letters go back to the queues that gave them up.
    Redrive {
        /// A dead-letter queue, or a queue whose letters lie in one.
        queue: String,
        /// Which letters.
        ask: LettersAsk,
    },
    /// The events of a queue go through the line again; those that were placed leave the queue.
    QueueReplay {
        /// The queue.
        queue: String,
        /// Which of its events.
        ask: LettersAsk,
    },
    /// Events of the past are placed once more.
    Replay {
        /// Which events, and where to.
        ask: ReplayAsk,
    },
}

/// Which events of a queue, and how fast.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LettersAsk {
    /// Move at most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// Only events that match this pattern: the language of a route's `when`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
    /// Only letters of this cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Move at most so many in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Count, and move nothing.
    pub dry_run: bool,
}

/// Which events of the past, where to, and how fast.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayAsk {
    /// From this time (RFC 3339) or cursor on; without it, from the beginning of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only events that were received before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Only events of these sources: values, or tests of the pattern language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Vec<Value>>,
    /// Only events of these types: values, or tests of the pattern language.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<Vec<Value>>,
    /// Only events that match this pattern: the language of a route's `when`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Value>,
    /// Only events that were placed in one of these queues.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub placed_in: Vec<String>,
    /// Into this queue, by reference, without filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Or through the filters and routes of today.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<Through>,
    /// Place at most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// Place at most so many in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Count, and place nothing.
    pub dry_run: bool,
}

/// What a replay goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    /// The line: the filters and routes of today.
    Line,
}

/// Why a job cannot be made of what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct TaskFault {
    /// The place in what was asked, as a JSON Pointer.
    pub place: String,
    /// What is wrong there, and what would be right.
    pub what: String,
}

/// A task, ready to be worked on.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) act: Act,
    pub(super) filter: Filter,
    pub(super) max: u64,
    pub(super) rate: Option<u32>,
    pub(super) dry_run: bool,
}

/// What is done with the events that are meant.
#[derive(Debug)]
pub(super) enum Act {
    Redrive(QueueName),
    QueueReplay(QueueName),
    Place { from: From, to: QueueName },
    Line { from: From },
}

/// Where a replay begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Time(Timestamp),
    Cursor(Cursor),
}

impl Task {
    /// Reads everything in it.
    pub(super) fn compile(&self) -> Result<Work, TaskFault> {
        match self {
            Self::Redrive { queue, ask } => ask.compile(Act::Redrive(queue_name("/queue", queue)?)),
            Self::QueueReplay { queue, ask } => {
                ask.compile(Act::QueueReplay(queue_name("/queue", queue)?))
            }
            Self::Replay { ask } => ask.compile(),
        }
    }

    /// Whether it only counts.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        match self {
            Self::Redrive { ask, .. } | Self::QueueReplay { ask, .. } => ask.dry_run,
            Self::Replay { ask } => ask.dry_run,
        }
    }
}

impl LettersAsk {
    /// Whether it says more than how many: then events must be looked at one by one.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.when.is_none() && self.cause.is_none() && self.rate.is_none() && !self.dry_run
    }

    fn compile(&self, act: Act) -> Result<Work, TaskFault> {
        let mut filter = Filter::default();
        filter.patterns.extend(pattern("/when", self.when.as_ref())?);
        if let Some(cause) = &self.cause {
            let known = Cause::ALL.into_iter().find(|known| known.code() == cause);
            let all = || Cause::ALL.map(Cause::code).join(", ");
            filter.cause =
                Some(known.ok_or_else(|| fault("/cause", format!("not one of {}", all())))?);
        }
        work(act, filter, self.max, self.rate, self.dry_run)
    }
}

impl ReplayAsk {
    fn compile(&self) -> Result<Work, TaskFault> {
        let mut filter = Filter::default();
        let mut short = Map::new();
        for (name, list) in [("source", &self.source), ("type", &self.kind)] {
            if let Some(list) = list {
                short.insert(name.into(), json!(list));
            }
        }
        let short = (!short.is_empty()).then_some(Value::Object(short));
        filter.patterns.extend(pattern("", short.as_ref())?);
        filter.patterns.extend(pattern("/when", self.when.as_ref())?);
        for (at, name) in self.placed_in.iter().enumerate() {
            filter.placed_in.push(queue_name(&format!("/placed_in/{at}"), name)?);
        }
        let from = match &self.from {
            None => From::Time(Timestamp::default()),
            Some(text) => match text.parse() {
                Ok(cursor) => From::Cursor(cursor),
                Err(_) => From::Time(time("/from", text)?),
            },
        };
        if let From::Time(from) = from {
            filter.from = Some(from);
        }
        filter.to = self.to.as_deref().map(|text| time("/to", text)).transpose()?;
        if let (From::Time(from), Some(to)) = (from, filter.to)
            && from >= to
        {
            return Err(fault("/to", "it is not after `from`"));
        }
        let act = match (&self.queue, self.through) {
            (Some(queue), None) => Act::Place { from, to: queue_name("/queue", queue)? },
            (None, Some(Through::Line)) => Act::Line { from },
            _ => return Err(fault("", "say either `queue` or `through`")),
        };
        work(act, filter, self.max, self.rate, self.dry_run)
    }
}

fn work(
    act: Act,
    filter: Filter,
    max: Option<u64>,
    rate: Option<u32>,
    dry_run: bool,
) -> Result<Work, TaskFault> {
    if rate == Some(0) {
        return Err(fault("/rate", "at least 1 in a second"));
    }
    if max == Some(0) {
        return Err(fault("/max", "at least 1"));
    }
    Ok(Work { act, filter, max: max.unwrap_or(u64::MAX), rate, dry_run })
}

fn fault(place: &str, what: impl Into<String>) -> TaskFault {
    TaskFault { place: place.to_owned(), what: what.into() }
}

fn queue_name(place: &str, text: &str) -> Result<QueueName, TaskFault> {
    read(place, text)
}

fn time(place: &str, text: &str) -> Result<Timestamp, TaskFault> {
    Timestamp::parse_rfc3339(text).map_err(|why| fault(place, format!("{text:?}: {why}")))
}

fn read<T: FromStr<Err: Display>>(place: &str, text: &str) -> Result<T, TaskFault> {
    text.parse().map_err(|why| fault(place, format!("{text:?}: {why}")))
}

fn pattern(place: &str, when: Option<&Value>) -> Result<Option<crate::routes::Pattern>, TaskFault> {
    let Some(when) = when else { return Ok(None) };
    config::pattern(when).map(Some).map_err(|faults| {
        let first = faults.into_iter().next();
        let (at, what) = first.map(|one| (one.pointer, one.message)).unwrap_or_default();
        fault(&format!("{place}{at}"), what)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(ask: Value) -> String {
        let ask: ReplayAsk = serde_json::from_value(ask).unwrap();
        Task::Replay { ask }.compile().unwrap_err().place
    }

    #[test]
    fn what_cannot_be_worked_on_is_refused_with_its_place() {
        assert_eq!(place(json!({})), "");
        assert_eq!(place(json!({ "queue": "a", "through": "line" })), "");
        assert_eq!(place(json!({ "queue": "a/b" })), "/queue");
        assert_eq!(place(json!({ "queue": "a", "from": "yesterday" })), "/from");
        assert_eq!(place(json!({ "queue": "a", "rate": 0 })), "/rate");
        assert_eq!(place(json!({ "queue": "a", "type": [{ "no": 1 }] })), "/type");
        assert_eq!(place(json!({ "queue": "a", "when": { "x": [1] } })), "/when");
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        assert_eq!(place(json!({ "queue": "a", "from": late, "to": early })), "/to");
        let ask = LettersAsk { cause: Some("bad luck".into()), ..LettersAsk::default() };
        let fault = Task::Redrive { queue: "a".into(), ask }.compile().unwrap_err();
        assert!(fault.place == "/cause" && fault.what.contains("unrouted"), "{fault}");
    }

    #[test]
    fn a_replay_begins_at_a_time_or_at_a_cursor() {
        let begins = |from: &str| {
            let ask = json!({ "from": from, "through": "line" });
            let ask: ReplayAsk = serde_json::from_value(ask).unwrap();
            match (Task::Replay { ask }).compile().unwrap().act {
                Act::Line { from } => from,
                other => panic!("{other:?}"),
            }
        };
        assert!(matches!(begins("0000000100000040-1"), From::Cursor(_)));
        assert!(matches!(begins("2026-11-22T10:00:00+01:00"), From::Time(_)));
    }

    #[test]
    fn a_task_is_the_same_after_its_file_was_read_back() {
        let ask = json!({ "from": "2026-11-22T10:00:00Z", "type": ["a"], "through": "line" });
        let task = Task::Replay { ask: serde_json::from_value(ask).unwrap() };
        let text = serde_json::to_string(&task).unwrap();
        assert_eq!(serde_json::from_str::<Task>(&text).unwrap(), task);
    }
}
