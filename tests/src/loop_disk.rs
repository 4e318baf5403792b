//! A disk of our own: an ext4 image in a file, mounted through a loop device, whose power can be
//! cut.
//!
//! It needs root (or `sudo` without a password), loop devices, `mkfs.ext4`, `mount` and `python3`.
//! Where one is missing the test fails and says so: a promise that was not tried is not kept.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::process::{getgid, getuid};
use tempfile::TempDir;

/// A mounted disk. Dropping it unmounts it; so does the end of this process, whatever ends it.
pub struct LoopDisk {
    folder: TempDir,
    keeper: Child,
    /// `None` once the keeper was told to end.
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// A program that is run as root: through `sudo` where this process is not.
#[must_use]
pub fn as_root(program: &str) -> Command {
    if getuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

impl LoopDisk {
    /// Makes a disk of this size and mounts it.
    ///
    /// # Panics
    /// When something that it needs is missing; the message says what.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let folder = TempDir::with_prefix("sluicegate-disk-").expect("a temporary folder");
        let image = folder.path().join("image");
        File::create(&image).and_then(|file| file.set_len(bytes)).expect("a sparse file");
        std::fs::create_dir(folder.path().join("mount")).expect("a folder");
        make_file_system(&image);
        let mut keeper = as_root("python3")
            .args(["-c", include_str!("keeper.py")])
            .args([&image, &folder.path().join("mount")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|fault| panic!("{NEEDS}: python3 or sudo cannot be run: {fault}"));
        let commands = keeper.stdin.take();
        let answers = BufReader::new(keeper.stdout.take().expect("stdout is piped"));
        let mut disk = Self { folder, keeper, commands, answers };
        disk.mount();
        disk
    }

    /// A path on the disk.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join("mount").join(relative)
    }

    /// From now on nothing reaches the disk, as if its power were cut. What was written and not
    /// flushed is lost; the page cache still shows it until the disk is mounted again.
    pub fn cut_power(&mut self) {
        self.tell("cut");
    }

    /// Unmounts the disk and mounts it again: what is there now is what a power cut has left.
    /// Nobody may have a file open on it.
    pub fn mount_again(&mut self) {
        self.tell("unmount");
        self.mount();
    }

    /// Lets nobody write, root included. Nobody may have a file open for writing.
    pub fn make_read_only(&mut self) {
        self.tell("read-only");
    }

    /// Lets everybody write again.
    pub fn make_writable(&mut self) {
        self.tell("read-write");
    }

    /// Fills the disk with a file until so many bytes are free for everybody.
    ///
    /// # Panics
    /// When the disk does not answer.
    pub fn fill_until(&self, free_bytes: u64) {
        let ballast = File::options()
            .create(true)
            .append(true)
            .open(self.path("ballast"))
            .expect("a file to fill the disk with");
        // Blocks of the file's own map are taken on the way: the last bytes come in small steps.
        for step in [8 << 20, 1 << 20, 64 << 10, 4 << 10] {
            while self.free_bytes() >= free_bytes + step {
                let len = ballast.metadata().expect("a length").len();
                let full =
                    rustix::fs::fallocate(&ballast, rustix::fs::FallocateFlags::empty(), len, step);
                if full.is_err() {
                    break;
                }
            }
        }
        ballast.sync_all().expect("the ballast is flushed");
    }

    /// Takes away what [`fill_until`](Self::fill_until) has put there.
    ///
    /// # Panics
    /// When the disk was not filled.
    pub fn empty(&self) {
        std::fs::remove_file(self.path("ballast")).expect("the disk was filled");
    }

    /// The bytes that are free for everybody.
    ///
    /// # Panics
    /// When the disk does not answer.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.path("")).expect("a mounted disk");
        stat.f_bavail * stat.f_frsize
    }

    fn mount(&mut self) {
        self.tell("mount");
    }

    /// Gives the keeper a command, and waits until it is done.
    fn tell(&mut self, command: &str) {
        let commands = self.commands.as_mut().expect("the keeper runs until the disk is dropped");
        let told = writeln!(commands, "{command}");
        let mut answer = String::new();
        let read = self.answers.read_line(&mut answer);
        let done = told.is_ok() && read.is_ok() && answer.trim() == "ok";
        assert!(done, "{NEEDS}: {command}: {told:?} {read:?} {answer}");
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ = self.keeper.wait(); // A keeper that is gone has nothing left to unmount.
    }
}

/// ext4 without a reserve for root, owned by whoever runs the test.
fn make_file_system(image: &Path) {
    let owner = format!("root_owner={}:{}", getuid().as_raw(), getgid().as_raw());
    // Debian keeps it where only root looks for programs.
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let output = Command::new("mkfs.ext4")
        .env("PATH", path)
        .args(["-q", "-F", "-b", "4096", "-m", "0", "-E", &owner])
        .arg(image)
        .output()
        .unwrap_or_else(|fault| panic!("{NEEDS}: mkfs.ext4 cannot be run: {fault}"));
    assert!(output.status.success(), "mkfs.ext4: {}", String::from_utf8_lossy(&output.stderr));
}

const NEEDS: &str = "this test needs root or `sudo -n`, loop devices, and the Debian packages \
                     e2fsprogs, mount and python3; it is never skipped";
