//! Names with places for what an event says: `orders.{type}`. Read once, filled for each event.

use std::borrow::Cow;

use sluicegate_core::event::Event;

use super::fault::AmqpSinkFault;

/// A template, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

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

impl Template {
    /// Reads a template.
    pub(crate) fn read(text: &str) -> Result<Self, AmqpSinkFault> {
        let malformed = || AmqpSinkFault::TemplateMalformed { template: text.to_owned() };
        let (mut parts, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (before, after) = match rest.split_once('{') {
                None => (rest, None),
                Some((before, after)) => (before, Some(after)),
            };
            if before.contains('}') {
                return Err(malformed());
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let Some(after) = after else { break };
            let (name, behind) = after.split_once('}').ok_or_else(malformed)?;
            parts.push(place(name).ok_or_else(malformed)?);
            rest = behind;
        }
        Ok(Self(parts))
    }

    /// The text for this event, or the place that it has nothing for.
    pub(crate) fn fill(&self, event: &Event) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.0 {
            text.push_str(&part.of(event)?);
        }
        Ok(text)
    }
}

fn place(name: &str) -> Option<Part> {
    let known = match name {
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
    };
    Some(known)
}

impl Part {
    fn of<'a>(&'a self, event: &'a Event) -> Result<Cow<'a, str>, String> {
        let (said, name) = match self {
            Self::Text(text) => return Ok(text.into()),
            Self::Id => return Ok(event.id.to_string().into()),
            Self::Type => return Ok(event.kind.as_str().into()),
            Self::Source => return Ok(event.source.as_str().into()),
            Self::Subject => (event.subject.as_deref(), "subject"),
            Self::Attribute(name) => (event.attributes.first(name), name.as_str()),
            Self::Header(name) => (event.headers.first(name), name.as_str()),
        };
        said.map(Cow::Borrowed).ok_or_else(|| format!("event has no {name}, which a name needs"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::event;
    use super::*;

    #[test]
    fn places_are_filled_with_what_the_event_says() {
        let event = event();
        for (template, text) in [
            ("", ""),
            ("orders", "orders"),
            ("{type}", "push"),
            ("in.{source}.{subject}!", "in.github.main!"),
            ("{attributes.Region}-{headers.x-team}", "eu-blue"),
        ] {
            assert_eq!(Template::read(template).unwrap().fill(&event).as_deref(), Ok(text));
        }
        let missing = Template::read("a.{attributes.none}").unwrap();
        assert!(missing.fill(&event).unwrap_err().contains("none"));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["{", "}", "a{type", "{other}", "{attributes.}", "{}", "{{type}}", "a}b"] {
            let fault = Template::read(text).unwrap_err();
            assert_eq!(fault.code(), "sink_template_malformed", "{text}");
        }
    }
}
