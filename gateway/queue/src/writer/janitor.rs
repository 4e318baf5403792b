//! What the writer does beside writing: deletes segments that nobody needs, forgets keys, and
//! looks at the free space.

use std::io;
use std::sync::atomic::Ordering;

use super::run::Writer;
use crate::format::keys;
use crate::log::segment_name;

impl Writer {
    /// Deletes the oldest segments as long as nobody needs them. The keys that are remembered
    /// from a segment are durable elsewhere before it goes.
    pub(super) fn delete_spare(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        while let Some((segment, numbers)) = self.ledger.spare(self.log.segment(), now) {
            self.keys.forget(now);
            let last = numbers.end;
            let mut remembered = self.keys.range(numbers).peekable();
            if remembered.peek().is_some() {
                let bytes = keys::encode(remembered);
                self.disk.replace("keys", &keys::file_name(segment), &bytes)?;
                self.key_files.push_back((segment, last));
            }
            self.segments.remove(segment);
            self.disk.remove(&segment_name(segment))?;
            self.disk.sync_folder("log")?;
            self.ledger.remove(segment);
        }
        Ok(())
    }

    /// Deletes the files of keys that are all forgotten.
    pub(super) fn delete_keys(&mut self) -> io::Result<()> {
        self.keys.forget(self.clock.now());
        let first = self.keys.first();
        let before = self.key_files.len();
        while let Some((segment, last)) = self.key_files.front().copied() {
            if last > first {
                break;
            }
            self.disk.remove(&format!("keys/{}", keys::file_name(segment)))?;
            self.key_files.pop_front();
        }
        if self.key_files.len() < before { self.disk.sync_folder("keys") } else { Ok(()) }
    }

    /// Looks at the free space. If it cannot be known, commits go on: the disk itself will say.
    pub(crate) fn look_at_space(&self) {
        let free = self.disk.free_bytes().unwrap_or(u64::MAX);
        let full = free < self.free_bytes_min;
        if self.counters.disk_full.swap(full, Ordering::Relaxed) != full {
            tracing::warn!(free_bytes = free, refusing = full, "free space crossed the reserve");
        }
    }
}
