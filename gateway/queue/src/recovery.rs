//! Opening a folder: the log is read from end to end, and every queue is as it was left.
//!
//! Nothing is thrown away because something else is missing: an event whose queue has no name
//! any more lies in a queue named by its number, and damage costs the entry that it is in.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{DeadLetters, Item, Place, Policy, QueueNumber, QueueState};
use sluicegate_core::retry::RetryPolicy;

use crate::dedupe::{KeyHash, Keys, time_of};
use crate::disk::{Disk, DiskFile};
use crate::format::changes::{self, Happened};
use crate::format::commit::Commit;
use crate::format::entry::{Kind, Position};
use crate::format::{catalogue, keys};
use crate::log::{Found, Ledger, Segments, scan, segment_name, segment_number};

/// What a folder holds.
pub(crate) struct Recovered {
    /// The names of the queues, by number.
    pub(crate) names: Vec<QueueName>,
    /// The names as the file of names has them.
    pub(crate) names_saved: Vec<QueueName>,
    /// The queues, by number. Their policies are still to be set.
    pub(crate) states: Vec<QueueState>,
    pub(crate) ledger: Ledger,
    pub(crate) keys: Keys,
    pub(crate) segments: Arc<Segments>,
    /// The files of keys, oldest first, each with the number after its last key.
    pub(crate) key_files: VecDeque<(u32, u64)>,
    /// The number of the next segment.
    pub(crate) next_segment: u32,
    /// Damaged places found.
    pub(crate) quarantined: u64,
}

/// What recovery must know beside the folder.
pub(crate) struct Terms<'a> {
    pub(crate) folder_key: [u8; 16],
    pub(crate) dedupe_window: Duration,
    pub(crate) dedupe_keys_max: usize,
    /// How long each queue retains what is settled.
    pub(crate) retain: &'a HashMap<QueueName, Duration>,
}

/// Reads a folder.
pub(crate) fn recover(disk: &dyn Disk, terms: Terms<'_>) -> io::Result<Recovered> {
    let mut recovery = Recovery {
        disk,
        out: Recovered {
            names: Vec::new(),
            names_saved: Vec::new(),
            states: Vec::new(),
            ledger: Ledger::default(),
            keys: Keys::new(terms.dedupe_window, terms.dedupe_keys_max),
            segments: Arc::new(Segments::default()),
            key_files: VecDeque::new(),
            next_segment: 1,
            quarantined: 0,
        },
        terms,
    };
    recovery.read_names()?;
    recovery.read_keys()?;
    let numbers = numbered(disk, "log", ".log")?;
    for number in &numbers {
        let last = numbers.last() == Some(number);
        recovery.read_segment(*number, last)?;
    }
    Ok(recovery.out)
}

/// The numbers of the files in a folder, in order.
pub(crate) fn numbered(disk: &dyn Disk, folder: &str, ending: &str) -> io::Result<Vec<u32>> {
    let names = disk.list(folder)?;
    let mut numbers: Vec<u32> =
        names.iter().filter_map(|name| segment_number(name, ending)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

struct Recovery<'a> {
    disk: &'a dyn Disk,
    terms: Terms<'a>,
    out: Recovered,
}

impl Recovery<'_> {
    /// The names are in the segments too: either copy may be damaged.
    fn read_names(&mut self) -> io::Result<()> {
        let Some(bytes) = self.disk.read(catalogue::FILE)? else { return Ok(()) };
        match catalogue::decode_file(&bytes) {
            Some(names) => self.out.names_saved = names,
            None => {
                tracing::warn!(file = catalogue::FILE, "names of queues are damaged: set aside");
                self.out.quarantined += 1;
            }
        }
        self.out.names.clone_from(&self.out.names_saved);
        Ok(())
    }

    /// The keys of deleted segments come first: they are older than all that is in the log.
    fn read_keys(&mut self) -> io::Result<()> {
        for number in numbered(self.disk, "keys", ".keys")? {
            let name = format!("keys/{}", keys::file_name(number));
            let bytes = self.disk.read(&name)?.unwrap_or_default();
            match keys::decode(&bytes) {
                Some(keys) => keys
                    .into_iter()
                    .for_each(|(key, id)| self.out.keys.insert(key, id, time_of(id))),
                None => {
                    tracing::warn!(file = name, "idempotency keys are damaged: set aside");
                    self.out.quarantined += 1;
                }
            }
            self.out.key_files.push_back((number, self.out.keys.next()));
        }
        Ok(())
    }

    fn read_segment(&mut self, number: u32, last: bool) -> io::Result<()> {
        let file = self.disk.open(&segment_name(number))?;
        if last {
            // What is read back must be what a power cut would leave: see `DiskFile::evict`.
            file.sync()?;
            file.evict()?;
        }
        self.out.ledger.begin(number, self.out.keys.next());
        self.out.next_segment = number.saturating_add(1);
        let mut tail = 0..0;
        let mut damage = Vec::new();
        scan(&*file, number, |found| match found {
            Found::Entry { position, kind, body } => {
                if self.apply(position, kind, body).is_none() {
                    let offset = u64::from(position.offset);
                    damage.push(offset..offset + body.len() as u64);
                }
            }
            Found::Damage(range) => damage.push(range),
            Found::Tail(range) => tail = range,
        })?;
        for range in damage {
            self.quarantine(&*file, number, range)?;
        }
        if !tail.is_empty() {
            // Never finished, or the last entry is damaged: nothing after it tells which.
            self.quarantine(&*file, number, tail.clone())?;
        }
        if last {
            file.set_len(tail.start)?;
            file.sync()?;
        }
        self.out.segments.insert(number, file);
        Ok(())
    }

    /// Copies what is damaged aside, for a person to look at.
    fn quarantine(
        &mut self,
        file: &dyn DiskFile,
        segment: u32,
        range: std::ops::Range<u64>,
    ) -> io::Result<()> {
        self.out.quarantined += 1;
        let len = range.end - range.start;
        tracing::warn!(segment, offset = range.start, bytes = len, "log is damaged: set aside");
        let name = format!("quarantine/{segment:010}-{:010}.bin", range.start);
        let copy = match self.disk.create(&name, 0) {
            Ok(copy) => copy,
            // A start-up before this one has copied it.
            Err(fault) if fault.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(fault) => return Err(fault),
        };
        let mut bytes = vec![0; COPY_BYTES];
        let mut copied = 0;
        while copied < len {
            let want = usize::try_from(len - copied).unwrap_or(COPY_BYTES).min(COPY_BYTES);
            bytes.resize(want, 0);
            let filled = file.read_at(&mut bytes, range.start + copied)?;
            if filled == 0 {
                break;
            }
            copy.write_at(bytes.get(..filled).unwrap_or_default(), copied)?;
            copied += filled as u64;
        }
        copy.sync()?;
        self.disk.sync_folder("quarantine")
    }

    /// Takes in an entry; `None` if its body is not what this version writes.
    fn apply(&mut self, position: Position, kind: Kind, body: &[u8]) -> Option<()> {
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

/// How a queue that nobody configures treats its events: it keeps them.
pub(crate) const KEEP: Policy = Policy {
    retry: RetryPolicy {
        attempts_max: 1,
        wait_min: Duration::from_secs(1),
        wait_max: Duration::from_secs(60),
    },
    dead_letters: DeadLetters::Stay,
};

const COPY_BYTES: usize = 1024 * 1024;
