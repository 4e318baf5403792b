//! The keywords about arrays.

use serde_json::{Map, Value};

use crate::schema::document::Draft;
use crate::schema::refs::Node;

use super::known::Known;
use super::prover::Prover;
use super::scalars::{count, least, most};
use super::types::Types;
use super::words::Finding;

/// What a schema says of items, by position, in every draft.
struct Items<'s> {
    first: &'s [Value],
    first_keyword: &'static str,
    rest: Option<&'s Value>,
    rest_keyword: &'static str,
}

impl<'s> Items<'s> {
    fn of(object: &'s Map<String, Value>, draft: Draft) -> Self {
        let (first, first_keyword, rest, rest_keyword) = match object.get("items") {
            Some(Value::Array(first)) => {
                let rest = object.get("additionalItems").filter(|_| draft.has("additionalItems"));
                (Some(first), "items", rest, "additionalItems")
            }
            rest => {
                let first = object.get("prefixItems").filter(|_| draft.has("prefixItems"));
                (first.and_then(Value::as_array), "prefixItems", rest, "items")
            }
        };
        let first = first.map(Vec::as_slice).unwrap_or_default();
        let stands_alone = rest.is_none()
            && !object.contains_key("contains")
            && IN_PLACE.iter().all(|keyword| !object.contains_key(*keyword));
        let unevaluated = object.get("unevaluatedItems");
        match unevaluated.filter(|_| stands_alone && draft.has("unevaluatedItems")) {
            Some(rest) => {
                let (rest, rest_keyword) = (Some(rest), "unevaluatedItems");
                Self { first, first_keyword, rest, rest_keyword }
            }
            None => Self { first, first_keyword, rest, rest_keyword },
        }
    }

    /// The schema of the item at a position, and where it stands.
    fn at(&self, position: usize) -> Option<(&'s Value, String)> {
        match self.first.get(position) {
            Some(schema) => Some((schema, format!("{}/{position}", self.first_keyword))),
            None => self.rest.map(|rest| (rest, self.rest_keyword.to_owned())),
        }
    }
}

impl<'s> Prover<'_, 's> {
    pub(super) fn arrays(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        if !known.types.meets(Types::ARRAY) {
            return Vec::new();
        }
        let mut findings = self.items(known, reader, object, at);
        let asked = |keyword: &str| object.get(keyword).and_then(count);
        if let Some(min) = asked("minItems").filter(|min| *min > 0)
            && least(known, "minItems").is_none_or(|own| own < min)
        {
            let why = "arrays with fewer items were taken";
            findings.push(Finding::narrowed(&format!("{at}/minItems"), why));
        }
        if let Some(max) = asked("maxItems")
            && most(known, "maxItems").is_none_or(|own| own > max)
            && !usize::try_from(max).is_ok_and(|max| self.item(known, max).never)
        {
            let why = "arrays with more items were taken";
            findings.push(Finding::narrowed(&format!("{at}/maxItems"), why));
        }
        if object.get("uniqueItems") == Some(&Value::Bool(true))
            && !known.said("uniqueItems").any(|own| *own == Value::Bool(true))
            && most(known, "maxItems").is_none_or(|own| own > 1)
        {
            let why = "items did not have to differ";
            findings.push(Finding::narrowed(&format!("{at}/uniqueItems"), why));
        }
        findings.extend(self.contains(known, reader, object, at));
        findings.extend(unevaluated(object, reader.draft, at));
        findings
    }

    fn items(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        let asked = Items::of(object, reader.draft);
        let own = known.objects().map(|(node, object)| Items::of(object, node.draft).first.len());
        // One position beyond those that are told apart stands for all that follow.
        let positions = own.max().unwrap_or(0).max(asked.first.len());
        let most = most(known, "maxItems").and_then(|most| usize::try_from(most).ok());
        let mut findings = Vec::new();
        for position in 0..=positions {
            if most.is_some_and(|most| position >= most) {
                break;
            }
            let Some((schema, place)) = asked.at(position) else { continue };
            let item = self.item(known, position);
            let schema = self.reader.enter(schema, reader);
            findings.extend(self.covers(&item, schema, &format!("{at}/{place}")));
        }
        findings
    }

    /// What is known of the item at a position.
    fn item(&self, known: &Known<'s>, position: usize) -> Known<'s> {
        let names = self.names(known.side);
        let schemas = known.objects().filter_map(|(node, object)| {
            let (schema, _) = Items::of(object, node.draft).at(position)?;
            Some(names.enter(schema, node))
        });
        Known::of(names, known.side, &schemas.collect::<Vec<_>>())
    }

    fn contains(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Option<Finding> {
        let asked = object.get("contains").filter(|_| reader.draft.has("contains"))?;
        let bound = |object: &Map<String, Value>, draft: Draft, keyword: &str| {
            object.get(keyword).filter(|_| draft.has(keyword)).and_then(count)
        };
        let at = format!("{at}/contains");
        let asked = self.reader.enter(asked, reader);
        if bound(object, reader.draft, "maxContains").is_some() {
            return Some(Finding::undecided(&at, "how many items are at most like this"));
        }
        let min = bound(object, reader.draft, "minContains").unwrap_or(1);
        if min == 0 {
            return None;
        }
        for (node, own) in known.objects() {
            let Some(schema) = own.get("contains").filter(|_| node.draft.has("contains")) else {
                continue;
            };
            let names = self.names(known.side);
            let item = Known::of(names, known.side, &[names.enter(schema, node)]);
            let enough = bound(own, node.draft, "minContains").unwrap_or(1) >= min;
            if enough && self.covers(&item, asked, &at).is_empty() {
                return None;
            }
        }
        // Or there are enough items, and each of them is like this.
        let enough = least(known, "minItems").is_some_and(|own| own >= min);
        let longest = known.objects().map(|(n, o)| Items::of(o, n.draft).first.len()).max();
        let all = 0..=longest.unwrap_or(0);
        let every = |this: &mut Self, position: usize| {
            let item = this.item(known, position);
            this.covers(&item, asked, &at).is_empty()
        };
        if enough && all.into_iter().all(|position| every(self, position)) {
            return None;
        }
        Some(Finding::narrowed(&at, "arrays without such an item were taken"))
    }
}

/// What depends on which items other keywords have looked at.
fn unevaluated(object: &Map<String, Value>, draft: Draft, at: &str) -> Option<Finding> {
    let asked = object.get("unevaluatedItems").filter(|_| draft.has("unevaluatedItems"))?;
    let is_said = Items::of(object, draft).rest_keyword == "unevaluatedItems";
    let is_open = *asked == Value::Bool(true);
    let why = "which items no other keyword has looked at";
    (!is_said && !is_open).then(|| Finding::undecided(&format!("{at}/unevaluatedItems"), why))
}

/// Keywords whose schemas look at parts of the same value.
pub(super) const IN_PLACE: [&str; 12] = [
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependencies",
];
