//! Opening a folder: the log is read from end to end, and every queue is as it was left.
//!
//! Nothing is thrown away because something else is missing: an event whose queue has no name
//! any more lies in a queue named by its number, and damage costs the entry that it is in.

mod apply;
mod quarantine;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::ids::QueueName;
use sluicegate_core::queue::{DeadLetters, Policy, QueueState};
use sluicegate_core::retry::RetryPolicy;

use crate::dedupe::{Keys, time_of};
use crate::disk::Disk;
use crate::format::{catalogue, keys};
use crate::log::{Found, Ledger, Segments, scan, segment_name, segment_number};
use crate::seal::Unsealer;

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
    /// Opens sealed entries.
    pub(crate) unsealer: Unsealer,
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
        let (unsealer, mut scratch, mut locked) = (self.terms.unsealer.clone(), Vec::new(), None);
        scan(&*file, number, |found| match found {
            Found::Entry { position, head, body } => {
                let opened = match unsealer.open(&head, body, &mut scratch) {
                    Ok(opened) => opened,
                    Err(fault) => {
                        locked.get_or_insert(fault);
                        return;
                    }
                };
                if opened.and_then(|body| self.apply(position, head.kind, body)).is_none() {
                    let offset = u64::from(position.offset);
                    damage.push(offset..offset + body.len() as u64);
                }
            }
            Found::Damage(range) => damage.push(range),
            Found::Tail(range) => tail = range,
        })?;
        if let Some(fault) = locked {
            return Err(fault);
        }
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
