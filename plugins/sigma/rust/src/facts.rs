//! What the rules look at: which fields, and what an event says in them. The payload is read once,
//! for all rules.
//!
//! A field is named by its path: `user.name` is the member `name` of `user`, and as well a member
//! `user.name`. The elements of a list are values of one field, and a doubled member is two values:
//! a rule that looks for one of them finds it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sluicegate_plugin::json::{Kind, Reader, Value};
use sluicegate_plugin::{Data, Event};

/// Every field that a rule looks at. A field is known by its place here.
#[derive(Debug, Default)]
pub struct Fields {
    places: BTreeMap<String, usize>,
    /// Whether a rule looks for words anywhere.
    has_keywords: bool,
}

/// One value as an event has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<'a> {
    /// A text, number, `true` or `false`.
    Text(Cow<'a, str>),
    /// `null`.
    Null,
}

/// What an event says.
#[derive(Debug)]
pub struct Facts<'a> {
    by_field: Vec<Vec<Fact<'a>>>,
    /// Every value of the payload, if a rule looks for words.
    pub everything: Vec<Cow<'a, str>>,
}

impl Fields {
    /// The place of a field; it is looked at from now on.
    pub fn place(&mut self, name: &str) -> usize {
        let next = self.places.len();
        *self.places.entry(normal(name)).or_insert(next)
    }

    /// A rule looks for words anywhere.
    pub fn note_keywords(&mut self) {
        self.has_keywords = true;
    }

    /// The headers that are looked at.
    pub fn headers(&self) -> Vec<String> {
        self.of("@header.")
    }

    /// The attributes that are looked at, `subject` with them.
    pub fn attributes(&self) -> Vec<String> {
        let mut names = self.of("@attribute.");
        if self.places.contains_key(SUBJECT) && !names.iter().any(|name| name == "subject") {
            names.push("subject".into());
        }
        names
    }

    fn of(&self, prefix: &str) -> Vec<String> {
        self.places.keys().filter_map(|name| name.strip_prefix(prefix)).map(str::to_owned).collect()
    }
}

/// Names of headers and attributes are compared in lower case.
fn normal(name: &str) -> String {
    if name.starts_with('@') { name.to_ascii_lowercase() } else { name.to_owned() }
}

impl<'a> Facts<'a> {
    /// Reads an event. A payload that says it is JSON, or begins like it, must be; any other text
    /// is one value without a name.
    pub fn of(event: &'a Event, fields: &Fields) -> Result<Self, String> {
        let mut facts =
            Self { by_field: vec![Vec::new(); fields.places.len()], everything: Vec::new() };
        facts.about(event, fields);
        if let Data::Text(text) = &event.data {
            let is_json = event.content_type.contains("json") || text.trim_start().starts_with('{');
            if is_json && !text.is_empty() {
                facts.read(text, fields)?;
            } else if fields.has_keywords {
                facts.everything.push(Cow::Borrowed(text));
            }
        }
        Ok(facts)
    }

    /// What an event says in a field.
    pub fn values(&self, place: usize) -> &[Fact<'a>] {
        self.by_field.get(place).map_or(&[], Vec::as_slice)
    }

    /// What is not in the payload.
    fn about(&mut self, event: &'a Event, fields: &Fields) {
        let own = [(TYPE, Some(event.type_.as_str())), (SOURCE, Some(event.source.as_str()))];
        let subject = (SUBJECT, event.attribute("subject"));
        for (name, value) in own.into_iter().chain([subject]) {
            if let (Some(place), Some(value)) = (fields.places.get(name), value) {
                self.by_field[*place].push(Fact::Text(Cow::Borrowed(value)));
            }
        }
        for (prefix, list) in [("@header.", &event.headers), ("@attribute.", &event.attributes)] {
            for (name, value) in list {
                if let Some(place) = fields.places.get(&format!("{prefix}{name}")) {
                    self.by_field[*place].push(Fact::Text(Cow::Borrowed(value)));
                }
            }
        }
    }

    /// Reads the payload. Each open container knows how long the path to it is: a key puts its name
    /// behind that, and a container that ends leaves the path of the one around it.
    fn read(&mut self, text: &'a str, fields: &Fields) -> Result<(), String> {
        let mut reader = Reader::new(text);
        let mut path = String::new();
        let mut open: Vec<usize> = Vec::new();
        while let Some(token) = reader.token().map_err(|error| error.to_string())? {
            match token.kind {
                Kind::Key => {
                    path.truncate(open.last().copied().unwrap_or(0));
                    if !path.is_empty() {
                        path.push('.');
                    }
                    let name = Value::new(&text[token.span]).as_str();
                    path.push_str(&name.unwrap_or_default());
                }
                Kind::ObjectStart | Kind::ArrayStart => open.push(path.len()),
                // Of an element of a list, this is the path of the list.
                Kind::ObjectEnd | Kind::ArrayEnd => path.truncate(open.pop().unwrap_or(0)),
                Kind::String | Kind::Number | Kind::Word => {
                    let value = Value::new(&text[token.span]);
                    self.note(fields.places.get(&path).copied(), value, fields.has_keywords);
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, place: Option<usize>, value: Value<'a>, is_searched: bool) {
        if place.is_none() && !is_searched {
            return;
        }
        let text = match value.as_str() {
            Some(text) => Some(text),
            None if value.is_null() => None,
            None => Some(Cow::Borrowed(value.raw())),
        };
        if let Some(place) = place {
            self.by_field[place].push(text.clone().map_or(Fact::Null, Fact::Text));
        }
        if is_searched {
            self.everything.extend(text);
        }
    }
}

const TYPE: &str = "@type";
const SOURCE: &str = "@source";
const SUBJECT: &str = "@subject";

#[cfg(test)]
mod tests {
    use super::*;

    fn values(payload: &str, field: &str) -> Vec<String> {
        let mut fields = Fields::default();
        let place = fields.place(field);
        let event = Event::builder("push")
            .text(payload)
            .header("x-a", "1")
            .attribute("subject", "main")
            .build();
        let facts = Facts::of(&event, &fields).unwrap();
        let text = |fact: &Fact<'_>| match fact {
            Fact::Text(text) => text.clone().into_owned(),
            Fact::Null => "-".into(),
        };
        facts.values(place).iter().map(text).collect()
    }

    #[test]
    fn fields_are_found_by_their_path() {
        let payload = r#"{"a":{"b":1,"c":[{"d":"x"},{"d":null}],"e":[2,[3]]},"a.b":"dot","f":[]}"#;
        assert_eq!(values(payload, "a.b"), ["1", "dot"]);
        assert_eq!(values(payload, "a.c.d"), ["x", "-"]);
        assert_eq!(values(payload, "a.e"), ["2", "3"]);
        assert!(values(payload, "a").is_empty() && values(payload, "f").is_empty());
        assert_eq!(values(r#"[{"a":1},{"a":true}]"#, "a"), ["1", "true"]);
        assert_eq!(values(r#"{"x":{"y":[[{"z":1}],{"z":2}]},"z":3}"#, "x.y.z"), ["1", "2"]);
        assert_eq!(values(r#"{"x":{"y":1},"z":3}"#, "z"), ["3"]);
    }

    #[test]
    fn an_event_has_fields_beside_its_payload() {
        for (field, wanted) in
            [("@type", "push"), ("@source", "test"), ("@Header.X-A", "1"), ("@subject", "main")]
        {
            assert_eq!(values("{}", field), [wanted], "{field}");
        }
    }

    #[test]
    fn a_payload_that_is_no_json_is_one_text() {
        let mut fields = Fields::default();
        fields.note_keywords();
        let mut event = Event::builder("x").text("sshd: failed").build();
        assert!(Facts::of(&event, &fields).is_err(), "it says that it is JSON");
        event.content_type = "text/plain".into();
        assert_eq!(Facts::of(&event, &fields).unwrap().everything, ["sshd: failed"]);
    }
}
