//! How the raw loop hands work over and gives answers: as the engine does, so that the ratio of
//! the two says what the engine adds, and not what a wake-up costs.
//!
//! Producers lay work on a pile and wake the writer only if it sleeps. The writer wakes one task
//! for a whole batch, and that task frees the producers; a batch of one is answered directly.

use std::sync::{Arc, Condvar, Mutex};

use tokio::sync::{Notify, oneshot};

/// Who waits for what.
pub(super) type Work = (Vec<u8>, oneshot::Sender<Result<(), String>>);
/// An answer on its way.
type Post = (oneshot::Sender<Result<(), String>>, Result<(), String>);

#[derive(Default)]
pub(super) struct Desk {
    pile: Mutex<Pile>,
    work_came: Condvar,
}

#[derive(Default)]
struct Pile {
    works: Vec<Work>,
    writer_sleeps: bool,
    stopped: bool,
}

impl Desk {
    pub(super) fn lay(&self, work: Work) {
        let mut pile = self.pile.lock().expect("nobody panics with it");
        pile.works.push(work);
        let wake = std::mem::take(&mut pile.writer_sleeps);
        drop(pile);
        if wake {
            self.work_came.notify_one();
        }
    }

    /// Picks up all that lies there; `false` once the desk is stopped and empty.
    pub(super) fn pick_up(&self, works: &mut Vec<Work>) -> bool {
        let mut pile = self.pile.lock().expect("nobody panics with it");
        while pile.works.is_empty() {
            if pile.stopped {
                return false;
            }
            pile.writer_sleeps = true;
            pile = self.work_came.wait(pile).expect("nobody panics with it");
            pile.writer_sleeps = false;
        }
        std::mem::swap(&mut pile.works, works);
        true
    }

    pub(super) fn stop(&self) {
        self.pile.lock().expect("nobody panics with it").stopped = true;
        self.work_came.notify_one();
    }
}

/// Answers that wait for the task that gives them.
#[derive(Default)]
pub(super) struct Postbox {
    posts: Mutex<Vec<Post>>,
    came: Notify,
}

impl Postbox {
    /// Answers a whole batch.
    pub(super) fn answer(&self, works: &mut Vec<Work>, done: &Result<(), String>) {
        if works.len() == 1 {
            // Who no longer waits needs no answer.
            works.drain(..).for_each(|(_, to)| drop(to.send(done.clone())));
            return;
        }
        let mut posts = self.posts.lock().expect("nobody panics with it");
        posts.extend(works.drain(..).map(|(_, to)| (to, done.clone())));
        drop(posts);
        self.came.notify_one();
    }

    /// Gives answers for ever.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            self.came.notified().await;
            let posts = std::mem::take(&mut *self.posts.lock().expect("nobody panics with it"));
            // Who no longer waits needs no answer.
            posts.into_iter().for_each(|(to, done)| drop(to.send(done)));
        }
    }
}
