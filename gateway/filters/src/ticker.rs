//! The clock of the deadlines: moves the engine's epoch every millisecond while guests may run.
//!
//! It sleeps for good when nobody has run for a while, so an idle gateway does not wake the
//! machine a thousand times a second. It also looks for jobs that wait behind a busy worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use wasmtime::Engine;

use crate::fault::HostFault;
use crate::jobs::Jobs;

/// The period of the epoch.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// How many ticks without a running guest until the ticker sleeps for good.
const IDLE_TICKS: u32 = 100;

/// The shared part of the ticker.
#[derive(Debug, Default)]
pub(crate) struct Ticker {
    running: AtomicUsize,
    asleep: AtomicBool,
    stopping: AtomicBool,
    thread: std::sync::OnceLock<Thread>,
}

/// Guests may run as long as this is held.
pub(crate) struct Running<'a>(&'a Ticker);

impl Ticker {
    /// Starts the thread.
    pub(crate) fn start(
        self: &Arc<Self>,
        engine: Engine,
        jobs: Arc<Jobs>,
    ) -> Result<JoinHandle<()>, HostFault> {
        let ticker = Arc::clone(self);
        let handle = thread::Builder::new()
            .name("filter-ticker".into())
            .stack_size(64 * 1024)
            .spawn(move || ticker.run(&engine, &jobs))
            .map_err(HostFault::Thread)?;
        // Set once: a ticker is started once.
        let _ = self.thread.set(handle.thread().clone());
        Ok(handle)
    }

    /// Makes the epoch move until the answer is dropped.
    pub(crate) fn running(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst) {
            self.wake();
        }
        Running(self)
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn run(&self, engine: &Engine, jobs: &Jobs) {
        let mut idle = 0;
        let mut next = Instant::now() + TICK;
        while !self.stopping.load(Ordering::SeqCst) {
            // To a moment, not for a time: what the rest of a tick takes does not make it longer.
            thread::sleep(next.saturating_duration_since(Instant::now()));
            next = (next + TICK).max(Instant::now());
            engine.increment_epoch();
            jobs.nudge();
            idle = if self.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
            if idle > IDLE_TICKS {
                self.park();
                next = Instant::now() + TICK;
                idle = 0;
            }
        }
    }

    /// Sleeps until a guest runs. The order (say `asleep`, then look again) is what makes a guest
    /// that starts at this moment wake the ticker: one of the two sees the other.
    fn park(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        while self.asleep.load(Ordering::SeqCst)
            && self.running.load(Ordering::SeqCst) == 0
            && !self.stopping.load(Ordering::SeqCst)
        {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}
