//! The schema rule of one source: which schema judges an event, and what becomes of one that
//! breaks it or has none.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use sluicegate_core::event::Event;
use sluicegate_core::ids::{SchemaSubject, SourceName};
use sluicegate_core::letter::{Cause, Letter};
use sluicegate_core::limits::VIOLATIONS_MAX;
use sluicegate_core::refusal::{Refusal, Violation};
use sluicegate_core::signature::SchemaVersion;

use crate::json::Json;
use crate::schema::entry::Entry;
use crate::schema::registry::Registry;
use crate::schema::weigh::Weight;

/// Which schema judges a source's payloads, and how strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaRule {
    /// The subject; `{type}` stands for the event's type, `{source}` for the source's name.
    /// `{dataschema}` alone: the schema that the event itself names.
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

/// A rule with its schemas, which are replaced as a whole when the registry changes.
pub(crate) struct Rule {
    subject: Subject,
    table: RwLock<Arc<Table>>,
    on_unknown: OnUnknown,
    on_violation: OnViolation,
}

/// Every schema that a rule can ask for, so that judging needs no text to be made.
struct Table {
    by_kind: HashMap<Box<str>, Arc<Entry>>,
    registry: Arc<Registry>,
}

/// A subject template around the event's type.
struct Subject {
    before: String,
    /// `None` if the type is not part of the subject.
    after: Option<String>,
    /// Whether the event itself names its schema.
    by_event: bool,
}

/// A schema that is to judge one event.
#[derive(Debug)]
pub(crate) struct Judge {
    entry: Arc<Entry>,
    on_violation: OnViolation,
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
    /// Finds every schema that the rule can ask for.
    pub(crate) fn build(
        rule: &SchemaRule,
        source: &SourceName,
        registry: &Arc<Registry>,
    ) -> Result<Self, String> {
        let subject = Subject::parse(&rule.subject.replace("{source}", source.as_str()))?;
        let table = RwLock::new(Arc::new(Table::new(&subject, registry)));
        let (on_unknown, on_violation) = (rule.on_unknown, rule.on_violation);
        Ok(Self { subject, table, on_unknown, on_violation })
    }

    /// Takes the schemas of this registry from now on. Events that are being judged are judged by
    /// those that they met.
    pub(crate) fn take(&self, registry: &Arc<Registry>) {
        let table = Arc::new(Table::new(&self.subject, registry));
        // Nothing that runs under this lock can leave it half changed.
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// Whether everything would be refused, because no schema is there to judge by.
    pub(crate) fn refuses_all(&self) -> bool {
        let none = self.table().by_kind.is_empty() && !self.subject.by_event;
        none && self.on_unknown == OnUnknown::Reject
    }

    fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What judges an event; `None` if nothing does, and it passes.
    pub(crate) fn judge_of(&self, event: &Event) -> Result<Option<Judge>, Refusal> {
        match self.find(event)? {
            Some(entry) => Ok(Some(Judge { entry, on_violation: self.on_violation })),
            None => match self.on_unknown {
                OnUnknown::Accept => Ok(None),
                OnUnknown::Reject => Err(Refusal::NoSchema { subject: self.subject.of(event) }),
            },
        }
    }

    /// The schema of an event: the latest of its subject, or the one of that subject that the
    /// event names in `dataschema`. One that names another subject's is refused.
    fn find(&self, event: &Event) -> Result<Option<Arc<Entry>>, Refusal> {
        let table = self.table();
        let own = table.by_kind.get(self.subject.kind(event));
        let Some(said) = event.attributes.first(DATASCHEMA_ATTRIBUTE) else {
            return Ok(own.cloned());
        };
        let named = table.registry.named(said.trim_end_matches('#'));
        if self.subject.by_event {
            return Ok(named.cloned());
        }
        match (named, own) {
            (None, own) => Ok(own.cloned()),
            (Some(named), _) if named.source.version.subject.as_str() == self.subject.of(event) => {
                Ok(Some(Arc::clone(named)))
            }
            (Some(named), _) => Err(Refusal::Invalid { violations: vec![conflict(named)] }),
        }
    }
}

impl Judge {
    /// How much work it is to judge this payload; `None` if it is not JSON.
    pub(crate) fn weigh(&self, event: &Event, json: &Json) -> Option<Weight> {
        json.read(event).ok().map(|value| self.entry.schema.weigh(value))
    }

    /// Judges an event whose payload was weighed.
    pub(crate) fn judge(
        &self,
        event: &Event,
        json: &Json,
        weight: Option<Weight>,
    ) -> Result<Ruling, Refusal> {
        let violations = self.violations(event, json, weight);
        let version = &self.entry.source.version;
        let mut ruling = Ruling { schema: Some(version.clone()), ..Ruling::default() };
        if violations.is_empty() {
            return Ok(ruling);
        }
        match self.on_violation {
            OnViolation::Reject => return Err(Refusal::Invalid { violations }),
            OnViolation::DeadLetter => ruling.letter = Some(letter(version, &violations)),
            OnViolation::Tag => ruling.tags = Some(violations.len()),
        }
        Ok(ruling)
    }

    fn violations(&self, event: &Event, json: &Json, weight: Option<Weight>) -> Vec<Violation> {
        match json.read(event) {
            Ok(value) => {
                let schema = &self.entry.schema;
                let weight = weight.unwrap_or_else(|| schema.weigh(value));
                schema.violations_of(value, weight, VIOLATIONS_MAX)
            }
            Err(fault) => vec![Violation {
                instance: String::new(),
                schema: String::new(),
                keyword: "json".into(),
                message: fault.0,
            }],
        }
    }
}

impl Table {
    fn new(subject: &Subject, registry: &Arc<Registry>) -> Self {
        let by_kind = registry.judging().filter_map(|entry| {
            let kind = subject.kind_of(entry.source.version.subject.as_str())?;
            Some((kind.into(), Arc::clone(entry)))
        });
        Self { by_kind: by_kind.collect(), registry: Arc::clone(registry) }
    }
}

impl Subject {
    fn parse(template: &str) -> Result<Self, String> {
        if template == "{dataschema}" {
            return Ok(Self { before: String::new(), after: None, by_event: true });
        }
        let (before, after) = match template.split_once("{type}") {
            Some((before, after)) => (before, Some(after.to_owned())),
            None => (template, None),
        };
        let subject = Self { before: before.into(), after, by_event: false };
        if subject.with("t").parse::<SchemaSubject>().is_err() {
            return Err(format!(
                "subject {template:?} is not a name with {{type}} or {{source}}, nor {{dataschema}}"
            ));
        }
        Ok(subject)
    }

    fn with(&self, kind: &str) -> String {
        match &self.after {
            Some(after) => format!("{}{kind}{after}", self.before),
            None => self.before.clone(),
        }
    }

    /// The part of the event's type that decides which schema it is.
    fn kind<'e>(&self, event: &'e Event) -> &'e str {
        if self.after.is_some() { &event.kind } else { "" }
    }

    /// The subject of an event.
    fn of(&self, event: &Event) -> String {
        if self.by_event {
            return event.attributes.first(DATASCHEMA_ATTRIBUTE).unwrap_or("{dataschema}").into();
        }
        self.with(self.kind(event))
    }

    /// The type whose subject this is; empty where the type does not matter.
    fn kind_of<'n>(&self, name: &'n str) -> Option<&'n str> {
        if self.by_event {
            return None;
        }
        let rest = name.strip_prefix(self.before.as_str())?;
        match &self.after {
            Some(after) => rest.strip_suffix(after.as_str()).filter(|kind| !kind.is_empty()),
            None => rest.is_empty().then_some(rest),
        }
    }
}

/// The CloudEvents attribute in which an event names the schema of its payload.
pub(crate) const DATASCHEMA_ATTRIBUTE: &str = "dataschema";

fn conflict(named: &Entry) -> Violation {
    let SchemaVersion { subject, .. } = &named.source.version;
    Violation {
        instance: String::new(),
        schema: String::new(),
        keyword: DATASCHEMA_ATTRIBUTE.into(),
        message: format!(
            "dataschema names a schema of subject {subject}, which is not this source's"
        ),
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
