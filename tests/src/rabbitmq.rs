//! A RabbitMQ as a process: with folders and ports of its own, killed and started again at will.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use crate::deadline::wait_within;
use crate::ports;

/// Debian's script that starts RabbitMQ, without the wrapper that changes the user.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
/// And the one that talks to it.
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";
/// An Erlang node on two busy cores is slow to start.
const START: Duration = Duration::from_secs(120);

/// A broker. Dropping it ends it.
pub struct RabbitMq {
    folder: TempDir,
    port: u16,
    mapper_port: u16,
    distribution_port: u16,
    mapper: Child,
    broker: Option<Child>,
}

impl RabbitMq {
    /// Starts a broker with an empty data folder.
    ///
    /// # Panics
    /// When it is not installed (the message says how), or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[], |_| String::new())
    }

    /// Starts a broker with these plugins, and a configuration that may name files of its folder.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn start_with(plugins: &[&str], configuration: impl FnOnce(&Path) -> String) -> Self {
        for program in [SERVER, CONTROL] {
            assert!(
                Path::new(program).is_file(),
                "there is no {program}: apt-get install rabbitmq-server"
            );
        }
        let folder = TempDir::with_prefix("sluicegate-rabbitmq-").expect("a temporary folder");
        let [port, mapper_port, distribution_port] = [(); 3].map(|()| ports::free());
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("a file");
        };
        write("enabled", &format!("[{}].\n", plugins.join(",")));
        write("rabbitmq.conf", &configuration(folder.path()));
        let mut mapper = leashed("epmd");
        mapper.args(["-address", "127.0.0.1", "-port", &mapper_port.to_string()]);
        let mapper = quiet(&mut mapper).spawn().expect("epmd runs: apt-get install erlang-base");
        let mut one = Self { folder, port, mapper_port, distribution_port, mapper, broker: None };
        one.start_again();
        one
    }

    /// Where it takes connections without TLS.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, with its first user.
    #[must_use]
    pub fn uri(&self) -> String {
        self.uri_at(self.port)
    }

    /// Its address through another port: a proxy's.
    #[must_use]
    pub fn uri_at(&self, port: u16) -> String {
        format!("amqp://guest:guest@127.0.0.1:{port}/%2f")
    }

    /// A file in its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts it with what it had on disk.
    ///
    /// # Panics
    /// When it does not start in time.
    pub fn start_again(&mut self) {
        let mut command = self.surroundings(leashed(SERVER));
        // Then the script becomes the broker, instead of watching it.
        command.env("RUNNING_UNDER_SYSTEMD", "1");
        self.broker = Some(quiet(&mut command).spawn().expect("the broker runs"));
        wait_within(START, "RabbitMQ to take connections", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()
        });
        let _ = self.control(&["await_startup"]);
    }

    /// Waits until what was declared outlives a kill: its schema database writes up to two seconds
    /// late (OTP's `disk_log`), whatever it has confirmed.
    pub fn keep_declared(&self) {
        self.control(&["eval", "dumped = mnesia:dump_log(), ok = mnesia:sync_log()."]);
    }

    /// Kills it with SIGKILL, as a power cut would.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        let mut broker = self.broker.take().expect("the broker runs");
        let pid = Pid::from_child(&broker);
        kill_process_group(pid, Signal::KILL).expect("the broker runs");
        broker.wait().expect("a killed child can be waited for");
    }

    /// Runs `rabbitmqctl`, and returns what it says.
    ///
    /// # Panics
    /// When it fails.
    pub fn control(&self, arguments: &[&str]) -> String {
        let mut command = self.surroundings(Command::new(CONTROL));
        let output = command.arg("-q").args(arguments).output().expect("rabbitmqctl runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "rabbitmqctl {arguments:?}: {said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    /// Makes the broker short of memory: it blocks whoever publishes.
    pub fn block_publishers(&self) {
        self.control(&["set_vm_memory_high_watermark", "0.0000001"]);
    }

    /// Gives it its memory back.
    pub fn unblock_publishers(&self) {
        self.control(&["set_vm_memory_high_watermark", "0.8"]);
    }

    /// Closes every connection to it, with this reason.
    pub fn close_connections(&self, reason: &str) {
        self.control(&["close_all_connections", reason]);
    }

    fn surroundings(&self, mut command: Command) -> Command {
        command
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("ERL_EPMD_PORT", self.mapper_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", format!("test{}@localhost", self.port))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-start_epmd false")
            .env("RABBITMQ_CONF_ENV_FILE", self.path("no-environment"))
            .env("RABBITMQ_CONFIG_FILE", self.path("rabbitmq"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.path("enabled"))
            .env("RABBITMQ_MNESIA_BASE", self.path("data"))
            .env("RABBITMQ_LOG_BASE", self.path("logs"))
            .env("RABBITMQ_PID_FILE", self.path("pid"));
        command
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        for child in self.broker.iter_mut().chain([&mut self.mapper]) {
            let pid = Pid::from_child(child);
            // It, and what it started, may have ended by themselves.
            let _ = kill_process(pid, Signal::KILL);
            let _ = kill_process_group(pid, Signal::KILL);
            let _ = child.wait();
        }
        if std::thread::panicking() {
            for entry in fs::read_dir(self.path("logs")).into_iter().flatten().flatten() {
                let log = fs::read_to_string(entry.path()).unwrap_or_default();
                let start = log.len().saturating_sub(LOG_SHOWN);
                eprintln!("--- {:?} ---\n{}", entry.path(), log.get(start..).unwrap_or(&log));
            }
        }
    }
}

/// A program that ends when this process does, however that ends (util-linux).
fn leashed(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    command
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0)
}

/// Bytes of each log that a failing test shows.
const LOG_SHOWN: usize = 1_500;
