//! The facts of one source, compiled: where to look, and one pass over the payload if need be.

use std::borrow::Cow;
use std::sync::Arc;

use sluicegate_core::fields::Fields;
use sluicegate_core::time::Timestamp;

use crate::facts::form::{field, is_form};
use crate::facts::pick::{POINTERS_MAX, Pointer, pick};
use crate::facts::{Fact, Facts};

/// Reads the facts of one source's deliveries.
pub(crate) struct FactReader {
    kind: Vec<Place>,
    subject: Vec<Place>,
    time: Vec<Place>,
    dedupe: Vec<Place>,
    pointers: Vec<Pointer>,
    form_field: Option<Arc<str>>,
}

enum Place {
    Header(Box<str>),
    Pointer(usize),
    Form(Box<str>),
}

/// The facts of one delivery.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Found<'d> {
    pub(crate) kind: Option<Cow<'d, str>>,
    pub(crate) subject: Option<Cow<'d, str>>,
    pub(crate) time: Option<Timestamp>,
    pub(crate) dedupe: Option<Cow<'d, str>>,
}

impl FactReader {
    /// Compiles the facts; what is wrong with them.
    pub(crate) fn build(facts: Facts) -> Result<Self, Vec<String>> {
        let mut pointers = Vec::new();
        let mut problems = Vec::new();
        let mut places = |list: Vec<Fact>| {
            list.into_iter().filter_map(|fact| place(fact, &mut pointers, &mut problems)).collect()
        };
        let (kind, subject) = (places(facts.kind), places(facts.subject));
        let (time, dedupe) = (places(facts.time), places(facts.dedupe));
        if pointers.len() > POINTERS_MAX {
            problems.push(format!("facts use more than {POINTERS_MAX} pointers"));
        }
        let form_field = facts.form_field.map(|name| name.as_ref().into());
        let reader = Self { kind, subject, time, dedupe, pointers, form_field };
        if problems.is_empty() { Ok(reader) } else { Err(problems) }
    }

    /// The field of a form body that holds the JSON payload.
    pub(crate) fn form_field(&self) -> Option<&Arc<str>> {
        self.form_field.as_ref()
    }

    /// Reads the facts of a verified delivery.
    pub(crate) fn read<'d>(
        &self,
        headers: &'d Fields,
        content_type: &str,
        body: &'d [u8],
    ) -> Found<'d> {
        let form = is_form(content_type);
        let mut pass = Pass { reader: self, headers, form, body, picked: None };
        Found {
            kind: pass.first(&self.kind),
            subject: pass.first(&self.subject),
            time: pass.first(&self.time).and_then(|text| read_time(&text)),
            dedupe: pass.first(&self.dedupe),
        }
    }
}

/// One reading. The payload is looked through at most once, and only if a pointer is reached.
struct Pass<'r, 'd> {
    reader: &'r FactReader,
    headers: &'d Fields,
    form: bool,
    body: &'d [u8],
    picked: Option<Vec<Option<Cow<'d, str>>>>,
}

impl<'d> Pass<'_, 'd> {
    fn first(&mut self, places: &[Place]) -> Option<Cow<'d, str>> {
        places.iter().find_map(|place| self.at(place)).filter(|text| !text.is_empty())
    }

    fn at(&mut self, place: &Place) -> Option<Cow<'d, str>> {
        match place {
            Place::Header(name) => self.headers.once(name).ok().map(Cow::Borrowed),
            Place::Pointer(at) => {
                let (form, body, reader) = (self.form, self.body, self.reader);
                let picked = self.picked.get_or_insert_with(|| reader.pick(form, body));
                picked.get(*at)?.clone()
            }
            Place::Form(name) if self.form => match field(self.body, name)? {
                Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
                Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
            },
            Place::Form(_) => None,
        }
    }
}

impl FactReader {
    fn pick<'d>(&self, form: bool, body: &'d [u8]) -> Vec<Option<Cow<'d, str>>> {
        if !form {
            return pick(body, &self.pointers);
        }
        let Some(json) = self.form_field.as_deref().and_then(|name| field(body, name)) else {
            return Vec::new();
        };
        let owned = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        pick(&json, &self.pointers).into_iter().map(owned).collect()
    }
}

fn place(fact: Fact, pointers: &mut Vec<Pointer>, problems: &mut Vec<String>) -> Option<Place> {
    match fact {
        Fact::Header(name) if name.is_empty() => problems.push("a header has no name".into()),
        Fact::Header(name) => return Some(Place::Header(name.to_ascii_lowercase().into())),
        Fact::Form(name) => return Some(Place::Form(name.as_ref().into())),
        Fact::Pointer(text) => match Pointer::parse(&text) {
            Some(pointer) => {
                pointers.push(pointer);
                return Some(Place::Pointer(pointers.len() - 1));
            }
            None => problems.push(format!("{text:?} is not a JSON Pointer")),
        },
    }
    None
}

/// RFC 3339, or a count since 1970: of seconds up to the year 5138, beyond that of milliseconds.
fn read_time(text: &str) -> Option<Timestamp> {
    match text.parse::<u64>() {
        Ok(count) if count < 100_000_000_000 => Some(Timestamp::from_unix_ms(count * 1000)),
        Ok(count) => Some(Timestamp::from_unix_ms(count)),
        Err(_) => Timestamp::parse_rfc3339(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slack() -> FactReader {
        let facts = Facts {
            kind: vec![
                Fact::pointer("/event/type"),
                Fact::pointer("/type"),
                Fact::Form("command".into()),
            ],
            dedupe: vec![Fact::header("X-Id"), Fact::pointer("/event_id")],
            time: vec![Fact::pointer("/at")],
            subject: Vec::new(),
            form_field: Some("payload".into()),
        };
        FactReader::build(facts).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn read<'d>(reader: &FactReader, headers: &'d Fields, media: &str, body: &'d str) -> Found<'d> {
        reader.read(headers, media, body.as_bytes())
    }

    #[test]
    fn the_first_place_that_has_a_fact_counts() {
        let (reader, none) = (slack(), Fields::new());
        let body = r#"{"type":"event_callback","event":{"type":"mention"},"event_id":"E1","at":7}"#;
        let found = read(&reader, &none, "application/json", body);
        assert_eq!(found.kind.as_deref(), Some("mention"));
        assert_eq!(found.dedupe.as_deref(), Some("E1"));
        assert_eq!(found.time, Some(Timestamp::from_unix_ms(7000)));
        let headers: Fields = [("x-id", "H1")].into_iter().collect();
        let found = read(&reader, &headers, "application/json", r#"{"type":"ping"}"#);
        assert_eq!(found.kind.as_deref(), Some("ping"));
        assert_eq!(found.dedupe.as_deref(), Some("H1"));
    }

    #[test]
    fn a_form_gives_its_fields_and_the_json_within() {
        let (reader, none) = (slack(), Fields::new());
        let form = "application/x-www-form-urlencoded";
        let found = read(&reader, &none, form, "command=%2Fdeploy&text=x");
        assert_eq!(found.kind.as_deref(), Some("/deploy"));
        let found = read(&reader, &none, form, "payload=%7B%22type%22%3A%22block_actions%22%7D");
        assert_eq!(found.kind.as_deref(), Some("block_actions"));
        assert_eq!(read(&reader, &none, "text/plain", "command=x"), Found::default());
    }

    #[test]
    fn times_are_read_in_every_common_form() {
        let time = Timestamp::from_unix_ms(1_700_000_000_000);
        for text in ["1700000000", "1700000000000", "2023-11-14T22:13:20Z"] {
            assert_eq!(read_time(text), Some(time), "{text}");
        }
        assert_eq!(read_time("yesterday"), None);
    }
}
