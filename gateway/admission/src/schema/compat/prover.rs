//! Shows that a schema (the reader) takes whatever is known to be taken by another (the writer).
//!
//! What holds of every value that the writer takes is held against each keyword of the reader. A
//! pair that is met again on the way down holds if everything else does: the payload ends. The work
//! is counted and the depth bounded: what would take too long cannot be decided.

use serde_json::{Map, Value};

use crate::schema::refs::{Names, Node, Target};

use super::known::{Known, Side, is_note};
use super::types::Types;
use super::values::{Judges, has_references, same};
use super::words::Finding;

/// What is known, as far as it tells two questions apart, and the reader that it is held against.
/// A case of a choice has one choice less, so it is never taken for the whole.
#[derive(PartialEq, Eq)]
struct Pair {
    known: Vec<usize>,
    types: Types,
    choices: usize,
    reader: usize,
}

/// The proof of one direction.
pub(super) struct Prover<'n, 's> {
    pub(super) writer: &'n Names<'s>,
    pub(super) reader: &'n Names<'s>,
    /// Whether `format` is a demand: to the writer, and to the reader.
    pub(super) formats: [bool; 2],
    pub(super) judges: Judges,
    steps: usize,
    open: Vec<Pair>,
}

impl<'n, 's> Prover<'n, 's> {
    pub(super) fn new(writer: &'n Names<'s>, reader: &'n Names<'s>, formats: [bool; 2]) -> Self {
        let (judges, open) = (Judges::default(), Vec::new());
        Self { writer, reader, formats, judges, steps: 0, open }
    }

    pub(super) fn names(&self, side: Side) -> &'n Names<'s> {
        match side {
            Side::Writer => self.writer,
            Side::Reader => self.reader,
        }
    }

    /// What the reader does not take of what is known to be written; nothing if it takes it all.
    pub(super) fn covers(&mut self, known: &Known<'s>, reader: Node<'s>, at: &str) -> Vec<Finding> {
        self.steps += 1;
        if self.steps > STEPS_MAX || self.open.len() >= DEPTH_MAX {
            return vec![Finding::undecided(at, "it would take too long")];
        }
        if known.never {
            return Vec::new();
        }
        let object = match reader.schema {
            Value::Bool(true) => return Vec::new(),
            Value::Object(object) => object,
            _ if known.is_anything() => {
                return vec![Finding::narrowed(at, "any value was taken here, and none is now")];
            }
            _ => return vec![Finding::narrowed(at, "nothing is taken here any more")],
        };
        if object.keys().all(|key| is_note(key)) || self.is_said_already(known, reader) {
            return Vec::new();
        }
        let pair = Pair::of(known, reader);
        if known.values.is_none() && self.open.contains(&pair) {
            return Vec::new();
        }
        self.open.push(pair);
        let findings = self.in_cases(known, reader, object, at);
        self.open.pop();
        findings
    }

    /// The same schema, word for word, needs no proof.
    fn is_said_already(&self, known: &Known<'s>, reader: Node<'s>) -> bool {
        let [of_writer, of_reader] = self.formats;
        let same_formats = of_writer == of_reader;
        let mut nodes = known.nodes.iter();
        same_formats
            && nodes.any(|node| node.draft == reader.draft && node.schema == reader.schema)
            && !has_references(reader.schema)
    }

    /// As a whole, and where that fails, one case of what is written after the other.
    fn in_cases(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        let whole = match self.each_value(known, reader, at) {
            Some(findings) => return findings,
            None => self.directly(known, reader, object, at),
        };
        if whole.is_empty() || self.open.len() >= CASES_DEPTH_MAX {
            return whole;
        }
        let mut told = None;
        for cases in self.cases(known, object) {
            let mut findings = Vec::new();
            for case in &cases {
                self.steps += 1;
                findings.extend(self.covers(case, reader, at));
                if !findings.is_empty() {
                    break;
                }
            }
            if findings.is_empty() {
                return findings;
            }
            told.get_or_insert(findings);
        }
        // Of a choice, the case that is not taken says more than the choice.
        let by_choice =
            |finding: &Finding| finding.at.ends_with("/anyOf") || finding.at.ends_with("/oneOf");
        match told {
            Some(told) if whole.iter().all(by_choice) => told,
            _ => whole,
        }
    }

    /// Ways to take what is written apart, each into cases that are all there are.
    fn cases(&self, known: &Known<'s>, object: &Map<String, Value>) -> Vec<Vec<Known<'s>>> {
        let names = self.names(known.side);
        let mut ways = Vec::new();
        for at in 0..known.choices.len() {
            let mut rest = known.clone();
            let choice = rest.choices.remove(at);
            ways.push(choice.iter().map(|branch| rest.clone().and(names, branch)).collect());
        }
        let kinds = known.types.kinds();
        let chooses = ["anyOf", "oneOf", "if", "$ref", "allOf"];
        let by_kind = chooses.iter().any(|keyword| object.contains_key(*keyword));
        if let Some(values) = known.values.as_ref().filter(|values| values.len() > 1 && by_kind) {
            let alone =
                |value: &Value| Known { values: Some(vec![value.clone()]), ..known.clone() };
            ways.push(values.iter().map(alone).collect());
        } else if kinds.len() > 1 && by_kind {
            ways.push(kinds.iter().map(|kind| known.clone().only(*kind)).collect());
        }
        ways
    }

    /// If there are only some values, each is asked about. `None` if they cannot be.
    fn each_value(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        at: &str,
    ) -> Option<Vec<Finding>> {
        let values = known.values.as_ref()?;
        let mut refused = Vec::new();
        let [of_writer, of_reader] = self.formats;
        for value in values {
            if self.judges.takes(reader, value, of_reader)? {
                continue;
            }
            // It may not be taken by the writer either.
            let mut nodes = known.nodes.iter();
            if nodes.all(|node| self.judges.takes(*node, value, of_writer) != Some(false)) {
                refused.push(value);
            }
        }
        let told = refused.iter().take(3).map(|value| short(value)).collect::<Vec<_>>().join(", ");
        let finding = || Finding::narrowed(at, format!("no longer taken: {told}"));
        Some(if refused.is_empty() { Vec::new() } else { vec![finding()] })
    }

    /// Every keyword of the reader.
    fn directly(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(Value::String(reference)) = object.get("$ref") {
            findings.extend(self.reference(known, reader, "$ref", reference, at));
            if reader.draft.ref_hides() {
                return findings;
            }
        }
        for (keyword, value) in object.iter().filter(|(keyword, _)| reader.draft.has(keyword)) {
            let here = format!("{at}/{keyword}");
            match (keyword.as_str(), value) {
                ("$dynamicRef" | "$recursiveRef", Value::String(reference)) => {
                    findings.extend(self.reference(known, reader, keyword, reference, at));
                }
                ("type", value) => {
                    let types = Types::said(value, reader.draft);
                    if !known.types.is_within(types) {
                        let gone = known.types.without(types);
                        let why = format!("these types are no longer taken: {gone}");
                        findings.push(Finding::narrowed(&here, why));
                    }
                }
                ("enum" | "const", value) => findings.extend(listed(known, keyword, value, &here)),
                _ => {}
            }
        }
        findings.extend(self.choices(known, reader, object, at));
        findings.extend(self.scalars(known, reader, object, at));
        findings.extend(self.arrays(known, reader, object, at));
        findings.extend(self.objects(known, reader, object, at));
        findings.truncate(FINDINGS_MAX);
        findings
    }

    fn reference(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        keyword: &str,
        reference: &str,
        at: &str,
    ) -> Vec<Finding> {
        let here = format!("{at}/{keyword}");
        match self.reader.resolve(keyword, reference, reader) {
            Ok(Target::Places(places)) => match places.as_slice() {
                [place] => {
                    let local = reference.strip_prefix('#').filter(|to| to.starts_with('/'));
                    self.covers(known, *place, local.unwrap_or(&here))
                }
                _ => vec![Finding::undecided(&here, "the reference leads to several places")],
            },
            Ok(Target::MetaSchema) => {
                vec![Finding::undecided(&here, "what a meta-schema takes is not looked into")]
            }
            Err(problem) => vec![Finding::undecided(&here, problem.to_string())],
        }
    }
}

impl Pair {
    fn of(known: &Known<'_>, reader: Node<'_>) -> Self {
        let mut addresses: Vec<usize> = known.nodes.iter().map(|node| node.address()).collect();
        addresses.sort_unstable();
        let (types, choices) = (known.types, known.choices.len());
        Self { known: addresses, types, choices, reader: reader.address() }
    }
}

/// Values that are listed by the reader, where those of the writer are not asked one by one.
fn listed(known: &Known<'_>, keyword: &str, value: &Value, at: &str) -> Option<Finding> {
    let allowed = match (keyword, value) {
        ("enum", Value::Array(values)) => values.as_slice(),
        ("const", value) => std::slice::from_ref(value),
        _ => return None,
    };
    let Some(values) = &known.values else {
        return Some(Finding::narrowed(at, "only listed values are taken now"));
    };
    let is_allowed = |value: &&Value| allowed.iter().any(|other| same(value, other));
    let gone = values.iter().find(|value| !is_allowed(value))?;
    Some(Finding::narrowed(at, format!("no longer taken: {}", short(gone))))
}

/// A value of a schema, for people.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 { text } else { text.chars().take(40).chain(['…']).collect() }
}

/// Questions that a proof may ask.
const STEPS_MAX: usize = 50_000;
/// Questions that may be open at once: each is some frames of the stack.
const DEPTH_MAX: usize = 96;
/// How deep cases are still told apart: each level doubles the work.
const CASES_DEPTH_MAX: usize = 24;
/// Findings of one place.
pub(super) const FINDINGS_MAX: usize = 20;
