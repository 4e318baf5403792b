//! Where the door hands over what was refused. Handing over never waits: what does not fit is not
//! kept, and counted. One thread writes; the line never waits for it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sluicegate_admission::{Admission, Custody};
use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::{EventId, SourceName};
use sluicegate_core::limits::bounded_reason;
use sluicegate_core::proof::Received;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::time::{Clock, Timestamp};
use sluicegate_queue::{
    KeepFault, Kept, RefusedBounds, RefusedClass, RefusedDelivery, RefusedFault, RefusedLog,
    RefusedQuery, RefusedStanding, RefusedUsage, Store,
};

use super::class::class_of;
use super::counters::RefusedCounters;
use super::lane::{Budget, Lane};
use crate::pipeline::Pipeline;

/// How refused deliveries are kept.
#[derive(Debug, Clone)]
pub struct Keeping {
    /// How many of each source, and for how long.
    pub bounds: BTreeMap<SourceName, RefusedBounds>,
    /// Below so much free space nothing is kept.
    pub free_bytes_min: u64,
    /// How long a repetition is known: a release that was cut short before that is in doubt.
    pub dedupe_window: Duration,
}

/// The refused deliveries of the gateway.
pub struct Refused {
    pub(super) log: Arc<RefusedLog>,
    pub(super) line: Arc<Pipeline>,
    pub(super) clock: Clock,
    pub(super) keeping: Keeping,
    /// One is released at a time.
    pub(super) turn: tokio::sync::Mutex<()>,
    lanes: Arc<HashMap<SourceName, Lane>>,
    budget: Arc<Budget>,
    sender: SyncSender<Work>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

enum Work {
    Keep(Box<RefusedDelivery>, RefusedClass),
    Stop,
}

impl Refused {
    /// Opens what was kept before, and starts the thread that writes.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn open(
        store: &Store,
        line: Arc<Pipeline>,
        keeping: Keeping,
        clock: Clock,
    ) -> io::Result<Self> {
        let log = Arc::new(store.refused(keeping.bounds.clone(), clock.now())?);
        let lanes = Arc::new(lanes(&keeping, &line.admission));
        let budget = Arc::new(Budget::new(WAITING_BYTES_MAX));
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let writer = Writer {
            log: Arc::clone(&log),
            lanes: Arc::clone(&lanes),
            budget: Arc::clone(&budget),
            free_bytes_min: keeping.free_bytes_min,
            clock: clock.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("refused".into())
            .spawn(move || writer.run(&receiver))?;
        let (turn, thread) = (tokio::sync::Mutex::default(), Mutex::new(Some(thread)));
        Ok(Self { log, line, clock, keeping, turn, lanes, budget, sender, thread })
    }

    /// Hands a delivery over, if its refusal is one that can be mended. Never waits.
    pub fn offer(&self, received: &Received, refusal: &Refusal) {
        let delivery = received.delivery();
        let Some(class) = class_of(refusal, &delivery.transport) else { return };
        let Some(lane) = self.lanes.get(&delivery.source) else { return };
        let arrival = received.arrival();
        let bytes = bytes_of(delivery);
        if !lane.enter(class, bytes, &self.budget, arrival.steady) {
            return self.not_kept(lane, class, &delivery.source, arrival.steady);
        }
        let refused = RefusedDelivery {
            id: arrival.id,
            at: arrival.at,
            code: refusal.code().into(),
            why: reason(refusal),
            masked: false,
            delivery: delivery.clone(),
        };
        if self.sender.try_send(Work::Keep(Box::new(refused), class)).is_err() {
            lane.leave(class, bytes, &self.budget);
            self.not_kept(lane, class, &delivery.source, arrival.steady);
        }
    }

    fn not_kept(&self, lane: &Lane, class: RefusedClass, source: &SourceName, now: Timestamp) {
        let counter = match class {
            RefusedClass::Likely => &lane.counters.flooded,
            RefusedClass::Unsigned => &lane.counters.flooded_unsigned,
        };
        counter.increment();
        if lane.said.take(now).is_ok() {
            let dropped = counter.value();
            tracing::warn!(%source, dropped, "refused deliveries come too fast to be kept");
        }
    }

    /// Those that are asked for, and whether there are more.
    ///
    /// # Errors
    /// When the thread that looks cannot be had.
    pub async fn list(&self, query: RefusedQuery) -> io::Result<(Vec<Kept>, bool)> {
        let log = Arc::clone(&self.log);
        Ok(tokio::task::spawn_blocking(move || log.list(&query)).await?)
    }

    /// One, whole, as it was kept: its headers are not masked for people.
    ///
    /// # Errors
    /// When it is gone, damaged, or the disk fails.
    pub async fn read(
        &self,
        id: EventId,
    ) -> Result<(RefusedDelivery, RefusedStanding), RefusedFault> {
        self.with_log(move |log| log.read(id)).await
    }

    /// Takes one away for good.
    ///
    /// # Errors
    /// When it is not there, or the disk fails.
    pub async fn remove(&self, id: EventId) -> Result<(), RefusedFault> {
        let _turn = self.turn.lock().await;
        self.with_log(move |log| log.remove(id)).await
    }

    /// What is kept of each source.
    ///
    /// # Errors
    /// When the thread that looks cannot be had.
    pub async fn usage(&self) -> io::Result<Vec<(SourceName, RefusedUsage)>> {
        let log = Arc::clone(&self.log);
        Ok(tokio::task::spawn_blocking(move || log.usage()).await?)
    }

    /// The counts of each source.
    pub fn counters(&self) -> impl Iterator<Item = (&SourceName, &RefusedCounters)> {
        self.lanes.iter().map(|(source, lane)| (source, &*lane.counters))
    }

    /// A delivery as a person may see it: without its secrets.
    #[must_use]
    pub fn shown(&self, delivery: &Delivery) -> Delivery {
        let custody = self.line.admission.custody(&delivery.source);
        custody.unwrap_or_else(Custody::unknown).shown(delivery)
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn counters_of(&self, source: &SourceName) -> Option<&RefusedCounters> {
        self.lanes.get(source).map(|lane| &*lane.counters)
    }

    /// Does something with the log where waiting for the disk is allowed.
    pub(super) async fn with_log<T: Send + 'static>(
        &self,
        act: impl FnOnce(&RefusedLog) -> Result<T, RefusedFault> + Send + 'static,
    ) -> Result<T, RefusedFault> {
        let log = Arc::clone(&self.log);
        let done = tokio::task::spawn_blocking(move || act(&log)).await;
        done.unwrap_or_else(|fault| Err(RefusedFault::Disk(io::Error::other(fault))))
    }

    /// Writes down what was handed over, makes it durable, and ends the thread. Nothing is kept
    /// after this.
    pub async fn close(self: &Arc<Self>) {
        let this = Arc::clone(self);
        let closed = tokio::task::spawn_blocking(move || {
            // The thread is gone already: then nobody is to be told.
            let _ = this.sender.send(Work::Stop);
            let thread = this.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
            thread.map(JoinHandle::join).is_none_or(|joined| joined.is_ok())
        });
        if !closed.await.unwrap_or(false) {
            tracing::error!("the thread that keeps refused deliveries has failed");
        }
    }
}

fn lanes(keeping: &Keeping, admission: &Admission) -> HashMap<SourceName, Lane> {
    let kept = keeping.bounds.iter().filter(|(_, bounds)| bounds.events_max > 0);
    let lane = |(source, _): (&SourceName, _)| {
        Some((source.clone(), Lane::new(admission.custody(source)?)))
    };
    kept.filter_map(lane).collect()
}

/// The reason as an operator reads it; of violations the first few.
fn reason(refusal: &Refusal) -> String {
    let mut why = refusal.to_string();
    if let Refusal::Invalid { violations } = refusal {
        for violation in violations.iter().take(VIOLATIONS_TOLD) {
            let place = if violation.instance.is_empty() { "/" } else { &violation.instance };
            // Writing to a String cannot fail.
            let _ = write!(why, "; {place}: {}", violation.message);
        }
    }
    bounded_reason(why)
}

/// Why one is not kept.
enum NotKept {
    Unsealed,
    Log(KeepFault),
}

fn bytes_of(delivery: &Delivery) -> usize {
    delivery.body.len() + delivery.headers.text_len()
}

/// What the thread has.
struct Writer {
    log: Arc<RefusedLog>,
    lanes: Arc<HashMap<SourceName, Lane>>,
    budget: Arc<Budget>,
    free_bytes_min: u64,
    clock: Clock,
}

impl Writer {
    fn run(self, receiver: &Receiver<Work>) {
        let mut flushed = self.clock.steady();
        loop {
            match receiver.recv_timeout(FLUSH_EVERY) {
                Ok(Work::Keep(refused, class)) => self.keep(*refused, class),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Work::Stop) | Err(RecvTimeoutError::Disconnected) => return self.flush(),
            }
            let now = self.clock.steady();
            if now.since(flushed) >= FLUSH_EVERY {
                flushed = now;
                self.flush();
            }
        }
    }

    fn keep(&self, refused: RefusedDelivery, class: RefusedClass) {
        let (id, source) = (refused.id, refused.delivery.source.clone());
        let Some(lane) = self.lanes.get(&source) else { return };
        let bytes = bytes_of(&refused.delivery);
        let now = self.clock.moment();
        let kept = self.write(lane, refused, class, now.wall);
        lane.leave(class, bytes, &self.budget);
        let counters = &lane.counters;
        let (counter, why) = match kept {
            Ok(()) => return counters.kept.increment(),
            Err(NotKept::Unsealed) => (&counters.unsealed, UNSEALED.to_owned()),
            Err(NotKept::Log(fault)) => {
                let counter = match &fault {
                    KeepFault::NotWanted => &counters.oversized,
                    KeepFault::DiskFull => &counters.disk_full,
                    KeepFault::Disk(_) => &counters.failed,
                };
                (counter, fault.to_string())
            }
        };
        counter.increment();
        if lane.said.take(now.steady).is_ok() {
            tracing::warn!(%source, %id, why, "a refused delivery is not kept");
        }
    }

    /// Writes it down without the secrets that may not lie there.
    fn write(
        &self,
        lane: &Lane,
        refused: RefusedDelivery,
        class: RefusedClass,
        now: Timestamp,
    ) -> Result<(), NotKept> {
        let kept = lane.custody.kept(refused.delivery, self.log.is_sealed());
        let (delivery, masked) = kept.ok_or(NotKept::Unsealed)?;
        let refused = RefusedDelivery { delivery, masked, ..refused };
        self.log.keep(&refused, class, self.free_bytes_min, now).map_err(NotKept::Log)
    }

    fn flush(&self) {
        if let Err(error) = self.log.flush(self.clock.now()) {
            tracing::error!(%error, "refused deliveries are not durable");
        }
    }
}

/// Deliveries that may wait to be written, and their bytes.
const WAITING_MAX: usize = 4096;
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;
const FLUSH_EVERY: Duration = Duration::from_secs(1);
const VIOLATIONS_TOLD: usize = 3;
const UNSEALED: &str = "it carries its token, and the data folder is not encrypted";
