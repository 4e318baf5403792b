//! How deep a payload may be nested before a schema makes too much work of it.
//!
//! A schema that applies itself twice to the same part (`items: { anyOf: [ #, # ] }`) doubles its
//! work at each level of the payload: harmless at ten levels, endless at a hundred. Such schemas
//! are useful, so they are not refused; the depth of payloads that they judge is bounded instead.
//! The same goes for the stack: the validator recurses once for each schema that it enters.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::schema::bounds::{Applied, edges};
use crate::schema::fault::SchemaProblem;
use crate::schema::refs::{Names, Node};

/// Schemas that one chain of nested parts of a payload may be held against.
pub(crate) const STEPS_MAX: u64 = 1_000_000;
/// Schemas that may be entered in one another while a payload is judged.
pub(crate) const HEIGHT_MAX: u64 = 1_000;
/// Levels of a payload: the parser's own bound.
const LEVELS_MAX: usize = 128;

/// The levels that a payload may have; `None` if the parser's bound is enough.
pub(crate) fn levels_max<'s>(
    names: &Names<'s>,
    root: Node<'s>,
) -> Result<Option<usize>, SchemaProblem> {
    let graph = Graph::build(names, root)?;
    let mut below = vec![Work::default(); graph.edges.len()];
    for levels in 0..=LEVELS_MAX {
        let work = graph.work(&below);
        let of_root = work.last().copied().unwrap_or_default();
        if of_root.steps > STEPS_MAX || of_root.height > HEIGHT_MAX {
            return match levels {
                0 | 1 => Err(SchemaProblem::TooCostly),
                _ => Ok(Some(levels - 1)),
            };
        }
        if work == below {
            return Ok(None);
        }
        below = work;
    }
    Ok(None)
}

/// Whether a value has more levels than this; a scalar has none.
pub(crate) fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(object) => {
            levels == 0 || object.values().any(|value| is_deeper(value, levels - 1))
        }
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        _ => false,
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Work {
    steps: u64,
    height: u64,
}

/// The schemas that the root reaches. What a schema applies in place stands before it, so that one
/// pass in order sees every value that it needs; the root is last.
struct Graph {
    edges: Vec<Vec<(Applied, usize)>>,
}

impl Graph {
    fn build<'s>(names: &Names<'s>, root: Node<'s>) -> Result<Self, SchemaProblem> {
        let mut order: Vec<Placed> = Vec::new();
        let mut seen = HashSet::new();
        let mut waiting = vec![root];
        while let Some(node) = waiting.pop() {
            visit(names, node, &mut seen, &mut order, &mut waiting)?;
        }
        let places: HashMap<usize, usize> =
            order.iter().enumerate().map(|(at, placed)| (placed.address, at)).collect();
        let place = |to: &usize| places.get(to).copied().unwrap_or_default();
        let mut graph: Vec<Vec<(Applied, usize)>> = order
            .iter()
            .map(|placed| placed.edges.iter().map(|(applied, to)| (*applied, place(to))).collect())
            .collect();
        // One more, so that the root is the last.
        graph.push(vec![(Applied::InPlace, place(&root.address()))]);
        Ok(Self { edges: graph })
    }

    /// The work of each schema on a chain of parts, from the work of each on a chain one shorter.
    fn work(&self, below: &[Work]) -> Vec<Work> {
        let mut work: Vec<Work> = Vec::with_capacity(self.edges.len());
        for edges in &self.edges {
            let mut own = Work { steps: 1, height: 0 };
            let mut widest_part = 0;
            for (applied, to) in edges {
                let of = if *applied == Applied::InPlace { work.get(*to) } else { below.get(*to) };
                let of = of.copied().unwrap_or_default();
                own.height = own.height.max(of.height);
                match applied {
                    Applied::OnePart => widest_part = of.steps.max(widest_part),
                    Applied::InPlace | Applied::Below => {
                        own.steps = own.steps.saturating_add(of.steps);
                    }
                }
            }
            own.steps = own.steps.saturating_add(widest_part);
            own.height += 1;
            work.push(own);
        }
        work
    }
}

/// A schema, by its address, and what it applies.
struct Placed {
    address: usize,
    edges: Vec<(Applied, usize)>,
}

fn visit<'s>(
    names: &Names<'s>,
    node: Node<'s>,
    seen: &mut HashSet<usize>,
    order: &mut Vec<Placed>,
    below: &mut Vec<Node<'s>>,
) -> Result<(), SchemaProblem> {
    if !seen.insert(node.address()) {
        return Ok(());
    }
    let edges = edges(names, node)?;
    for edge in &edges {
        match edge.applied {
            // No loop stays in place, so this ends, and comes before the node itself.
            Applied::InPlace => visit(names, edge.to, seen, order, below)?,
            Applied::Below | Applied::OnePart => below.push(edge.to),
        }
    }
    let edges = edges.iter().map(|edge| (edge.applied, edge.to.address())).collect();
    order.push(Placed { address: node.address(), edges });
    Ok(())
}
