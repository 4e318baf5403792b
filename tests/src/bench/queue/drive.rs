//! The load: producers in a closed loop, and consumers beside them; the same for every system.
//!
//! A producer publishes its next event when the one before is durable. Where events are consumed
//! in the same run, at most [`BACKLOG_MAX`] are published and not acknowledged, so that a system
//! is not measured by how well it hoards.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::audit::Seen;
use super::figures::{Figures, name};
use super::latency::Latency;
use super::payload;

/// Something that makes events durable.
pub(super) trait Publish: Send + Sync + 'static {
    /// Publishes one event; returns once the system says that it is durable.
    fn publish(
        &self,
        number: u64,
        payload: Vec<u8>,
    ) -> impl Future<Output = Result<(), String>> + Send;

    /// How often it has flushed, and the microseconds that all flushes took, if it tells.
    fn flushes(&self) -> Flushes;
}

/// Something that gives events back.
pub(super) trait Take: Send + Sync + 'static {
    /// Receives up to `max` events, shows each payload, and acknowledges them; returns once that
    /// is durable. Waits a moment for the first: zero means that there was nothing. A system with
    /// several queues takes `lane` as the number of one.
    fn take(
        &self,
        lane: usize,
        max: usize,
        show: &(dyn Fn(&[u8]) + Sync),
    ) -> impl Future<Output = Result<usize, String>> + Send;
}

/// Flushes until now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flushes {
    /// How many.
    pub(super) count: u64,
    /// How long all took; zero if nobody knows.
    pub(super) total_us: u64,
}

/// How long, and with how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The number of the first event.
    pub(super) first: u64,
    /// Producers, each with one event in flight.
    pub(super) producers: usize,
    /// Consumers, if events are consumed in the same run.
    pub(super) consumers: usize,
    /// The measured time.
    pub(super) time: Duration,
}

impl Pace {
    /// Time before the measured time, to fill caches and pools.
    fn warm_up(&self) -> Duration {
        (self.time / 5).min(Duration::from_millis(500))
    }

    /// More events than any system can take in the time: a bound for lists, not a limit.
    pub(super) fn events_bound(&self) -> u64 {
        let seconds = (self.time + self.warm_up()).as_secs_f64();
        (seconds * EVENTS_PER_SECOND_BOUND) as u64 + 1_000_000
    }
}

/// Events published and not acknowledged, while consumers are at work.
const BACKLOG_MAX: usize = 2000;
/// Where the time of publication is kept until the event is consumed.
const STARTS: usize = 4096;
const _: () = assert!(BACKLOG_MAX < STARTS, "a slot is read before it is used again");
/// Events that a consumer takes at once.
pub(super) const TAKE: usize = 64;
const EVENTS_PER_SECOND_BOUND: f64 = 1_000_000.0;
/// How long all events must have come back after the last was published.
const DRAIN: Duration = Duration::from_secs(120);

/// What is counted while a run goes on.
struct Meter {
    next: AtomicU64,
    done: AtomicU64,
    stop: AtomicBool,
    recording: AtomicBool,
    latency: Latency,
    began: Instant,
}

impl Meter {
    fn new(first: u64) -> Arc<Self> {
        Arc::new(Self {
            next: AtomicU64::new(first),
            done: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            recording: AtomicBool::new(false),
            latency: Latency::default(),
            began: Instant::now(),
        })
    }

    fn observe(&self, value: Duration) {
        if self.recording.load(Ordering::Relaxed) {
            self.latency.observe(value);
        }
    }
}

/// One reading of all counters.
struct Reading {
    at: Instant,
    done: u64,
    flushes: Flushes,
    used: Used,
}

/// CPU time until now, and flushes that reached the disk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    /// Of this process.
    pub(super) own: Duration,
    /// Of the broker.
    pub(super) server: Option<Duration>,
    /// Of everything on this machine.
    pub(super) machine: Duration,
    /// Of the whole disk.
    pub(super) disk_flushes: Option<u64>,
}

/// Measures commits. The number after the last published event, and the figures.
pub(super) async fn commit<S: Publish>(
    system: &Arc<S>,
    pace: Pace,
    used: impl Fn() -> Used,
) -> Result<(u64, Figures), String> {
    let meter = Meter::new(pace.first);
    let mut tasks = JoinSet::new();
    for _ in 0..pace.producers {
        let (system, meter) = (Arc::clone(system), Arc::clone(&meter));
        tasks.spawn(async move {
            while !meter.stop.load(Ordering::Relaxed) {
                let number = meter.next.fetch_add(1, Ordering::Relaxed);
                let payload = payload::make(number);
                let start = Instant::now();
                system.publish(number, payload).await?;
                meter.observe(start.elapsed());
                meter.done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    let figures = watch(&meter, &**system, pace, used).await;
    join(tasks).await?;
    Ok((meter.next.load(Ordering::Relaxed), figures))
}

/// Measures commits with consumers at work beside them, until every event is acknowledged and
/// the audit is clean. The latency is that from the call of publish to the payload in hand.
pub(super) async fn through<S: Publish + Take>(
    system: &Arc<S>,
    pace: Pace,
    used: impl Fn() -> Used,
) -> Result<Figures, String> {
    let meter = Meter::new(pace.first);
    let seen = Arc::new(Seen::new(pace.events_bound()));
    let starts: Arc<[AtomicU64]> = (0..STARTS).map(|_| AtomicU64::new(0)).collect();
    let room = Arc::new(Semaphore::new(BACKLOG_MAX - pace.producers));
    let mut producers = JoinSet::new();
    for _ in 0..pace.producers {
        let (system, meter) = (Arc::clone(system), Arc::clone(&meter));
        let (starts, room) = (Arc::clone(&starts), Arc::clone(&room));
        producers.spawn(async move {
            while !meter.stop.load(Ordering::Relaxed) {
                let Ok(permit) = room.acquire().await else { return Ok(()) };
                permit.forget();
                let number = meter.next.fetch_add(1, Ordering::Relaxed);
                let payload = payload::make(number);
                let start = meter.began.elapsed().as_nanos() as u64;
                starts[number as usize % STARTS].store(start, Ordering::Relaxed);
                system.publish(number, payload).await?;
            }
            Ok(())
        });
    }
    let finished = Arc::new(AtomicBool::new(false));
    let mut consumers = JoinSet::new();
    for lane in 0..pace.consumers {
        let (system, meter, seen) = (Arc::clone(system), Arc::clone(&meter), Arc::clone(&seen));
        let (starts, room) = (Arc::clone(&starts), Arc::clone(&room));
        let finished = Arc::clone(&finished);
        consumers.spawn(async move {
            let show = |payload: &[u8]| {
                let Some(number) = seen.see(payload) else { return };
                let start = starts[number as usize % STARTS].load(Ordering::Relaxed);
                meter.observe(meter.began.elapsed().saturating_sub(Duration::from_nanos(start)));
            };
            while !finished.load(Ordering::Relaxed) {
                let taken = system.take(lane, TAKE, &show).await?;
                room.add_permits(taken);
                meter.done.fetch_add(taken as u64, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    let figures = watch(&meter, &**system, pace, used).await;
    join(producers).await?;
    let published = meter.next.load(Ordering::Relaxed) - pace.first;
    wait_for(|| meter.done.load(Ordering::Relaxed) >= published).await;
    finished.store(true, Ordering::Relaxed);
    join(consumers).await?;
    seen.audit(published)?;
    Ok(figures)
}

/// Takes everything out again, lane by lane, and checks that each lane had every event once.
pub(super) async fn drain<S: Take>(
    system: &Arc<S>,
    lanes: usize,
    published: u64,
) -> Result<(), String> {
    for lane in 0..lanes {
        let seen = Seen::new(published);
        let give_up = Instant::now() + DRAIN;
        let mut taken = 0;
        while taken < published && Instant::now() < give_up {
            let show = |payload: &[u8]| seen.show(payload);
            taken += system.take(lane, DRAIN_TAKE, &show).await? as u64;
        }
        seen.audit(published).map_err(|wrong| format!("lane {lane}: {wrong}"))?;
    }
    Ok(())
}

/// Publishes these events, with so many in flight.
pub(super) async fn publish_all<S: Publish>(
    system: &Arc<S>,
    numbers: Range<u64>,
    producers: usize,
) -> Result<(), String> {
    let next = Arc::new(AtomicU64::new(numbers.start));
    let mut tasks = JoinSet::new();
    for _ in 0..producers {
        let (system, next) = (Arc::clone(system), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= numbers.end {
                    return Ok(());
                }
                system.publish(number, payload::make(number)).await?;
            }
        });
    }
    join(tasks).await
}

/// Takes out for so long, or until nothing is left, with one consumer for each lane. Events per
/// second.
pub(super) async fn drain_for<S: Take>(
    system: &Arc<S>,
    lanes: usize,
    max: usize,
    time: Duration,
    seen: &Arc<Seen>,
) -> Result<f64, String> {
    let (start, before) = (Instant::now(), seen.events());
    let ended = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for lane in 0..lanes {
        let (system, seen, ended) = (Arc::clone(system), Arc::clone(seen), Arc::clone(&ended));
        tasks.spawn(async move {
            let show = |payload: &[u8]| seen.show(payload);
            while start.elapsed() < time && system.take(lane, max, &show).await? > 0 {
                // The wait that finds nothing is not a part of the time.
                ended.fetch_max(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    join(tasks).await?;
    let took = Duration::from_nanos(ended.load(Ordering::Relaxed).max(1));
    Ok((seen.events() - before) as f64 / took.as_secs_f64())
}

/// Events that the draining consumer takes at once.
const DRAIN_TAKE: usize = 500;

async fn watch<S: Publish>(
    meter: &Meter,
    system: &S,
    pace: Pace,
    used: impl Fn() -> Used,
) -> Figures {
    let read = || Reading {
        at: Instant::now(),
        done: meter.done.load(Ordering::Relaxed),
        flushes: system.flushes(),
        used: used(),
    };
    tokio::time::sleep(pace.warm_up()).await;
    meter.recording.store(true, Ordering::Relaxed);
    let before = read();
    tokio::time::sleep(pace.time).await;
    // A disk that stalled for all of that time is measured until it goes on.
    let mut after = read();
    while after.done == before.done || after.flushes.count == before.flushes.count {
        tokio::time::sleep(pace.time).await;
        after = read();
    }
    meter.recording.store(false, Ordering::Relaxed);
    meter.stop.store(true, Ordering::Relaxed);
    let mut figures = difference(&before, &after);
    figures.set(name::P50, meter.latency.percentile_us(0.5));
    figures.set(name::P99, meter.latency.percentile_us(0.99));
    figures.set(name::MAX, meter.latency.max_us());
    figures
}

fn difference(before: &Reading, after: &Reading) -> Figures {
    let mut figures = Figures::default();
    let seconds = (after.at - before.at).as_secs_f64();
    let events = (after.done - before.done) as f64;
    figures.set(name::RATE, events / seconds);
    let cpu = |before: Duration, after: Duration| {
        after.saturating_sub(before).as_secs_f64() * 1e6 / events.max(1.0)
    };
    let mut all = cpu(before.used.own, after.used.own);
    if let Some((before, after)) = before.used.server.zip(after.used.server) {
        figures.set(name::SERVER_CPU, cpu(before, after));
        all += cpu(before, after);
    }
    figures.set(name::CPU, all);
    let machine = after.used.machine.saturating_sub(before.used.machine);
    let others = machine.as_secs_f64() - all * events / 1e6;
    figures.set(name::OTHERS, (others / seconds * 100.0).max(0.0));
    let flushes = (after.flushes.count - before.flushes.count) as f64;
    figures.set(name::FLUSHES, flushes / seconds);
    let flush_us = (after.flushes.total_us - before.flushes.total_us) as f64;
    if flush_us > 0.0 {
        figures.set(name::FLUSH_MEAN, flush_us / flushes.max(1.0));
    }
    if let Some((before, after)) = before.used.disk_flushes.zip(after.used.disk_flushes) {
        figures.set(name::DISK_FLUSHES, (after - before) as f64 / seconds);
    }
    figures
}

/// Joins all; the first fault of any.
async fn join(mut tasks: JoinSet<Result<(), String>>) -> Result<(), String> {
    let mut result = Ok(());
    while let Some(done) = tasks.join_next().await {
        result = result.and(done.unwrap_or_else(|fault| Err(fault.to_string())));
    }
    result
}

/// Waits for a condition, or until [`DRAIN`] is over: the audit tells what is missing.
async fn wait_for(condition: impl Fn() -> bool) {
    let give_up = Instant::now() + DRAIN;
    while !condition() && Instant::now() < give_up {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
