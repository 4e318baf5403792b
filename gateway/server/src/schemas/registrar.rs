//! Changes the registry: one change at a time, judged in a child process, durable before it counts,
//! and taken up by admission as one pointer.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use sluicegate_admission::Registry;
use sluicegate_admission::schema::compat::{Incompatible, Mode};
use sluicegate_admission::schema::{Entry, Reference, Source, Standing};
use sluicegate_core::ids::SchemaSubject;
use sluicegate_core::signature::SchemaVersion;
use tokio::sync::{Mutex, Semaphore};

use super::fault::SchemasFault;
use super::folder::Folder;
use super::judge::{Judge, Verdict};
use super::look::{last, live, prepare, question, refuse_file, same};
use super::settings::{Settings, SubjectSettings};
use crate::pipeline::Pipeline;

/// The registry of a gateway that runs.
pub struct Registrar {
    now: RwLock<Now>,
    folder: Arc<Folder>,
    judge: Judge,
    line: Arc<Pipeline>,
    /// Held over a change, the disk included.
    turn: Mutex<()>,
    /// Child processes that may look at schemas at once.
    judging: Semaphore,
}

#[derive(Clone)]
struct Now {
    registry: Arc<Registry>,
    settings: Arc<Settings>,
}

/// A schema as somebody gives it.
#[derive(Debug, Clone)]
pub struct Given {
    /// The subject.
    pub subject: SchemaSubject,
    /// The text.
    pub text: String,
    /// What names in it mean.
    pub references: Vec<Reference>,
}

/// What came of a registration.
#[derive(Debug)]
pub enum Registered {
    /// It is a new version.
    New(Arc<Entry>),
    /// It was there already.
    Known(Arc<Entry>),
}

impl Registrar {
    /// Reads what was registered, beside the schemas of files, and hands it all to the line.
    ///
    /// # Errors
    /// When it cannot be read, or does not go together any more.
    pub fn open(
        data: &Path,
        files: Arc<Registry>,
        judge: Judge,
        line: Arc<Pipeline>,
    ) -> io::Result<Self> {
        let (folder, (stored, settings)) = Folder::open(data.join(FOLDER))?;
        let mut registry = Registry::clone(&files);
        let mut hidden = BTreeMap::new();
        let (stored, of_files): (Vec<_>, Vec<_>) = stored
            .into_iter()
            .partition(|(_, one)| files.of_subject(&one.version.subject).next().is_none());
        for (_, one) in of_files {
            *hidden.entry(one.version.subject).or_insert(0) += 1;
        }
        for (subject, versions) in hidden {
            tracing::warn!(%subject, versions, "files hide what was registered");
        }
        registry.insert_all(stored).map_err(|faults| {
            let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
            io::Error::new(io::ErrorKind::InvalidData, told.join("; "))
        })?;
        let registry = Arc::new(registry);
        line.admission.use_schemas(&registry);
        for source in line.admission.without_schemas() {
            tracing::warn!(%source, "without a schema it refuses everything");
        }
        let judging = Semaphore::new(JUDGES_MAX);
        let now = RwLock::new(Now { registry, settings: Arc::new(settings) });
        Ok(Self { now, folder: Arc::new(folder), judge, line, turn: Mutex::default(), judging })
    }

    /// The registry as it is now.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.now().registry
    }

    /// The settings as they are now.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        self.now().settings
    }

    fn now(&self) -> Now {
        // Nothing that runs under this lock can leave it half changed.
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Registers a schema as the next version of its subject.
    ///
    /// # Errors
    /// When it is none, is not compatible, or cannot be kept; nothing is changed then.
    pub async fn register(&self, given: Given) -> Result<Registered, SchemasFault> {
        let _turn = self.turn.lock().await;
        let Now { registry, settings } = self.now();
        refuse_file(&registry, &given.subject)?;
        let source = prepare(&registry, &settings, &given)?;
        if let Some(known) = same(&registry, &source) {
            return Ok(Registered::Known(known));
        }
        let before = live(&registry, &given.subject);
        let mode = settings.mode(given.subject.as_str());
        let against = if mode.is_transitive() { before } else { last(before) };
        self.ask(&registry, &source, &against, mode).await?;
        let folder = Arc::clone(&self.folder);
        let next = blocking(move || {
            let entry = registry.compile_source(source)?;
            folder.save(&entry.source)?;
            let mut registry = Registry::clone(&registry);
            registry.put(Arc::clone(&entry));
            Ok((registry, entry))
        });
        let (registry, entry) = next.await?;
        self.take(registry);
        let SchemaVersion { subject, version } = &entry.source.version;
        tracing::info!(%subject, version, "registered a schema");
        Ok(Registered::New(entry))
    }

    /// What speaks against a schema beside these versions of its subject.
    ///
    /// # Errors
    /// When it is no schema, or cannot be looked at.
    pub async fn check(
        &self,
        given: Given,
        against: Vec<Arc<Entry>>,
    ) -> Result<Vec<Incompatible>, SchemasFault> {
        let Now { registry, settings } = self.now();
        let source = prepare(&registry, &settings, &given)?;
        let mode = match settings.mode(given.subject.as_str()) {
            Mode::Backward => Mode::BackwardTransitive,
            Mode::Forward => Mode::ForwardTransitive,
            Mode::Full => Mode::FullTransitive,
            other => other,
        };
        match self.ask(&registry, &source, &against, mode).await {
            Ok(()) => Ok(Vec::new()),
            Err(SchemasFault::Incompatible(found)) => Ok(found),
            Err(fault) => Err(fault),
        }
    }

    /// The version that this schema is of its subject, if it is there.
    ///
    /// # Errors
    /// When it cannot be parsed.
    pub fn find(&self, given: &Given) -> Result<Option<Arc<Entry>>, SchemasFault> {
        let Now { registry, settings } = self.now();
        Ok(same(&registry, &prepare(&registry, &settings, given)?))
    }

    async fn ask(
        &self,
        registry: &Arc<Registry>,
        source: &Source,
        against: &[Arc<Entry>],
        mode: Mode,
    ) -> Result<(), SchemasFault> {
        let question = question(registry, source, against, mode)?;
        // It is never closed; without a permit it would only be more at once.
        let _permit = self.judging.acquire().await;
        let judge = self.judge.clone();
        let verdict = blocking(move || judge.ask(&question).map_err(SchemasFault::TooMuch)).await?;
        match verdict {
            Verdict::Fine => Ok(()),
            Verdict::Invalid(why) => {
                Err(SchemasFault::Schema(sluicegate_admission::SchemaProblem::Refused(why).into()))
            }
            Verdict::Incompatible(told) => {
                let found = told.into_iter().map(Incompatible::from).collect();
                Err(SchemasFault::Incompatible(found))
            }
        }
    }

    /// Deletes versions of a subject, or all that are live: they judge nothing any more, and their
    /// numbers are not given again.
    ///
    /// # Errors
    /// When they are not there, are a file's, or other schemas refer to them.
    pub async fn delete(
        &self,
        subject: &SchemaSubject,
        version: Option<u32>,
    ) -> Result<Vec<u32>, SchemasFault> {
        let _turn = self.turn.lock().await;
        let Now { registry, .. } = self.now();
        refuse_file(&registry, subject)?;
        let mut gone = live(&registry, subject);
        if gone.is_empty() {
            return Err(SchemasFault::NoSubject(subject.clone()));
        }
        if let Some(version) = version {
            gone.retain(|entry| entry.source.version.version == version);
            if gone.is_empty() {
                let (subject, version) = (subject.clone(), version.to_string());
                return Err(SchemasFault::NoVersion { subject, version });
            }
        }
        for entry in &gone {
            let mut by = registry.referrers(&entry.source.version);
            // Versions that go together may refer to one another.
            let stays = |by: &&Arc<Entry>| !gone.iter().any(|gone| Arc::ptr_eq(gone, by));
            if let Some(by) = by.find(stays) {
                let SchemaVersion { subject, version } = &by.source.version;
                return Err(SchemasFault::Referred { by: format!("{subject} version {version}") });
            }
        }
        let numbers = gone.iter().map(|entry| entry.source.version.version).collect();
        let folder = Arc::clone(&self.folder);
        let next = blocking(move || {
            let mut next = Registry::clone(&registry);
            for entry in gone {
                let formats = entry.source.formats;
                let deleted = registry.altered(&entry, Standing::Deleted, formats)?;
                folder.save(&deleted.source)?;
                next.put(deleted);
            }
            Ok(next)
        });
        self.take(next.await?);
        tracing::info!(%subject, "deleted versions of a schema");
        Ok(numbers)
    }

    /// Sets the mode of subjects that have none of their own.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn set_mode(&self, mode: Mode) -> Result<(), SchemasFault> {
        let _turn = self.turn.lock().await;
        let settings = Settings { compatibility: mode, ..Settings::clone(&self.settings()) };
        self.save_settings(settings).await
    }

    /// Sets what a subject has of its own. Its schemas are compiled again if `format` is to mean
    /// something else.
    ///
    /// # Errors
    /// When the subject is a file's and its formats would change, or it cannot be kept.
    pub async fn set(
        &self,
        subject: &SchemaSubject,
        own: SubjectSettings,
    ) -> Result<(), SchemasFault> {
        let _turn = self.turn.lock().await;
        let Now { registry, settings } = self.now();
        let mut settings = Settings::clone(&settings);
        let before = settings.subjects.insert(subject.to_string(), own).unwrap_or_default();
        if own == SubjectSettings::default() {
            settings.subjects.remove(subject.as_str());
        }
        if before.formats == own.formats {
            return self.save_settings(settings).await;
        }
        refuse_file(&registry, subject)?;
        let (all, folder) = (live(&registry, subject), Arc::clone(&self.folder));
        let next = blocking(move || {
            let mut next = Registry::clone(&registry);
            for entry in all {
                let altered = registry.altered(&entry, Standing::Live, own.formats.into())?;
                folder.save(&altered.source)?;
                next.put(altered);
            }
            Ok(next)
        });
        let next = next.await?;
        self.save_settings(settings).await?;
        self.take(next);
        Ok(())
    }

    async fn save_settings(&self, settings: Settings) -> Result<(), SchemasFault> {
        let folder = Arc::clone(&self.folder);
        let saved = blocking(move || {
            folder.save_settings(&settings)?;
            Ok(settings)
        });
        let settings = saved.await?;
        let registry = self.registry();
        self.put(Now { registry, settings: Arc::new(settings) });
        Ok(())
    }

    /// From now on this registry counts, here and at the door.
    fn take(&self, registry: Registry) {
        let (registry, settings) = (Arc::new(registry), self.settings());
        self.line.admission.use_schemas(&registry);
        self.put(Now { registry, settings });
    }

    fn put(&self, now: Now) {
        // As above.
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

/// Runs what blocks, away from the tasks that serve.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SchemasFault> + Send + 'static,
) -> Result<T, SchemasFault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|fault| Err(SchemasFault::TooMuch(fault.to_string())))
}

/// Each may take a processor and a gigabyte.
const JUDGES_MAX: usize = 2;

/// Where registered schemas lie, in the data folder.
const FOLDER: &str = "schemas";
