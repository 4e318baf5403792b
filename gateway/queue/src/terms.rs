//! How a queue decides the terms of an event: its priority, its line, when it may be delivered,
//! when it expires. Decided once, when the event is placed, and stored with it.

use std::hash::Hasher;
use std::num::NonZeroU64;
use std::time::Duration;

use siphasher::sip::SipHasher13;
use sluicegate_core::event::Event;
use sluicegate_core::queue::{OrderKey, Priority, Terms};
use sluicegate_core::time::Timestamp;

/// Where a text of an event is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// The CloudEvents subject.
    Subject,
    /// The event's type.
    Type,
    /// The source's name.
    Source,
    /// An attribute, by its name.
    Attribute(String),
    /// A header of the delivery, by its name in lower case.
    Header(String),
}

/// How a queue decides the terms of its events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TermsRules {
    /// Events whose field has the same text stay in line. Events without the field do not.
    pub order_by: Option<Field>,
    /// A field that holds a number from 0 to 9; greater ones count as 9, other texts as 0. Events
    /// with an ordering key have no priority: see [`TermsRules::terms`].
    pub priority_by: Option<Field>,
    /// No event is delivered before it lay here for so long.
    pub delay: Duration,
    /// A field that holds the time before which the event is not delivered, in RFC 3339.
    pub deliver_at: Option<Field>,
    /// An event expires when it was received so long ago.
    pub ttl: Option<Duration>,
    /// A field that holds the time at which the event expires, in RFC 3339.
    pub expires_at: Option<Field>,
}

impl Field {
    /// The text, if the event has it.
    fn of<'a>(&self, event: &'a Event) -> Option<&'a str> {
        match self {
            Self::Subject => event.subject.as_deref(),
            Self::Type => Some(&event.kind),
            Self::Source => Some(event.source.as_str()),
            Self::Attribute(name) => event.attributes.first(name),
            Self::Header(name) => event.headers.first(name),
        }
    }
}

impl TermsRules {
    /// The terms of an event, placed now.
    ///
    /// An ordering key wins over a priority: a more urgent event would overtake older ones of its
    /// key, and which those are is not known of a backlog that is on disk.
    pub(crate) fn terms(&self, event: &Event, longest_delay: Duration) -> Terms {
        let time = |field: &Option<Field>| {
            let text = field.as_ref()?.of(event)?;
            Timestamp::parse_rfc3339_or_last(text).ok()
        };
        let latest = event.received_at.plus(longest_delay);
        let delayed = (!self.delay.is_zero()).then(|| event.received_at.plus(self.delay));
        let deliver_at = time(&self.deliver_at).max(delayed).map(|at| at.min(latest));
        let ttl = self.ttl.map(|ttl| event.received_at.plus(ttl));
        let expires_at = [time(&self.expires_at), ttl].into_iter().flatten().min();
        let priority = self.priority_by.as_ref().and_then(|field| field.of(event)?.parse().ok());
        let order_key = self.order_by.as_ref().and_then(|field| order_key(field.of(event)?));
        Terms {
            priority: Priority::new(priority.filter(|_| order_key.is_none()).unwrap_or(0)),
            order_key,
            deliver_at: deliver_at.filter(|at| *at > event.received_at),
            expires_at,
        }
    }
}

fn order_key(text: &str) -> Option<OrderKey> {
    let mut hasher = SipHasher13::new();
    hasher.write(text.as_bytes());
    NonZeroU64::new(hasher.finish().max(1)).map(OrderKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::event;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn with(attributes: &[(&str, &str)]) -> Event {
        let mut event = event(1);
        event.parts_mut().attributes = attributes.iter().copied().collect();
        event
    }

    #[test]
    fn terms_are_read_from_the_fields_that_the_queue_names() {
        let attribute = |name: &str| Some(Field::Attribute(name.into()));
        let rules = TermsRules {
            order_by: attribute("line"),
            priority_by: attribute("priority"),
            deliver_at: attribute("deliverat"),
            expires_at: attribute("expirytime"),
            ..TermsRules::default()
        };
        let event = with(&[("priority", "7"), ("deliverat", "2100-01-01T00:00:00Z")]);
        let terms = rules.terms(&event, DAY);
        assert_eq!(terms.priority.level(), 7);
        assert_eq!(terms.deliver_at, Some(event.received_at.plus(DAY)), "held to the longest");
        assert!(terms.order_key.is_none() && terms.expires_at.is_none());
        let in_line = |level| rules.terms(&with(&[("line", "one"), ("priority", level)]), DAY);
        assert_eq!(in_line("7"), in_line("0"), "an ordering key wins over a priority");
        assert!(in_line("7").order_key.is_some());
        for (far, deliver_at) in [("2999-01-01T00:00:00Z", true), ("1969-01-01T00:00:00Z", false)] {
            let event = with(&[("deliverat", far)]);
            let held_to = deliver_at.then(|| event.received_at.plus(DAY));
            assert_eq!(rules.terms(&event, DAY).deliver_at, held_to, "{far}");
        }
        let odd = with(&[("priority", "high"), ("deliverat", "soon"), ("expirytime", "never")]);
        let terms = rules.terms(&odd, DAY);
        assert_eq!((terms.priority.level(), terms.deliver_at, terms.expires_at), (0, None, None));
    }

    #[test]
    fn the_shorter_life_and_the_longer_delay_count() {
        let rules = TermsRules {
            delay: Duration::from_secs(5),
            deliver_at: Some(Field::Attribute("at".into())),
            ttl: Some(DAY),
            expires_at: Some(Field::Attribute("end".into())),
            ..TermsRules::default()
        };
        let received = event(1).received_at;
        let soon = received.plus(Duration::from_secs(1)).rfc3339();
        let terms = rules.terms(&with(&[("at", &soon), ("end", &soon)]), DAY);
        let since = |at: Option<Timestamp>| at.unwrap().since(received).as_secs();
        assert_eq!((since(terms.deliver_at), since(terms.expires_at)), (5, 1));
    }
}
