//! Opening a store: read the folder, start a segment, start the owners and the writer.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use sluicegate_core::queue::{DeadLetters, Item, QueueNumber, QueueState};
use sluicegate_core::time::Clock;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::plan::{Plan, plan};
use super::registry::{Door, Registry};
use super::{Store, folder};
use crate::config::StoreConfig;
use crate::disk::{Disk, RealDisk};
use crate::fault::OpenFault;
use crate::format::catalogue;
use crate::gauges::Gauges;
use crate::log::{Log, Reader};
use crate::metrics::Counters;
use crate::owner::{Owner, Waiting};
use crate::receipts::Receipts;
use crate::recovery::{self, Recovered};
use crate::writer::{Desk, Inbox, Writer, postman, spawn};

impl Store {
    /// Opens the store in a data folder; makes the folder if it is missing. Reads the whole log.
    /// Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the folder is in use, of another version, or cannot be read and written, or when the
    /// configuration names a dead-letter queue that is not configured.
    pub fn open(config: StoreConfig, clock: Clock) -> Result<Self, OpenFault> {
        let disk = RealDisk::open(&config.folder)?;
        Self::open_on(Arc::new(disk), &config, clock)
    }

    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        config: &StoreConfig,
        clock: Clock,
    ) -> Result<Self, OpenFault> {
        let runtime = Handle::try_current().map_err(|_| OpenFault::NoRuntime)?;
        let counters = Arc::new(Counters::default());
        let (mut recovered, plans, folder_key) = read(&*disk, config, &counters)?;
        let segments = Arc::clone(&recovered.segments);
        let number = recovered.next_segment;
        recovered.ledger.begin(number, recovered.keys.next());
        let names = recovered.names.clone();
        let bytes = config.segment_bytes;
        let log = Log::start(Arc::clone(&disk), Arc::clone(&segments), bytes, names, number)
            .map_err(OpenFault::disk("start a segment"))?;
        let gauges = gauges(&recovered.states, &clock);
        let desk = Arc::new(Desk::new(config.in_flight_bytes_max));
        let post = Arc::new(Inbox::default());
        let (doors, mut tasks, inboxes) =
            owners(&runtime, recovered.states, &plans, &desk, &clock, config.seed);
        let writer = Writer {
            disk,
            segments: Arc::clone(&segments),
            log,
            ledger: recovered.ledger,
            keys: recovered.keys,
            key_files: recovered.key_files,
            desk: Arc::clone(&desk),
            inboxes,
            post: Arc::clone(&post),
            gauges: Arc::clone(&gauges),
            retain: plans.iter().map(|plan| plan.retain).collect(),
            counters: Arc::clone(&counters),
            clock: clock.clone(),
            fsync: config.fsync,
            free_bytes_min: config.free_bytes_min,
            untidy: false,
        };
        writer.look_at_space();
        tasks.push(runtime.spawn(postman::run(Arc::clone(&post))).abort_handle());
        let thread = spawn(writer).map_err(OpenFault::disk("start the writer"))?;
        Ok(Self {
            registry: Registry::new(doors, gauges),
            desk,
            reader: Reader(Arc::clone(&segments)),
            segments,
            receipts: Receipts::new(),
            counters,
            folder_key,
            tasks,
            post,
            thread: Mutex::new(Some(thread)),
        })
    }
}

/// Reads the folder: what is in it, how each queue is treated, and its key.
fn read(
    disk: &dyn Disk,
    config: &StoreConfig,
    counters: &Counters,
) -> Result<(Recovered, Vec<Plan>, [u8; 16]), OpenFault> {
    let started = Instant::now();
    counters.quarantined.add(folder::missing(disk)?);
    let folder_key = folder::open(disk, config.seed)?;
    let retain = config.queues.iter().map(|queue| (queue.name.clone(), queue.retain)).collect();
    let terms = recovery::Terms {
        folder_key,
        dedupe_window: config.dedupe_window,
        dedupe_keys_max: config.dedupe_keys_max,
        retain: &retain,
    };
    let mut recovered = recovery::recover(disk, terms).map_err(OpenFault::disk("read the log"))?;
    let plans = plan(&mut recovered, &config.queues)?;
    counters.quarantined.add(recovered.quarantined);
    let recovery_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    counters.recovery_ns.store(recovery_ns, Ordering::Relaxed);

    if recovered.names != recovered.names_saved {
        let bytes = catalogue::encode_file(&recovered.names);
        disk.replace("", catalogue::FILE, &bytes)
            .map_err(OpenFault::disk("write the names of the queues"))?;
    }
    Ok((recovered, plans, folder_key))
}

fn gauges(states: &[QueueState], clock: &Clock) -> Arc<[Gauges]> {
    let gauges: Arc<[Gauges]> = states.iter().map(|_| Gauges::default()).collect();
    for (state, gauge) in states.iter().zip(gauges.iter()) {
        let stats = state.stats(clock.now());
        gauge.fill(stats.depth, stats.bytes);
        for origin in state.exceptions().filter_map(|item| item.origin()) {
            if let Some(origin) = gauges.get(usize::from(origin.0)) {
                origin.dead_came();
            }
        }
    }
    gauges
}

type Started = (Vec<Door>, Vec<AbortHandle>, Vec<Arc<Inbox<Item>>>);

/// Starts the owner of every queue.
fn owners(
    runtime: &Handle,
    states: Vec<QueueState>,
    plans: &[Plan],
    desk: &Arc<Desk>,
    clock: &Clock,
    seed: u64,
) -> Started {
    let mut started: Started = (Vec::new(), Vec::new(), Vec::new());
    for ((state, plan), number) in states.into_iter().zip(plans).zip(0_u16..) {
        let (mail, mailbox) = mpsc::channel(MAILBOX);
        let inbox = Arc::new(Inbox::default());
        let owner = Owner {
            number: QueueNumber(number),
            name: plan.name.clone(),
            state,
            mailbox,
            inbox: Arc::clone(&inbox),
            desk: Arc::clone(desk),
            clock: clock.clone(),
            random: seed ^ u64::from(number).rotate_left(32),
            waiting: Waiting::default(),
        };
        let dead_letter = match plan.policy.dead_letters {
            DeadLetters::MoveTo(to) => Some(to),
            DeadLetters::Stay => None,
        };
        started.0.push(Door { name: plan.name.clone(), quota: plan.quota, dead_letter, mail });
        started.1.push(runtime.spawn(owner.run()).abort_handle());
        started.2.push(inbox);
    }
    started
}

/// Questions that may wait for an owner; who asks more waits to ask.
const MAILBOX: usize = 256;
