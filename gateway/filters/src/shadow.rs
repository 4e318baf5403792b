//! A version in shadow: asked about the same events as the one that decides, on a thread of its
//! own, after the event has gone on. Nothing that it says takes effect.
//!
//! It never slows the line: an event that finds no room is counted and not compared.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use sluicegate_core::event::Event;

use crate::differences::{Differences, Tally};
use crate::engine::WORKER_STACK_BYTES;
use crate::plugin::Plugin;
use crate::spec::Queues;
use crate::station::Station;
use crate::ticker::Ticker;
use crate::trial::Said;

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

/// The bounded line of events to compare.
#[derive(Default)]
struct Line {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    tally: Tally,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<(Event, Said)>,
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
                while let Some((event, current)) = of_thread.take() {
                    let _running = ticker.running();
                    let shadow = ask(&mut station, &asked, &event);
                    of_thread.tally.compare(&event, &current, &shadow);
                }
            })?;
        let thread = ShadowThread { line: Arc::clone(&line), thread };
        Ok((Arc::new(Self { plugin, line }), thread))
    }

    /// Hands over an event, with what the version that decides said about it.
    pub(crate) fn compare(&self, event: &Event, current: Said) {
        if !self.line.push(event, current) {
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
fn ask(station: &mut Station, plugin: &Plugin, event: &Event) -> Said {
    if !plugin.wants(&event.kind) {
        return Said::NotAsked;
    }
    let verdict = station.ask(plugin, event);
    if let Some(cause) = crate::walk::failure(&verdict) {
        plugin.0.about.counts.failed(cause);
    }
    Said::from(verdict)
}

impl Line {
    /// Puts an event at the end, if there is room.
    fn push(&self, event: &Event, current: Said) -> bool {
        let weight = event.weight();
        let mut waiting = self.lock();
        let has_room = waiting.events.len() < EVENTS_MAX && waiting.bytes + weight <= BYTES_MAX;
        if waiting.closed || !has_room {
            return waiting.closed;
        }
        waiting.bytes += weight;
        waiting.events.push_back((event.clone(), current));
        drop(waiting);
        self.wake.notify_one();
        true
    }

    /// Waits for the event at the front; `None` when the line is closed.
    fn take(&self) -> Option<(Event, Said)> {
        let mut waiting = self.lock();
        loop {
            if waiting.closed {
                return None;
            }
            if let Some((event, current)) = waiting.events.pop_front() {
                waiting.bytes = waiting.bytes.saturating_sub(event.weight());
                return Some((event, current));
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
