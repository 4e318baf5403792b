//! What each entry of the log brought into which queue: what the index of its segment lists.
//!
//! Start-up, the writer and the repair of an index must agree about this to the letter; so it is
//! said here, once.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use sluicegate_core::ids::EventId;
use sluicegate_core::queue::{Item, Place, QueueNumber, Wish};

use crate::dedupe::KeyHash;
use crate::disk::is_unreadable;
use crate::format::again;
use crate::format::changes::{self, Changes, Happened};
use crate::format::checkpoint::StateWrite;
use crate::format::commit::{Commit, Placed};
use crate::format::entry::{Kind, Position};
use crate::format::state::StoredWrite;
use crate::gauges::tag_of;
use crate::index::{Draft, Indexes, Loaded};
use crate::log::{Found, Segments, scan};
use crate::seal::Unsealer;

/// What an entry brought.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Events, each with its queue, in the order of their ids.
    pub(crate) items: Vec<(QueueNumber, Item)>,
    /// The idempotency key, if the entry is a commit that has one, and its event.
    pub(crate) key: Option<(KeyHash, EventId)>,
    /// What filters wrote, in order. It is in no index.
    pub(crate) state: Vec<StateWrite>,
}

/// What an entry brought; `None` if its body is not what this version writes.
pub(crate) fn of_entry(
    folder_key: &[u8; 16],
    position: Position,
    kind: Kind,
    body: &[u8],
) -> Option<Listing> {
    match kind {
        Kind::Commit => of_commit(folder_key, position, body),
        Kind::Changes => Some(of_changes(position, &changes::decode(body)?)),
        Kind::Again => of_again(position, body),
        Kind::Catalogue | Kind::Snapshot | Kind::Refused | Kind::Mark => Some(Listing::default()),
    }
}

/// What a commit brought.
pub(crate) fn of_commit(folder_key: &[u8; 16], position: Position, body: &[u8]) -> Option<Listing> {
    let commit = Commit::decode(body)?;
    let received = commit.received()?;
    let hash = |key| KeyHash::new(folder_key, received.source(), key);
    let key = commit.dedupe.map(|key| (hash(key), received.id));
    let source = tag_of(received.source());
    let item = |placed: Placed| {
        let id = Place { position: position.pack(), part: placed.part };
        let fresh = Item::fresh(id, received.received_at, placed.weight);
        (placed.queue, Item { source, terms: placed.terms, ..fresh })
    };
    let written = |write: &StoredWrite<'_>| {
        let (scope, done) = write.read()?;
        Some((scope, write.key.to_owned(), done))
    };
    let state = commit.state.iter().map(written).collect::<Option<Vec<_>>>()?;
    Some(Listing { items: commit.placed().map(item).collect(), key, state })
}

/// What dead-letterings and redrives brought.
pub(crate) fn of_changes(position: Position, changes: &Changes) -> Listing {
    let moved = changes.all.iter().zip(0_u16..);
    let items = moved.filter_map(|((_, happened), part)| {
        moved_to(changes.queue, happened, Place { position: position.pack(), part })
    });
    Listing { items: items.collect(), ..Listing::default() }
}

/// What a replay brought.
pub(crate) fn of_again(position: Position, body: &[u8]) -> Option<Listing> {
    let items = again::decode(body, position.pack())?;
    let items = items.into_iter().map(|(queue, item)| (queue, item.placed_again(item.id)));
    Some(Listing { items: items.collect(), ..Listing::default() })
}

/// The event that a change at this place brought into another queue, if it did.
pub(crate) fn moved_to(
    queue: QueueNumber,
    happened: &Happened,
    id: Place,
) -> Option<(QueueNumber, Item)> {
    match happened {
        Happened::DeadLettered(item, to, _) => Some((*to, item.dead_lettered(queue, id))),
        Happened::Redriven(item, to) => Some((*to, item.placed_again(id))),
        _ => None,
    }
}

/// Reads arrivals back. An index that is damaged is made again from its segment.
pub(crate) struct Listings {
    pub(crate) indexes: Arc<Indexes>,
    pub(crate) segments: Arc<Segments>,
    pub(crate) folder_key: [u8; 16],
    pub(crate) unsealer: Unsealer,
    /// One segment is scanned at a time: two owners may meet the same damage.
    pub(crate) repairs: Mutex<()>,
}

impl Listings {
    /// Arrivals of a queue, as wished.
    pub(crate) fn load(&self, queue: QueueNumber, wish: &Wish) -> io::Result<Loaded> {
        match self.indexes.load(queue, wish) {
            Ok(loaded) if loaded.damaged == 0 => return Ok(loaded),
            Err(fault) if !is_damage(&fault) => return Err(fault),
            Ok(_) | Err(_) => {}
        }
        if !self.repair(wish.segment)? {
            // Segment and index are gone: what they listed is lost, and the queue is told so.
            return Ok(Loaded { items: Vec::new(), more: false, damaged: 0 });
        }
        self.indexes.load(queue, wish)
    }

    /// Makes the index of a segment again; `false` if the segment is not there.
    pub(crate) fn repair(&self, segment: u32) -> io::Result<bool> {
        let _one_at_a_time = self.repairs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = self.segments.find(segment)? else { return Ok(false) };
        tracing::warn!(segment, "index is damaged or missing: made again from its segment");
        let mut draft = Draft::new(segment);
        let (mut scratch, mut locked) = (Vec::new(), None);
        scan(&*file, segment, |found| {
            let Found::Entry { position, head, body } = found else { return };
            match self.unsealer.open(&head, body, &mut scratch) {
                Ok(Some(body)) => {
                    let listing = of_entry(&self.folder_key, position, head.kind, body);
                    let listing = listing.unwrap_or_default();
                    draft.list(&listing.items, listing.key.as_slice());
                }
                // It is damaged: its events cannot be read either.
                Ok(None) => {}
                Err(fault) => {
                    locked.get_or_insert(fault);
                }
            }
        })?;
        if let Some(fault) = locked {
            return Err(fault);
        }
        self.indexes.adopt(draft);
        self.indexes.save(segment)?;
        Ok(true)
    }
}

fn is_damage(fault: &io::Error) -> bool {
    let kind = fault.kind();
    matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::InvalidData) || is_unreadable(fault)
}
