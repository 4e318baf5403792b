//! What a checkpoint says, before it is bytes.

use std::sync::Arc;

use sluicegate_core::state::{Scope, Value};

use crate::format::checkpoint::{self, Marked};
use crate::format::entry::Position;
use crate::writer::Desk;

/// What a checkpoint says.
#[derive(Debug)]
pub(crate) struct Saved {
    /// Where the log is read from.
    pub(crate) from: Position,
    /// The queues.
    pub(crate) marked: Vec<Marked>,
    /// The state at `from`.
    pub(crate) state: Vec<(Scope, Arc<str>, Value)>,
}

impl Saved {
    /// Encodes it; `None` if a queue is too large. The queues are sealed already, as each came over
    /// the desk; state is sealed here.
    pub(crate) fn encode(self, desk: &Desk) -> Option<Vec<u8>> {
        let mut state = checkpoint::encode_state(&self.state);
        state.iter_mut().for_each(|frame| desk.seal(frame));
        checkpoint::encode(self.from.pack(), self.marked, state)
    }
}
