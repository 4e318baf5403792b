//! How much work a schema can make, found before it is compiled.
//!
//! Two kilobytes of `allOf` over references that double at each step keep a validator busy for
//! minutes. So the references are followed here, each path counted, and a schema that expands too
//! far is refused. A loop of references is fine as long as it goes down into the payload at each
//! turn: the payload ends.

use std::collections::HashMap;

use serde_json::Value;

use crate::schema::document::Document;
use crate::schema::fault::SchemaProblem;
use crate::schema::refs::{Names, Node, Target};
use crate::schema::unfold::{Unfolded, unfold};

/// Bytes of a schema file.
pub(crate) const SCHEMA_BYTES_MAX: usize = 256 * 1024;
/// Levels of nesting of a schema.
pub(crate) const SCHEMA_DEPTH_MAX: usize = 64;
/// Subschemas that a schema may expand to, each path counted.
pub(crate) const COST_MAX: u64 = 100_000;
/// References that may be nested in one another: the validator recurses over them.
pub(crate) const REFERENCES_MAX: usize = 256;

/// Checks every bound but the size in bytes, of a schema with the documents that it refers to.
pub(crate) fn check(
    root: Document<'_>,
    others: &[Document<'_>],
) -> Result<Unfolded, SchemaProblem> {
    for document in [root].iter().chain(others) {
        check_depth(document.schema, 0)?;
    }
    let names = Names::collect(root, others)?;
    let root = names.root();
    Walk { names: &names, known: HashMap::new(), path: Vec::new() }.visit(root)?;
    // What only a reference reaches was walked; definitions that nothing uses were not.
    let mut loops = Loops { names: &names, states: HashMap::new() };
    loops.visit_all(root)?;
    unfold(&names, root)
}

pub(crate) fn check_depth(value: &Value, depth: usize) -> Result<(), SchemaProblem> {
    if depth > SCHEMA_DEPTH_MAX {
        return Err(SchemaProblem::TooDeep);
    }
    match value {
        Value::Object(object) => object.values().try_for_each(|v| check_depth(v, depth + 1)),
        Value::Array(items) => items.iter().try_for_each(|v| check_depth(v, depth + 1)),
        _ => Ok(()),
    }
}

/// How a subschema is applied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// To the same place of the payload.
    InPlace,
    /// To a part of it.
    Below,
    /// To one part of it, to which none of its fellows is applied: `properties`, `prefixItems`.
    OnePart,
}

/// A schema that a schema applies.
pub(crate) struct Edge<'s> {
    pub(crate) applied: Applied,
    pub(crate) to: Node<'s>,
    via: &'s str,
}

/// What a schema applies, with its references followed one step.
pub(crate) fn edges<'s>(names: &Names<'s>, node: Node<'s>) -> Result<Vec<Edge<'s>>, SchemaProblem> {
    let mut edges = Vec::new();
    let Value::Object(object) = node.schema else { return Ok(edges) };
    for (keyword, value) in object {
        let Some((applied, shape)) = applicator(keyword) else { continue };
        let mut push = |schema| {
            let to = names.enter(schema, node);
            edges.push(Edge { applied, to, via: keyword });
        };
        match (shape, value) {
            (Shape::Reference, Value::String(reference)) => {
                match names.resolve(keyword, reference, node)? {
                    Target::Places(places) => edges.extend(places.into_iter().map(|to| Edge {
                        applied,
                        to,
                        via: reference,
                    })),
                    Target::MetaSchema => {}
                }
            }
            (Shape::Map, Value::Object(map)) => map.values().for_each(push),
            (Shape::Schemas, Value::Array(items)) => items.iter().for_each(push),
            (Shape::Schemas, Value::Object(_)) => push(value),
            _ => {}
        }
    }
    Ok(edges)
}

enum Shape {
    Reference,
    Map,
    Schemas,
}

fn applicator(keyword: &str) -> Option<(Applied, Shape)> {
    Some(match keyword {
        "$ref" | "$dynamicRef" | "$recursiveRef" => (Applied::InPlace, Shape::Reference),
        "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" => {
            (Applied::InPlace, Shape::Schemas)
        }
        "dependentSchemas" | "dependencies" => (Applied::InPlace, Shape::Map),
        "properties" => (Applied::OnePart, Shape::Map),
        "prefixItems" => (Applied::OnePart, Shape::Schemas),
        "patternProperties" => (Applied::Below, Shape::Map),
        "additionalProperties"
        | "unevaluatedProperties"
        | "propertyNames"
        | "items"
        | "additionalItems"
        | "unevaluatedItems"
        | "contains" => (Applied::Below, Shape::Schemas),
        _ => return None,
    })
}

/// Counts what a schema expands to.
struct Walk<'n, 's> {
    names: &'n Names<'s>,
    known: HashMap<usize, Expansion>,
    path: Vec<usize>,
}

/// What one schema expands to.
#[derive(Clone, Copy)]
struct Expansion {
    /// Subschemas, each path counted.
    cost: u64,
    /// How deep they are nested in one another, itself included.
    height: usize,
}

impl<'s> Walk<'_, 's> {
    fn visit(&mut self, node: Node<'s>) -> Result<Expansion, SchemaProblem> {
        let address = node.address();
        if self.path.contains(&address) {
            // A turn of a loop; whether it may be one is for `Loops` to say.
            return Ok(Expansion { cost: 1, height: 0 });
        }
        let known = self.known.get(&address).copied();
        // What is known was reached on another path, which may have been shorter.
        if self.path.len() + known.map_or(1, |known| known.height) > REFERENCES_MAX {
            return Err(SchemaProblem::TooNested);
        }
        if let Some(known) = known {
            return Ok(known);
        }
        self.path.push(address);
        let mut own = Expansion { cost: 1, height: 0 };
        for edge in edges(self.names, node)? {
            let of = self.visit(edge.to)?;
            own.cost = own.cost.saturating_add(of.cost);
            own.height = own.height.max(of.height);
            if own.cost > COST_MAX {
                return Err(SchemaProblem::TooCostly);
            }
        }
        own.height += 1;
        self.path.pop();
        self.known.insert(address, own);
        Ok(own)
    }
}

/// Looks for loops that stay at one place of the payload.
struct Loops<'n, 's> {
    names: &'n Names<'s>,
    states: HashMap<usize, State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Closed,
}

impl<'s> Loops<'_, 's> {
    /// From every schema that the root reaches, along edges that stay in place. What lies below is
    /// looked at later, from a list, so that the depth of this search is the length of one loop.
    fn visit_all(&mut self, root: Node<'s>) -> Result<(), SchemaProblem> {
        let mut waiting = vec![root];
        while let Some(node) = waiting.pop() {
            if !self.states.contains_key(&node.address()) {
                self.visit(node, &mut waiting)?;
            }
        }
        Ok(())
    }

    fn visit(&mut self, node: Node<'s>, below: &mut Vec<Node<'s>>) -> Result<(), SchemaProblem> {
        self.states.insert(node.address(), State::Open);
        for edge in edges(self.names, node)? {
            match (edge.applied, self.states.get(&edge.to.address())) {
                (Applied::InPlace, None) => self.visit(edge.to, below)?,
                (_, None) => below.push(edge.to),
                (Applied::InPlace, Some(State::Open)) => {
                    return Err(SchemaProblem::Loop { reference: edge.via.into() });
                }
                (_, Some(_)) => {}
            }
        }
        self.states.insert(node.address(), State::Closed);
        Ok(())
    }
}
