//! How deep a payload may be nested before a schema makes too much work of it.
//!
//! A schema that applies itself twice to the same part (`items: { anyOf: [ #, # ] }`) doubles its
//! work at each level of the payload: harmless at ten levels, endless at a hundred. Such schemas
//! are useful, so they are not refused; the depth of payloads that they judge is bounded instead.
//! The same goes for the stack: the validator recurses once for each schema that it enters. On the
//! way the load that each level of a payload makes is found.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::schema::bounds::{Applied, edges};
use crate::schema::fault::SchemaProblem;
use crate::schema::load::Load;
use crate::schema::refs::{Names, Node};
use crate::schema::weigh::Loads;

/// Schemas that one chain of nested parts of a payload may be held against.
pub(crate) const STEPS_MAX: u64 = 1_000_000;
/// Schemas that may be entered in one another while a payload is judged.
pub(crate) const HEIGHT_MAX: u64 = 1_000;
/// Levels of a payload: the parser's own bound.
const LEVELS_MAX: usize = 128;

/// What payloads make of a schema.
#[derive(Debug)]
pub(crate) struct Unfolded {
    /// The levels that a payload may have; `None` if the parser's bound is enough.
    pub(crate) levels_max: Option<usize>,
    pub(crate) loads: Loads,
}

/// Follows the schema down into a payload, level by level.
pub(crate) fn unfold<'s>(names: &Names<'s>, root: Node<'s>) -> Result<Unfolded, SchemaProblem> {
    let graph = Graph::build(names, root)?;
    let mut below = vec![Work::default(); graph.places.len()];
    let mut loads = Vec::new();
    let mut levels_max = None;
    for levels in 0..=LEVELS_MAX {
        let work = graph.work(levels == 0, &below);
        let of_root = work.last().copied().unwrap_or_default();
        if of_root.steps > STEPS_MAX
            || of_root.height > HEIGHT_MAX
            || of_root.load.value > STEPS_MAX
        {
            if levels < 2 {
                return Err(SchemaProblem::TooCostly);
            }
            levels_max = Some(levels - 1);
            break;
        }
        loads.push(of_root.load);
        if work == below {
            break;
        }
        below = work;
    }
    Ok(Unfolded { levels_max, loads: Loads::new(loads) })
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
    /// Schemas that a chain of nested parts is held against.
    steps: u64,
    /// Schemas that are entered in one another.
    height: u64,
    /// What judging makes of a value at this level.
    load: Load,
    /// What it makes of it once more, to find what was evaluated (`unevaluatedProperties`): every
    /// branch is judged again, and marked by itself.
    marking: Load,
}

/// The schemas that the root reaches. What a schema applies in place stands before it, so that one
/// pass in order sees every value that it needs; the root is last.
struct Graph {
    places: Vec<Place>,
}

struct Place {
    edges: Vec<(Applied, usize)>,
    own: Load,
    marks: bool,
}

impl Graph {
    fn build<'s>(names: &Names<'s>, root: Node<'s>) -> Result<Self, SchemaProblem> {
        let mut order: Vec<Placed> = Vec::new();
        let mut seen = HashSet::new();
        let mut waiting = vec![root];
        while let Some(node) = waiting.pop() {
            visit(names, node, &mut seen, &mut order, &mut waiting)?;
        }
        let numbers: HashMap<usize, usize> =
            order.iter().enumerate().map(|(at, placed)| (placed.address, at)).collect();
        let number = |to: &usize| numbers.get(to).copied().unwrap_or_default();
        let place = |placed: &Placed| Place {
            edges: placed.edges.iter().map(|(applied, to)| (*applied, number(to))).collect(),
            own: placed.own,
            marks: placed.marks,
        };
        let mut places: Vec<Place> = order.iter().map(place).collect();
        // One more, so that the root is the last.
        let edges = vec![(Applied::InPlace, number(&root.address()))];
        places.push(Place { edges, own: Load::default(), marks: false });
        Ok(Self { places })
    }

    /// The work of each schema on a chain of parts, from the work of each on a chain one shorter.
    /// On the first, each has its own load at the value that it is applied to.
    fn work(&self, first: bool, below: &[Work]) -> Vec<Work> {
        let mut work: Vec<Work> = Vec::with_capacity(self.places.len());
        for place in &self.places {
            let own = if first { place.own } else { Load::default() };
            let mut sum = Work { steps: 1, height: 0, load: own, marking: own };
            let mut widest = Work::default();
            for (applied, to) in &place.edges {
                let of = if *applied == Applied::InPlace { work.get(*to) } else { below.get(*to) };
                let of = of.copied().unwrap_or_default();
                sum.height = sum.height.max(of.height);
                match applied {
                    Applied::OnePart => {
                        widest.steps = of.steps.max(widest.steps);
                        widest.load = of.load.max(widest.load);
                    }
                    Applied::InPlace => {
                        sum.add(of.steps, of.load);
                        sum.marking = sum.marking.plus(of.marking);
                    }
                    Applied::Below => sum.add(of.steps, of.load),
                }
            }
            sum.add(widest.steps, widest.load);
            if place.marks {
                sum.load = sum.load.plus(sum.marking);
            }
            sum.height += 1;
            work.push(sum);
        }
        work
    }
}

impl Work {
    fn add(&mut self, steps: u64, load: Load) {
        self.steps = self.steps.saturating_add(steps);
        self.load = self.load.plus(load);
        self.marking = self.marking.plus(load);
    }
}

/// A schema, by its address, and what it applies.
struct Placed {
    address: usize,
    edges: Vec<(Applied, usize)>,
    own: Load,
    marks: bool,
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
    let marks = ["unevaluatedProperties", "unevaluatedItems"]
        .iter()
        .any(|keyword| node.schema.get(keyword).is_some());
    order.push(Placed { address: node.address(), edges, own: Load::of(node.schema), marks });
    Ok(())
}
