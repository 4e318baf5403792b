//! A version in shadow: asked about the same events as the one that decides, on a thread of its
//! own, after the event has gone on. Nothing that it says takes effect.
//!
//! A plugin that remembers starts from nothing here, and remembers for itself as long as it is in
//! shadow: what the one that decides has remembered is neither read nor changed.
//!
//! It never slows the line: an event that finds no room is counted and not compared.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use sluicegate_core::decision::Decision;
use sluicegate_core::event::Event;
use sluicegate_core::ids::RouteName;
use sluicegate_core::seams::StateView;
use sluicegate_core::state::{Scratch, Session};
use sluicegate_core::time::Clock;

use crate::differences::{Differences, Tally};
use crate::engine::WORKER_STACK_BYTES;
use crate::imports::now;
use crate::plugin::Plugin;
use crate::spec::Queues;
use crate::station::Station;
use crate::ticker::Ticker;
use crate::trial::Said;
use crate::watch::Watch;

/// A version in shadow. Its thread ends when the last handle is gone.
pub(crate) struct Shadow {
    pub(crate) plugin: Plugin,
    line: Arc<Line>,
}

/// The thread of a shadow, and the way to end it.
pub(crate) struct ShadowThread {
    line: Arc<Line>,
    thread: JoinHandle<()>,
}

/// An event to compare: the route that it was on, and what was decided about it.
struct Asked {
    event: Event,
    route: RouteName,
    current: Said,
}

/// The bounded line of events to compare.
#[derive(Default)]
struct Line {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    tally: Tally,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Asked>,
    bytes: usize,
    closed: bool,
}

impl Shadow {
    /// Starts the thread of a version.
    pub(crate) fn start(
        plugin: Plugin,
        queues: Arc<dyn Queues>,
        ticker: Arc<Ticker>,
    ) -> io::Result<(Arc<Self>, ShadowThread)> {
        let line = Arc::new(Line::default());
        let (of_thread, asked) = (Arc::clone(&line), plugin.clone());
        let thread = thread::Builder::new()
            .name("filter-shadow".into())
            .stack_size(WORKER_STACK_BYTES)
            .spawn(move || {
                let mut station = Station::new(queues);
                let state = Arc::new(Scratch::new(Clock::new(now)));
                while let Some(Asked { event, route, current }) = of_thread.take() {
                    let _running = ticker.running();
                    let shadow = ask(&mut station, &asked, &event, &route, &state);
                    of_thread.tally.compare(&event, &current, &shadow);
                }
            })?;
        let thread = ShadowThread { line: Arc::clone(&line), thread };
        Ok((Arc::new(Self { plugin, line }), thread))
    }

    /// Hands over an event, with what the version that decides said about it.
    pub(crate) fn compare(&self, event: &Event, route: &RouteName, current: Said) {
        if !self.line.push(event, route, current) {
            self.line.tally.dropped(1);
        }
    }

    /// What came of it so far.
    pub(crate) fn differences(&self) -> Differences {
        self.line.tally.snapshot()
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        self.line.close();
    }
}

impl ShadowThread {
    /// Whether it has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it after the event that it is at.
    pub(crate) fn stop(self) {
        self.line.close();
        // A thread that panicked has said so; there is nothing left of it to stop.
        let _ = self.thread.join();
    }
}

/// What the shadow says. Its failures are counted as its own.
fn ask(
    station: &mut Station,
    plugin: &Plugin,
    event: &Event,
    route: &RouteName,
    state: &Arc<Scratch>,
) -> Said {
    if !plugin.wants(&event.kind) {
        return Said::NotAsked;
    }
    let remembers = plugin.0.limits.state.is_some();
    let mut session = remembers.then(|| Session::over(Arc::clone(state) as Arc<dyn StateView>));
    let verdict = station.ask(plugin, event, route, &mut session, &mut Watch::start());
    // As on the line: what is refused, or what broke, is not remembered.
    if let (Ok(Ok(decision)), Some(session)) = (&verdict, session)
        && !matches!(decision, Decision::Reject(_))
    {
        state.commit(session.into_transaction());
    }
    if let Some(cause) = crate::walk::failure(&verdict) {
        plugin.0.about.counts.failed(cause);
    }
    Said::from(verdict)
}

impl Line {
    /// Puts an event at the end, if there is room.
    fn push(&self, event: &Event, route: &RouteName, current: Said) -> bool {
        let weight = event.weight();
        let mut waiting = self.lock();
        let has_room = waiting.events.len() < EVENTS_MAX && waiting.bytes + weight <= BYTES_MAX;
        if waiting.closed || !has_room {
            return waiting.closed;
        }
        waiting.bytes += weight;
        let (event, route) = (event.clone(), route.clone());
        waiting.events.push_back(Asked { event, route, current });
        drop(waiting);
        self.wake.notify_one();
        true
    }

    /// Waits for the event at the front; `None` when the line is closed.
    fn take(&self) -> Option<Asked> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some(asked) = waiting.events.pop_front() {
                waiting.bytes = waiting.bytes.saturating_sub(asked.event.weight());
                return Some(asked);
            }
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Closes the line; what waits in it is not compared any more.
    fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.events.clear();
        drop(waiting);
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // What this lock guards is whole at every moment.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events that may wait for a shadow.
const EVENTS_MAX: usize = 1024;

/// Bytes of those events: they are kept alive for it.
const BYTES_MAX: usize = 32 * 1024 * 1024;
