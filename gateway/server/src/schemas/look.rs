//! Looks into a registry for what its registrar has to know before it changes anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_admission::Registry;
use sluicegate_admission::schema::compat::Mode;
use sluicegate_admission::schema::{Entry, Origin, Source, Submission};
use sluicegate_core::ids::SchemaSubject;
use sluicegate_core::signature::SchemaVersion;

use super::fault::SchemasFault;
use super::judge::Question;
use super::record::Record;
use super::registrar::Given;
use super::settings::Settings;

/// Subjects of files are changed in their files.
pub(super) fn refuse_file(
    registry: &Registry,
    subject: &SchemaSubject,
) -> Result<(), SchemasFault> {
    let mut all = registry.of_subject(subject);
    match all.any(|entry| entry.source.origin == Origin::File) {
        true => Err(SchemasFault::IsFile(subject.clone())),
        false => Ok(()),
    }
}

/// Parses what was given, as the next version of its subject.
pub(super) fn prepare(
    registry: &Registry,
    settings: &Settings,
    given: &Given,
) -> Result<Source, SchemasFault> {
    let last = registry.of_subject(&given.subject).next_back();
    let version = last.map_or(1, |last| last.source.version.version.saturating_add(1));
    let version = SchemaVersion { subject: given.subject.clone(), version };
    let mut one = Submission::new(version, given.text.clone(), Origin::Registered);
    one.references = given.references.clone();
    one.formats = settings.formats(given.subject.as_str());
    Ok(registry.prepare(one)?)
}

/// The live version that is the same schema.
pub(super) fn same(registry: &Registry, source: &Source) -> Option<Arc<Entry>> {
    let mut known = registry.of_subject(&source.version.subject);
    known.find(|entry| entry.is_live() && entry.source.is_same(source)).cloned()
}

/// The live versions of a subject, oldest first.
pub(super) fn live(registry: &Registry, subject: &SchemaSubject) -> Vec<Arc<Entry>> {
    registry.of_subject(subject).filter(|entry| entry.is_live()).cloned().collect()
}

/// The last of all.
pub(super) fn last(all: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
    all.into_iter().next_back().into_iter().collect()
}

/// Everything that the judge must know.
pub(super) fn question(
    registry: &Registry,
    source: &Source,
    against: &[Arc<Entry>],
    mode: Mode,
) -> Result<Question, SchemasFault> {
    let mut there: BTreeMap<(SchemaSubject, u32), Record> = BTreeMap::new();
    let mut add = |source: &Source| {
        let SchemaVersion { subject, version } = &source.version;
        there.insert((subject.clone(), *version), Record::of(source));
    };
    registry.referred(source)?.sources().for_each(&mut add);
    for entry in against {
        add(&entry.source);
        registry.referred(&entry.source)?.sources().for_each(&mut add);
    }
    let place = |entry: &Arc<Entry>| {
        let SchemaVersion { subject, version } = &entry.source.version;
        there.keys().position(|key| *key == (subject.clone(), *version))
    };
    let before = against.iter().filter_map(place).collect();
    let mode = mode.word().to_owned();
    Ok(Question { new: Record::of(source), before, there: there.into_values().collect(), mode })
}
