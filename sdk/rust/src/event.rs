//! What a filter reads from an event, and how a unit test makes one.

use crate::{Data, Event};

impl Event {
    /// The value of an attribute: `subject`, or an extension. Only those that the subscription
    /// asked for are here.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        first(&self.attributes, name)
    }

    /// The first value of a header; `name` in lower case. Only those that the subscription asked
    /// for are here.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// The payload as text; `None` if it is not UTF-8, or was asked for as bytes.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(text),
            Data::Binary(_) => None,
        }
    }

    /// The payload as bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.data {
            Data::Text(text) => text.as_bytes(),
            Data::Binary(bytes) => bytes,
        }
    }

    /// The payload as a JSON value, read as it is looked at; `None` if it is not text.
    pub fn json(&self) -> Option<crate::json::Value<'_>> {
        self.text().map(crate::json::Value::new)
    }

    /// Begins an event for a unit test.
    pub fn builder(kind: &str) -> EventBuilder {
        EventBuilder(Event {
            id: "018bcfe5-6800-7000-8000-000000000007".into(),
            source: "test".into(),
            type_: kind.into(),
            time: 1_700_000_000_000_000_000,
            content_type: "application/json".into(),
            attributes: Vec::new(),
            headers: Vec::new(),
            data: Data::Text(String::new()),
        })
    }
}

/// An event in the making.
pub struct EventBuilder(Event);

impl EventBuilder {
    /// Adds an attribute.
    pub fn attribute(mut self, name: &str, value: &str) -> Self {
        self.0.attributes.push((name.into(), value.into()));
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the payload as text.
    pub fn text(mut self, text: &str) -> Self {
        self.0.data = Data::Text(text.into());
        self
    }

    /// Sets the payload as bytes.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.data = Data::Binary(bytes.into());
        self
    }

    /// The event.
    pub fn build(self) -> Event {
        self.0
    }
}

fn first<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_gives_what_was_put_into_it() {
        let event = Event::builder("push")
            .attribute("subject", "main")
            .header("x-a", "1")
            .header("x-a", "2")
            .text("{}")
            .build();
        assert_eq!((event.attribute("subject"), event.attribute("none")), (Some("main"), None));
        assert_eq!(event.header("x-a"), Some("1"));
        assert_eq!((event.text(), event.bytes()), (Some("{}"), &b"{}"[..]));
        assert_eq!(Event::builder("push").bytes(b"\xff").build().text(), None);
    }
}
