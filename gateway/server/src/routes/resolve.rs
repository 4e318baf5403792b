//! From what the filters of each route decided to where the event goes: one list of placements.

use sluicegate_core::event::Event;
use sluicegate_core::ids::{EventId, QueueName, RouteName};
use sluicegate_core::letter::{Cause, Letter};
use sluicegate_core::limits::{DESTINATIONS_MAX, OUTPUTS_MAX, PLACEMENTS_MAX};
use sluicegate_core::proof::{Dropped, Placement, Routed, Validated};
use sluicegate_filters::{Branch, End};

/// What became of an event on one route.
#[derive(Debug)]
pub struct Ruling {
    /// The route.
    pub route: RouteName,
    /// Where what came through its filters goes.
    pub to: Vec<QueueName>,
    /// The event, or what the filters made of it, each with its end.
    pub branches: Vec<Branch>,
}

/// Places an event by the rulings of its routes.
///
/// An event that no route took goes to `dead_letters` with that reason: an event that was accepted
/// is never silently gone.
#[must_use]
pub fn resolve(validated: Validated, rulings: Vec<Ruling>, dead_letters: &QueueName) -> Routed {
    let event = validated.event().clone();
    if rulings.is_empty() {
        let letter = Letter::new(Cause::Unrouted, "no route takes this event");
        return dead(validated, letter, dead_letters);
    }
    let mut places = Places::default();
    for Ruling { route, to, branches } in rulings {
        for Branch { event, end } in branches {
            match end {
                End::Through => places.add(event, &to),
                End::To(queues) => places.add(event, &queues),
                End::Dropped(reason) => places.drops.push(Dropped { route: route.clone(), reason }),
                End::Dead(letter) => places.letter(event, letter, dead_letters),
            }
        }
    }
    if let Some(letter) = places.over_bounds() {
        tracing::warn!(event = %event.id, %letter, "filters went over the bounds of one event");
        return dead(validated, letter, dead_letters);
    }
    Routed::assertion(validated, places.placements, places.drops)
}

/// Places an event in the dead-letter queue, whole, with this letter.
#[must_use]
pub fn dead(validated: Validated, letter: Letter, dead_letters: &QueueName) -> Routed {
    let placement = Placement {
        event: validated.event().clone(),
        queues: vec![dead_letters.clone()],
        letter: Some(letter),
    };
    Routed::assertion(validated, vec![placement], Vec::new())
}

/// Puts the events of a batch into one commit, each where it goes by itself; `None` if they are too
/// many for one.
#[must_use]
pub fn together(whole: Validated, routed: Vec<Routed>) -> Option<Routed> {
    let count: usize = routed.iter().map(|one| one.placements().len()).sum();
    if count > PLACEMENTS_MAX {
        return None;
    }
    let placements = routed.iter().flat_map(|one| one.placements().iter().cloned()).collect();
    let drops = routed.iter().flat_map(|one| one.drops().iter().cloned()).collect();
    Some(Routed::assertion(whole, placements, drops))
}

#[derive(Default)]
struct Places {
    placements: Vec<Placement>,
    drops: Vec<Dropped>,
}

impl Places {
    /// Two routes that take the same event place it once, in the queues of both.
    fn add(&mut self, event: Event, queues: &[QueueName]) {
        let placement = match self.unlettered(event.id) {
            Some(placement) => placement,
            None => {
                self.placements.push(Placement { event, queues: Vec::new(), letter: None });
                match self.placements.last_mut() {
                    Some(placement) => placement,
                    None => return,
                }
            }
        };
        for queue in queues {
            if !placement.queues.contains(queue) {
                placement.queues.push(queue.clone());
            }
        }
    }

    fn unlettered(&mut self, id: EventId) -> Option<&mut Placement> {
        self.placements.iter_mut().find(|p| p.letter.is_none() && p.event.id == id)
    }

    fn letter(&mut self, event: Event, letter: Letter, dead_letters: &QueueName) {
        let queues = vec![dead_letters.clone()];
        self.placements.push(Placement { event, queues, letter: Some(letter) });
    }

    fn over_bounds(&self) -> Option<Letter> {
        let what = if self.placements.len() > OUTPUTS_MAX {
            format!("more than {OUTPUTS_MAX} events out of one")
        } else if self.placements.iter().any(|p| p.queues.len() > DESTINATIONS_MAX) {
            format!("more than {DESTINATIONS_MAX} queues for one event")
        } else {
            return None;
        };
        Some(Letter::new(Cause::BadDecision, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use sluicegate_core::event::Parts;
    use sluicegate_core::fields::Fields;
    use sluicegate_core::signature::Verdict;
    use sluicegate_core::time::Timestamp;

    fn validated() -> Validated {
        let event = Event::new(Parts {
            id: EventId::new(Timestamp::default(), 1),
            source: "s".parse().unwrap(),
            kind: "k".into(),
            subject: None,
            time: None,
            received_at: Timestamp::default(),
            content_type: String::new(),
            attributes: Fields::new(),
            headers: Fields::new(),
            payload: Bytes::from_static(b"x"),
        });
        let verdict = Verdict { scheme: "none".into(), key: None, skew_ms: None, schema: None };
        Validated::assertion(event, verdict, None)
    }

    fn queue(name: &str) -> QueueName {
        name.parse().unwrap()
    }

    fn ruling(route: &str, to: &[&str], branches: Vec<Branch>) -> Ruling {
        let to = to.iter().map(|name| queue(name)).collect();
        Ruling { route: route.parse().unwrap(), to, branches }
    }

    #[test]
    fn routes_that_agree_on_the_event_place_it_once() {
        let validated = validated();
        let event = validated.event().clone();
        let through = || vec![Branch { event: event.clone(), end: End::Through }];
        let routed = resolve(
            validated,
            vec![ruling("a", &["x", "y"], through()), ruling("b", &["y", "z"], through())],
            &queue("dead-letters"),
        );
        assert_eq!(routed.placements().len(), 1);
        assert_eq!(routed.placements()[0].queues, [queue("x"), queue("y"), queue("z")]);
    }

    #[test]
    fn an_event_that_no_route_takes_is_a_dead_letter_and_not_gone() {
        let routed = resolve(validated(), vec![], &queue("dead-letters"));
        let placement = &routed.placements()[0];
        assert_eq!(placement.queues, [queue("dead-letters")]);
        assert_eq!(placement.letter.as_ref().unwrap().cause, Cause::Unrouted);
    }

    #[test]
    fn drops_are_kept_and_letters_stand_apart() {
        let validated = validated();
        let event = validated.event().clone();
        let branch = |end| vec![Branch { event: event.clone(), end }];
        let routed = resolve(
            validated,
            vec![
                ruling("a", &["x"], branch(End::Dropped("noise".into()))),
                ruling("b", &["x"], branch(End::Dead(Letter::new(Cause::Trap, "t")))),
                ruling("c", &["x"], branch(End::To(vec![queue("y")]))),
            ],
            &queue("dead-letters"),
        );
        assert_eq!(routed.drops().len(), 1);
        assert_eq!(routed.placements().len(), 2);
        assert!(routed.placements()[0].letter.is_some());
        assert_eq!(routed.placements()[1].queues, [queue("y")]);
    }
}
