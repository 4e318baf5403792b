//! Who may come in, and what they may do: publish and subscribe apart. Rules only allow; what none
//! of them allows is refused.

use std::sync::Arc;

use super::jwt::Tokens;
use super::topic::{Filter, FilterFault, Wanted};
use super::users::Users;

/// Who may come in, and what they may do.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Whether clients need not say who they are.
    pub anonymous: bool,
    /// Who is known, by name.
    pub users: Users,
    /// Tokens that are taken in the place of passwords.
    pub tokens: Option<Tokens>,
    /// What they may do. `None`: anything but take from queues.
    pub rules: Option<Vec<AccessRule>>,
}

/// What some clients may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// The user names it is for; empty: everyone, with a name or without.
    pub users: Vec<String>,
    /// Where they may publish.
    pub publish: Vec<Pattern>,
    /// What they may subscribe to.
    pub subscribe: Vec<Pattern>,
}

/// A filter in which `{client_id}` and `{username}` stand for those of the client. Of queues:
/// `$queue/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// A client, as rules see it.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) client: Arc<str>,
    pub(crate) user: Option<Arc<str>>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is not a filter, whatever stands in it for the client.
    pub fn parse(text: &str) -> Result<Self, FilterFault> {
        let probe = text.replace(CLIENT_ID, "c").replace(USERNAME, "u");
        Filter::parse(&probe)?;
        Ok(Self(text.to_owned()))
    }

    /// The filter that it is for this client; `None` if it cannot be one: a name with a wildcard
    /// or a separator in it must not widen what is allowed.
    fn of(&self, subject: &Subject) -> Option<Filter> {
        let mut text = self.0.clone();
        for (place, value) in
            [(CLIENT_ID, Some(&subject.client)), (USERNAME, subject.user.as_ref())]
        {
            if text.contains(place) {
                let value = value.filter(|value| !value.is_empty())?;
                // A `$` would make a name the beginning of `$queue/NAME`.
                if value.contains(['/', '+', '#', '{']) || value.starts_with('$') {
                    return None;
                }
                text = text.replace(place, value);
            }
        }
        Filter::parse(&text).ok()
    }
}

impl Access {
    /// Whether a client may publish to a topic.
    pub(crate) fn may_publish(&self, subject: &Subject, topic: &str) -> bool {
        let Some(rules) = &self.rules else { return true };
        let mut patterns = rules.iter().filter(|r| r.is_for(subject)).flat_map(|r| &r.publish);
        patterns.any(|pattern| pattern.of(subject).is_some_and(|filter| filter.takes(topic)))
    }

    /// Whether a client may subscribe to this.
    pub(crate) fn may_subscribe(&self, subject: &Subject, wanted: &Wanted) -> bool {
        let wanted = match (wanted, &self.rules) {
            (Wanted::Topics(filter) | Wanted::Shared { filter, .. }, _) => filter.clone(),
            // A queue is for those who were named: without rules for nobody.
            (Wanted::Queue(name), _) => match Filter::parse(&format!("{QUEUE}{name}")) {
                Ok(filter) => filter,
                Err(_) => return false,
            },
        };
        let Some(rules) = &self.rules else { return !wanted.as_str().starts_with(QUEUE) };
        let is_queue = wanted.as_str().starts_with(QUEUE);
        let patterns = rules.iter().filter(|r| r.is_for(subject)).flat_map(|r| &r.subscribe);
        // A queue is for those whom a rule names it to, in so many words.
        let mut patterns = patterns.filter(|pattern| !is_queue || pattern.0.starts_with(QUEUE));
        patterns.any(|pattern| pattern.of(subject).is_some_and(|filter| filter.covers(&wanted)))
    }
}

impl AccessRule {
    fn is_for(&self, subject: &Subject) -> bool {
        let named = |user: &Arc<str>| self.users.iter().any(|name| **name == **user);
        self.users.is_empty() || subject.user.as_ref().is_some_and(named)
    }
}

/// How subscriptions to queues begin.
const QUEUE: &str = "$queue/";
const CLIENT_ID: &str = "{client_id}";
const USERNAME: &str = "{username}";

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(client: &str, user: Option<&str>) -> Subject {
        Subject { client: client.into(), user: user.map(Arc::from) }
    }

    fn access() -> Access {
        let patterns =
            |texts: &[&str]| texts.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        let rule = |users: &[&str], publish: &[&str], subscribe: &[&str]| AccessRule {
            users: users.iter().map(|name| (*name).to_owned()).collect(),
            publish: patterns(publish),
            subscribe: patterns(subscribe),
        };
        let rules = vec![
            rule(&[], &["devices/{client_id}/#"], &["commands/{client_id}/+"]),
            rule(&["ops"], &[], &["devices/#", "$queue/alerts"]),
            rule(&["ann"], &["homes/{username}/+"], &[]),
        ];
        Access { rules: Some(rules), ..Access::default() }
    }

    #[test]
    fn only_what_a_rule_names_is_allowed_and_publishing_is_not_subscribing() {
        let (access, device) = (access(), subject("d1", None));
        assert!(access.may_publish(&device, "devices/d1/state"));
        assert!(!access.may_publish(&device, "devices/d2/state"));
        assert!(!access.may_publish(&device, "commands/d1/x"));
        let subscribe = |subject: &Subject, text: &str| {
            access.may_subscribe(subject, &Wanted::parse(text).unwrap())
        };
        assert!(subscribe(&device, "commands/d1/+") && subscribe(&device, "commands/d1/reboot"));
        for wider in ["commands/d1/#", "commands/+/x", "#", "devices/d1/#", "$queue/alerts"] {
            assert!(!subscribe(&device, wider), "{wider}");
        }
        let ops = subject("c", Some("ops"));
        assert!(subscribe(&ops, "$share/g/devices/+/state") && subscribe(&ops, "$queue/alerts"));
        assert!(!subscribe(&ops, "$queue/other"));
        assert!(access.may_publish(&subject("c", Some("ann")), "homes/ann/door"));
        assert!(!access.may_publish(&subject("ann", None), "homes/ann/door"));
    }

    #[test]
    fn a_client_id_with_a_wildcard_or_a_separator_widens_nothing() {
        let access = access();
        for id in ["+", "#", "d1/#", "a/b", "{username}", "$queue", ""] {
            let subject = subject(id, Some("x"));
            for topic in ["devices/d1/x", "devices/+/x", "devices/a/b/x", "devices//x"] {
                assert!(!access.may_publish(&subject, topic), "{id} {topic}");
            }
        }
    }

    #[test]
    fn a_client_that_calls_itself_as_queues_begin_takes_from_none() {
        let pattern = Pattern::parse("{client_id}/#").unwrap();
        let rule = AccessRule { users: vec![], publish: vec![], subscribe: vec![pattern] };
        let access = Access { rules: Some(vec![rule]), ..Access::default() };
        let queue = Wanted::parse("$queue/alerts").unwrap();
        assert!(!access.may_subscribe(&subject("$queue", None), &queue));
        assert!(access.may_subscribe(&subject("c", None), &Wanted::parse("c/x").unwrap()));
    }

    #[test]
    fn without_rules_everything_is_allowed_but_queues() {
        let access = Access { anonymous: true, ..Access::default() };
        let anyone = subject("a", None);
        assert!(access.may_publish(&anyone, "x/y"));
        assert!(access.may_subscribe(&anyone, &Wanted::parse("#").unwrap()));
        assert!(!access.may_subscribe(&anyone, &Wanted::parse("$queue/alerts").unwrap()));
    }
}
