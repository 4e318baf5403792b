//! A small world: a temporary folder with a configuration, and the gateways that run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::config;
use crate::fixtures;
use crate::gateway::{self, Gateway};

/// Compiling a plugin in a debug build is the slowest thing that a command does.
const RUN: Duration = Duration::from_secs(60);

/// A folder with `gateway.yaml`, and the environment that holds its secrets.
pub struct World {
    folder: Arc<TempDir>,
    environment: Vec<(String, String)>,
}

impl World {
    /// A world with this configuration. `{ROOT}` in it stands for the root of the repository.
    ///
    /// # Panics
    /// When there is no temporary folder to be had.
    #[must_use]
    pub fn new(configuration: &str) -> Self {
        Self::new_in(&std::env::temp_dir(), configuration)
    }

    /// A world with this configuration, in a new folder below `parent`.
    ///
    /// # Panics
    /// When there is no temporary folder to be had.
    #[must_use]
    pub fn new_in(parent: &Path, configuration: &str) -> Self {
        let folder = TempDir::with_prefix_in("sluicegate-", parent).expect("a temporary folder");
        let folder = Arc::new(folder);
        let secrets = [
            ("GITHUB_WEBHOOK_SECRET", fixtures::GITHUB_SECRET),
            ("STANDARD_SECRET", config::STANDARD_SECRET),
            ("STRIPE_SECRET", config::STRIPE_SECRET),
            ("SLACK_SECRET", config::SLACK_SECRET),
            ("HOOK_SECRET", config::STANDARD_SECRET),
        ];
        let environment =
            secrets.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let world = Self { folder, environment };
        let root = fixtures::root();
        world.write("gateway.yaml", configuration.replace("{ROOT}", &root.to_string_lossy()));
        world
    }

    /// The same world with one more variable in the environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A path in the world's folder.
    #[must_use]
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// The configuration file.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.path("gateway.yaml")
    }

    /// Writes a file, and the folders above it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    /// Starts a gateway, and waits until it is ready. It keeps the folder alive.
    #[must_use]
    pub fn start(&self) -> Gateway {
        let command = self.command(&["run", &self.configuration().to_string_lossy()]);
        Gateway::spawn(command, Some(Arc::clone(&self.folder)))
    }

    /// Starts a gateway through another program, such as `strace -D`, which must leave the gateway
    /// itself as the child of this process. Waits until it is ready.
    #[must_use]
    pub fn start_under(&self, wrapper: &[String]) -> Gateway {
        Gateway::spawn(self.under(wrapper), Some(Arc::clone(&self.folder)))
    }

    /// Runs a gateway through another program to its end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[must_use]
    pub fn run_under(&self, wrapper: &[String]) -> Output {
        to_its_end(self.under(wrapper))
    }

    fn under(&self, wrapper: &[String]) -> Command {
        let mut command = self.surroundings(Command::new(&wrapper[0]));
        command.args(&wrapper[1..]).arg(gateway::binary()).arg("run").arg(self.configuration());
        command
    }

    /// Runs the binary to its end: `check`, `schema`, and the like.
    ///
    /// # Panics
    /// When the binary cannot be run, or does not end in time.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        to_its_end(self.command(arguments))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.surroundings(Command::new(gateway::binary()));
        command.args(arguments);
        command
    }

    fn surroundings(&self, mut command: Command) -> Command {
        command.envs(self.environment.iter().cloned()).current_dir(self.folder.path());
        command
    }
}

/// Runs a command until it ends by itself.
fn to_its_end(mut command: Command) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the binary runs");
    let process = Pid::from_child(&child);
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let output = ended.recv_timeout(RUN).unwrap_or_else(|_| {
        let _ = kill_process(process, Signal::KILL); // It may have ended just now.
        panic!("{command:?} did not end within {RUN:?}")
    });
    output.expect("the binary runs to its end")
}
