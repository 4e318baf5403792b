//! What each entry of the log does to the queues.

use std::time::Duration;

use sluicegate_core::queue::{Item, Place, QueueNumber, QueueState};

use super::{KEEP, Recovery};
use crate::dedupe::{KeyHash, time_of};
use crate::format::catalogue;
use crate::format::changes::{self, Happened};
use crate::format::commit::Commit;
use crate::format::entry::{Kind, Position};

impl Recovery<'_> {
    /// Takes in an entry; `None` if its body is not what this version writes.
    pub(super) fn apply(&mut self, position: Position, kind: Kind, body: &[u8]) -> Option<()> {
        match kind {
            Kind::Commit => self.apply_commit(position, &Commit::decode(body)?),
            Kind::Changes => {
                let (queue, changes) = changes::decode(body)?;
                for ((place, happened), part) in changes.into_iter().zip(0_u16..) {
                    let letter = Place::committed(position.pack(), part);
                    self.apply_change(queue, place, happened, letter);
                }
                Some(())
            }
            Kind::Catalogue => {
                let names = catalogue::decode(body)?;
                for (number, name) in names.into_iter().enumerate() {
                    match self.out.names.get_mut(number) {
                        Some(known) => *known = name,
                        None => self.out.names.push(name),
                    }
                }
                Some(())
            }
        }
    }

    fn apply_commit(&mut self, position: Position, commit: &Commit<'_>) -> Option<()> {
        let received = commit.received()?;
        let (id, at) = (received.id, received.received_at);
        if let Some(key) = commit.dedupe {
            let key = KeyHash::new(&self.terms.folder_key, received.source(), key);
            self.out.keys.insert(key, id, time_of(id));
            self.out.ledger.remembered(position.segment, self.out.keys.next());
        }
        let position = position.pack();
        let (mut count, mut retain) = (0, Duration::ZERO);
        for placed in commit.placed() {
            let place = Place::committed(position, placed.part);
            self.state(placed.queue).restore(Item::fresh(place, at, placed.weight));
            count += 1;
            let name = self.out.names.get(usize::from(placed.queue.0));
            let kept = name.and_then(|name| self.terms.retain.get(name)).copied();
            retain = retain.max(kept.unwrap_or_default());
        }
        self.out.ledger.committed(Place::committed(position, 0), count, retain, at);
        Some(())
    }

    fn apply_change(
        &mut self,
        queue: QueueNumber,
        place: Place,
        happened: Happened,
        letter: Place,
    ) {
        let state = self.state(queue);
        let item = match &happened {
            Happened::Attempted(attempt) => return state.restore_attempt(place, *attempt),
            Happened::Delayed(until) => return state.restore_delay(place, *until),
            Happened::Acked
            | Happened::Lost
            | Happened::DeadLettered(..)
            | Happened::Redriven(_) => state.take(place),
        };
        // It is not there if the entry that brought it was damaged.
        let Some(item) = item else { return };
        self.out.ledger.left(&item);
        let (to, moved) = match happened {
            Happened::DeadLettered(to, _) => (to, item.dead_lettered(queue, letter)),
            Happened::Redriven(to) => (to, item.redriven()),
            _ => return,
        };
        self.out.ledger.came(&moved);
        self.state(to).restore(moved);
    }

    fn state(&mut self, queue: QueueNumber) -> &mut QueueState {
        let at = usize::from(queue.0);
        while self.out.states.len() <= at {
            self.out.states.push(QueueState::new(KEEP));
        }
        #[expect(clippy::indexing_slicing, reason = "the loop above makes the place")]
        &mut self.out.states[at]
    }
}
