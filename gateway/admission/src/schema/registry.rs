//! The registry: schemas by subject and version, parsed, pinned and compiled. A registry does not
//! change under its readers: whoever changes it makes the next one, which shares what stayed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sluicegate_core::ids::SchemaSubject;
use sluicegate_core::signature::SchemaVersion;

use crate::schema::compat::{self, Incompatible, Mode, Version};
use crate::schema::compiled::{Compiled, Formats};
use crate::schema::entry::{Entry, Origin, Source, Standing, Submission};
use crate::schema::fault::{SchemaFault, SchemaProblem};
use crate::schema::pin::{Referred, Sources};

/// Schemas that a registry may have, those that are deleted included.
pub(crate) const VERSIONS_MAX: usize = 20_000;

/// Compiled schemas by subject; of each subject the latest live version judges.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    sources: Sources,
    entries: BTreeMap<(SchemaSubject, u32), Arc<Entry>>,
    by_id: HashMap<u32, (SchemaSubject, u32)>,
}

impl Registry {
    /// No schemas.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds one schema.
    ///
    /// # Errors
    /// When it is not a schema, or this version is there already.
    pub fn add(
        &mut self,
        version: SchemaVersion,
        schema: &serde_json::Value,
    ) -> Result<(), SchemaFault> {
        self.insert(Submission::new(version, schema.to_string(), Origin::File)).map(|_| ())
    }

    /// Parses, pins and compiles one schema, and takes it in.
    ///
    /// # Errors
    /// When it is not a schema, or this version is there already; nothing is changed then.
    pub fn insert(&mut self, given: Submission) -> Result<Arc<Entry>, SchemaFault> {
        let entry = self.compile(given)?;
        self.put(Arc::clone(&entry));
        Ok(entry)
    }

    /// Parses, pins and compiles one schema, as it would be taken in.
    ///
    /// # Errors
    /// When it is not a schema, or this version is there already.
    pub fn compile(&self, given: Submission) -> Result<Arc<Entry>, SchemaFault> {
        let source = self.prepare(given)?;
        self.compile_source(source)
    }

    /// Parses and pins one schema, and does not compile it: quick, whatever it is.
    ///
    /// # Errors
    /// When it cannot be parsed, refers to what is ambiguous, or this version is there already.
    pub fn prepare(&self, given: Submission) -> Result<Source, SchemaFault> {
        let mut source = Source::parse(given)?;
        self.refuse_doubled(&source)?;
        source.references = self.sources.pin(&source).map_err(SchemaFault::new)?;
        if source.id == 0 {
            source.id = self.free_id(&source);
        }
        Ok(source)
    }

    /// Takes in many schemas that may refer to one another, each with the file that it is from.
    ///
    /// # Errors
    /// Every fault, with its file; the registry is of no use then.
    pub fn insert_all(&mut self, given: Vec<(String, Submission)>) -> Result<(), Vec<SchemaFault>> {
        let mut faults = Vec::new();
        let mut parsed: Vec<(String, Arc<Source>)> = Vec::new();
        for (file, given) in given {
            let source = Source::parse(given).and_then(|source| {
                self.refuse_doubled(&source)?;
                Ok(Arc::new(source))
            });
            match source {
                Ok(source) => {
                    self.sources.insert(Arc::clone(&source));
                    parsed.push((file, source));
                }
                Err(fault) => faults.push(fault.of_file(&file)),
            }
        }
        let mut pinned = Vec::new();
        for (file, source) in parsed {
            match self.sources.pin(&source) {
                Ok(references) => {
                    let mut own = Source::clone_of(&source, references);
                    if own.id == 0 {
                        own.id = self.free_id(&own);
                    }
                    let own = Arc::new(own);
                    self.sources.insert(Arc::clone(&own));
                    pinned.push((file, own));
                }
                Err(problem) => faults.push(SchemaFault::new(problem).of_file(&file)),
            }
        }
        for (file, source) in pinned {
            match self.compile_shared(source) {
                Ok(entry) => self.put(entry),
                Err(fault) => faults.push(fault.of_file(&file)),
            }
        }
        faults.sort_by(|a, b| a.file.cmp(&b.file));
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn refuse_doubled(&self, source: &Source) -> Result<(), SchemaFault> {
        let SchemaVersion { subject, version } = &source.version;
        if self.sources.get(subject, *version).is_some() {
            let (subject, version) = (subject.to_string(), *version);
            return Err(SchemaFault::new(SchemaProblem::Doubled { subject, version }));
        }
        if self.sources.by_key.len() >= VERSIONS_MAX {
            return Err(SchemaFault::new(SchemaProblem::Full));
        }
        Ok(())
    }

    /// Compiles what was prepared here.
    ///
    /// # Errors
    /// When it is over a bound, or is not valid in its draft.
    pub fn compile_source(&self, source: Source) -> Result<Arc<Entry>, SchemaFault> {
        self.compile_shared(Arc::new(source))
    }

    fn compile_shared(&self, source: Arc<Source>) -> Result<Arc<Entry>, SchemaFault> {
        let referred = self.sources.closure(&source).map_err(SchemaFault::new)?;
        let schema =
            Compiled::compile_among(source.document(), &referred.documents(), source.formats)?;
        Ok(Arc::new(Entry { source, schema }))
    }

    /// The same schema, live or not, and with other formats, compiled again where it must be.
    ///
    /// # Errors
    /// When it cannot be compiled with these formats.
    pub fn altered(
        &self,
        entry: &Arc<Entry>,
        standing: Standing,
        formats: Formats,
    ) -> Result<Arc<Entry>, SchemaFault> {
        let given = Submission { standing, formats, ..entry.source.submission() };
        self.compile_source(Source::parse(given)?)
    }

    /// Takes in what was compiled; what was there under its name is replaced.
    pub fn put(&mut self, entry: Arc<Entry>) {
        let source = &entry.source;
        let key = (source.version.subject.clone(), source.version.version);
        self.sources.insert(Arc::clone(source));
        self.by_id.entry(source.id).or_insert_with(|| key.clone());
        self.entries.insert(key, entry);
    }

    /// The number that it wants, or the next one that no other schema has.
    fn free_id(&self, source: &Source) -> u32 {
        let mut id = source.wanted_id();
        loop {
            match self.by_id(id) {
                Some(other) if !other.source.is_same(source) => {
                    id = if id == 0x7fff_ffff { 1 } else { id + 1 };
                }
                _ => return id,
            }
        }
    }

    /// Every version of every subject that is live, in order.
    #[must_use]
    pub fn versions(&self) -> Vec<SchemaVersion> {
        self.entries().filter(|entry| entry.is_live()).map(|e| e.source.version.clone()).collect()
    }

    /// Every version of every subject, in order, the deleted ones too.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values()
    }

    /// Every version of one subject, in order, the deleted ones too.
    pub fn of_subject<'r>(
        &'r self,
        subject: &SchemaSubject,
    ) -> impl DoubleEndedIterator<Item = &'r Arc<Entry>> + use<'r> {
        let range = (subject.clone(), 0)..=(subject.clone(), u32::MAX);
        self.entries.range(range).map(|(_, entry)| entry)
    }

    /// One version, deleted or not.
    #[must_use]
    pub fn get(&self, subject: &SchemaSubject, version: u32) -> Option<&Arc<Entry>> {
        self.entries.get(&(subject.clone(), version))
    }

    /// The version of a subject that judges.
    #[must_use]
    pub fn latest(&self, subject: &SchemaSubject) -> Option<&Arc<Entry>> {
        self.of_subject(subject).rev().find(|entry| entry.is_live())
    }

    /// A schema by its number.
    #[must_use]
    pub fn by_id(&self, id: u32) -> Option<&Arc<Entry>> {
        self.entries.get(self.by_id.get(&id)?)
    }

    /// The live schema that a URI names: by its `$id`, or as `/subjects/SUBJECT/versions/N`.
    /// `None` if none does, or those of several subjects do.
    #[must_use]
    pub fn named(&self, uri: &str) -> Option<&Arc<Entry>> {
        let SchemaVersion { subject, version } = &self.sources.named(uri).ok()??.version;
        self.get(subject, *version)
    }

    /// The live schemas that refer to this one.
    pub fn referrers<'r>(
        &'r self,
        version: &'r SchemaVersion,
    ) -> impl Iterator<Item = &'r Arc<Entry>> {
        self.entries().filter(|entry| entry.is_live()).filter(move |entry| {
            let mut names = entry.source.references.iter();
            names.any(|name| name.subject == version.subject && name.version == version.version)
        })
    }

    /// What a schema that was prepared here refers to.
    ///
    /// # Errors
    /// When something is not there, or it is too much.
    pub fn referred(&self, source: &Source) -> Result<Referred, SchemaFault> {
        self.sources.closure(source).map_err(SchemaFault::new)
    }

    /// What speaks against a schema that was prepared here, beside these versions.
    ///
    /// # Errors
    /// When something is not there, or over a bound.
    pub fn compare(
        &self,
        new: &Source,
        before: &[&Arc<Entry>],
        mode: Mode,
    ) -> Result<Vec<Incompatible>, SchemaFault> {
        let referred = self.referred(new)?;
        let of_before: Result<Vec<_>, _> =
            before.iter().map(|entry| self.referred(&entry.source)).collect();
        let of_before = of_before?;
        let pairs = before.iter().zip(&of_before);
        let before: Vec<_> =
            pairs.map(|(entry, referred)| version_of(&entry.source, referred)).collect();
        compat::check(&version_of(new, &referred), &before, mode)
    }

    /// The version of every subject that judges.
    pub(crate) fn judging(&self) -> impl Iterator<Item = &Arc<Entry>> {
        let mut latest: BTreeMap<&SchemaSubject, &Arc<Entry>> = BTreeMap::new();
        for entry in self.entries().filter(|entry| entry.is_live()) {
            latest.insert(&entry.source.version.subject, entry);
        }
        latest.into_values()
    }
}

fn version_of<'s>(source: &'s Source, referred: &'s Referred) -> Version<'s> {
    Version {
        number: source.version.version,
        root: source.document(),
        others: referred.documents(),
        formats: source.formats,
    }
}

impl Entry {
    /// Whether a value keeps to the schema.
    #[must_use]
    pub fn accepts(&self, value: &serde_json::Value) -> bool {
        self.schema.accepts(value)
    }

    /// Whether it judges, if it is the latest.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.source.standing == Standing::Live
    }
}
