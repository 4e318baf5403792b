//! The preloaded library that counts the flushes of a process that does not tell, and slows them
//! down where a row asks for a slow disk. Compiled from `shim.c` when the bench runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

/// A compiled shim, with a counter of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Shim {
    library: PathBuf,
    counter: PathBuf,
    delay_us: u64,
}

const SOURCE: &str = include_str!("shim.c");

impl Shim {
    /// Compiles it in this folder.
    ///
    /// # Errors
    /// When there is no C compiler (`cc`), or the folder cannot be written.
    pub(super) fn make(folder: &Path, delay_us: u64) -> Result<Self, String> {
        let text = |fault: std::io::Error| format!("the shim: {fault}");
        let source = folder.join("shim.c");
        let shim =
            Self { library: folder.join("shim.so"), counter: folder.join("flushes"), delay_us };
        fs::write(&source, SOURCE).map_err(text)?;
        fs::write(&shim.counter, [0; 8]).map_err(text)?;
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&shim.library).arg(&source).arg("-ldl");
        let output = cc.output().map_err(|fault| format!("no C compiler `cc`: {fault}"))?;
        if output.status.success() {
            return Ok(shim);
        }
        Err(format!("the shim does not compile: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Preloads it into a process.
    pub(super) fn preload(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("SLUICEGATE_SHIM_COUNT", &self.counter)
            .env("SLUICEGATE_SHIM_DELAY_US", self.delay_us.to_string());
    }

    /// How often a process with the shim has flushed.
    pub(super) fn flushes(&self) -> u64 {
        let bytes = fs::read(&self.counter).unwrap_or_default();
        bytes.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_flush_is_counted_and_slowed_down() {
        let folder = tempfile::tempdir().unwrap();
        let shim = Shim::make(folder.path(), 30_000).unwrap();
        let mut command = Command::new("sync");
        command.arg("--data").arg(folder.path().join("flushes"));
        shim.preload(&mut command);
        let start = Instant::now();
        assert!(command.status().unwrap().success());
        assert_eq!(shim.flushes(), 1);
        assert!(start.elapsed() >= Duration::from_millis(30));
    }
}
