//! What each entry of the log does to the queues, and to the index of its segment.

use sluicegate_core::ids::EventId;
use sluicegate_core::queue::{Item, Place, QueueNumber, QueueState, Replayed, Wish};
use sluicegate_core::time::Timestamp;

use super::{KEEP, Recovery};
use crate::dedupe::KeyHash;
use crate::format::catalogue;
use crate::format::changes::{self, Changes, Happened};
use crate::format::entry::{Kind, Position};
use crate::listing::{self, Listing};

impl Recovery<'_> {
    /// Takes in an entry; `None` if its body is not what this version writes.
    pub(super) fn apply(&mut self, position: Position, kind: Kind, body: &[u8]) -> Option<()> {
        match kind {
            Kind::Commit => {
                let listing = listing::of_commit(&self.terms.folder_key, position, body)?;
                self.list(position.segment, &listing);
                self.remember_state(position, &listing);
                self.arrive(listing.items);
            }
            Kind::Changes => {
                let changes = changes::decode(body)?;
                let listing = listing::of_changes(position, &changes);
                self.list(position.segment, &listing);
                self.apply_changes(position, changes);
                self.arrive(listing.items);
            }
            Kind::Again => {
                let listing = listing::of_again(position, body)?;
                self.list(position.segment, &listing);
                self.arrive(listing.items);
            }
            Kind::Catalogue => self.apply_names(body)?,
            // They are never in the log.
            Kind::Snapshot | Kind::Refused | Kind::Mark => return None,
        }
        Some(())
    }

    /// Tells the index of an entry, and nothing else.
    pub(super) fn apply_listing(
        &mut self,
        position: Position,
        kind: Kind,
        body: &[u8],
    ) -> Option<()> {
        let listing = listing::of_entry(&self.terms.folder_key, position, kind, body)?;
        self.list(position.segment, &listing);
        Some(())
    }

    /// A key was seen in a segment or its index. If its keys are in a file, they are known already.
    pub(super) fn remember_one(&mut self, segment: u32, key: KeyHash, id: EventId) {
        if !self.kept.contains(&segment) {
            self.remember(segment, key, id);
        }
    }

    /// A key of a segment that is still there.
    pub(super) fn remember(&mut self, segment: u32, key: KeyHash, id: EventId) {
        self.out.keys.insert(key, id, self.terms.now.wall);
        self.out.ledger.remembered(segment, self.out.keys.next());
    }

    fn list(&mut self, segment: u32, listing: &Listing) {
        self.out.indexes.list(segment, &listing.items, listing.key.as_slice());
        if let Some((key, id)) = listing.key {
            self.remember_one(segment, key, id);
        }
    }

    /// What filters wrote, if the checkpoint does not have it.
    fn remember_state(&mut self, position: Position, listing: &Listing) {
        if position.pack() >= self.from {
            for (scope, key, write) in &listing.state {
                self.out.state.restore(scope, key, write, self.terms.now.wall);
            }
        }
    }

    fn apply_changes(&mut self, position: Position, changes: Changes) {
        let Changes { queue, at, all } = changes;
        let mark = self.marks.get(usize::from(queue.0)).copied().unwrap_or_default();
        if position.pack() < mark {
            return;
        }
        for (id, happened) in all {
            self.replay(queue, id, replayed(happened, at));
        }
    }

    fn replay(&mut self, queue: QueueNumber, id: Place, what: Replayed) {
        let now = self.terms.now;
        let listings = std::sync::Arc::clone(&self.out.listings);
        let mut load = |wish: Wish| match listings.load(queue, &wish) {
            Ok(loaded) => loaded.items,
            Err(fault) => {
                tracing::error!(error = %fault, segment = wish.segment, "index cannot be read");
                Vec::new()
            }
        };
        // It is not there if the entry that brought it was damaged.
        let _ = self.state(queue).replay(id, what, now, &mut load);
    }

    fn arrive(&mut self, items: Vec<(QueueNumber, Item)>) {
        let now = self.terms.now;
        for (queue, item) in items {
            if item.id.position >= self.from {
                self.state(queue).replay_arrival(item, now);
            }
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
