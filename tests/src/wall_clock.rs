//! A wall clock that a test sets forward and back under a running gateway: a small library, made
//! with `cc` and loaded before the others, answers for the kernel.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::world::World;

/// The wall clock of the gateways of one world.
pub struct WallClock {
    folder: TempDir,
    shift: File,
}

/// Seconds of an hour.
pub const HOUR: i64 = 3600;

/// Seconds of a year, and so many that it is another year whatever day it is.
pub const YEAR: i64 = 366 * 24 * HOUR;

impl WallClock {
    /// A clock that is right as yet.
    ///
    /// # Panics
    /// When there is no C compiler.
    #[must_use]
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("sluicegate-clock-").expect("a temporary folder");
        let mut compiler = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-x", "c", "-", "-o"])
            .arg(folder.path().join("shim.so"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap_or_else(|fault| {
                panic!("this test needs a C compiler, `cc` (Debian: build-essential): {fault}")
            });
        let mut source = compiler.stdin.take().expect("stdin is piped");
        source.write_all(include_bytes!("clock_shim.c")).expect("the compiler reads");
        drop(source);
        assert!(compiler.wait().expect("the compiler ends").success(), "cc failed");
        fs::write(folder.path().join("shift"), [0; 8]).expect("a file");
        let shift = File::options().write(true).open(folder.path().join("shift")).expect("it");
        Self { folder, shift }
    }

    /// The same world, under this clock.
    #[must_use]
    pub fn over(&self, world: World) -> World {
        let path = |name: &str| self.folder.path().join(name).to_string_lossy().into_owned();
        world
            .with_variable("LD_PRELOAD", &path("shim.so"))
            .with_variable("WALL_CLOCK_SHIFT", &path("shift"))
    }

    /// Sets the clock: so many seconds ahead of the right time, or behind it.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn set_ahead(&self, seconds: i64) {
        let shift = (seconds * 1_000_000_000).to_ne_bytes();
        self.shift.write_all_at(&shift, 0).expect("the shift is written");
    }
}

impl Default for WallClock {
    fn default() -> Self {
        Self::new()
    }
}
