//! What each entry of the log does to the queues, and to the index of its segment.

use sluicegate_core::ids::EventId;
use sluicegate_core::queue::{Item, Place, QueueNumber, QueueState, Replayed};
use sluicegate_core::time::Timestamp;

use super::{KEEP, Recovery};
use crate::dedupe::{KeyHash, time_of};
use crate::format::changes::{self, Changes, Happened};
use crate::format::commit::Commit;
use crate::format::entry::{Kind, Position};
use crate::format::{again, catalogue};
use crate::gauges::tag_of;

impl Recovery<'_> {
    /// Takes in an entry; `None` if its body is not what this version writes.
    pub(super) fn apply(&mut self, position: Position, kind: Kind, body: &[u8]) -> Option<()> {
        match kind {
            Kind::Commit => {
                for (queue, item) in self.list_commit(position, body)? {
                    self.arrive(queue, item);
                }
            }
            Kind::Changes => {
                let changes = changes::decode(body)?;
                self.list_moves(position, &changes);
                self.apply_changes(position, changes);
            }
            Kind::Again => {
                for (queue, item) in self.list_again(position, body)? {
                    self.arrive(queue, item);
                }
            }
            Kind::Catalogue => self.apply_names(body)?,
            // It is never in the log.
            Kind::Snapshot => return None,
        }
        Some(())
    }

    /// Tells the index of an entry, and nothing else.
    pub(super) fn list(&mut self, position: Position, kind: Kind, body: &[u8]) -> Option<()> {
        match kind {
            Kind::Commit => drop(self.list_commit(position, body)?),
            Kind::Changes => self.list_moves(position, &changes::decode(body)?),
            Kind::Again => drop(self.list_again(position, body)?),
            Kind::Catalogue => drop(catalogue::decode(body)?),
            Kind::Snapshot => return None,
        }
        Some(())
    }

    /// A key was seen in a segment that is still there.
    pub(super) fn remember(&mut self, segment: u32, key: KeyHash, id: EventId) {
        self.out.keys.insert(key, id, time_of(id));
        self.out.ledger.remembered(segment, self.out.keys.next());
    }

    /// What a commit brought, told to the index.
    fn list_commit(&mut self, position: Position, body: &[u8]) -> Option<Vec<(QueueNumber, Item)>> {
        let commit = Commit::decode(body)?;
        let received = commit.received()?;
        let key = commit
            .dedupe
            .map(|key| KeyHash::new(&self.terms.folder_key, received.source(), key))
            .map(|key| (key, received.id));
        let source = tag_of(received.source());
        let item = |placed: crate::format::commit::Placed| {
            let id = Place { position: position.pack(), part: placed.part };
            let fresh = Item::fresh(id, received.received_at, placed.weight);
            (placed.queue, Item { source, terms: placed.terms, ..fresh })
        };
        let items: Vec<(QueueNumber, Item)> = commit.placed().map(item).collect();
        self.tell(position.segment, &items, key);
        if let Some((key, id)) = key {
            self.remember(position.segment, key, id);
        }
        for (queue, item) in &items {
            self.out.ledger.placed(item.id, *queue, item.weight, item.received_at);
        }
        Some(items)
    }

    /// What dead-letterings and redrives brought, told to the index.
    fn list_moves(&mut self, position: Position, changes: &Changes) {
        let moved = changes.all.iter().zip(0_u16..);
        let moved: Vec<(QueueNumber, Item)> = moved
            .filter_map(|((_, happened), part)| {
                moved_to(changes.queue, happened, Place { position: position.pack(), part })
            })
            .collect();
        self.tell(position.segment, &moved, None);
    }

    /// What a replay brought, told to the index.
    fn list_again(&mut self, position: Position, body: &[u8]) -> Option<Vec<(QueueNumber, Item)>> {
        let mut items = again::decode(body, position.pack())?;
        for (_, item) in &mut items {
            *item = item.placed_again(item.id);
        }
        self.tell(position.segment, &items, None);
        Some(items)
    }

    fn tell(&self, segment: u32, items: &[(QueueNumber, Item)], key: Option<(KeyHash, EventId)>) {
        let listed = |(_, item): &&(QueueNumber, Item)| item.terms.deliver_at.is_none();
        let listed: Vec<(QueueNumber, Item)> = items.iter().filter(listed).copied().collect();
        self.out.indexes.list(segment, &listed, key.as_slice());
    }

    fn apply_changes(&mut self, position: Position, changes: Changes) {
        let Changes { queue, at, all } = changes;
        let mark = self.marks.get(usize::from(queue.0)).copied().unwrap_or_default();
        for ((id, happened), part) in all.into_iter().zip(0_u16..) {
            let moved = moved_to(queue, &happened, Place { position: position.pack(), part });
            if position.pack() >= mark {
                self.replay(queue, id, replayed(happened, at));
            }
            if let Some((to, item)) = moved {
                self.arrive(to, item);
            }
        }
    }

    fn replay(&mut self, queue: QueueNumber, id: Place, what: Replayed) {
        let now = self.terms.now;
        let indexes = std::sync::Arc::clone(&self.out.indexes);
        let mut load = |wish| match indexes.load(queue, &wish) {
            Ok(loaded) => loaded.items,
            Err(fault) => {
                tracing::error!(error = %fault, segment = wish.segment, "index cannot be read");
                Vec::new()
            }
        };
        // It is not there if the entry that brought it was damaged.
        let _ = self.state(queue).replay(id, what, now, &mut load);
    }

    fn arrive(&mut self, queue: QueueNumber, item: Item) {
        if item.id.position >= self.from {
            let now = self.terms.now;
            self.state(queue).replay_arrival(item, now);
        }
    }

    fn apply_names(&mut self, body: &[u8]) -> Option<()> {
        for (number, name) in catalogue::decode(body)?.into_iter().enumerate() {
            match self.out.names.get_mut(number) {
                Some(known) => *known = name,
                None => self.out.names.push(name),
            }
        }
        Some(())
    }

    pub(super) fn state(&mut self, queue: QueueNumber) -> &mut QueueState {
        let at = usize::from(queue.0);
        while self.out.states.len() <= at {
            self.out.states.push(QueueState::new(KEEP));
        }
        #[expect(clippy::indexing_slicing, reason = "the loop above makes the place")]
        &mut self.out.states[at]
    }
}

/// The event that a change at this place brought into another queue, if it did.
fn moved_to(queue: QueueNumber, happened: &Happened, id: Place) -> Option<(QueueNumber, Item)> {
    match happened {
        Happened::DeadLettered(item, to, _) => Some((*to, item.dead_lettered(queue, id))),
        Happened::Redriven(item, to) => Some((*to, item.placed_again(id))),
        _ => None,
    }
}

fn replayed(happened: Happened, at: Timestamp) -> Replayed {
    match happened {
        Happened::Attempted(attempt) => Replayed::Attempted(attempt),
        Happened::Failed(until, why) => Replayed::Failed { at, until, why },
        Happened::Returned => Replayed::Returned,
        Happened::Acked
        | Happened::DeadLettered(..)
        | Happened::Redriven(..)
        | Happened::Lost
        | Happened::Dropped(_) => Replayed::Left,
    }
}
