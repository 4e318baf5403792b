//! Opening a store: read the folder, start a segment, start the owners and the writer.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{DeadLetters, Item, Policy, QueueNumber, QueueState};
use sluicegate_core::time::Clock;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::registry::{Door, Registry};
use super::{Store, folder};
use crate::config::{QueueConfig, StoreConfig};
use crate::disk::{Disk, RealDisk};
use crate::fault::OpenFault;
use crate::format::catalogue;
use crate::gauges::{Gauges, Quota};
use crate::log::{Log, Reader};
use crate::metrics::Counters;
use crate::owner::{Owner, Waiting};
use crate::receipts::Receipts;
use crate::recovery::{self, KEEP, Recovered};
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
        let started = Instant::now();
        let folder_key = folder::open(&*disk, config.seed)?;
        let retain = config.queues.iter().map(|queue| (queue.name.clone(), queue.retain)).collect();
        let terms = recovery::Terms {
            folder_key,
            dedupe_window: config.dedupe_window,
            dedupe_keys_max: config.dedupe_keys_max,
            retain: &retain,
        };
        let mut recovered =
            recovery::recover(&*disk, terms).map_err(OpenFault::disk("read the log"))?;
        let plans = plan(&mut recovered, &config.queues)?;
        let counters = Arc::new(Counters::default());
        counters.quarantined.add(recovered.quarantined);
        let recovery_ns = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        counters.recovery_ns.store(recovery_ns, Ordering::Relaxed);

        if recovered.names != recovered.names_saved {
            let bytes = catalogue::encode_file(&recovered.names);
            disk.replace("", catalogue::FILE, &bytes)
                .map_err(OpenFault::disk("write the names of the queues"))?;
        }
        let segments = Arc::clone(&recovered.segments);
        let number = recovered.next_segment;
        recovered.ledger.begin(number, recovered.keys.next());
        let names = recovered.names.clone();
        let log = Log::start(
            Arc::clone(&disk),
            Arc::clone(&segments),
            config.segment_bytes,
            names,
            number,
        )
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

/// How one queue is treated.
struct Plan {
    name: QueueName,
    policy: Policy,
    quota: Quota,
    retain: Duration,
}

/// Gives every queue a number and a policy: those of the folder keep theirs, new ones are added.
fn plan(recovered: &mut Recovered, queues: &[QueueConfig]) -> Result<Vec<Plan>, OpenFault> {
    let names = &mut recovered.names;
    for number in names.len()..recovered.states.len() {
        // Its catalogue was damaged. The name cannot be one that exists: those are known.
        let name = format!("recovered-{number}").parse().map_err(|_| too_many())?;
        names.push(name);
    }
    let known: HashSet<QueueName> = names.iter().cloned().collect();
    let mut new: Vec<QueueName> = queues.iter().map(|queue| queue.name.clone()).collect();
    new.retain(|name| !known.contains(name));
    names.extend(new);
    let mut numbers = HashMap::new();
    for (number, name) in names.iter().enumerate() {
        numbers.insert(name.clone(), QueueNumber(u16::try_from(number).map_err(|_| too_many())?));
    }
    recovered.states.resize_with(names.len(), || QueueState::new(KEEP));
    let configured: HashMap<&QueueName, &QueueConfig> =
        queues.iter().map(|queue| (&queue.name, queue)).collect();
    let dead_letter_queues: HashSet<&QueueName> =
        queues.iter().map(|queue| &queue.dead_letter).collect();
    let mut plans = Vec::with_capacity(names.len());
    for (name, state) in names.iter().zip(&mut recovered.states) {
        let config = configured.get(name).copied();
        let dead_letters = match config {
            Some(config) if !dead_letter_queues.contains(name) => {
                let to = numbers.get(&config.dead_letter).copied();
                DeadLetters::MoveTo(to.ok_or_else(|| OpenFault::Config {
                    what: format!("queue {name} has no dead-letter queue {}", config.dead_letter),
                })?)
            }
            Some(_) | None => DeadLetters::Stay,
        };
        let retry = config.map_or(KEEP.retry, |config| config.retry);
        let policy = Policy { retry, dead_letters };
        state.set_policy(policy);
        plans.push(Plan {
            name: name.clone(),
            policy,
            quota: Quota {
                events_max: config.and_then(|config| config.events_max).unwrap_or(u64::MAX),
                bytes_max: config.and_then(|config| config.bytes_max).unwrap_or(u64::MAX),
            },
            retain: config.map_or(Duration::ZERO, |config| config.retain),
        });
    }
    Ok(plans)
}

fn too_many() -> OpenFault {
    OpenFault::Config { what: "a data folder holds at most 65,535 queues".into() }
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
