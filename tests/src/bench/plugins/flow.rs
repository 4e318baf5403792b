//! Events that flow through the room from callers of their own: what each costs, and what a guest
//! that never comes back takes from them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use sluicegate_core::event::Event;
use sluicegate_core::letter::Cause;
use sluicegate_filters::End;

use super::event::alert;
use super::guests::{Guest, Language};
use super::options::Effort;
use super::room::{Room, Route, require, require_dead, runtime};
use super::rows::name;
use super::timing::{ms, percentile};
use crate::bench::figures::Figures;

/// What so many callers did in a while.
#[derive(Debug, Clone, Copy)]
struct Flowed {
    events: f64,
    wall: Duration,
    /// Processor time of the callers' own threads.
    callers: Duration,
    /// Processor time of the whole process.
    process: Duration,
}

impl Flowed {
    fn rate(&self) -> f64 {
        self.events / self.wall.as_secs_f64()
    }

    /// Processor time of a caller for each event, in microseconds.
    fn caller_us(&self) -> f64 {
        self.callers.as_secs_f64() * 1e6 / self.events
    }
}

/// The severity router in the room: events a second, and processor time of each with everything
/// around the call. `kind` is the type of the events: it may be one that is not asked about.
pub(super) fn room(kind: &str, callers: usize, effort: &Effort) -> Result<Figures, String> {
    let room = Room::start()?;
    let route = room.route(Guest::Router(Language::Rust))?;
    let event = alert(kind, "critical");
    let right = if kind == ASKED { urgent() } else { End::Through };
    let flow = Flow { room: &room, route: &route, event: &event, right: &right, callers };
    flow.during(|| pause(effort.flow / 10))?;
    let before = guest_time(&route);
    let (flowed, ()) = flow.during(|| pause(effort.flow))?;
    let guest = guest_time(&route).saturating_sub(before);
    let mut figures = Figures::default();
    let each_us = |time: Duration| time.as_secs_f64() * 1e6 / flowed.events;
    figures.set(name::RATE, flowed.rate());
    figures.set(name::CPU_US, each_us(flowed.process));
    figures.set(name::GUEST_US, each_us(guest));
    Ok(figures)
}

/// A guest that never comes back, again and again from a caller of its own, beside `callers` of a
/// route that it has no part in.
pub(super) fn loops(callers: usize, effort: &Effort) -> Result<Figures, String> {
    let room = Room::start()?;
    let (route, broken) =
        (room.route(Guest::Router(Language::Rust))?, room.route(Guest::Scan(Language::C))?);
    let (event, right) = (alert(ASKED, "critical"), urgent());
    let flow = Flow { room: &room, route: &route, event: &event, right: &right, callers };
    flow.during(|| pause(effort.flow / 10))?;
    let (first, ()) = flow.during(|| pause(effort.flow))?;
    let (beside, mut times) = flow.during(|| stopped(&room, &broken, effort.loops))?;
    let (last, ()) = flow.during(|| pause(effort.flow))?;
    times.sort_unstable();
    let alone = first.rate().midpoint(last.rate());
    let fall = (1.0 - beside.rate() / alone) * 100.0;
    let cores = thread::available_parallelism().map_or(1, usize::from) as f64;
    let taken = beside.process.saturating_sub(beside.callers);
    let share = taken.as_secs_f64() / (beside.wall.as_secs_f64() * cores) * 100.0;
    let mut figures = Figures::default();
    figures.set(name::P50_MS, ms(percentile(&times, 0.5)));
    figures.set(name::P99_MS, ms(percentile(&times, 0.99)));
    figures.set(name::MAX_MS, ms(percentile(&times, 1.0)));
    figures.set(name::ALONE, alone);
    figures.set(name::BESIDE, beside.rate());
    figures.set(name::FALL, fall);
    figures.set(name::CALLER_ALONE_US, first.caller_us().midpoint(last.caller_us()));
    figures.set(name::CALLER_BESIDE_US, beside.caller_us());
    figures.set(name::SHARE, share);
    figures.set(name::FALL_OVER_SHARE, fall - share);
    Ok(figures)
}

/// How long each of so many looping events took, from the call to the dead letter.
fn stopped(room: &Room, route: &Route, loops: usize) -> Result<Vec<Duration>, String> {
    let event = alert("loop", "low");
    let mut times = Vec::with_capacity(loops);
    runtime()?.block_on(async {
        for _ in 0..loops {
            let began = Instant::now();
            let end = room.decide(&event, route).await?;
            times.push(began.elapsed());
            require_dead(&end, Cause::Deadline)?;
        }
        Ok(times)
    })
}

/// Callers that send one event after the other.
struct Flow<'a> {
    room: &'a Room,
    route: &'a Route,
    event: &'a Event,
    right: &'a End,
    callers: usize,
}

impl Flow<'_> {
    /// Flows as long as something else lasts.
    fn during<T>(&self, other: impl FnOnce() -> Result<T, String>) -> Result<(Flowed, T), String> {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let began = Instant::now();
            let before = time(ClockId::ProcessCPUTime);
            let threads: Vec<_> =
                (0..self.callers).map(|_| scope.spawn(|| self.call(&stop))).collect();
            let done = other();
            let process = time(ClockId::ProcessCPUTime).saturating_sub(before);
            let wall = began.elapsed();
            stop.store(true, Ordering::Relaxed);
            let (mut events, mut callers) = (0, Duration::ZERO);
            for thread in threads {
                let (its, used) = thread.join().map_err(|_| "a caller panicked")??;
                events += its;
                callers += used;
            }
            Ok((Flowed { events: events as f64, wall, callers, process }, done?))
        })
    }

    /// One caller: how many events it sent, and what processor time that took.
    fn call(&self, stop: &AtomicBool) -> Result<(u64, Duration), String> {
        runtime()?.block_on(async {
            let mut events = 0;
            while !stop.load(Ordering::Relaxed) {
                require(&self.room.decide(self.event, self.route).await?, self.right)?;
                events += 1;
            }
            Ok((events, time(ClockId::ThreadCPUTime)))
        })
    }
}

fn urgent() -> End {
    End::To(vec!["urgent".parse().expect("it is a name")])
}

/// Lets events flow for a while.
fn pause(time: Duration) -> Result<(), String> {
    thread::sleep(time);
    Ok(())
}

fn guest_time(route: &Route) -> Duration {
    Duration::from_nanos(route.plugin.metrics().call_time_ns.sum)
}

fn time(clock: ClockId) -> Duration {
    let now = clock_gettime(clock);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// A type to which the severity router subscribes.
pub(super) const ASKED: &str = "dependabot_alert";
