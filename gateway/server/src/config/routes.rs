//! The checks of routes: their patterns, and the names in them.

use std::collections::BTreeSet;

use sluicegate_core::ids::SourceName;

use super::check::Checker;
use super::plan::RoutePlan;
use super::shape;
use crate::routes::Pattern;

impl Checker<'_> {
    /// Every route, its pattern compiled and its names looked up.
    pub(super) fn routes(&mut self, routes: &[shape::Route]) -> Vec<RoutePlan> {
        let mut seen = BTreeSet::new();
        let mut plans = Vec::new();
        for (at, route) in routes.iter().enumerate() {
            let place = format!("/routes/{at}");
            if !seen.insert(&route.name) {
                let message = format!("two routes are named {:?}", route.name);
                self.fault(&format!("{place}/name"), "name_doubled", message);
            }
            plans.extend(self.route(&place, route));
        }
        plans
    }

    fn route(&mut self, place: &str, route: &shape::Route) -> Option<RoutePlan> {
        let name = self.name(&format!("{place}/name"), &route.name);
        if route.name.starts_with(OWN_NAMES) {
            let message = format!("names that begin with {OWN_NAMES:?} are the gateway's own");
            self.fault(&format!("{place}/name"), "name_invalid", message);
        }
        let pattern = match &route.when {
            Some(when) => self.pattern(&format!("{place}/when"), when),
            None => Some(Pattern::default()),
        };
        let mut filters = Vec::new();
        for (at, filter) in route.filters.iter().enumerate() {
            filters.extend(self.reference(&format!("{place}/filters/{at}"), "plugins", filter));
        }
        let mut to = Vec::new();
        for (at, queue) in route.to.iter().enumerate() {
            to.extend(self.reference(&format!("{place}/to/{at}"), "queues", queue));
        }
        Some(RoutePlan { name: name?, pattern: pattern?, default: route.default, filters, to })
    }

    fn pattern(&mut self, place: &str, when: &shape::When) -> Option<Pattern> {
        for (at, source) in when.source.iter().flatten().enumerate() {
            if let Some(name) = source.as_str() {
                let pointer = format!("{place}/source/{at}");
                let _: Option<SourceName> = self.reference(&pointer, "sources", name);
            }
        }
        match Pattern::compile(&when.written()) {
            Ok(pattern) => Some(pattern),
            Err(faults) => {
                for fault in faults {
                    let pointer = format!("{place}{}", fault.pointer);
                    self.fault(&pointer, "pattern_invalid", fault.message);
                }
                None
            }
        }
    }
}

/// What the gateway itself remembers has routes of such names.
const OWN_NAMES: &str = "sluicegate.";
