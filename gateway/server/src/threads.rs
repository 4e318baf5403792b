//! Threads for work that takes long and cannot be stopped: as many at once as there are cores, and
//! a bounded number waits for those. Beyond it the answer is a refusal; the line never waits here
//! with work that takes microseconds.

use std::sync::Arc;

use sluicegate_core::refusal::Refusal;
use tokio::sync::Semaphore;

/// The threads of one kind of work, and the places before them.
pub(crate) struct Threads {
    waiting: Arc<Semaphore>,
    threads: Arc<Semaphore>,
    overloaded: Refusal,
}

impl Threads {
    /// As many threads as there are cores, and so many places; `overloaded` is the answer to who
    /// has none of these.
    pub(crate) fn new(waiting_max: usize, overloaded: Refusal) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self::of(threads, waiting_max, overloaded)
    }

    pub(crate) fn of(threads: usize, waiting_max: usize, overloaded: Refusal) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { waiting: places(waiting_max), threads: places(threads), overloaded }
    }

    /// The answer to whoever has no place.
    pub(crate) fn overloaded(&self) -> Refusal {
        self.overloaded.clone()
    }

    /// Does the work on a thread. If this is dropped meanwhile, the work goes on to its end, and
    /// keeps its thread as long.
    ///
    /// # Errors
    /// What the work comes to; or that there is no place for it, or it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let waiting = Arc::clone(&self.waiting).try_acquire_owned();
        let waiting = waiting.map_err(|_| self.overloaded())?;
        let thread = Arc::clone(&self.threads).acquire_owned().await;
        let places = [waiting, thread.map_err(|_| self.overloaded())?];
        let done = tokio::task::spawn_blocking(move || {
            let _held = places;
            work()
        });
        done.await.unwrap_or_else(|_| Err(self.overloaded()))
    }

    /// How many may still wait, and be at work.
    #[cfg(test)]
    pub(crate) fn free(&self) -> [&Arc<Semaphore>; 2] {
        [&self.waiting, &self.threads]
    }
}
