//! A broker as a process: started with its own folder and free ports, watched, stopped.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::bench::queue::shim::Shim;

/// Which broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench::queue) enum Peer {
    /// RabbitMQ with a quorum queue.
    RabbitMq,
    /// A Redis stream with `appendfsync always`.
    Redis,
}

/// A running broker. Dropping it ends it, with everything that it started.
pub(in crate::bench::queue) struct Server {
    children: Vec<Child>,
    /// Where it takes connections, on loopback.
    pub(in crate::bench::queue) port: u16,
}

/// Debian's script that starts RabbitMQ, without the wrapper that changes the user.
const RABBITMQ: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
/// Runs a program that ends when the bench does, however the bench ends (util-linux).
const LEASH: &str = "setpriv";
/// An Erlang node on two busy cores is slow to start.
const START: Duration = Duration::from_secs(90);
const STOP: Duration = Duration::from_secs(20);

impl Peer {
    /// The Debian package.
    fn package(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq-server",
            Self::Redis => "redis-server",
        }
    }

    fn require_installed(self) -> Result<(), String> {
        let programs: &[&str] = match self {
            Self::RabbitMq => &[LEASH, "epmd", RABBITMQ],
            Self::Redis => &[LEASH, "redis-server"],
        };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = |program: &&&str| {
            // An absolute path replaces the folder that it is joined to.
            std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
        };
        match programs.iter().find(|program| !found(program)) {
            None => Ok(()),
            Some(missing) => {
                Err(format!("there is no {missing}: apt-get install {}", self.package()))
            }
        }
    }

    /// Starts it with its data below `folder`.
    ///
    /// # Errors
    /// When it is not installed (the sentence says how), or does not start in time.
    pub(in crate::bench::queue) fn start(
        self,
        folder: &Path,
        shim: &Shim,
    ) -> Result<Server, String> {
        fs::create_dir_all(folder).map_err(|fault| fault.to_string())?;
        let [port, second, third] = free_ports()?;
        let commands = match self {
            Self::RabbitMq => rabbitmq(folder, port, second, third),
            Self::Redis => vec![redis(folder, port)],
        };
        self.require_installed()?;
        let mut server = Server { children: Vec::new(), port };
        for mut command in commands {
            let log = fs::File::create(folder.join(format!("log{}", server.children.len())))
                .map_err(|fault| fault.to_string())?;
            command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(log).process_group(0);
            shim.preload(&mut command);
            server.children.push(command.spawn().map_err(|fault| fault.to_string())?);
        }
        server.wait_until_open(self)?;
        Ok(server)
    }
}

impl Server {
    /// The process id of the broker itself.
    pub(in crate::bench::queue) fn pid(&self) -> u32 {
        self.children.last().map_or(0, Child::id)
    }

    fn wait_until_open(&mut self, peer: Peer) -> Result<(), String> {
        let give_up = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let ended =
                self.children.iter_mut().any(|child| matches!(child.try_wait(), Ok(Some(_))));
            if ended || Instant::now() > give_up {
                return Err(format!("{} did not start: its log is in its folder", peer.package()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        while let Some(mut child) = self.children.pop() {
            let pid = Pid::from_child(&child);
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::TERM);
            let give_up = Instant::now() + STOP;
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < give_up {
                thread::sleep(Duration::from_millis(10));
            }
            // What it started, and the process itself if it did not listen.
            let _ = kill_process_group(pid, Signal::KILL);
            let _ = child.wait();
        }
    }
}

fn leashed(program: &str) -> Command {
    let mut command = Command::new(LEASH);
    command.args(["--pdeathsig", "KILL", program]);
    command
}

fn redis(folder: &Path, port: u16) -> Command {
    let mut command = leashed("redis-server");
    command.current_dir(folder).args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    // A rewrite of the log in the middle of a run would be held against it.
    command.args(["--auto-aof-rewrite-percentage", "0", "--daemonize", "no"]);
    command
}

/// The port mapper in the foreground, so that none is left behind, and the broker.
fn rabbitmq(folder: &Path, port: u16, mapper: u16, distribution: u16) -> Vec<Command> {
    let mut epmd = leashed("epmd");
    epmd.args(["-address", "127.0.0.1", "-port", &mapper.to_string()]);
    let mut broker = leashed(RABBITMQ);
    let path = |name: &str| -> PathBuf { folder.join(name) };
    broker
        .current_dir(folder)
        .env("HOME", folder)
        // Then the script becomes the broker, instead of watching it.
        .env("RUNNING_UNDER_SYSTEMD", "1")
        .env("ERL_EPMD_PORT", mapper.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODENAME", format!("bench{port}@localhost"))
        .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODE_PORT", port.to_string())
        .env("RABBITMQ_DIST_PORT", distribution.to_string())
        .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-start_epmd false")
        .env("RABBITMQ_CONF_ENV_FILE", path("no-environment"))
        .env("RABBITMQ_CONFIG_FILE", path("no-configuration"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", path("no-plugins"))
        .env("RABBITMQ_MNESIA_BASE", path("data"))
        .env("RABBITMQ_LOG_BASE", path("logs"))
        .env("RABBITMQ_PID_FILE", path("pid"));
    vec![epmd, broker]
}

/// Ports that were free a moment ago.
fn free_ports() -> Result<[u16; 3], String> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|fault| fault.to_string());
    let listeners = [bind()?, bind()?, bind()?];
    let port = |listener: &TcpListener| listener.local_addr().map_or(0, |address| address.port());
    Ok([port(&listeners[0]), port(&listeners[1]), port(&listeners[2])])
}

/// The version of the installed package.
pub(in crate::bench::queue) fn version(peer: Peer) -> String {
    let query = ["-W", "-f=${Version}", peer.package()];
    let output = Command::new("dpkg-query").args(query).output();
    let text = output.ok().filter(|output| output.status.success());
    let text = text.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}
