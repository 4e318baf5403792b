//! Counts the streams of one HTTP/2 connection, so that one that rests can be closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many streams are and were open on one connection.
#[derive(Default)]
pub(crate) struct Streams {
    open: AtomicUsize,
    opened: AtomicUsize,
}

/// One stream; closed when dropped, however it ends.
pub(crate) struct OpenStream(Arc<Streams>);

impl Streams {
    pub(crate) fn open(self: &Arc<Self>) -> OpenStream {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.opened.fetch_add(1, Ordering::Relaxed);
        OpenStream(Arc::clone(self))
    }

    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// Whether no stream is open, and none was opened since there had been `seen`.
    pub(crate) fn are_quiet(&self, seen: usize) -> bool {
        self.open.load(Ordering::Relaxed) == 0 && self.opened() == seen
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
