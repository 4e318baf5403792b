//! The keywords about objects: content models that are open, closed, or open in part.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::schema::document::Draft;
use crate::schema::refs::Node;

use super::arrays::IN_PLACE;
use super::disjoint::required;
use super::known::Known;
use super::prover::Prover;
use super::scalars::{count, least, most};
use super::types::Types;
use super::words::Finding;

/// The schema of properties that are neither named nor matched, and its keyword.
fn others(object: &Map<String, Value>, draft: Draft) -> Option<(&Value, &'static str)> {
    if let Some(schema) = object.get("additionalProperties") {
        return Some((schema, "additionalProperties"));
    }
    let keyword = "unevaluatedProperties";
    let stands_alone = IN_PLACE.iter().all(|keyword| !object.contains_key(*keyword));
    let schema = object.get(keyword).filter(|_| stands_alone && draft.has(keyword))?;
    Some((schema, keyword))
}

/// A map of schemas by name or pattern.
fn map<'s>(object: &'s Map<String, Value>, keyword: &str) -> Option<&'s Map<String, Value>> {
    object.get(keyword).and_then(Value::as_object)
}

impl<'s> Prover<'_, 's> {
    pub(super) fn objects(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        if !known.types.meets(Types::OBJECT) {
            return Vec::new();
        }
        let mut findings = self.named(known, reader, object, at);
        findings.extend(self.matched(known, reader, object, at));
        findings.extend(self.other(known, reader, object, at));
        findings.extend(needed(known, object, at));
        findings.extend(self.counted(known, object, at));
        findings.extend(self.property_names(known, reader, object, at));
        findings.extend(self.dependent(known, reader, object, at));
        if let Some(asked) = object.get("unevaluatedProperties")
            && reader.draft.has("unevaluatedProperties")
            && *asked != Value::Bool(true)
            && others(object, reader.draft).is_none()
        {
            let at = format!("{at}/unevaluatedProperties");
            let why = "which properties no other keyword has looked at";
            findings.push(Finding::undecided(&at, why));
        }
        findings
    }

    /// What is known of the property of a name, if it is there.
    pub(super) fn property(&mut self, known: &Known<'s>, name: &str) -> Known<'s> {
        let names = self.names(known.side);
        let mut seeds = Vec::new();
        let mut never = false;
        for (node, object) in known.objects() {
            let own = map(object, "properties").and_then(|map| map.get(name));
            seeds.extend(own.map(|schema| names.enter(schema, node)));
            let mut is_other = own.is_none();
            for (pattern, schema) in map(object, "patternProperties").into_iter().flatten() {
                match self.judges.matches(pattern, name) {
                    Some(true) => seeds.push(names.enter(schema, node)),
                    Some(false) => continue,
                    None => {}
                }
                is_other = false;
            }
            if let Some((schema, _)) = others(object, node.draft).filter(|_| is_other) {
                seeds.push(names.enter(schema, node));
            }
            if let Some(asked) =
                object.get("propertyNames").filter(|_| node.draft.has("propertyNames"))
            {
                let asked = names.enter(asked, node);
                let name = Value::String(name.to_owned());
                let formats = self.formats_of(known.side);
                never |= self.judges.takes(asked, &name, formats) == Some(false);
            }
        }
        let known = Known::of(names, known.side, &seeds);
        Known { never: known.never || never, ..known }
    }

    /// The properties that the reader names.
    fn named(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, schema) in map(object, "properties").into_iter().flatten() {
            let property = self.property(known, name);
            let place = format!("{at}/properties/{}", escape(name));
            let schema = self.reader.enter(schema, reader);
            let gaps = self.covers(&property, schema, &place);
            if !gaps.is_empty() && property.is_anything() {
                let why = "this property is constrained now; it was not named before, and any \
                           value of it was taken (the content model was open)";
                findings.push(Finding::narrowed(&place, why));
            } else {
                findings.extend(gaps);
            }
        }
        findings
    }

    /// The properties that patterns of the reader match.
    fn matched(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (pattern, schema) in map(object, "patternProperties").into_iter().flatten() {
            let place = format!("{at}/patternProperties/{}", escape(pattern));
            let schema = self.reader.enter(schema, reader);
            for name in known_names(known) {
                if self.judges.matches(pattern, &name) != Some(false) {
                    let property = self.property(known, &name);
                    findings.extend(self.covers(&property, schema, &place));
                }
            }
            if let Some(case) = self.unnamed(known, Some(pattern)) {
                findings.extend(self.covers(&case, schema, &place));
            }
        }
        findings
    }

    /// The properties that the reader neither names nor matches.
    fn other(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        let Some((schema, keyword)) = others(object, reader.draft) else { return Vec::new() };
        if matches!(schema, Value::Bool(true)) {
            return Vec::new();
        }
        let (place, schema) = (format!("{at}/{keyword}"), self.reader.enter(schema, reader));
        let named = map(object, "properties");
        let patterns = map(object, "patternProperties");
        let mut findings = Vec::new();
        for name in known_names(known) {
            if named.is_some_and(|named| named.contains_key(&name)) {
                continue;
            }
            let mut patterns = patterns.into_iter().flatten();
            if patterns.any(|(pattern, _)| self.judges.matches(pattern, &name) == Some(true)) {
                continue;
            }
            let property = self.property(known, &name);
            for Finding { verdict, why, .. } in self.covers(&property, schema, &place) {
                let why = format!("property {name:?}: {why}");
                findings.push(Finding { at: place.clone(), verdict, why });
            }
        }
        for pattern in own_patterns(known) {
            if patterns.is_none_or(|patterns| !patterns.contains_key(&pattern))
                && let Some(case) = self.unnamed(known, Some(&pattern))
            {
                findings.extend(self.covers(&case, schema, &place));
            }
        }
        if let Some(case) = self.unnamed(known, None) {
            let gaps = self.covers(&case, schema, &place);
            if !gaps.is_empty() && case.is_anything() {
                let why = "properties that are not named were taken with any value (the content \
                           model was open)";
                findings.push(Finding::narrowed(&place, why));
            } else {
                findings.extend(gaps);
            }
        }
        findings
    }

    /// What is known of properties that no schema names: those that a pattern matches, or those
    /// that none does.
    fn unnamed(&mut self, known: &Known<'s>, matching: Option<&str>) -> Option<Known<'s>> {
        let names = self.names(known.side);
        let (mut seeds, mut choices) = (Vec::new(), Vec::new());
        for (node, object) in known.objects() {
            let patterns = map(object, "patternProperties").filter(|patterns| !patterns.is_empty());
            let own = matching.and_then(|pattern| patterns?.get(pattern));
            let other = others(object, node.draft).map(|(schema, _)| names.enter(schema, node));
            match (own, patterns, matching) {
                (Some(schema), ..) => seeds.push(names.enter(schema, node)),
                // What the reader's pattern matches is matched by one of these, or by none.
                (None, Some(patterns), Some(_)) => {
                    let mut branches: Vec<Vec<Node<'s>>> =
                        patterns.values().map(|schema| vec![names.enter(schema, node)]).collect();
                    branches.push(other.into_iter().collect());
                    choices.push(branches);
                }
                _ => seeds.extend(other),
            }
        }
        let mut found = Known::of(names, known.side, &seeds);
        found.choices.extend(choices);
        (!found.never).then_some(found)
    }

    fn counted(
        &mut self,
        known: &Known<'s>,
        object: &Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        let asked = |keyword: &str| object.get(keyword).and_then(count);
        let mut findings = Vec::new();
        let needed = required(known).collect::<BTreeSet<_>>().len() as u64;
        let own = least(known, "minProperties").unwrap_or(0).max(needed);
        if asked("minProperties").is_some_and(|min| own < min) {
            let why = "objects with fewer properties were taken";
            findings.push(Finding::narrowed(&format!("{at}/minProperties"), why));
        }
        if let Some(max) = asked("maxProperties")
            && most(known, "maxProperties").is_none_or(|own| own > max)
            && self.all_names(known).is_none_or(|names| names.len() as u64 > max)
        {
            let why = "objects with more properties were taken";
            findings.push(Finding::narrowed(&format!("{at}/maxProperties"), why));
        }
        findings
    }

    /// Every name that a property can have, if they are known.
    fn all_names(&mut self, known: &Known<'s>) -> Option<BTreeSet<String>> {
        if !own_patterns(known).is_empty() || self.unnamed(known, None).is_some() {
            return None;
        }
        let names = known_names(known).into_iter();
        Some(names.filter(|name| !self.property(known, name).never).collect())
    }

    fn property_names(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        let keyword = "propertyNames";
        let Some(asked) = object.get(keyword).filter(|_| reader.draft.has(keyword)) else {
            return Vec::new();
        };
        let (at, asked) = (format!("{at}/{keyword}"), self.reader.enter(asked, reader));
        let names = self.names(known.side);
        let own = known.objects().filter(|(node, _)| node.draft.has(keyword));
        let own = own.filter_map(|(node, object)| Some(names.enter(object.get(keyword)?, node)));
        let seeds: Vec<Node<'s>> = own.collect();
        let mut name = Known::of(names, known.side, &seeds).only(Types::STRING);
        if let Some(all) = self.all_names(known) {
            name.values = Some(all.into_iter().map(Value::String).collect());
        }
        self.covers(&name, asked, &at)
    }

    /// `dependentRequired`, `dependentSchemas`, and `dependencies`, which was both.
    fn dependent(
        &mut self,
        known: &Known<'s>,
        reader: Node<'s>,
        object: &'s Map<String, Value>,
        at: &str,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for keyword in ["dependentRequired", "dependentSchemas", "dependencies"] {
            if !reader.draft.has(keyword) {
                continue;
            }
            for (name, asked) in map(object, keyword).into_iter().flatten() {
                let place = format!("{at}/{keyword}/{}", escape(name));
                if self.property(known, name).never {
                    continue;
                }
                match asked {
                    Value::Array(list) => {
                        let had: BTreeSet<&str> =
                            required(known).chain(with(known, name)).collect();
                        let is_new =
                            |one: &&Value| one.as_str().is_none_or(|one| !had.contains(one));
                        if list.iter().any(|one| is_new(&one)) {
                            let why = format!("{name:?} was taken without other properties");
                            findings.push(Finding::narrowed(&place, why));
                        }
                    }
                    schema => {
                        let names = self.names(known.side);
                        let mut seeds = Vec::new();
                        for (node, own) in known.objects() {
                            for keyword in ["dependentSchemas", "dependencies"] {
                                let own = map(own, keyword).filter(|_| node.draft.has(keyword));
                                let own = own.and_then(|map| map.get(name));
                                let own = own.filter(|schema| !schema.is_array());
                                seeds.extend(own.map(|schema| names.enter(schema, node)));
                            }
                        }
                        let case = known.clone().and(names, &seeds).only(Types::OBJECT);
                        let schema = self.reader.enter(schema, reader);
                        findings.extend(self.covers(&case, schema, &place));
                    }
                }
            }
        }
        findings
    }
}

/// The properties that are needed now and were not.
fn needed(known: &Known<'_>, object: &Map<String, Value>, at: &str) -> Vec<Finding> {
    let had: BTreeSet<&str> = required(known).collect();
    let asked = object.get("required").and_then(Value::as_array).into_iter().flatten();
    let missing = asked.filter_map(Value::as_str).filter(|name| !had.contains(name));
    let told = missing.map(|name| {
        let why = format!("property {name:?} is required, and was not");
        Finding::narrowed(&format!("{at}/required"), why)
    });
    told.collect()
}

/// What must be there beside a property.
fn with<'s>(known: &Known<'s>, name: &str) -> Vec<&'s str> {
    let lists = ["dependentRequired", "dependencies"].into_iter().flat_map(|keyword| {
        let maps: Vec<&'s Value> = known.said(keyword).collect();
        maps.into_iter().filter_map(|map| map.get(name)).filter_map(Value::as_array)
    });
    lists.flatten().filter_map(Value::as_str).collect()
}

/// Every name that a schema has a property for.
fn known_names(known: &Known<'_>) -> BTreeSet<String> {
    let maps = known.objects().filter_map(|(_, object)| map(object, "properties"));
    maps.flat_map(Map::keys).cloned().collect()
}

fn own_patterns(known: &Known<'_>) -> BTreeSet<String> {
    let maps = known.objects().filter_map(|(_, object)| map(object, "patternProperties"));
    maps.flat_map(Map::keys).cloned().collect()
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
