//! What is known about the values that a schema takes: everything that must hold of them at once,
//! the types and the values that are left, and the choices that the schema leaves open.
//!
//! Leaving something out here is always right: whoever knows less proves less.

use serde_json::{Map, Value};

use crate::schema::refs::{Names, Node, Target};

use super::types::Types;
use super::values::same;

/// Which of the two schemas a place is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The schema whose data is to be read.
    Writer,
    /// The schema that is to read it.
    Reader,
}

/// What is known about values.
#[derive(Debug, Clone)]
pub(super) struct Known<'s> {
    pub(super) side: Side,
    /// Schemas that all hold, those behind references and `allOf` included.
    pub(super) nodes: Vec<Node<'s>>,
    pub(super) types: Types,
    /// The only values that there are, if they are few.
    pub(super) values: Option<Vec<Value>>,
    /// Choices: of each, one branch holds, and of that everything.
    pub(super) choices: Vec<Vec<Vec<Node<'s>>>>,
    /// Nothing at all is taken.
    pub(super) never: bool,
}

impl<'s> Known<'s> {
    /// What is known of any value.
    pub(super) fn anything(side: Side) -> Self {
        let (nodes, choices) = (Vec::new(), Vec::new());
        Self { side, nodes, types: Types::ANY, values: None, choices, never: false }
    }

    /// What is known of values that all these schemas take.
    pub(super) fn of(names: &Names<'s>, side: Side, seeds: &[Node<'s>]) -> Self {
        Self::anything(side).and(names, seeds)
    }

    /// What is known if these schemas hold as well.
    pub(super) fn and(mut self, names: &Names<'s>, seeds: &[Node<'s>]) -> Self {
        let mut waiting: Vec<Node<'s>> = seeds.to_vec();
        while let Some(node) = waiting.pop() {
            if self.nodes.iter().any(|known| known.address() == node.address()) {
                continue;
            }
            match node.schema {
                Value::Bool(false) => self.never = true,
                Value::Object(object) => self.learn(names, node, object, &mut waiting),
                _ => {}
            }
        }
        self.settle();
        self
    }

    /// What is known if only these types are left.
    pub(super) fn only(mut self, types: Types) -> Self {
        self.types = self.types & types;
        self.settle();
        self
    }

    /// Whether nothing is known at all.
    pub(super) fn is_anything(&self) -> bool {
        let open = self.types == Types::ANY && self.choices.is_empty() && self.values.is_none();
        let says_nothing = |node: &Node<'s>| {
            node.schema.as_object().is_none_or(|object| object.keys().all(|key| is_note(key)))
        };
        open && !self.never && self.nodes.iter().all(says_nothing)
    }

    /// What a keyword says, in every schema that has it.
    pub(super) fn said<'k>(&'k self, keyword: &'k str) -> impl Iterator<Item = &'s Value> + 'k {
        let known = |(node, object): (Node<'s>, &'s Map<String, Value>)| {
            object.get(keyword).filter(|_| node.draft.has(keyword))
        };
        self.objects().filter_map(known)
    }

    /// Every schema that holds, with its keywords.
    pub(super) fn objects(&self) -> impl Iterator<Item = (Node<'s>, &'s Map<String, Value>)> + '_ {
        self.nodes.iter().filter_map(|node| Some((*node, node.schema.as_object()?)))
    }

    fn learn(
        &mut self,
        names: &Names<'s>,
        node: Node<'s>,
        object: &'s Map<String, Value>,
        waiting: &mut Vec<Node<'s>>,
    ) {
        let enter = |schema| names.enter(schema, node);
        if let Some(Value::String(reference)) = object.get("$ref") {
            // A reference that leads to several places, or to a meta-schema, teaches nothing.
            if let Ok(Target::Places(places)) = names.resolve("$ref", reference, node)
                && let [place] = places.as_slice()
            {
                waiting.push(*place);
            }
            if node.draft.ref_hides() {
                return;
            }
        }
        self.nodes.push(node);
        let get = |keyword: &str| object.get(keyword).filter(|_| node.draft.has(keyword));
        let branches = |keyword: &str| get(keyword).and_then(Value::as_array);
        waiting.extend(branches("allOf").into_iter().flatten().map(enter));
        for keyword in ["anyOf", "oneOf"] {
            match branches(keyword).map(Vec::as_slice) {
                None | Some([]) => {}
                Some([only]) => waiting.push(enter(only)),
                Some(all) => {
                    self.choices.push(all.iter().map(|branch| vec![enter(branch)]).collect());
                }
            }
        }
        if let Some(condition) = get("if")
            && (object.contains_key("then") || object.contains_key("else"))
        {
            let then = object.get("then").into_iter().chain([condition]).map(enter).collect();
            let other = object.get("else").into_iter().map(enter).collect();
            self.choices.push(vec![then, other]);
        }
        if let Some(types) = object.get("type") {
            self.types = self.types & Types::said(types, node.draft);
        }
        let constant = get("const").map(std::slice::from_ref);
        let listed = object.get("enum").and_then(Value::as_array).map(Vec::as_slice);
        for values in [constant, listed].into_iter().flatten() {
            self.values = Some(match self.values.take() {
                None => values.to_vec(),
                Some(before) => {
                    let is_left = |value: &Value| values.iter().any(|other| same(value, other));
                    before.into_iter().filter(is_left).collect()
                }
            });
        }
    }

    /// Draws the conclusions: few types have few values, and no type is nothing at all.
    fn settle(&mut self) {
        if self.values.is_none() && self.types.is_within(Types::NULL | Types::BOOLEAN) {
            let all = [Value::Null, Value::Bool(false), Value::Bool(true)];
            self.values = Some(all.to_vec());
        }
        if let Some(values) = &mut self.values {
            // Draft 4 takes 1.0 for no integer, later drafts do, so both stay where one fits.
            let fits = |value: &Value| match Types::of(value) {
                kind if kind.meets(Types::NUMBER) => self.types.meets(Types::NUMBER),
                kind => kind.meets(self.types),
            };
            values.retain(fits);
            let left = values.iter().map(Types::of).fold(Types::NONE, |a, b| a | b);
            let numbers = if left.meets(Types::NUMBER) { Types::NUMBER } else { Types::NONE };
            self.types = self.types & (left | numbers);
        }
        self.never |= self.types.is_none() || self.values.as_ref().is_some_and(Vec::is_empty);
    }
}

/// Whether a keyword asks nothing of a value.
pub(super) fn is_note(keyword: &str) -> bool {
    matches!(
        keyword,
        "$schema"
            | "$id"
            | "id"
            | "$anchor"
            | "$dynamicAnchor"
            | "$recursiveAnchor"
            | "$comment"
            | "$defs"
            | "definitions"
            | "$vocabulary"
            | "title"
            | "description"
            | "default"
            | "examples"
            | "deprecated"
            | "readOnly"
            | "writeOnly"
    )
}
