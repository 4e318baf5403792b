//! Names with places for what an event says: `orders.{type}`. Read once, filled for each event.

use std::borrow::Cow;

use sluicegate_core::event::Event;

/// A template, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Words of the template.
    Text(String),
    /// What the event says.
    Place(Place),
}

/// A place for what an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Id,
    Type,
    Source,
    Subject,
    Attribute(String),
    Header(String),
}

impl Template {
    /// Reads a template; none if a brace is alone, or a place is not one of an event.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (before, after) = match rest.split_once('{') {
                None => (rest, None),
                Some((before, after)) => (before, Some(after)),
            };
            if before.contains('}') {
                return None;
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let Some(after) = after else { break };
            let (name, behind) = after.split_once('}')?;
            parts.push(Part::Place(Place::read(name)?));
            rest = behind;
        }
        Some(Self(parts))
    }

    /// Its parts, in order.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The text for this event, or the place that it has nothing for.
    pub(crate) fn fill(&self, event: &Event) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(words) => text.push_str(words),
                Part::Place(place) => text.push_str(&place.said_by(event)?),
            }
        }
        Ok(text)
    }
}

impl Place {
    fn read(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "type" => Self::Type,
            "source" => Self::Source,
            "subject" => Self::Subject,
            _ => match name.split_once('.')? {
                (_, "") => return None,
                ("attributes", name) => Self::Attribute(name.to_ascii_lowercase()),
                ("headers", name) => Self::Header(name.to_ascii_lowercase()),
                _ => return None,
            },
        })
    }

    /// What an operator knows it by.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Id => "id",
            Self::Type => "type",
            Self::Source => "source",
            Self::Subject => "subject",
            Self::Attribute(name) | Self::Header(name) => name,
        }
    }

    /// What the event says there, or that it says nothing.
    pub(crate) fn said_by<'a>(&self, event: &'a Event) -> Result<Cow<'a, str>, String> {
        let said = match self {
            Self::Id => return Ok(event.id.to_string().into()),
            Self::Type => return Ok(event.kind.as_str().into()),
            Self::Source => return Ok(event.source.as_str().into()),
            Self::Subject => event.subject.as_deref(),
            Self::Attribute(name) => event.attributes.first(name),
            Self::Header(name) => event.headers.first(name),
        };
        let missing = || format!("event has no {}, which a name needs", self.name());
        said.map(Cow::Borrowed).ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::event;

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
            assert_eq!(Template::read(text), None, "{text}");
        }
    }
}
