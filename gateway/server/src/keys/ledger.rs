//! When each key was last used, over restarts: `data/key-uses.json`, replaced atomically. It is an
//! aid for operators: one that cannot be read is set aside and said, and never stops a start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sluicegate_admission::{KeyState, KeyUse};
use sluicegate_core::time::{Clock, Timestamp};
use tokio::sync::watch;

use crate::durable;
use crate::pipeline::Pipeline;

/// Keeps the uses of keys.
pub struct Ledger {
    file: PathBuf,
    line: Arc<Pipeline>,
    clock: Clock,
    /// What is on the disk.
    written: Mutex<Vec<Row>>,
}

/// One key in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    source: String,
    key: String,
    known_since_ms: u64,
    matched: u64,
    last_used_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Book {
    version: u32,
    keys: Vec<Row>,
}

impl Ledger {
    /// Reads what is known, and tells the line.
    #[must_use]
    pub fn open(data: &Path, line: Arc<Pipeline>, clock: Clock) -> Self {
        let file = data.join(FILE);
        let rows = match read(&file) {
            Ok(rows) => rows,
            Err(why) => {
                tracing::error!(file = %file.display(), why, "uses of keys are lost: set aside");
                // It may be unreadable for a reason that keeps it from being renamed, too.
                let _ = fs::rename(&file, file.with_extension("json.damaged"));
                Vec::new()
            }
        };
        let uses: Vec<KeyUse> = rows.iter().filter_map(Row::used).collect();
        line.admission.restore_uses(&uses);
        // Keys that were never met are met now.
        let _ = line.admission.keys(clock.now());
        Self { file, line, clock, written: Mutex::new(rows) }
    }

    /// Every key with its use.
    #[must_use]
    pub fn keys(&self) -> Vec<KeyState> {
        self.line.admission.keys(self.clock.now())
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Writes the uses down now and then, and when the gateway stops.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            let stopping = tokio::select! {
                // The hall is gone: that is a stop.
                _ = stop.wait_for(|stop| *stop) => true,
                () = tokio::time::sleep(SAVE_EVERY) => false,
            };
            let this = Arc::clone(&self);
            let saved = tokio::task::spawn_blocking(move || this.save()).await;
            if let Err(error) = saved.unwrap_or_else(|fault| Err(io::Error::other(fault))) {
                tracing::warn!(%error, "uses of keys are not written down");
            }
            if stopping {
                return;
            }
        }
    }

    fn save(&self) -> io::Result<()> {
        let rows: Vec<Row> = self.keys().iter().map(|key| Row::of(&key.used)).collect();
        // Nothing panics with the lock held; if it did, the list is whole all the same.
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if *written == rows {
            return Ok(());
        }
        let book = Book { version: VERSION, keys: rows.clone() };
        durable::replace(&self.file, &serde_json::to_vec(&book)?)?;
        *written = rows;
        Ok(())
    }
}

impl Row {
    fn of(used: &KeyUse) -> Self {
        Self {
            source: used.source.to_string(),
            key: used.key.to_string(),
            known_since_ms: used.known_since.unix_ms(),
            matched: used.matched,
            last_used_ms: used.last_used.map(Timestamp::unix_ms),
        }
    }

    fn used(&self) -> Option<KeyUse> {
        Some(KeyUse {
            source: self.source.parse().ok()?,
            key: self.key.parse().ok()?,
            known_since: Timestamp::from_unix_ms(self.known_since_ms),
            matched: self.matched,
            last_used: self.last_used_ms.map(Timestamp::from_unix_ms),
        })
    }
}

fn read(file: &Path) -> Result<Vec<Row>, String> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(fault) => return Err(fault.to_string()),
    };
    let book: Book = serde_json::from_slice(&bytes).map_err(|fault| fault.to_string())?;
    if book.version == VERSION { Ok(book.keys) } else { Err(format!("version {}", book.version)) }
}

const FILE: &str = "key-uses.json";
const VERSION: u32 = 1;
const SAVE_EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_ours_is_told_and_a_missing_one_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert_eq!(read(&file), Ok(Vec::new()));
        fs::write(&file, "{\"version\":2,\"keys\":[]}").unwrap();
        assert_eq!(read(&file), Err("version 2".to_owned()));
        fs::write(&file, "[").unwrap();
        assert!(read(&file).is_err());
    }
}
