//! Where payloads are held against schemas if that takes long.
//!
//! The validator cannot be stopped, so a long judgement has a thread of its own: as many at once as
//! there are cores, and a bounded number of deliveries waits for those. A delivery that is not
//! judged in time is answered 503; its judgement goes on to its end, which is bounded, and keeps
//! its thread as long. Who sends what is judged in microseconds never waits here.

use std::time::Duration;

use sluicegate_admission::{Case, Judged};
use sluicegate_core::refusal::Refusal;
use tokio::time::timeout;

use crate::threads::Threads;

/// Who judges what takes long.
pub(crate) struct Judges {
    threads: Threads,
    /// How long a delivery waits for its judgement, the thread included.
    deadline: Duration,
}

impl Default for Judges {
    fn default() -> Self {
        Self { threads: Threads::new(WAITING_MAX, OVERLOADED), deadline: DEADLINE }
    }
}

impl Judges {
    /// Judges a case on a thread of its own.
    ///
    /// # Errors
    /// What the case comes to; or that it was not judged in time.
    pub(crate) async fn judge(&self, case: Case) -> Result<Judged, Refusal> {
        self.apart(move || case.judge()).await
    }

    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let done = timeout(self.deadline, self.threads.run(work)).await;
        done.unwrap_or_else(|_| Err(self.threads.overloaded()))
    }
}

const OVERLOADED: Refusal = Refusal::Overloaded {
    what: "payloads to hold against schemas",
    retry_after: Duration::from_secs(2),
};

/// Deliveries that wait for a thread or are judged. Each holds its payload and its JSON.
const WAITING_MAX: usize = 64;
const DEADLINE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn of_one_thread(waiting: usize) -> Judges {
        let threads = Threads::of(1, waiting, OVERLOADED);
        Judges { threads, deadline: Duration::from_millis(50) }
    }

    #[tokio::test]
    async fn who_is_not_judged_in_time_may_come_again_and_the_thread_stays_taken_until_it_ends() {
        let judges = of_one_thread(8);
        let (end, ended) = mpsc::channel::<()>();
        let long = judges.apart(move || Ok(ended.recv().is_ok()));
        let refusal = long.await.unwrap_err();
        assert_eq!(refusal.code(), "overloaded");
        // The first is still at it: the next has no thread, and waits for as long.
        assert!(judges.apart(|| Ok(())).await.is_err());
        let [waiting, threads] = judges.threads.free();
        assert_eq!(waiting.available_permits(), 7);
        end.send(()).unwrap();
        let freed = threads.acquire().await.unwrap();
        drop(freed);
        let patient = Judges { deadline: DEADLINE, ..judges };
        assert_eq!(patient.apart(|| Ok(7)).await, Ok(7));
    }

    #[tokio::test]
    async fn beyond_the_bound_nobody_waits() {
        let judges = of_one_thread(0);
        assert_eq!(judges.apart(|| Ok(())).await.unwrap_err().code(), "overloaded");
    }

    #[tokio::test]
    async fn work_that_panics_is_no_answer_of_a_schema_and_frees_its_thread() {
        let judges = Judges { deadline: DEADLINE, ..of_one_thread(1) };
        let broken = judges.apart(|| -> Result<(), Refusal> { panic!("broken") }).await;
        assert_eq!(broken.unwrap_err().code(), "overloaded");
        assert_eq!(judges.apart(|| Ok(())).await, Ok(()));
    }
}
