//! The topic of an event: a template with places for what the event says, read once.
//!
//! What an event says must not reach out of its place: a separator in it becomes `%2F`, except in
//! `{attributes.mqtttopic}`, which is a topic; a wildcard or a control character is refused.

use std::borrow::Cow;

use sluicegate_core::event::Event;

use super::fault::MqttSinkFault;

/// A template, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Id,
    Type,
    Source,
    Subject,
    Attribute(String),
    Header(String),
}

impl Topic {
    /// Reads a template.
    pub(crate) fn read(text: &str) -> Result<Self, MqttSinkFault> {
        let malformed = || MqttSinkFault::Template(text.to_owned());
        let (mut parts, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (before, after) = match rest.split_once('{') {
                None => (rest, None),
                Some((before, after)) => (before, Some(after)),
            };
            if before.contains('}') {
                return Err(malformed());
            }
            if before.contains(is_odd) {
                return Err(MqttSinkFault::Topic(text.to_owned()));
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let Some(after) = after else { break };
            let (name, behind) = after.split_once('}').ok_or_else(malformed)?;
            parts.push(place(name).ok_or_else(malformed)?);
            rest = behind;
        }
        if parts.is_empty() { Err(malformed()) } else { Ok(Self(parts)) }
    }

    /// The topic of an event, or why it has none.
    pub(crate) fn of(&self, event: &Event) -> Result<String, String> {
        let mut topic = String::new();
        for part in &self.0 {
            let (name, said) = part.said_by(event)?;
            if said.is_empty() || (said.contains(is_odd) && !matches!(part, Part::Text(_))) {
                return Err(format!("{name} of the event cannot be a part of a topic"));
            }
            if matches!(part, Part::Text(_)) || name == "mqtttopic" || !said.contains('/') {
                topic.push_str(&said);
            } else {
                topic.push_str(&said.replace('/', "%2F"));
            }
        }
        if topic.len() > TOPIC_BYTES_MAX || (topic.starts_with('$') && !self.is_dollar()) {
            return Err("topic is too long, or begins with a $ of the event".to_owned());
        }
        Ok(topic)
    }

    fn is_dollar(&self) -> bool {
        matches!(self.0.first(), Some(Part::Text(text)) if text.starts_with('$'))
    }
}

/// What no topic name has in it.
fn is_odd(c: char) -> bool {
    c.is_control() || c == '+' || c == '#'
}

fn place(name: &str) -> Option<Part> {
    Some(match name {
        "id" => Part::Id,
        "type" => Part::Type,
        "source" => Part::Source,
        "subject" => Part::Subject,
        _ => match name.split_once('.')? {
            (_, "") => return None,
            ("attributes", name) => Part::Attribute(name.to_ascii_lowercase()),
            ("headers", name) => Part::Header(name.to_ascii_lowercase()),
            _ => return None,
        },
    })
}

impl Part {
    /// What is said, and the name of it.
    fn said_by<'a>(&'a self, event: &'a Event) -> Result<(&'a str, Cow<'a, str>), String> {
        let (name, said) = match self {
            Self::Text(text) => return Ok(("text", text.into())),
            Self::Id => return Ok(("id", event.id.to_string().into())),
            Self::Type => return Ok(("type", event.kind.as_str().into())),
            Self::Source => return Ok(("source", event.source.as_str().into())),
            Self::Subject => ("subject", event.subject.as_deref()),
            Self::Attribute(name) => (name.as_str(), event.attributes.first(name)),
            Self::Header(name) => (name.as_str(), event.headers.first(name)),
        };
        let missing = || format!("event has no {name}, which its topic needs");
        said.map(|said| (name, said.into())).ok_or_else(missing)
    }
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
