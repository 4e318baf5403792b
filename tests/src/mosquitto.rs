//! A real Mosquitto broker, for tests: on a free port of loopback, with its data in a folder of its
//! own. It can be killed and started again on the same port.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::deadline::wait_for;
use crate::ports;

/// A broker that runs until it is dropped.
pub struct Mosquitto {
    folder: TempDir,
    address: SocketAddr,
    child: Option<Child>,
}

impl Mosquitto {
    /// Starts a broker with these lines in its configuration, beside where it listens and that it
    /// keeps what it promises.
    ///
    /// # Panics
    /// When it is not installed or does not start: a missing broker is a failure.
    #[must_use]
    pub fn start(lines: &str) -> Self {
        Self::start_in(&std::env::temp_dir(), lines)
    }

    /// The same, with its data below this folder. Of a setting that is there twice the last counts.
    ///
    /// # Panics
    /// As above.
    #[must_use]
    pub fn start_in(parent: &Path, lines: &str) -> Self {
        let folder = TempDir::new_in(parent).expect("a folder for the broker");
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()));
        let (path, port) = (folder.path().display(), address.port());
        let whole = format!(
            "listener {port} 127.0.0.1\npersistence true\npersistence_location {path}/\n\
             autosave_interval 1\nuser root\nlog_dest file {path}/log\n{lines}\n"
        );
        std::fs::write(folder.path().join("mosquitto.conf"), whole).expect("a configuration");
        let mut broker = Self { folder, address, child: None };
        broker.again();
        broker
    }

    /// Starts it again where it was.
    ///
    /// # Panics
    /// As above.
    pub fn again(&mut self) {
        let run = Command::new(program())
            .arg("-c")
            .arg(self.path("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(run.unwrap_or_else(|fault| panic!("{MISSING}: {fault}")));
        wait_for("Mosquitto to listen", || {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(ended.is_none(), "Mosquitto ended: {}", self.log());
            TcpStream::connect(self.address).ok().map(drop)
        });
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// A file of its folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Stops it in order: what it keeps is written.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let told = Command::new("kill").arg(child.id().to_string()).status();
        if !told.is_ok_and(|status| status.success()) {
            let _ = child.kill(); // It may be gone.
        }
        let _ = child.wait(); // As above.
    }

    /// Kills it.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let _ = child.kill(); // It may be gone.
        let _ = child.wait(); // As above.
    }

    /// What it said.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- Mosquitto's log ---\n{}", self.log());
        }
    }
}

/// Debian keeps it where only root looks.
fn program() -> PathBuf {
    let known = PathBuf::from("/usr/sbin/mosquitto");
    if known.is_file() { known } else { PathBuf::from("mosquitto") }
}

const MISSING: &str = "Mosquitto is missing: run tests/run, or `apt-get install mosquitto`";
