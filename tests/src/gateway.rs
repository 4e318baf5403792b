//! The gateway as a process: found, started, watched, killed, stopped.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, kill_process};

pub use rustix::process::Signal;

use tempfile::TempDir;

use crate::consumer::Consumer;
use crate::deadline::{wait_for, wait_within};
use crate::fixtures::Delivery;
use crate::http::{self, Response};

/// Compiling a plugin in a debug build on a busy machine is the slowest part of a start.
const START: Duration = Duration::from_secs(240);

/// A running gateway. Dropping it kills it.
pub struct Gateway {
    child: Child,
    http: SocketAddr,
    admin: SocketAddr,
    mqtt: Option<SocketAddr>,
    mqtts: Option<SocketAddr>,
    sockets: [Option<SocketAddr>; 2],
    log: Arc<Mutex<String>>,
    /// Deleted under a running gateway, the folder would fail it in ways that no disk does.
    _folder: Option<Arc<TempDir>>,
}

/// Where the gateway's binary is: `SLUICEGATE_BIN`, or beside this executable.
///
/// # Panics
/// When there is none: a missing binary is a failure, not a skipped test.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SLUICEGATE_BIN") {
        return PathBuf::from(path);
    }
    let own = std::env::current_exe().expect("this executable has a path");
    // A test lies in target/debug/deps, the bench in target/release.
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("sluicegate"))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!(
            "no binary `sluicegate` near {}: run `cargo build --workspace` (with --release for \
             the bench), or set SLUICEGATE_BIN",
            own.display()
        )
    })
}

impl Gateway {
    /// Starts this command, which must print the line `ready`. `folder` lives as long as it runs.
    ///
    /// # Panics
    /// When it ends, or is not ready in time; its log is printed.
    #[must_use]
    pub fn spawn(mut command: Command, folder: Option<Arc<TempDir>>) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stderr.take().expect("stderr is piped"), Arc::clone(&log));
        let lines = lines(child.stdout.take().expect("stdout is piped"));
        match lines.recv_timeout(START) {
            Ok(Ready { http, admin, mqtt, mqtts, sockets }) => {
                Self { child, http, admin, mqtt, mqtts, sockets, log, _folder: folder }
            }
            Err(fault) => {
                let _ = child.kill(); // It may have ended by itself.
                let status = child.wait();
                let log = log.lock().expect("no reader panicked");
                panic!("the gateway did not get ready ({fault}, {status:?}); its log:\n{log}")
            }
        }
    }

    /// Where it takes events.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where MQTT clients come in.
    ///
    /// # Panics
    /// When it does not listen for them.
    #[must_use]
    pub fn mqtt(&self) -> SocketAddr {
        self.mqtt.expect("it listens for MQTT")
    }

    /// Where MQTT clients come in over TLS.
    ///
    /// # Panics
    /// When it does not listen for them.
    #[must_use]
    pub fn mqtts(&self) -> SocketAddr {
        self.mqtts.expect("it listens for MQTT over TLS")
    }

    /// Where MQTT clients come in over WebSocket; over TLS as well, if that is asked for.
    ///
    /// # Panics
    /// When it does not listen for them.
    #[must_use]
    pub fn mqtt_ws(&self, tls: bool) -> SocketAddr {
        self.sockets[usize::from(tls)].expect("it listens for MQTT over WebSocket")
    }

    /// Where it answers consumers and operators.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    ///
    /// # Panics
    /// When the reader of the log panicked.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("no reader panicked").clone()
    }

    /// A consumer of its queues.
    #[must_use]
    pub fn consumer(&self) -> Consumer {
        Consumer::new(self.admin)
    }

    /// Sends one request to the door, over a connection of its own.
    #[must_use]
    pub fn send(&self, request: &[u8]) -> Response {
        http::send(self.http, request)
    }

    /// Sends a delivery to a path of the door.
    #[must_use]
    pub fn deliver(&self, path: &str, delivery: &Delivery) -> Response {
        self.send(&delivery.request(path))
    }

    /// Asks the admin listener for something.
    #[must_use]
    pub fn admin_get(&self, target: &str) -> Response {
        http::send(self.admin, &http::request("GET", target, &[], b""))
    }

    /// Fails the test unless the gateway still runs and takes events.
    ///
    /// # Panics
    /// When it does not.
    pub fn assert_unharmed(&mut self) {
        assert_eq!(self.child.try_wait().expect("a child can be asked"), None, "it ended");
        assert_eq!(self.admin_get("/healthz").status, 200);
        assert_eq!(self.admin_get("/readyz").status, 200);
    }

    /// Kills it with SIGKILL, as a power cut would.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(mut self) {
        self.child.kill().expect("the gateway runs");
        self.child.wait().expect("a killed child can be waited for");
    }

    /// Asks it to stop with this signal, and returns at once.
    ///
    /// # Panics
    /// When it cannot be asked.
    pub fn ask_to_stop(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the gateway runs");
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When it does not end in time.
    pub fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait_within(Duration::from_secs(90), "the gateway to end", || {
            child.try_wait().expect("a child can be asked")
        })
    }

    /// Stops it with SIGTERM and waits until it has ended.
    pub fn stop(mut self) -> ExitStatus {
        self.ask_to_stop(Signal::TERM);
        self.wait()
    }

    /// Waits until a queue has nothing left that is not settled.
    pub fn wait_until_empty(&self, queue: &str) {
        wait_for(&format!("{queue} to be empty"), || {
            (self.consumer().depth(queue) == 0).then_some(())
        });
    }

    /// Waits until its log holds this text.
    pub fn wait_for_log(&self, text: &str) {
        wait_for(text, || self.log().contains(text).then_some(()));
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended by itself.
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the gateway's log ---\n{}", self.log());
        }
    }
}

/// Collects a stream as text, so that a full pipe never stops the gateway.
fn collect(stream: impl Read + Send + 'static, into: Arc<Mutex<String>>) {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line).into_owned();
            let mut log = into.lock().expect("no reader panicked");
            if log.len() < LOG_BYTES_MAX {
                let _ = log.write_str(&text); // Writing to a String cannot fail.
            }
            line.clear();
        }
    });
}

/// What the line `ready` says.
#[derive(Debug, PartialEq, Eq)]
struct Ready {
    http: SocketAddr,
    admin: SocketAddr,
    mqtt: Option<SocketAddr>,
    mqtts: Option<SocketAddr>,
    /// Over WebSocket, without TLS and with it.
    sockets: [Option<SocketAddr>; 2],
}

/// Reads the lines of standard output to its end; sends the addresses of the line `ready`.
fn lines(stream: impl Read + Send + 'static) -> mpsc::Receiver<Ready> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(addresses) = ready(&line) {
                let _ = sender.send(addresses); // The test may have given up waiting.
            }
        }
    });
    receiver
}

/// The addresses of `{"event":"ready","http":"...","admin":"..."}`.
fn ready(line: &str) -> Option<Ready> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    let address = |name: &str| value[name].as_str()?.parse().ok();
    (value["event"] == "ready").then_some(())?;
    let (http, admin) = (address("http")?, address("admin")?);
    let sockets = [address("mqtt_ws"), address("mqtt_wss")];
    Some(Ready { http, admin, mqtt: address("mqtt"), mqtts: address("mqtts"), sockets })
}

/// Bytes of the log that are kept.
const LOG_BYTES_MAX: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_gives_the_addresses() {
        let line = r#"{"event":"ready","http":"127.0.0.1:80","admin":"127.0.0.1:81"}"#;
        let Ready { http, admin, mqtt, .. } = ready(line).unwrap();
        assert_eq!((http.port(), admin.port(), mqtt), (80, 81, None));
        let line = line.replace('}', r#","mqtt":"127.0.0.1:82"}"#);
        assert_eq!(ready(&line).unwrap().mqtt.unwrap().port(), 82);
        assert_eq!(ready(r#"{"event":"stopping"}"#), None);
        assert_eq!(ready("plain text"), None);
    }
}
