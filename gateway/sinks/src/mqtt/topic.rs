//! The topic of an event: a template with places for what the event says, read once.
//!
//! What an event says must not reach out of its place: a separator in it becomes `%2F`, except in
//! `{attributes.mqtttopic}`, which is a topic; a wildcard or a control character is refused.

use sluicegate_core::event::Event;

use super::fault::MqttSinkFault;
use crate::template::{Part, Place, Template};

/// A template of topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic(Template);

impl Topic {
    /// Reads a template.
    pub(crate) fn read(text: &str) -> Result<Self, MqttSinkFault> {
        let malformed = || MqttSinkFault::Template(text.to_owned());
        let template = Template::read(text).filter(|template| !template.parts().is_empty());
        let template = template.ok_or_else(malformed)?;
        let odd = |part: &Part| matches!(part, Part::Text(words) if words.contains(is_odd));
        if template.parts().iter().any(odd) {
            return Err(MqttSinkFault::Topic(text.to_owned()));
        }
        Ok(Self(template))
    }

    /// The topic of an event, or why it has none.
    pub(crate) fn of(&self, event: &Event) -> Result<String, String> {
        let mut topic = String::new();
        for part in self.0.parts() {
            match part {
                Part::Text(words) => topic.push_str(words),
                Part::Place(place) => topic.push_str(&level(place, event)?),
            }
        }
        if topic.len() > TOPIC_BYTES_MAX || (topic.starts_with('$') && !self.is_dollar()) {
            return Err("topic is too long, or begins with a $ of the event".to_owned());
        }
        Ok(topic)
    }

    fn is_dollar(&self) -> bool {
        matches!(self.0.parts().first(), Some(Part::Text(text)) if text.starts_with('$'))
    }
}

/// What an event says in a place, as a part of a topic.
fn level(place: &Place, event: &Event) -> Result<String, String> {
    let said = place.said_by(event)?;
    if said.is_empty() || said.contains(is_odd) {
        return Err(format!("{} of the event cannot be a part of a topic", place.name()));
    }
    let is_topic = matches!(place, Place::Attribute(name) if name == "mqtttopic");
    Ok(if is_topic { said.into_owned() } else { said.replace('/', "%2F") })
}

/// What no topic name has in it.
fn is_odd(c: char) -> bool {
    c.is_control() || c == '+' || c == '#'
}

/// As the protocol has it.
const TOPIC_BYTES_MAX: usize = u16::MAX as usize;

#[cfg(test)]
mod tests {
    use super::super::message::tests::event;
    use super::*;

    fn topic(text: &str) -> Result<String, String> {
        Topic::read(text).unwrap().of(&event())
    }

    #[test]
    fn places_are_filled_and_stay_within_themselves() {
        assert_eq!(topic("out/{source}/{type}").unwrap(), "out/plant/a%2Fb");
        assert_eq!(topic("copy/{attributes.mqtttopic}").unwrap(), "copy/meters/7");
        assert_eq!(topic("{headers.X-Room}").unwrap(), "kitchen");
        assert_eq!(topic("$own/{source}").unwrap(), "$own/plant");
        for bad in ["{subject}", "{attributes.wild}", "{attributes.dollar}", "{attributes.none}"] {
            assert!(topic(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn templates_are_read_strictly() {
        for bad in ["", "{", "}", "a{b", "{x}", "{attributes.}", "{other.x}", "a/+/b", "a/#", "a\0"]
        {
            assert!(Topic::read(bad).is_err(), "{bad}");
        }
    }
}
