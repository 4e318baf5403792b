//! A small world: a temporary folder with a configuration, and the gateways that run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use tempfile::TempDir;

use crate::config;
use crate::fixtures;
use crate::gateway::{self, Gateway};

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
    pub fn start_under(&self, wrapper: &[&str]) -> Gateway {
        let run = [
            gateway::binary().to_string_lossy().into_owned(),
            "run".to_owned(),
            self.configuration().to_string_lossy().into_owned(),
        ];
        let command = self.surroundings(Command::new(wrapper[0]), &wrapper[1..], &run);
        Gateway::spawn(command, Some(Arc::clone(&self.folder)))
    }

    /// Runs the binary to its end: `check`, `schema`, and the like.
    ///
    /// # Panics
    /// When the binary cannot be run.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.surroundings(Command::new(gateway::binary()), arguments, &[])
    }

    fn surroundings(&self, mut command: Command, first: &[&str], rest: &[String]) -> Command {
        command
            .args(first)
            .args(rest)
            .envs(self.environment.iter().cloned())
            .current_dir(self.folder.path());
        command
    }
}
