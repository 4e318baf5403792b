//! Which part of an event is its key: for filters that remember something of each key.

use sluicegate_plugin::json::Value;
use sluicegate_plugin::{Event, Subscription};

/// Where the key of an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// In a header, by its name in lower case.
    Header(String),
    /// In an attribute, such as `subject`.
    Attribute(String),
    /// In the payload, by its path of members.
    Payload(Vec<String>),
}

impl Key {
    /// Reads `header:NAME`, `attribute:NAME` or `payload:/PATH/OF/MEMBERS`.
    pub fn read(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty())?;
        match kind {
            "header" => Some(Self::Header(name.to_ascii_lowercase())),
            "attribute" => Some(Self::Attribute(name.to_owned())),
            "payload" => {
                let path = name.strip_prefix('/')?;
                Some(Self::Payload(path.split('/').map(str::to_owned).collect()))
            }
            _ => None,
        }
    }

    /// What a filter must subscribe to for it, of events of these types (all, if there are none).
    pub fn subscription(&self, types: &[String]) -> Subscription {
        let all = Subscription::to(types.iter().cloned());
        match self {
            Self::Header(name) => all.without_data().headers([name.clone()]),
            Self::Attribute(name) => all.without_data().attributes([name.clone()]),
            Self::Payload(_) => all,
        }
    }

    /// The key of an event; `None` if it has none.
    pub fn of(&self, event: &Event) -> Option<String> {
        match self {
            Self::Header(name) => event.header(name).map(str::to_owned),
            Self::Attribute(name) => event.attribute(name).map(str::to_owned),
            Self::Payload(path) => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                let value = event.json()?.at(&path).filter(|value| !value.is_null())?;
                // A number and a text are different keys: 1 is not "1".
                Some(value.raw().to_owned())
            }
        }
    }
}

/// A whole number of a configuration that is at least 1.
pub fn positive(value: Value<'_>) -> Option<u64> {
    value.raw().trim().parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_where_the_configuration_says() {
        let event = Event::builder("push")
            .header("x-id", "7")
            .attribute("subject", "main")
            .text(r#"{"order":{"id":42,"name":"a","none":null}}"#)
            .build();
        let of = |text: &str| Key::read(text).unwrap().of(&event);
        assert_eq!(of("header:X-Id").as_deref(), Some("7"));
        assert_eq!(of("attribute:subject").as_deref(), Some("main"));
        assert_eq!(of("payload:/order/id").as_deref(), Some("42"));
        assert_eq!(of("payload:/order/name").as_deref(), Some("\"a\""));
        for none in ["header:x-no", "attribute:no", "payload:/order/none", "payload:/no"] {
            assert_eq!(of(none), None, "{none}");
        }
        for wrong in ["", "header", "header:", "payload:order", "body:/a"] {
            assert_eq!(Key::read(wrong), None, "{wrong}");
        }
    }
}
