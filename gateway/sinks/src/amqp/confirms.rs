//! What became of the messages of one batch: pure bookkeeping.
//!
//! A message that no queue was bound for comes back, and is confirmed all the same. lapin shows the
//! one that came back with the confirmation of *some* message of the channel. So what came back is
//! known by our own message ids, and nothing is done before everything that was heard is looked at.

use std::collections::BTreeMap;

use lapin::types::ShortString;
use lapin::{Confirmation, Error};
use sluicegate_core::limits::bounded_reason;
use sluicegate_core::outcome::Outcome;

use super::config::OnUnroutable;

/// What was heard of each message of a batch.
#[derive(Debug)]
pub(crate) struct Confirms {
    heard: Vec<Option<Heard>>,
    /// What the broker says of each message that came back, by message id.
    returned: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Confirmed,
    Refused,
    Failed(String),
    /// It was never sent.
    Impossible(String),
}

/// How much of a batch came to what, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) returned: u64,
    pub(crate) nacked: u64,
    pub(crate) unconfirmed: u64,
}

impl Confirms {
    pub(crate) fn new(messages: usize) -> Self {
        Self { heard: vec![None; messages], returned: BTreeMap::new() }
    }

    /// There can be no message of this event.
    pub(crate) fn impossible(&mut self, at: usize, why: String) {
        self.hear(at, Heard::Impossible(why));
    }

    /// It was not sent, or nothing came of it.
    pub(crate) fn failed(&mut self, at: usize, why: &str) {
        self.hear(at, Heard::Failed(why.to_owned()));
    }

    /// The broker has answered for this message.
    pub(crate) fn answered(&mut self, at: usize, answer: Result<Confirmation, Error>) {
        let heard = match &answer {
            Ok(Confirmation::Ack(_)) => Heard::Confirmed,
            Ok(Confirmation::Nack(_)) => Heard::Refused,
            Ok(Confirmation::NotRequested) => Heard::Failed("nothing was confirmed".to_owned()),
            Err(fault) => Heard::Failed(fault.to_string()),
        };
        self.hear(at, heard);
        if let Some(message) = answer.ok().and_then(Confirmation::take_message) {
            let id = message.delivery.properties.message_id().as_ref();
            let id = id.map_or_else(String::new, ShortString::to_string);
            self.returned.insert(id, message.reply_text.to_string());
        }
    }

    /// Whether it was sent and failed, with its channel.
    pub(crate) fn is_failed(&self, at: usize) -> bool {
        matches!(self.heard.get(at), Some(Some(Heard::Failed(_))))
    }

    /// One outcome for each message, by its id; `missing` is what is said of those that nothing was
    /// heard of.
    pub(crate) fn outcomes(
        &self,
        ids: &[String],
        on_unroutable: OnUnroutable,
        missing: &str,
    ) -> (Vec<Outcome>, Tally) {
        let mut tally = Tally::default();
        // A message came back that is not known: any of those that were confirmed may be meant.
        let is_unknown = self.returned.keys().any(|id| !ids.contains(id));
        let outcome = |(heard, id): (&Option<Heard>, &String)| match heard {
            Some(Heard::Impossible(why)) => give_up(why),
            Some(Heard::Refused) => {
                tally.nacked += 1;
                retry("broker refused the message (nack)")
            }
            Some(Heard::Failed(why)) => {
                tally.unconfirmed += 1;
                retry(why)
            }
            Some(Heard::Confirmed) => match self.returned.get(id) {
                None if is_unknown => {
                    tally.unconfirmed += 1;
                    retry("a message came back that is none of this batch")
                }
                None => Outcome::Done,
                Some(why) => {
                    tally.returned += 1;
                    let why = format!("no queue is bound for it: {why}");
                    match on_unroutable {
                        OnUnroutable::Retry => retry(&why),
                        OnUnroutable::GiveUp => give_up(&why),
                    }
                }
            },
            None => {
                tally.unconfirmed += 1;
                retry(missing)
            }
        };
        let outcomes = self.heard.iter().zip(ids).map(outcome).collect();
        (outcomes, tally)
    }

    fn hear(&mut self, at: usize, heard: Heard) {
        if let Some(place) = self.heard.get_mut(at) {
            *place = Some(heard);
        }
    }
}

fn retry(why: &str) -> Outcome {
    Outcome::Retry { after: None, why: bounded_reason(why.to_owned()) }
}

fn give_up(why: &str) -> Outcome {
    Outcome::GiveUp { why: bounded_reason(why.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapin::BasicProperties;
    use lapin::message::{BasicReturnMessage, Delivery};

    fn returned(id: &str) -> Confirmation {
        let mut delivery = Delivery::mock(0, "x".into(), "k".into(), false, Vec::new());
        delivery.properties = BasicProperties::default().with_message_id(id.into());
        let reply_text = "NO_ROUTE".into();
        Confirmation::Ack(Some(BasicReturnMessage { delivery, reply_code: 312, reply_text }))
    }

    fn ids(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("m{at}")).collect()
    }

    fn codes(confirms: &Confirms, on: OnUnroutable, count: usize) -> Vec<&'static str> {
        let (outcomes, _) = confirms.outcomes(&ids(count), on, "nothing");
        outcomes.iter().map(Outcome::code).collect()
    }

    #[test]
    fn a_returned_message_is_known_by_its_id_and_not_by_where_it_is_shown() {
        let mut confirms = Confirms::new(3);
        confirms.answered(0, Ok(returned("m2")));
        confirms.answered(1, Ok(Confirmation::Ack(None)));
        confirms.answered(2, Ok(Confirmation::Ack(None)));
        assert_eq!(codes(&confirms, OnUnroutable::Retry, 3), ["done", "done", "retry"]);
        assert_eq!(codes(&confirms, OnUnroutable::GiveUp, 3), ["done", "done", "give_up"]);
    }

    #[test]
    fn a_returned_message_that_nobody_sent_leaves_nothing_confirmed() {
        let mut confirms = Confirms::new(2);
        confirms.answered(0, Ok(returned("another")));
        confirms.answered(1, Ok(Confirmation::Ack(None)));
        assert_eq!(codes(&confirms, OnUnroutable::GiveUp, 2), ["retry", "retry"]);
    }

    #[test]
    fn nothing_is_done_that_was_refused_failed_or_not_heard_of() {
        let mut confirms = Confirms::new(5);
        confirms.answered(0, Ok(Confirmation::Nack(None)));
        confirms.failed(1, "channel closed");
        confirms.impossible(2, "no exchange".into());
        confirms.answered(3, Ok(Confirmation::NotRequested));
        let expected = ["retry", "retry", "give_up", "retry", "retry"];
        assert_eq!(codes(&confirms, OnUnroutable::Retry, 5), expected);
        let (_, tally) = confirms.outcomes(&ids(5), OnUnroutable::Retry, "nothing");
        assert_eq!(tally, Tally { returned: 0, nacked: 1, unconfirmed: 3 });
    }
}
