//! The keywords about numbers and strings.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use crate::schema::document::Draft;
use crate::schema::refs::Node;

use super::known::{Known, Side};
use super::prover::Prover;
use super::types::Types;
use super::values::{compare, same};
use super::words::Finding;

/// A bound, and whether the number itself is out.
#[derive(Clone, Copy)]
struct Bound<'s> {
    number: &'s Number,
    exclusive: bool,
}

/// Which end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Low,
    High,
}

impl<'s> Prover<'_, 's> {
    pub(super) fn formats_of(&self, side: Side) -> bool {
        let [writer, reader] = self.formats;
        if side == Side::Writer { writer } else { reader }
    }

    pub(super) fn scalars(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        if known.types.meets(Types::NUMBER) {
            for end in [End::Low, End::High] {
                findings.extend(bounds(object, reader.draft, end).into_iter().filter_map(
                    |(keyword, bound)| out_of(known, bound, end, &format!("{at}/{keyword}")),
                ));
            }
            if let Some(Value::Number(step)) = object.get("multipleOf") {
                findings.extend(multiple(known, step, &format!("{at}/multipleOf")));
            }
        }
        if known.types.meets(Types::STRING) {
            findings.extend(length(known, object, at, "minLength", End::Low));
            findings.extend(length(known, object, at, "maxLength", End::High));
            for keyword in ["pattern", "format", "contentEncoding", "contentMediaType"] {
                let Some(asked) = object.get(keyword).filter(|_| reader.draft.has(keyword)) else {
                    continue;
                };
                if keyword == "format" && !self.formats_of(Side::Reader) {
                    continue;
                }
                let counted = keyword != "format" || self.formats_of(Side::Writer);
                let asked = (keyword, asked, reader.draft);
                findings.extend(text(known, asked, counted, &format!("{at}/{keyword}")));
            }
        }
        findings
    }
}

/// The bounds of numbers that a schema sets, with their keywords.
fn bounds<'s>(
    object: &'s Map<String, Value>,
    draft: Draft,
    end: End,
) -> Vec<(&'static str, Bound<'s>)> {
    let (plain, strict) = match end {
        End::Low => ("minimum", "exclusiveMinimum"),
        End::High => ("maximum", "exclusiveMaximum"),
    };
    let number = |keyword: &str| object.get(keyword).and_then(Value::as_number);
    let flag = draft == Draft::Four && object.get(strict) == Some(&Value::Bool(true));
    let bound = |number, exclusive| Bound { number, exclusive };
    let plain = number(plain).map(|number| (plain, bound(number, flag)));
    let strict = number(strict).map(|number| (strict, bound(number, true)));
    plain.into_iter().chain(strict.filter(|_| draft != Draft::Four)).collect()
}

fn out_of(known: &Known<'_>, asked: Bound<'_>, end: End, at: &str) -> Option<Finding> {
    let mut has_one = false;
    let mut is_within = false;
    for (node, object) in known.objects() {
        for (_, own) in bounds(object, node.draft, end) {
            has_one = true;
            is_within |= match compare(own.number, asked.number) {
                Some(Ordering::Equal) => own.exclusive || !asked.exclusive,
                Some(Ordering::Greater) => end == End::Low,
                Some(Ordering::Less) => end == End::High,
                None => false,
            };
        }
    }
    let fits = |value: &Value| {
        let Value::Number(number) = value else { return true };
        match compare(number, asked.number) {
            Some(Ordering::Equal) => !asked.exclusive,
            Some(Ordering::Greater) => end == End::Low,
            Some(Ordering::Less) => end == End::High,
            None => false,
        }
    };
    is_within |= known.values.as_ref().is_some_and(|values| values.iter().all(fits));
    let why =
        if has_one { "the range of numbers is narrower" } else { "numbers had no such bound" };
    (!is_within).then(|| Finding::narrowed(at, why))
}

fn multiple(known: &Known<'_>, step: &Number, at: &str) -> Option<Finding> {
    let whole = known.types & Types::NUMBER;
    let is_one = step.as_u64() == Some(1);
    if is_one && whole.is_within(Types::INTEGER | Types::WHOLE) {
        return None;
    }
    let steps: Vec<&Number> = known.said("multipleOf").filter_map(Value::as_number).collect();
    let is_multiple = |own: &&&Number| match (own.as_u64(), step.as_u64()) {
        (Some(own), Some(step)) => own.checked_rem(step) == Some(0),
        _ => same(&Value::Number((**own).clone()), &Value::Number(step.clone())),
    };
    if steps.iter().any(|own| is_multiple(&own)) {
        return None;
    }
    Some(match steps.is_empty() {
        true => Finding::narrowed(at, "numbers did not have to be multiples of anything"),
        false => Finding::undecided(at, "one step of numbers is no plain multiple of the other"),
    })
}

/// A length or a count that the reader bounds.
fn length(
    known: &Known<'_>,
    object: &Map<String, Value>,
    at: &str,
    keyword: &'static str,
    end: End,
) -> Option<Finding> {
    let asked = count(object.get(keyword)?)?;
    if end == End::Low && asked == 0 {
        return None;
    }
    let own = match end {
        End::Low => least(known, keyword).filter(|own| *own >= asked),
        End::High => most(known, keyword).filter(|own| *own <= asked),
    };
    let fits = |value: &Value| match (value, end) {
        (Value::String(text), End::Low) => text.chars().count() as u64 >= asked,
        (Value::String(text), End::High) => text.chars().count() as u64 <= asked,
        _ => true,
    };
    let by_value = known.values.as_ref().is_some_and(|values| values.iter().all(fits));
    let why = "the length of texts is bounded more tightly";
    (own.is_none() && !by_value).then(|| Finding::narrowed(&format!("{at}/{keyword}"), why))
}

/// The largest of the lower bounds of a count.
pub(super) fn least(known: &Known<'_>, keyword: &str) -> Option<u64> {
    known.said(keyword).filter_map(count).max()
}

/// The smallest of the upper bounds of a count.
pub(super) fn most(known: &Known<'_>, keyword: &str) -> Option<u64> {
    known.said(keyword).filter_map(count).min()
}

/// A count: `3`, or `3.0`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is whole, not negative and exact"
)]
pub(super) fn count(value: &Value) -> Option<u64> {
    let float = || value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..1e15).contains(n));
    value.as_u64().or_else(|| float().map(|n| n as u64))
}

/// A rule for texts that is the same or another, but cannot be compared. `counted`: whether it is
/// a demand to the writer too.
fn text(
    known: &Known<'_>,
    (keyword, asked, draft): (&str, &Value, Draft),
    counted: bool,
    at: &str,
) -> Option<Finding> {
    let own = known.objects().filter(|(node, _)| counted && node.draft.has(keyword));
    let own: Vec<_> =
        own.filter_map(|(node, object)| Some((node.draft, object.get(keyword)?))).collect();
    // Drafts differ in what a format takes.
    let is_same =
        |(of, own): &(Draft, &Value)| *own == asked && (keyword != "format" || *of == draft);
    if own.iter().any(is_same) {
        return None;
    }
    Some(match own.is_empty() {
        false => Finding::undecided(at, format!("whether this {keyword} takes all of the other")),
        true => Finding::narrowed(at, format!("texts did not have to keep to a {keyword}")),
    })
}
