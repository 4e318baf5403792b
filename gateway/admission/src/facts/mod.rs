//! Facts: what a delivery says about itself beside its payload: type, subject, time, idempotency
//! key. Read only after the delivery is verified.

mod form;
mod pick;
mod reader;

use std::borrow::Cow;

pub(crate) use form::{field as form_field, fields as form_fields, is_form};
pub(crate) use pick::text_at;
pub(crate) use reader::{FactReader, Found};

/// The decoded value of a field of the query that is there exactly once.
pub(crate) fn query_field<'t>(target: &'t str, name: &str) -> Option<Cow<'t, [u8]>> {
    let (_, query) = target.split_once('?')?;
    form_field(query.as_bytes(), name)
}

/// One place where a fact may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// In this header.
    Header(Cow<'static, str>),
    /// In the JSON payload, at this JSON Pointer: a string, a whole number or a boolean.
    Pointer(Cow<'static, str>),
    /// In this field of a form-encoded body.
    Form(Cow<'static, str>),
}

impl Fact {
    /// In this header.
    pub(crate) const fn header(name: &'static str) -> Self {
        Self::Header(Cow::Borrowed(name))
    }

    /// At this JSON Pointer.
    pub(crate) const fn pointer(pointer: &'static str) -> Self {
        Self::Pointer(Cow::Borrowed(pointer))
    }
}

/// Where each fact is: the first place that has it counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The event's type; `webhook` if it is nowhere.
    pub kind: Vec<Fact>,
    /// What the event is about.
    pub subject: Vec<Fact>,
    /// When it happened: RFC 3339, or seconds or milliseconds since 1970.
    pub time: Vec<Fact>,
    /// The idempotency key.
    pub dedupe: Vec<Fact>,
    /// The field of a form-encoded body that holds the JSON payload.
    pub form_field: Option<Cow<'static, str>>,
}

/// What a source's configuration puts in place of its preset's facts; `None` keeps the preset's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FactsOverride {
    /// The event's type.
    pub kind: Option<Vec<Fact>>,
    /// What the event is about.
    pub subject: Option<Vec<Fact>>,
    /// When it happened.
    pub time: Option<Vec<Fact>>,
    /// The idempotency key; an empty list turns deduplication off.
    pub dedupe: Option<Vec<Fact>>,
}

impl FactsOverride {
    /// The facts with what is set here in their place.
    pub(crate) fn over(self, facts: Facts) -> Facts {
        Facts {
            kind: self.kind.unwrap_or(facts.kind),
            subject: self.subject.unwrap_or(facts.subject),
            time: self.time.unwrap_or(facts.time),
            dedupe: self.dedupe.unwrap_or(facts.dedupe),
            form_field: facts.form_field,
        }
    }
}
