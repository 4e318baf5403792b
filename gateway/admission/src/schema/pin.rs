//! What the names in a schema mean: pinned to versions when it is registered, so that a later
//! version of another schema never changes what this one says.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_core::ids::SchemaSubject;

use crate::schema::document::{Document, target};
use crate::schema::entry::{Reference, Source, Standing, named_by};
use crate::schema::fault::SchemaProblem;

/// Schemas that one may refer to, and those refer to, all together.
pub(crate) const REFERRED_MAX: usize = 64;
/// Bytes of them.
pub(crate) const REFERRED_BYTES_MAX: usize = 2 * 1024 * 1024;

type Key = (SchemaSubject, u32);

/// The sources that are there, to be found by every name that they have.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    pub(crate) by_key: BTreeMap<Key, Arc<Source>>,
    /// The absolute `$id`s.
    by_id: BTreeMap<String, Vec<Key>>,
}

impl Sources {
    pub(crate) fn insert(&mut self, source: Arc<Source>) {
        let key = (source.version.subject.clone(), source.version.version);
        if let Some(id) = source.document().base().filter(|id| id.as_str() != source.uri) {
            let keys = self.by_id.entry(id.as_str().trim_end_matches('#').to_owned()).or_default();
            if !keys.contains(&key) {
                keys.push(key.clone());
            }
        }
        self.by_key.insert(key, source);
    }

    pub(crate) fn get(&self, subject: &SchemaSubject, version: u32) -> Option<&Arc<Source>> {
        self.by_key.get(&(subject.clone(), version))
    }

    /// The live schema of a name: a canonical URI, or an `$id`, of which the latest version counts.
    pub(crate) fn named(&self, uri: &str) -> Result<Option<&Arc<Source>>, SchemaProblem> {
        let is_live = |source: &&Arc<Source>| source.standing == Standing::Live;
        if let Some((subject, version)) = named_by(uri) {
            return Ok(self.get(&subject, version).filter(is_live));
        }
        let keys = self.by_id.get(uri).into_iter().flatten();
        let mut live = keys.filter_map(|key| self.by_key.get(key)).filter(is_live);
        let Some(mut found) = live.next() else { return Ok(None) };
        for other in live {
            if other.version.subject != found.version.subject {
                return Err(SchemaProblem::Ambiguous { reference: uri.into() });
            }
            if other.version.version > found.version.version {
                found = other;
            }
        }
        Ok(Some(found))
    }

    /// Every schema that this one refers to, by absolute name. A name that nobody has is left out:
    /// if it is needed, the schema is refused when its references are followed.
    pub(crate) fn pin(&self, source: &Source) -> Result<Vec<Reference>, SchemaProblem> {
        let document = source.document();
        let base = document.base();
        let mut pinned = BTreeMap::new();
        for Reference { name, subject, version } in &source.references {
            let found = self.get(subject, *version).is_some();
            let uri = base.as_ref().and_then(|base| target(base, name));
            match uri {
                Some((uri, _)) if found => pinned.insert(uri, (subject.clone(), *version)),
                _ => {
                    let (name, subject) = (name.clone(), subject.to_string());
                    return Err(SchemaProblem::NoReference { name, subject, version: *version });
                }
            };
        }
        // What was registered before means for good what it meant then.
        let is_pinned = source.id != 0;
        for uri in document.outside().into_iter().filter(|_| !is_pinned) {
            if pinned.contains_key(&uri) {
                continue;
            }
            if let Some(found) = self.named(&uri)? {
                let version = &found.version;
                pinned.insert(uri, (version.subject.clone(), version.version));
            }
        }
        let reference = |(name, (subject, version))| Reference { name, subject, version };
        Ok(pinned.into_iter().map(reference).collect())
    }

    /// Everything that a pinned schema refers to, directly or not.
    pub(crate) fn closure(&self, root: &Source) -> Result<Referred, SchemaProblem> {
        let mut all: BTreeMap<String, Arc<Source>> = BTreeMap::new();
        let mut waiting: Vec<Reference> = root.references.clone();
        let mut bytes = 0;
        while let Some(Reference { name, subject, version }) = waiting.pop() {
            if subject == root.version.subject && version == root.version.version {
                continue;
            }
            let missing = || SchemaProblem::NoReference {
                name: name.clone(),
                subject: subject.to_string(),
                version,
            };
            let found = self.get(&subject, version).ok_or_else(missing)?;
            match all.get(&name) {
                Some(known) if known.uri == found.uri => continue,
                Some(_) => return Err(SchemaProblem::TwoMeanings { uri: name }),
                None => {}
            }
            bytes += found.text.len();
            if all.len() >= REFERRED_MAX || bytes > REFERRED_BYTES_MAX {
                return Err(SchemaProblem::TooMany);
            }
            waiting.extend(found.references.iter().cloned());
            all.insert(name, Arc::clone(found));
        }
        Ok(Referred(all))
    }
}

/// What a schema refers to, by the names that it is referred to with.
#[derive(Debug, Default)]
pub struct Referred(BTreeMap<String, Arc<Source>>);

impl Referred {
    /// What was registered there.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.0.values().map(Arc::as_ref)
    }

    /// The documents, each under the name that it is referred to with.
    #[must_use]
    pub fn documents(&self) -> Vec<Document<'_>> {
        self.0.iter().map(|(uri, source)| Document { uri, schema: source.value() }).collect()
    }
}
