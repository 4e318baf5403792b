//! A proven event and the schema that it is to be held against.
//!
//! Most cases are judged where they stand, in microseconds. Nothing can stop the validator once it
//! runs, so how long it may take is known before: a case that is long is for a thread on which
//! nobody else waits.

use std::sync::Arc;

use sluicegate_core::event::Event;
use sluicegate_core::letter::Letter;
use sluicegate_core::proof::{DedupeKey, Validated, Verified};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::Verdict;

use crate::admission::Admission;
use crate::json::Json;
use crate::schema::{Judge, Ruling, Weight};

/// An event before its judgement.
#[derive(Debug)]
pub struct Case {
    event: Event,
    verdict: Verdict,
    dedupe: Option<DedupeKey>,
    json: Json,
    judge: Option<Judge>,
    /// `None` if it was not weighed: its payload is large, or no JSON.
    weight: Option<Weight>,
}

/// A validated event, with what the validation learned.
#[derive(Debug)]
pub struct Judged {
    /// The event.
    pub validated: Validated,
    /// Its payload as JSON, already parsed if a schema asked.
    pub json: Json,
    /// Why it must go to the dead-letter queue, on a source that wants that for violations.
    pub letter: Option<Letter>,
}

impl Admission {
    /// Finds the schema that a proven event is to be held against, if its source asks for one.
    ///
    /// # Errors
    /// When it has none, on a source that rejects that.
    pub fn case(&self, verified: Verified) -> Result<Case, Refusal> {
        let (event, verdict, dedupe) = verified.into_parts();
        let gate = self.gate(&event.source)?;
        let json = Json::in_form(gate.facts.form_field().map(Arc::clone));
        let judge = match &gate.rule {
            Some(rule) => rule.judge_of(&event)?,
            None => None,
        };
        // What is large takes long even to be read.
        let small = judge.as_ref().filter(|_| event.payload.len() <= READ_BYTES_MAX);
        let weight = small.and_then(|judge| judge.weigh(&event, &json));
        Ok(Case { event, verdict, dedupe, json, judge, weight })
    }
}

impl Case {
    /// Whether judging may take longer than others can wait for: more than a few milliseconds.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.judge.is_some()
            && match self.weight {
                Some(weight) => weight.price > QUICK_PRICE_MAX,
                None => self.event.payload.len() > READ_BYTES_MAX,
            }
    }

    /// Holds the payload against its schema.
    ///
    /// # Errors
    /// When the payload breaks it, on a source that rejects that.
    pub fn judge(self) -> Result<Judged, Refusal> {
        let Self { mut event, mut verdict, dedupe, json, judge, weight } = self;
        let ruling = match judge {
            Some(judge) => judge.judge(&event, &json, weight)?,
            None => Ruling::default(),
        };
        let Ruling { schema, letter, tags } = ruling;
        if let Some(count) = tags {
            event.parts_mut().attributes.set(VIOLATIONS_ATTRIBUTE, &count.to_string());
        }
        verdict.schema = schema;
        Ok(Judged { validated: Validated::assertion(event, verdict, dedupe), json, letter })
    }
}

/// How many ways a payload breaks its schema, on a source that tags instead of rejecting.
pub const VIOLATIONS_ATTRIBUTE: &str = "sgviolations";

/// Bytes of a payload that is read where the event stands: some hundred microseconds.
const READ_BYTES_MAX: usize = 128 * 1024;

/// Steps of a judgement where the event stands: about a millisecond, at the worst some tens.
const QUICK_PRICE_MAX: u64 = 100_000;
