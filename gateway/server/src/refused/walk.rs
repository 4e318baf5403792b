//! What the routes and filters would make of an event: each asked by itself, with the time that it
//! took. What filters write is dropped. They are asked as in the line, so a call counts as one.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_admission::SupposedEvent;
use sluicegate_core::event::Event;
use sluicegate_core::ids::{Digest, PluginName, QueueName, RouteName};
use sluicegate_filters::{Branch, Chain, End};
use tokio::time::Instant;

use crate::pipeline::{FilteredRoute, Pipeline};

/// One route, and what it would make of the event.
#[derive(Debug)]
pub struct RouteWalk {
    /// The route.
    pub route: RouteName,
    /// Whether it takes the event.
    pub takes: bool,
    /// What its filters said, in order; nothing if it does not take the event.
    pub steps: Vec<Step>,
    /// The queues that the event, or what was made of it, would be in.
    pub queues: Vec<QueueName>,
}

/// What one filter said about one event.
#[derive(Debug)]
pub struct Step {
    /// The plugin.
    pub plugin: PluginName,
    /// The version that was asked.
    pub digest: Digest,
    /// How long it took.
    pub took: Duration,
    /// `next`, `route`, `drop`, `dead-letter`, or the code of a refusal.
    pub decision: String,
    /// The reason, or the queues.
    pub detail: String,
}

/// Asks every route.
pub(super) async fn walk(line: &Pipeline, supposed: &SupposedEvent) -> Vec<RouteWalk> {
    let event = &supposed.event;
    let taking = line.routes.matching(event, || supposed.json.value(event));
    let taking: Vec<&RouteName> = match supposed.letter {
        // It broke its schema: it goes to the dead letters, past every route.
        Some(_) => Vec::new(),
        None => taking.iter().map(|route| &route.name).collect(),
    };
    let mut all = Vec::new();
    for route in line.routes.all() {
        let takes = taking.contains(&&route.name);
        let mut walked =
            RouteWalk { route: route.name.clone(), takes, steps: Vec::new(), queues: Vec::new() };
        if takes {
            through(line, route, event, &mut walked).await;
        }
        all.push(walked);
    }
    all
}

/// Takes the event through the filters of a route, one at a time.
async fn through(line: &Pipeline, route: &FilteredRoute, event: &Event, walked: &mut RouteWalk) {
    let mut standing = vec![event.clone()];
    for slot in route.chain.iter().flat_map(|chain| &chain.plugins) {
        let mut next = Vec::new();
        for event in standing {
            let chain = Chain { route: route.name.clone(), plugins: vec![slot.clone()] };
            let digest = slot.current().digest();
            let began = Instant::now();
            let decided = line.filters.decide_with(event, vec![Arc::new(chain)], &line.state).await;
            let took = began.elapsed();
            let mut say = |decision: &str, detail: String| {
                let (plugin, decision) = (slot.name().clone(), decision.to_owned());
                walked.steps.push(Step { plugin, digest, took, decision, detail });
            };
            let branches = match decided {
                Ok(decided) => decided.chains.into_iter().next().unwrap_or_default(),
                Err(refusal) => {
                    say(refusal.code(), refusal.to_string());
                    continue;
                }
            };
            for Branch { event, end } in branches {
                match end {
                    End::Through => {
                        say("next", String::new());
                        next.push(event);
                    }
                    End::To(queues) => {
                        let names: Vec<&str> = queues.iter().map(QueueName::as_str).collect();
                        say("route", names.join(", "));
                        add(&mut walked.queues, &queues);
                    }
                    End::Dropped(reason) => say("drop", reason),
                    End::Dead(letter) => {
                        say("dead-letter", letter.reason.clone());
                        add(&mut walked.queues, std::slice::from_ref(&line.dead_letters));
                    }
                }
            }
        }
        // An explanation shows the way, not every copy of an event.
        next.truncate(BRANCHES_MAX);
        standing = next;
    }
    if !standing.is_empty() {
        add(&mut walked.queues, &route.to);
    }
}

fn add(queues: &mut Vec<QueueName>, more: &[QueueName]) {
    for queue in more {
        if !queues.contains(queue) {
            queues.push(queue.clone());
        }
    }
}

const BRANCHES_MAX: usize = 16;
