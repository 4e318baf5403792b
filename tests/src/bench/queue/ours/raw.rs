//! The raw loop: the least that a group commit can be on this disk.
//!
//! One thread drains a pile, puts a length and a CRC32C before each payload, writes all at once,
//! flushes once, and frees the producers. No queues, no index, no segments. What it wrote is read
//! back and audited after the run.
//!
//! After a long flush it waits a moment for the producers that it has just freed. Without that,
//! two groups of producers take turns for ever: while the work of one is flushed, the other waits,
//! and every flush serves half of them.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::desk::{Desk, Postbox, Work};
use crate::bench::queue::audit::Seen;
use crate::bench::queue::drive::{Flushes, Publish};
use crate::bench::queue::figures::{Figures, name};
use crate::bench::queue::latency::Latency;
use crate::bench::queue::payload;

/// What the file is before the first write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::bench::queue) enum Ground {
    /// Allocated, never written: the file system must note every block that becomes written.
    Allocated,
    /// Filled with zeros just before, and still in the page cache.
    Zeroed,
    /// Full of old entries, and long out of the page cache: an old segment used again.
    Recycled,
}

/// A running raw loop.
pub(in crate::bench::queue) struct Raw {
    desk: Arc<Desk>,
    meter: Arc<Meter>,
    writer: Option<JoinHandle<()>>,
    path: std::path::PathBuf,
}

#[derive(Default)]
struct Meter {
    count: AtomicU64,
    total_us: AtomicU64,
    latency: Latency,
}

const HEAD_BYTES: usize = 8;
const ENTRY_BYTES: usize = HEAD_BYTES + payload::PAYLOAD_BYTES;
/// After a flush longer than this, the writer waits for a part of its time.
const LONG_FLUSH: Duration = Duration::from_micros(500);
const GATHER: u32 = 25;
/// What a file that is full grows by.
const MORE_ROOM: u64 = 256 * 1024 * 1024;
const CHUNK_BYTES: usize = 1024 * 1024;

impl Raw {
    /// Prepares a file for `events` in this folder, and starts the writer.
    pub(in crate::bench::queue) fn start(
        folder: &Path,
        ground: Ground,
        events: u64,
    ) -> Result<Self, String> {
        let path = folder.join("raw");
        let room = events * ENTRY_BYTES as u64;
        let file = prepare(&path, ground, room).map_err(|fault| format!("raw file: {fault}"))?;
        let (desk, meter) = (Arc::new(Desk::default()), Arc::new(Meter::default()));
        let postbox = Arc::new(Postbox::default());
        tokio::spawn(Arc::clone(&postbox).run());
        let loop_ = Loop {
            file,
            ground,
            room,
            written: 0,
            desk: Arc::clone(&desk),
            postbox,
            meter: Arc::clone(&meter),
        };
        let writer = std::thread::Builder::new().name("raw-writer".into());
        let writer = writer.spawn(move || loop_.run()).map_err(|fault| fault.to_string())?;
        Ok(Self { desk, meter, writer: Some(writer), path })
    }

    /// Ends the loop, reads back what it wrote, and adds what it knows about its flushes.
    pub(in crate::bench::queue) fn finish(
        mut self,
        published: u64,
        figures: &mut Figures,
    ) -> Result<(), String> {
        self.desk.stop();
        if let Some(writer) = self.writer.take() {
            writer.join().map_err(|_| "the raw writer panicked")?;
        }
        figures.set(name::FLUSH_P99, self.meter.latency.percentile_us(0.99));
        let whole = read_back(&self.path, published).map_err(|fault| fault.to_string())?;
        whole.audit(published)
    }
}

impl Publish for Raw {
    async fn publish(&self, _: u64, payload: Vec<u8>) -> Result<(), String> {
        let (to, answer) = oneshot::channel();
        self.desk.lay((payload, to));
        answer.await.map_err(|_| "the raw writer ended".to_owned())?
    }

    fn flushes(&self) -> Flushes {
        Flushes {
            count: self.meter.count.load(Ordering::Relaxed),
            total_us: self.meter.total_us.load(Ordering::Relaxed),
        }
    }
}

/// What the writing thread owns.
struct Loop {
    file: File,
    ground: Ground,
    room: u64,
    written: u64,
    desk: Arc<Desk>,
    postbox: Arc<Postbox>,
    meter: Arc<Meter>,
}

impl Loop {
    fn run(mut self) {
        let (mut works, mut buffer) = (Vec::new(), Vec::new());
        while self.desk.pick_up(&mut works) {
            let done = self.serve(&works, &mut buffer);
            self.postbox.answer(&mut works, &done.clone().map(drop));
            if let Ok(flush) = done
                && flush > LONG_FLUSH
            {
                std::thread::sleep(flush / GATHER);
            }
        }
    }

    /// Makes a batch durable. How long the flush took.
    fn serve(&mut self, works: &[Work], buffer: &mut Vec<u8>) -> Result<Duration, String> {
        buffer.clear();
        for (payload, _) in works {
            buffer.extend_from_slice(&(payload.len() as u32).to_le_bytes());
            buffer.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
            buffer.extend_from_slice(payload);
        }
        let failed = |fault: std::io::Error| format!("the raw writer cannot write: {fault}");
        let end = self.written + buffer.len() as u64;
        if end > self.room {
            if self.ground != Ground::Allocated {
                return Err("the prepared file is full: this disk is faster than planned".into());
            }
            let more = FallocateFlags::empty();
            fallocate(&self.file, more, self.room, MORE_ROOM).map_err(|f| failed(f.into()))?;
            self.room += MORE_ROOM;
        }
        self.file.write_all_at(buffer, self.written).map_err(failed)?;
        self.written = end;
        let start = Instant::now();
        self.file.sync_data().map_err(failed)?;
        let took = start.elapsed();
        self.meter.latency.observe(took);
        self.meter.count.fetch_add(1, Ordering::Relaxed);
        self.meter.total_us.fetch_add(took.as_micros() as u64, Ordering::Relaxed);
        Ok(took)
    }
}

fn prepare(path: &Path, ground: Ground, room: u64) -> std::io::Result<File> {
    let file = File::create_new(path)?;
    fallocate(&file, FallocateFlags::empty(), 0, room)?;
    let chunk = match ground {
        Ground::Allocated => None,
        Ground::Zeroed => Some(vec![0; CHUNK_BYTES]),
        Ground::Recycled => Some((0..).flat_map(payload::make).take(CHUNK_BYTES).collect()),
    };
    for at in (0..room).step_by(CHUNK_BYTES) {
        let Some(chunk) = &chunk else { break };
        let len = (room - at).min(CHUNK_BYTES as u64) as usize;
        file.write_all_at(&chunk[..len], at)?;
    }
    file.sync_all()?;
    if ground == Ground::Recycled {
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(file)
}

/// Reads `count` entries back, each with its CRC checked.
fn read_back(path: &Path, count: u64) -> std::io::Result<Seen> {
    let file = File::open(path)?;
    let seen = Seen::new(count);
    let mut entry = vec![0; ENTRY_BYTES];
    let mut reader = std::io::BufReader::with_capacity(CHUNK_BYTES, file);
    for _ in 0..count {
        std::io::Read::read_exact(&mut reader, &mut entry)?;
        let (head, payload) = entry.split_at(HEAD_BYTES);
        let crc = crc32c::crc32c(payload).to_le_bytes();
        let whole = head[..4] == (payload.len() as u32).to_le_bytes() && head[4..] == crc;
        seen.see(if whole { payload } else { b"" });
    }
    fs::remove_file(path)?;
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_published_is_read_back_from_every_ground() {
        for ground in [Ground::Allocated, Ground::Zeroed, Ground::Recycled] {
            let folder = tempfile::tempdir().unwrap();
            let raw = Raw::start(folder.path(), ground, 100).unwrap();
            for number in 0..20 {
                raw.publish(number, payload::make(number)).await.unwrap();
            }
            assert_eq!(raw.flushes().count, 20);
            assert_eq!(raw.finish(20, &mut Figures::default()), Ok(()));
        }
    }

    #[tokio::test]
    async fn an_event_that_was_not_written_is_missed() {
        let folder = tempfile::tempdir().unwrap();
        let raw = Raw::start(folder.path(), Ground::Allocated, 10).unwrap();
        raw.publish(1, payload::make(1)).await.unwrap();
        let fault = raw.finish(2, &mut Figures::default()).unwrap_err();
        assert!(fault.contains("1 lost"), "{fault}");
    }
}
