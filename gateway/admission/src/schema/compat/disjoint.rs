//! Whether two schemas have no value in common. `false` means only that it was not shown.

use serde_json::Value;

use super::known::Known;
use super::prover::Prover;
use super::types::Types;
use super::values::same;

impl<'s> Prover<'_, 's> {
    /// Whether it is certain that nothing is known to be taken by both.
    pub(super) fn apart(&mut self, a: &Known<'s>, b: &Known<'s>, depth: usize) -> bool {
        if a.never || b.never || (a.types & b.types).is_none() {
            return true;
        }
        if depth >= DEPTH_MAX {
            return false;
        }
        if self.values_apart(a, b) || self.values_apart(b, a) {
            return true;
        }
        self.choices_apart(a, b, depth)
            || self.choices_apart(b, a, depth)
            || self.properties_apart(a, b, depth)
    }

    /// Whether one has few values, and the other takes none of them.
    fn values_apart(&mut self, few: &Known<'s>, other: &Known<'s>) -> bool {
        let Some(values) = &few.values else { return false };
        let formats = self.formats_of(other.side);
        values.iter().all(|value| {
            let listed = other.values.as_ref();
            listed.is_some_and(|listed| !listed.iter().any(|one| same(one, value)))
                || other
                    .nodes
                    .iter()
                    .any(|node| self.judges.takes(*node, value, formats) == Some(false))
        })
    }

    /// Whether every branch of a choice is apart from the other.
    fn choices_apart(&mut self, choosing: &Known<'s>, other: &Known<'s>, depth: usize) -> bool {
        let names = self.names(choosing.side);
        (0..choosing.choices.len()).any(|at| {
            let mut rest = choosing.clone();
            let choice = rest.choices.remove(at);
            choice
                .iter()
                .all(|branch| self.apart(&rest.clone().and(names, branch), other, depth + 1))
        })
    }

    /// Whether both are about objects that must have a property whose values are apart.
    fn properties_apart(&mut self, a: &Known<'s>, b: &Known<'s>, depth: usize) -> bool {
        if !(a.types & b.types).is_within(Types::OBJECT) {
            return false;
        }
        let mut needed: Vec<&str> = required(a).chain(required(b)).collect();
        needed.sort_unstable();
        needed.dedup();
        needed.into_iter().any(|name| {
            let (of_a, of_b) = (self.property(a, name), self.property(b, name));
            self.apart(&of_a, &of_b, depth + 1)
        })
    }
}

/// The properties that every object must have.
pub(super) fn required<'s>(known: &Known<'s>) -> impl Iterator<Item = &'s str> {
    let lists: Vec<&'s Value> = known.said("required").collect();
    lists.into_iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str)
}

/// How deep is looked for a difference.
const DEPTH_MAX: usize = 4;
