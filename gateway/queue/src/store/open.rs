//! Opening a store: read the folder, start a segment, start the owners and the writer.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{QueueNumber, QueueState};
use sluicegate_core::time::{Clock, Moment};
use tokio::runtime::Handle;

use super::definitions::Definitions;
use super::folder::FolderKey;
use super::opener::Opener;
use super::operator::Operator;
use super::{Store, folder, settings, strays};
use crate::archive::{Archive, Archivist, Shared};
use crate::claim::States;
use crate::config::StoreConfig;
use crate::disk::{Disk, FolderLock, RealDisk};
use crate::fault::OpenFault;
use crate::format::catalogue;
use crate::gauges::{Sources, tag_of};
use crate::log::{Depot, Log, Reader, ballast_bytes, spawn_depot};
use crate::metrics::Counters;
use crate::receipts::Receipts;
use crate::recovery::{self, Checkpoints, Recovered, Trust};
use crate::rooms::{Registry, Standing};
use crate::seal::{Unsealer, unlock};
use crate::writer::Standing::Open;
use crate::writer::{Desk, Ended, Inbox, Progress, Writer, postman, spawn};

impl Store {
    /// Opens the store in a data folder; makes the folder if it is missing. Reads the newest
    /// checkpoint and what the log says after it. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the folder is in use, of another version, or cannot be read and written, or when the
    /// configuration names a dead-letter queue that is not configured.
    pub fn open(config: StoreConfig, clock: Clock) -> Result<Self, OpenFault> {
        let (disk, lock) = RealDisk::open(&config.folder)?;
        Self::open_with(Arc::new(disk), Some(Arc::new(lock)), &config, clock, Threads::Own)
    }

    /// On a disk of the caller's, with no thread but the writer's: so that a test does the same
    /// steps every time.
    #[cfg(test)]
    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        config: &StoreConfig,
        clock: Clock,
    ) -> Result<Self, OpenFault> {
        Self::open_with(disk, None, config, clock, Threads::Writer)
    }

    /// On a disk of the caller's, with all the threads.
    #[cfg(test)]
    pub(crate) fn open_manned(
        disk: Arc<dyn Disk>,
        config: &StoreConfig,
        clock: Clock,
    ) -> Result<Self, OpenFault> {
        Self::open_with(disk, None, config, clock, Threads::Own)
    }

    fn open_with(
        disk: Arc<dyn Disk>,
        lock: Option<Arc<FolderLock>>,
        config: &StoreConfig,
        clock: Clock,
        threads: Threads,
    ) -> Result<Self, OpenFault> {
        let runtime = Handle::try_current().map_err(|_| OpenFault::NoRuntime)?;
        let (counters, opened) = (Arc::new(Counters::default()), clock.moment());
        let unlocked = unlock(&*disk, config.encryption.as_ref(), opened.wall)?;
        let read = read(&disk, config, &unlocked.unsealer(), &counters, opened)?;
        let (mut recovered, definitions, folder_key) = read;
        let (sealer, keeper) = unlocked.begin(&disk, &runtime, &clock)?;
        let number = recovered.next_segment;
        let (mut log, depot, depot_thread) = begin_log(&disk, config, &mut recovered, threads)?;
        let desk = Arc::new(Desk::new(config.in_flight_bytes_max, sealer.clone()));
        log.wait_for_room(patience(&desk, &counters));
        let (post, sources) = (Arc::new(Inbox::default()), Arc::new(Sources::default()));
        let opener = opener(&runtime, &recovered, &desk, &clock, config.seed);
        fill(&opener, &mut recovered, &definitions, &sources, opened)?;
        finish_folder(&*disk, &recovered, &counters);
        let registry = Arc::clone(&opener.registry);
        let states = Arc::new(States::found(&mut recovered.state, &clock, opened));
        let archive = archive(&disk, &mut recovered, &depot, &desk, &counters, threads)?;
        let operator = Operator::new(opener, Arc::clone(&disk), lock.as_ref(), definitions);
        let writer = Writer {
            disk,
            log,
            ledger: recovered.ledger,
            indexes: Arc::clone(&recovered.indexes),
            archive,
            depot,
            _depot_thread: depot_thread,
            keys: recovered.keys,
            key_files: recovered.key_files,
            states: Arc::clone(&states),
            desk: Arc::clone(&desk),
            rooms: registry.rooms(),
            registry: Arc::clone(&registry),
            sources: Arc::clone(&sources),
            post: Arc::clone(&post),
            counters: Arc::clone(&counters),
            clock: clock.clone(),
            opened,
            fsync: config.fsync,
            free_bytes_min: config.free_bytes_min,
            progress: Progress::before(number),
            _lock: lock,
        };
        Ok(Self {
            operator: Arc::new(operator),
            registry,
            desk,
            reader: Reader(Arc::clone(&recovered.segments), recovered.listings.unsealer.clone()),
            sealer,
            keeper,
            segments: recovered.segments,
            listings: recovered.listings,
            sources,
            source_bounds: source_bounds(config),
            receipts: Receipts::new(),
            states,
            counters,
            folder_key,
            clock,
            postman: runtime.spawn(postman::run(Arc::clone(&post))).abort_handle(),
            post,
            thread: Mutex::new(Some(start(writer)?)),
        })
    }
}

/// How the writer waits for room: not for ever, if the store is to stop.
fn patience(desk: &Arc<Desk>, counters: &Arc<Counters>) -> impl Fn() -> bool + Send + 'static {
    let (desk, counters) = (Arc::clone(desk), Arc::clone(counters));
    move || {
        // Commits are refused from now on, until the writer looks at the space again.
        if !counters.disk_full.swap(true, Ordering::Relaxed) {
            tracing::error!("a write finds no room, though it was reserved: waiting for space");
        }
        std::thread::sleep(LOOK_FOR_ROOM_EVERY);
        desk.standing() == Open
    }
}

/// Says which segments should be there and are not: their events are counted as lost when they come
/// up. Removes what is left over.
fn finish_folder(disk: &dyn Disk, recovered: &Recovered, counters: &Counters) {
    for (segment, events) in recovered.ledger.missing() {
        tracing::error!(segment, events, "a segment of the log is missing: its events are lost");
        counters.quarantined.increment();
    }
    strays::remove(disk, recovered);
}

/// Which threads a store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Threads {
    /// The writer's, the depot's and the archivist's.
    Own,
    /// The writer's, which does the work of the others too.
    #[cfg(test)]
    Writer,
}

/// Begins the first segment of this process, with the depot that keeps the next one ready.
fn begin_log(
    disk: &Arc<dyn Disk>,
    config: &StoreConfig,
    recovered: &mut Recovered,
    threads: Threads,
) -> Result<(Log, Arc<Depot>, Ended), OpenFault> {
    let (number, bytes) = (recovered.next_segment, config.segment_bytes);
    recovered.ledger.begin(number, recovered.keys.next());
    recovered.indexes.begin(number);
    let depot = Arc::new(Depot::new(Arc::clone(disk), bytes, ballast_bytes(bytes), number));
    let thread = match threads {
        Threads::Own => Some(spawn_depot(Arc::clone(&depot))),
        #[cfg(test)]
        Threads::Writer => None,
    };
    let thread = Ended(thread.transpose().map_err(OpenFault::disk("start the depot"))?);
    let (segments, names) = (Arc::clone(&recovered.segments), recovered.names.clone());
    let log = Log::start(Arc::clone(&depot), segments, names)
        .map_err(|fault| OpenFault::disk("start a segment")(io::Error::other(fault)))?;
    Ok((log, depot, thread))
}

fn opener(
    runtime: &Handle,
    recovered: &Recovered,
    desk: &Arc<Desk>,
    clock: &Clock,
    seed: u64,
) -> Opener {
    Opener {
        runtime: runtime.clone(),
        registry: Arc::new(Registry::default()),
        listings: Arc::clone(&recovered.listings),
        desk: Arc::clone(desk),
        clock: clock.clone(),
        seed,
    }
}

fn archive(
    disk: &Arc<dyn Disk>,
    recovered: &mut Recovered,
    depot: &Arc<Depot>,
    desk: &Arc<Desk>,
    counters: &Arc<Counters>,
    threads: Threads,
) -> Result<Archive, OpenFault> {
    let archivist = Archivist {
        disk: Arc::clone(disk),
        segments: Arc::clone(&recovered.segments),
        listings: Arc::clone(&recovered.listings),
        depot: Arc::clone(depot),
        counters: Arc::clone(counters),
        desk: Arc::clone(desk),
        shared: Arc::new(Shared::found(std::mem::take(&mut recovered.checkpoints))),
        failed: Vec::new(),
    };
    match threads {
        Threads::Own => Archive::start(archivist).map_err(OpenFault::disk("start the archivist")),
        #[cfg(test)]
        Threads::Writer => Ok(Archive::inline(archivist)),
    }
}

/// Starts the writer; what it counts is known before anybody asks.
fn start(writer: Writer) -> Result<JoinHandle<()>, OpenFault> {
    writer.look_at_space();
    writer.count_keys();
    spawn(writer).map_err(OpenFault::disk("start the writer"))
}

/// Reads the folder: what is in it, how each queue is treated, and its key.
fn read(
    disk: &Arc<dyn Disk>,
    config: &StoreConfig,
    unsealer: &Unsealer,
    counters: &Counters,
    now: Moment,
) -> Result<(Recovered, Definitions, [u8; 16]), OpenFault> {
    let started = Instant::now();
    counters.quarantined.add(folder::missing(&**disk)?);
    let FolderKey { key: folder_key, made, damaged } = folder::open(&**disk, config.seed)?;
    let terms = recovery::Terms {
        folder_key,
        indexes: if made { Trust::Segments } else { Trust::Indexes },
        unsealer: unsealer.clone(),
        dedupe_window: config.dedupe_window,
        dedupe_keys_max: config.dedupe_keys_max,
        now,
    };
    let mut recovered = recovery::recover(disk, terms).map_err(OpenFault::disk("read the log"))?;
    recovered.quarantined += damaged;
    let definitions = define(&**disk, config, &mut recovered, now)?;
    let plans = definitions.plans(&recovered.names);
    recovered.states.resize_with(plans.len(), || QueueState::new(recovery::KEEP));
    for (state, plan) in recovered.states.iter_mut().zip(&plans) {
        state.finish_replay(plan.policy, now);
    }
    counters.quarantined.add(recovered.quarantined);
    counters.recovered_entries.add(recovered.entries);
    let recounted = recovered.checkpoint == Checkpoints::Lost;
    counters.recounted.store(recounted, Ordering::Relaxed);
    let recovery_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    counters.recovery_ns.store(recovery_ns, Ordering::Relaxed);
    save_names(&**disk, &recovered.names, &recovered.names_saved)?;
    Ok((recovered, definitions, folder_key))
}

/// What every queue is told, and a number for each.
fn define(
    disk: &dyn Disk,
    config: &StoreConfig,
    recovered: &mut Recovered,
    now: Moment,
) -> Result<Definitions, OpenFault> {
    let found = settings::read(disk).map_err(OpenFault::disk("read the settings"))?;
    recovered.quarantined += found.damaged;
    let unreadable = found.settings.is_none();
    let mut known = found.settings.unwrap_or_default();
    let states = recovered.states.iter().zip(0_u16..);
    let full = states.filter(|(state, _)| state.stats(now).depth > 0);
    for (_, number) in full {
        // What was removed was empty: damage in the log has brought an event back.
        known.removed.remove(&QueueNumber(number));
    }
    let mut definitions = Definitions::new(&config.queues, known);
    for number in recovered.names.len()..recovered.states.len() {
        // Its catalogue was damaged. The name cannot be one that exists: those are known.
        let what = || OpenFault::Config { what: "too many queues".into() };
        recovered.names.push(format!("recovered-{number}").parse().map_err(|_| what())?);
    }
    definitions.number(&mut recovered.names)?;
    if unreadable {
        tracing::error!("settings are lost: every queue is held until its hold is lifted");
        definitions.hold_all(&recovered.names);
        settings::save(disk, &definitions.settings)
            .map_err(OpenFault::disk("write the settings"))?;
    }
    Ok(definitions)
}

fn save_names(
    disk: &dyn Disk,
    names: &[QueueName],
    names_saved: &[QueueName],
) -> Result<(), OpenFault> {
    if names == names_saved {
        return Ok(());
    }
    disk.replace("", catalogue::FILE, &catalogue::encode_file(names))
        .map_err(OpenFault::disk("write the names of the queues"))
}

/// Starts the owner of every queue, and counts what is in it.
fn fill(
    opener: &Opener,
    recovered: &mut Recovered,
    definitions: &Definitions,
    sources: &Sources,
    now: Moment,
) -> Result<(), OpenFault> {
    let plans = definitions.plans(&recovered.names);
    let states = std::mem::take(&mut recovered.states);
    let mut dead: Vec<QueueNumber> = Vec::new();
    for ((state, plan), (name, number)) in
        states.into_iter().zip(plans).zip(recovered.names.iter().zip(0_u16..))
    {
        let queue = QueueNumber(number);
        let (listings, ledger) = (&recovered.listings, &mut recovered.ledger);
        let tell = |origin| dead.push(origin);
        recovery::count(queue, &state, now, listings, ledger, sources, tell)
            .map_err(OpenFault::disk("count what is in the queues"))?;
        let stats = state.stats(now);
        let removed = plan.standing == Standing::Removed;
        let room = opener.start(queue, name.clone(), plan, state);
        room.gauges.fill(stats.depth, stats.bytes);
        if !removed {
            opener.registry.open(&room);
        }
    }
    for origin in dead {
        opener.registry.numbered(origin).iter().for_each(|room| room.gauges.dead_came());
    }
    Ok(())
}

fn source_bounds(config: &StoreConfig) -> super::SourceBounds {
    let bounds = |source: &crate::config::SourceConfig| {
        let room = sluicegate_core::queue::Room {
            events_max: source.events_max.unwrap_or(u64::MAX),
            bytes_max: source.bytes_max.unwrap_or(u64::MAX),
        };
        (tag_of(source.name.as_str()), (source.name.clone(), room))
    };
    config.sources.iter().map(bounds).collect()
}

const LOOK_FOR_ROOM_EVERY: Duration = Duration::from_millis(100);
