//! The schema rule of one source: which schema judges an event, and what becomes of one that
//! breaks it or has none.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_core::event::Event;
use sluicegate_core::ids::{SchemaSubject, SourceName};
use sluicegate_core::letter::{Cause, Letter};
use sluicegate_core::limits::VIOLATIONS_MAX;
use sluicegate_core::refusal::{Refusal, Violation};
use sluicegate_core::signature::SchemaVersion;

use crate::json::Json;
use crate::schema::registry::{Entry, Registry};

/// Which schema judges a source's payloads, and how strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaRule {
    /// The subject; `{type}` stands for the event's type, `{source}` for the source's name.
    pub subject: String,
    /// What becomes of an event whose subject has no schema.
    pub on_unknown: OnUnknown,
    /// What becomes of an event that breaks its schema.
    pub on_violation: OnViolation,
}

/// What becomes of an event whose subject has no schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnknown {
    /// It passes, unjudged.
    #[default]
    Accept,
    /// The sender is refused.
    Reject,
}

/// What becomes of an event that breaks its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnViolation {
    /// The sender is refused.
    #[default]
    Reject,
    /// It is taken, and goes to the dead-letter queue.
    DeadLetter,
    /// It passes with an attribute that says how many violations it has.
    Tag,
}

/// A rule with its schemas.
pub(crate) struct Rule {
    subject: Subject,
    schemas: HashMap<Box<str>, Arc<Entry>>,
    on_unknown: OnUnknown,
    on_violation: OnViolation,
}

/// A subject template around the event's type.
struct Subject {
    before: String,
    /// `None` if the type is not part of the subject.
    after: Option<String>,
}

/// What a rule says about one event that it does not refuse.
#[derive(Default)]
pub(crate) struct Ruling {
    pub(crate) schema: Option<SchemaVersion>,
    pub(crate) letter: Option<Letter>,
    /// The violations to tag it with.
    pub(crate) tags: Option<usize>,
}

impl Rule {
    /// Finds every schema that the rule can ask for, so that judging needs no text to be made.
    pub(crate) fn build(
        rule: &SchemaRule,
        source: &SourceName,
        registry: &Registry,
    ) -> Result<Self, String> {
        let subject = Subject::parse(&rule.subject.replace("{source}", source.as_str()))?;
        let schemas: HashMap<Box<str>, Arc<Entry>> = registry
            .latest()
            .filter_map(|entry| {
                let kind = subject.kind_of(entry.version.subject.as_str())?;
                Some((kind.into(), Arc::clone(entry)))
            })
            .collect();
        if schemas.is_empty() && rule.on_unknown == OnUnknown::Reject {
            return Err(format!(
                "no schema is registered for {}, and what has none is rejected",
                rule.subject
            ));
        }
        let (on_unknown, on_violation) = (rule.on_unknown, rule.on_violation);
        Ok(Self { subject, schemas, on_unknown, on_violation })
    }

    /// Judges an event.
    pub(crate) fn judge(&self, event: &Event, json: &Json) -> Result<Ruling, Refusal> {
        let kind = if self.subject.after.is_some() { event.kind.as_str() } else { "" };
        let Some(entry) = self.schemas.get(kind) else {
            return match self.on_unknown {
                OnUnknown::Accept => Ok(Ruling::default()),
                OnUnknown::Reject => Err(Refusal::NoSchema { subject: self.subject.of(kind) }),
            };
        };
        let violations = violations(entry, event, json);
        let mut ruling = Ruling { schema: Some(entry.version.clone()), ..Ruling::default() };
        if violations.is_empty() {
            return Ok(ruling);
        }
        match self.on_violation {
            OnViolation::Reject => return Err(Refusal::Invalid { violations }),
            OnViolation::DeadLetter => ruling.letter = Some(letter(&entry.version, &violations)),
            OnViolation::Tag => ruling.tags = Some(violations.len()),
        }
        Ok(ruling)
    }
}

impl Subject {
    fn parse(template: &str) -> Result<Self, String> {
        let (before, after) = match template.split_once("{type}") {
            Some((before, after)) => (before, Some(after.to_owned())),
            None => (template, None),
        };
        let subject = Self { before: before.into(), after };
        let probe = subject.of("t");
        if probe.parse::<SchemaSubject>().is_err() {
            return Err(format!("subject {template:?} is not a name with {{type}} or {{source}}"));
        }
        Ok(subject)
    }

    fn of(&self, kind: &str) -> String {
        match &self.after {
            Some(after) => format!("{}{kind}{after}", self.before),
            None => self.before.clone(),
        }
    }

    /// The type whose subject this is; empty where the type does not matter.
    fn kind_of<'n>(&self, name: &'n str) -> Option<&'n str> {
        let rest = name.strip_prefix(self.before.as_str())?;
        match &self.after {
            Some(after) => rest.strip_suffix(after.as_str()).filter(|kind| !kind.is_empty()),
            None => rest.is_empty().then_some(rest),
        }
    }
}

fn violations(entry: &Entry, event: &Event, json: &Json) -> Vec<Violation> {
    match json.read(event) {
        Ok(value) => entry.schema.violations(value, VIOLATIONS_MAX),
        Err(fault) => vec![Violation {
            instance: String::new(),
            schema: String::new(),
            keyword: "json".into(),
            message: fault.0,
        }],
    }
}

fn letter(schema: &SchemaVersion, violations: &[Violation]) -> Letter {
    let first = violations.first().map(|one| format!("{} {}", one.instance, one.message));
    let reason = format!(
        "payload breaks schema {} version {} in {} way(s), first: {}",
        schema.subject,
        schema.version,
        violations.len(),
        first.unwrap_or_default().trim_start(),
    );
    Letter::new(Cause::Violation, reason)
}
