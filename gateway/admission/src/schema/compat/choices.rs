//! The keywords that apply other schemas to the same value.

use serde_json::{Map, Value};

use crate::schema::refs::Node;

use super::known::{Known, Side};
use super::prover::Prover;
use super::words::{Finding, Verdict};

impl<'s> Prover<'_, 's> {
    pub(super) fn choices(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        let names = self.reader;
        let all = |keyword: &str| -> Vec<Node<'s>> {
            let list = object.get(keyword).and_then(Value::as_array).into_iter().flatten();
            list.map(|schema| names.enter(schema, reader)).collect()
        };
        let one = |keyword: &str| {
            let schema = object.get(keyword).filter(|_| reader.draft.has(keyword))?;
            Some(names.enter(schema, reader))
        };
        let mut findings = Vec::new();
        for (number, part) in all("allOf").into_iter().enumerate() {
            findings.extend(self.covers(known, part, &format!("{at}/allOf/{number}")));
        }
        let (any, one_of) = (all("anyOf"), all("oneOf"));
        if !any.is_empty() {
            findings.extend(self.any_of(known, &any, &format!("{at}/anyOf")).err());
        }
        if !one_of.is_empty() {
            findings.extend(self.one_of(known, &one_of, &format!("{at}/oneOf")));
        }
        if let Some(not) = one("not")
            && !self.apart(known, &Known::of(names, Side::Reader, &[not]), 0)
        {
            let why = "it is not certain that what was taken is never what this excludes";
            findings.push(Finding::undecided(&format!("{at}/not"), why));
        }
        if let Some(condition) = one("if") {
            findings.extend(self.conditional(known, condition, one("then"), one("else"), at));
        }
        findings
    }

    /// The branch that takes everything, or why none does.
    fn any_of(
        &mut self,
        known: &Known<'s>,
        branches: &[Node<'s>],
        at: &str,
    ) -> Result<usize, Finding> {
        let mut nearest: Option<Vec<Finding>> = None;
        let mut is_fact = true;
        for (number, branch) in branches.iter().enumerate() {
            let findings = self.covers(known, *branch, &format!("{at}/{number}"));
            if findings.is_empty() {
                return Ok(number);
            }
            is_fact &= findings.iter().any(|finding| finding.verdict == Verdict::Narrowed);
            if nearest.as_ref().is_none_or(|nearest| findings.len() < nearest.len()) {
                nearest = Some(findings);
            }
        }
        let nearest = nearest.and_then(|findings| findings.into_iter().next());
        let why = match &nearest {
            Some(finding) => format!("no branch takes all that was taken; nearest, {finding}"),
            None => "no branch takes all that was taken".to_owned(),
        };
        Err(if is_fact { Finding::narrowed(at, why) } else { Finding::undecided(at, why) })
    }

    /// One branch takes everything, and no other takes any of it.
    fn one_of(&mut self, known: &Known<'s>, branches: &[Node<'s>], at: &str) -> Option<Finding> {
        let taken = match self.any_of(known, branches, at) {
            Ok(taken) => taken,
            Err(finding) => return Some(finding),
        };
        let names = self.reader;
        for (number, branch) in branches.iter().enumerate().filter(|(n, _)| *n != taken) {
            if !self.apart(known, &Known::of(names, Side::Reader, &[*branch]), 0) {
                let why = format!(
                    "branch {taken} takes what was taken, and it is not certain that branch \
                     {number} takes none of it"
                );
                return Some(Finding::undecided(at, why));
            }
        }
        None
    }

    fn conditional(
        &mut self,
        known: &Known<'s>,
        condition: Node<'s>,
        then: Option<Node<'s>>,
        other: Option<Node<'s>>,
        at: &str,
    ) -> Vec<Finding> {
        if then.is_none() && other.is_none() {
            return Vec::new();
        }
        let never = self.apart(known, &Known::of(self.reader, Side::Reader, &[condition]), 0);
        let always = !never && self.covers(known, condition, &format!("{at}/if")).is_empty();
        let mut findings = Vec::new();
        if let Some(then) = then.filter(|_| !never) {
            findings.extend(self.covers(known, then, &format!("{at}/then")));
        }
        if let Some(other) = other.filter(|_| !always) {
            findings.extend(self.covers(known, other, &format!("{at}/else")));
        }
        if !findings.is_empty() && !never && !always {
            let why = "it is not certain which of its branches what was taken is held to";
            return vec![Finding::undecided(&format!("{at}/if"), why)];
        }
        findings
    }
}
