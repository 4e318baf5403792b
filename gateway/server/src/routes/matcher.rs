//! All routes in one: asked once about each event.

use serde_json::Value;
use sluicegate_core::event::Event;
use sluicegate_core::ids::{QueueName, RouteName};

use super::pattern::Pattern;

/// A route, ready to be asked. `C` is what the hall keeps with it: its chain of filters.
#[derive(Debug, Clone)]
pub struct Route<C> {
    /// Its name.
    pub name: RouteName,
    /// Which events it takes.
    pub pattern: Pattern,
    /// Where what comes through its filters goes.
    pub to: Vec<QueueName>,
    /// Its filters.
    pub chain: C,
}

/// Every route, in the order of the configuration, and those that take what no other took.
#[derive(Debug)]
pub struct Matcher<C> {
    routes: Vec<Route<C>>,
    defaults: Vec<Route<C>>,
}

impl<C> Matcher<C> {
    /// A matcher of these routes; `defaults` are asked when no route matched.
    #[must_use]
    pub fn new(routes: Vec<Route<C>>, defaults: Vec<Route<C>>) -> Self {
        Self { routes, defaults }
    }

    /// Every route, in order, those for what no other took last.
    pub fn all(&self) -> impl Iterator<Item = &Route<C>> {
        self.routes.iter().chain(&self.defaults)
    }

    /// The routes that take this event, in order. `json` is asked for only if a pattern that
    /// matches the envelope looks at the payload.
    pub fn matching<'r, 'j>(
        &'r self,
        event: &Event,
        mut json: impl FnMut() -> Option<&'j Value>,
    ) -> Vec<&'r Route<C>> {
        let mut taken = select(&self.routes, event, &mut json);
        if taken.is_empty() {
            taken = select(&self.defaults, event, &mut json);
        }
        taken
    }
}

fn select<'r, 'j, C>(
    routes: &'r [Route<C>],
    event: &Event,
    json: &mut impl FnMut() -> Option<&'j Value>,
) -> Vec<&'r Route<C>> {
    routes.iter().filter(|route| route.pattern.matches(event, &mut *json)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Written;
    use super::*;
    use bytes::Bytes;
    use serde_json::json;
    use sluicegate_core::event::Parts;
    use sluicegate_core::fields::Fields;
    use sluicegate_core::ids::EventId;
    use sluicegate_core::time::Timestamp;

    fn event(kind: &str) -> Event {
        Event::new(Parts {
            id: EventId::new(Timestamp::default(), 1),
            source: "github".parse().unwrap(),
            kind: kind.into(),
            subject: None,
            time: None,
            received_at: Timestamp::default(),
            content_type: "application/json".into(),
            attributes: Fields::new(),
            headers: [("x-ghe", "a"), ("x-ghe", "b")].into_iter().collect(),
            payload: Bytes::new(),
        })
    }

    fn route(name: &str, written: &Written<'_>) -> Route<()> {
        let pattern = Pattern::compile(written).unwrap();
        Route { name: name.parse().unwrap(), pattern, to: vec![], chain: () }
    }

    #[test]
    fn several_routes_may_match_and_a_default_takes_the_rest() {
        let push = [json!("push")];
        let any = [json!({"prefix": "p"})];
        let matcher = Matcher::new(
            vec![
                route("one", &Written { kind: Some(&push), ..Written::default() }),
                route("two", &Written { kind: Some(&any), ..Written::default() }),
            ],
            vec![route("rest", &Written::default())],
        );
        let names = |kind: &str| -> Vec<String> {
            matcher.matching(&event(kind), || None).iter().map(|r| r.name.to_string()).collect()
        };
        assert_eq!(names("push"), ["one", "two"]);
        assert_eq!(names("ping"), ["two"]);
        assert_eq!(names("issues"), ["rest"]);
    }

    #[test]
    fn the_payload_is_parsed_only_when_a_matching_envelope_asks() {
        let push = [json!("push")];
        let payload = json!({"a": [1]});
        let written =
            Written { kind: Some(&push), payload: payload.as_object(), ..Written::default() };
        let matcher = Matcher::new(vec![route("one", &written)], vec![]);
        let asked = std::cell::Cell::new(0);
        let value = json!({"a": 1});
        let ask = || {
            asked.set(asked.get() + 1);
            Some(&value)
        };
        assert_eq!(matcher.matching(&event("ping"), ask).len(), 0);
        assert_eq!(asked.get(), 0);
        assert_eq!(matcher.matching(&event("push"), ask).len(), 1);
        assert_eq!(asked.get(), 1);
    }

    #[test]
    fn a_repeated_header_matches_by_any_of_its_values() {
        let headers = [("X-GHE".to_owned(), vec![json!("b")])].into_iter().collect();
        let written = Written { headers: Some(&headers), ..Written::default() };
        let matcher = Matcher::new(vec![route("one", &written)], vec![]);
        assert_eq!(matcher.matching(&event("x"), || None).len(), 1);
    }
}
