//! The operator: whoever changes which queues there are and how they are treated, one at a time.
//!
//! What is set is durable before it is in force, and the names of queues are in the log before any
//! entry uses their numbers. Nobody is told of success before both.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{QueueFault, QueueNumber, QueueState};
use tokio::sync::{RwLock, oneshot};

use super::define::Defined;
use super::definitions::{Definitions, QUEUES_MAX, removed_name};
use super::opener::Opener;
use super::{plan, settings};
use crate::config::{Hold, QueueConfig};
use crate::disk::{Disk, FolderLock};
use crate::format::catalogue;
use crate::owner::Mail;
use crate::rooms::{Plan, Room, Standing};
use crate::writer::{NamesWork, Standing as Desk, Work};

/// Who changes queues while the store runs.
pub(super) struct Operator {
    pub(super) opener: Opener,
    disk: Arc<dyn Disk>,
    /// The writer holds the folder; who writes here holds it too, until it is done. `None` on a
    /// disk that has no lock.
    folder: Option<Weak<FolderLock>>,
    definitions: Mutex<Definitions>,
    /// One changes queues at a time, and nobody places events of the past meanwhile.
    pub(super) turn: RwLock<()>,
}

/// The folder, which is nobody else's as long as this lives.
pub(super) struct HeldFolder {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) lock: Option<Arc<FolderLock>>,
}

impl Operator {
    pub(super) fn new(
        opener: Opener,
        disk: Arc<dyn Disk>,
        folder: Option<&Arc<FolderLock>>,
        definitions: Definitions,
    ) -> Self {
        let folder = folder.map(Arc::downgrade);
        Self { opener, disk, folder, definitions: Mutex::new(definitions), turn: RwLock::new(()) }
    }

    /// The folder, for as long as somebody writes to it; `None` once the store has stopped.
    pub(super) fn hold(&self) -> Option<HeldFolder> {
        let lock = match &self.folder {
            Some(folder) => Some(folder.upgrade()?),
            None => None,
        };
        Some(HeldFolder { disk: Arc::clone(&self.disk), lock })
    }

    /// What every queue is told now.
    pub(super) fn definitions(&self) -> Definitions {
        self.lock().clone()
    }

    /// Refuses while the store takes no work.
    pub(super) fn is_open(&self) -> Result<(), QueueFault> {
        match self.opener.desk.standing() {
            Desk::Open => Ok(()),
            Desk::Stopping => Err(QueueFault::Stopping),
            Desk::Poisoned(what) => Err(QueueFault::StoreUnavailable { what }),
        }
    }

    pub(super) async fn define(&self, config: QueueConfig) -> Result<Defined, QueueFault> {
        let _turn = self.turn.write().await;
        self.is_open()?;
        let config = config.within_bounds();
        let (name, dead_letter) = (config.name.clone(), config.dead_letter.clone());
        let registry = &self.opener.registry;
        if dead_letter != name && registry.find(&dead_letter).is_none() {
            return Err(QueueFault::NoDeadLetterQueue { name: dead_letter.to_string() });
        }
        let is_there = registry.find(&name).is_some();
        if !is_there && self.unopened(&name).is_none() && registry.rooms().len() >= QUEUES_MAX {
            return Err(QueueFault::TooManyQueues);
        }
        let mut definitions = self.definitions();
        definitions.settings.made.insert(name.clone(), config);
        self.save(&definitions).await?;
        if is_there {
            self.take_up(definitions).await?;
            return Ok(Defined::Changed);
        }
        let room = self.make(&name, &definitions).await?;
        self.take_up(definitions).await?;
        registry.open(&room);
        Ok(Defined::Created)
    }

    pub(super) async fn remove(&self, name: &QueueName) -> Result<(), QueueFault> {
        let _turn = self.turn.write().await;
        self.is_open()?;
        let room = self.opener.registry.find(name).ok_or(QueueFault::NoQueue)?;
        let mut definitions = self.definitions();
        if definitions.in_force(name).retain.hold == Hold::Held {
            return Err(QueueFault::Held);
        }
        if let Some(other) = definitions.gives_up_to(name) {
            return Err(QueueFault::InUse { other: other.to_string() });
        }
        is_empty(&room)?;
        self.let_letters_come().await?;
        // From here on nobody can bring an event: only then is it sure that there is none.
        let plan = room.plan();
        self.opener.registry.close(&room);
        room.set_plan(plan::removed());
        definitions.forget(name, room.number);
        let done = match is_empty(&room) {
            Ok(()) => self.save(&definitions).await,
            full => full,
        };
        if let Err(fault) = done {
            room.set_plan(Plan::clone(&plan));
            self.opener.registry.open(&room);
            return Err(fault);
        }
        room.set_name(removed_name(room.number).unwrap_or_else(|| name.clone()));
        if let Err(fault) = self.write_names(self.names()).await {
            // The settings say that it is removed: its name in the log is for people only.
            tracing::warn!(error = %fault, queue = %name, "name of a removed queue is kept");
        }
        self.take_up(definitions).await
    }

    /// Changes what one queue is told.
    pub(super) async fn set(
        &self,
        name: &QueueName,
        change: impl FnOnce(&mut Definitions),
    ) -> Result<(), QueueFault> {
        let _turn = self.turn.write().await;
        self.is_open()?;
        self.opener.registry.find(name).ok_or(QueueFault::NoQueue)?;
        let mut definitions = self.definitions();
        change(&mut definitions);
        self.save(&definitions).await?;
        self.take_up(definitions).await
    }

    /// Waits until every queue knows where it gives its events up to, and what it gave up before
    /// is where it was sent: a letter that is on its way is in no queue's numbers.
    async fn let_letters_come(&self) -> Result<(), QueueFault> {
        let mut answers = Vec::new();
        for room in self.opener.registry.rooms() {
            let (to, answer) = oneshot::channel();
            room.mail.send(Mail::Stats { to }).await.map_err(|_| QueueFault::Stopping)?;
            answers.push(answer);
        }
        for answer in answers {
            answer.await.map_err(|_| QueueFault::Stopping)?;
        }
        let (ticket, settled) = oneshot::channel();
        self.opener.desk.lay_changes(Work::Settled(ticket));
        match settled.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(QueueFault::StoreUnavailable { what: "the disk is full" }),
            Err(_) => Err(QueueFault::Stopping),
        }
    }

    /// Makes a queue that nobody finds yet. Its name is durable, in its file and in the log.
    async fn make(
        &self,
        name: &QueueName,
        definitions: &Definitions,
    ) -> Result<Arc<Room>, QueueFault> {
        let mut names = self.names();
        let room = match self.unopened(name) {
            Some(room) => room,
            None => {
                let number = u16::try_from(names.len()).map_err(|_| QueueFault::TooManyQueues)?;
                names.push(name.clone());
                self.save_names(names.clone()).await?;
                let plan = definitions.plans(&names).pop();
                let plan = plan.ok_or(QueueFault::TooManyQueues)?;
                let state = QueueState::new(plan.policy);
                self.opener.start(QueueNumber(number), name.clone(), plan, state)
            }
        };
        self.write_names(names).await?;
        Ok(room)
    }

    /// A queue that was made, but whose name did not get into the log: the disk was full.
    fn unopened(&self, name: &QueueName) -> Option<Arc<Room>> {
        let rooms = self.opener.registry.rooms().into_iter();
        let mut live = rooms.filter(|room| room.plan().standing != Standing::Removed);
        live.find(|room| room.name() == *name)
    }

    /// Treats every queue as it is told from now on. Where a hold begins, this returns when
    /// nothing is deleted any more that was to be deleted before.
    async fn take_up(&self, definitions: Definitions) -> Result<(), QueueFault> {
        let mut hold_begins = false;
        let plans = definitions.plans(&self.names());
        *self.lock() = definitions;
        for (room, plan) in self.opener.registry.rooms().into_iter().zip(plans) {
            let before = room.plan();
            if *before == plan {
                continue;
            }
            let policy = plan.policy;
            hold_begins |= before.retain.hold != plan.retain.hold && plan.retain.hold == Hold::Held;
            room.set_plan(plan);
            if before.policy != policy {
                // An owner that has ended needs no policy: the store is stopping.
                let _ = room.mail.send(Mail::Policy(policy)).await;
            }
        }
        if hold_begins {
            let (ticket, spared) = oneshot::channel();
            self.opener.desk.lay_changes(Work::Spare(ticket));
            spared.await.map_err(|_| QueueFault::Stopping)?;
        }
        Ok(())
    }

    async fn save(&self, definitions: &Definitions) -> Result<(), QueueFault> {
        let settings = definitions.settings.clone();
        self.write("settings cannot be written", move |disk| settings::save(disk, &settings)).await
    }

    async fn save_names(&self, names: Vec<QueueName>) -> Result<(), QueueFault> {
        let bytes = catalogue::encode_file(&names);
        let replace = move |disk: &dyn Disk| disk.replace("", catalogue::FILE, &bytes);
        self.write("names of queues cannot be written", replace).await
    }

    /// Writes on a thread that may wait for the disk, while the folder is ours.
    async fn write(
        &self,
        what: &'static str,
        act: impl FnOnce(&dyn Disk) -> io::Result<()> + Send + 'static,
    ) -> Result<(), QueueFault> {
        let held = self.folder.as_ref().map(|folder| folder.upgrade().ok_or(QueueFault::Stopping));
        let (held, disk) = (held.transpose()?, Arc::clone(&self.disk));
        let write = move || {
            let _held = held;
            act(&*disk)
        };
        let done = tokio::task::spawn_blocking(write).await;
        done.unwrap_or_else(|fault| Err(io::Error::other(fault))).map_err(|fault| {
            tracing::error!(error = %fault, "{what}");
            QueueFault::StoreUnavailable { what }
        })
    }

    /// Puts the names into their file and into the log.
    async fn write_names(&self, names: Vec<QueueName>) -> Result<(), QueueFault> {
        self.save_names(names.clone()).await?;
        let (ticket, answer) = oneshot::channel();
        let frame = catalogue::encode(&names);
        self.opener.desk.lay_changes(Work::Names(NamesWork { names, frame, ticket }));
        answer.await.unwrap_or(Err(QueueFault::Stopping))
    }

    fn names(&self) -> Vec<QueueName> {
        self.opener.registry.rooms().iter().map(|room| room.name()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Definitions> {
        // No code panics with the lock held; if one did, what is in it is whole all the same.
        self.definitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing is in the queue, on its way to it, or dead and waiting to go back to it.
fn is_empty(room: &Room) -> Result<(), QueueFault> {
    let (dead, (events, _)) = (room.gauges.dead(), room.gauges.load());
    if dead == 0 && events == 0 { Ok(()) } else { Err(QueueFault::NotEmpty) }
}
