//! A registry as a process: the real one of the CNCF Distribution project, on a port of this
//! machine, with a folder of its own.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::deadline::wait_for;
use crate::ports;

/// A registry. Dropping it kills it.
pub struct Registry {
    child: Child,
    address: String,
    home: TempDir,
}

/// Who may push and pull at a registry that asks.
pub const USER: &str = "sluice";

/// Their password, and its hash as `htpasswd -B` makes one.
pub const PASSWORD: &str = "secret of the registry";
const HASH: &str = "$2b$05$mVeK52j1SDOm7AvLvjskrOZoMlgRdpRo6.LwxtZ2GNkPWr84uBoEW";

/// Where the registry's program is.
///
/// # Panics
/// When there is none: a missing registry is a failure, not a skipped test.
#[must_use]
pub fn binary() -> PathBuf {
    let named = std::env::var_os("SLUICEGATE_REGISTRY").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["docker-registry", "registry"];
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let on_path = folders.iter().flat_map(|folder| names.map(|name| folder.join(name)));
    named.into_iter().chain(on_path).find(|file| file.is_file()).unwrap_or_else(|| {
        panic!(
            "no program `docker-registry`: apt-get install docker-registry, or name it in \
             SLUICEGATE_REGISTRY"
        )
    })
}

impl Registry {
    /// Starts one that anybody may use, without TLS, and waits until it answers.
    #[must_use]
    pub fn start() -> Self {
        Self::spawn(|_| String::new())
    }

    /// Starts one that wants to see [`USER`] and [`PASSWORD`].
    #[must_use]
    pub fn start_with_users() -> Self {
        Self::spawn(|home| {
            let users = home.join("users");
            fs::write(&users, format!("{USER}:{HASH}\n")).expect("a file");
            format!("auth: {{ htpasswd: {{ realm: tests, path: {} }} }}\n", users.display())
        })
    }

    /// Starts one with TLS.
    #[must_use]
    pub fn start_with_tls() -> Self {
        Self::spawn(|home| {
            certify(home);
            let (certificate, key) = (home.join("tls.pem"), home.join("tls.key"));
            let (certificate, key) = (certificate.display(), key.display());
            format!("  tls: {{ certificate: {certificate}, key: {key} }}\n")
        })
    }

    /// Starts one with what else its configuration is to say after `http`.
    fn spawn(more: impl FnOnce(&std::path::Path) -> String) -> Self {
        let home = TempDir::with_prefix("sluicegate-registry-").expect("a temporary folder");
        let address = format!("127.0.0.1:{}", ports::free());
        let data = home.path().join("data");
        let mut text = String::from("version: 0.1\nlog: { level: error }\n");
        let _ =
            writeln!(text, "storage: {{ filesystem: {{ rootdirectory: {} }} }}", data.display());
        let _ = write!(text, "http:\n  addr: {address}\n{}", more(home.path()));
        let config = home.path().join("config.yml");
        fs::write(&config, text).expect("a file");
        let child = Command::new(binary())
            .arg("serve")
            .arg(&config)
            .env("HOME", home.path())
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(home.path().join("log")).expect("a file"))
            .spawn()
            .expect("the registry starts");
        let mut registry = Self { child, address, home };
        wait_for("the registry to listen", || {
            let ended = registry.child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "it ended: {}", registry.log());
            TcpStream::connect(&registry.address).ok()
        });
        registry
    }

    /// A name in it: `127.0.0.1:5000/REST`.
    #[must_use]
    pub fn reference(&self, rest: &str) -> String {
        format!("{}/{rest}", self.address)
    }

    /// The certificate authority of a registry with TLS, in PEM.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// The file of a blob, where the registry keeps it.
    #[must_use]
    pub fn blob(&self, sha256: &str) -> PathBuf {
        let (data, first) = (self.home.path().join("data"), &sha256[..2]);
        data.join(format!("docker/registry/v2/blobs/sha256/{first}/{sha256}/data"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended by itself.
        let _ = self.child.wait();
    }
}

/// Makes an authority and a certificate of it for this machine.
fn certify(home: &std::path::Path) {
    let mut ca = CertificateParams::new(Vec::new()).expect("no names");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().expect("a key"));
    let ca = ca.expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&key, &ca).expect("a certificate");
    for (name, text) in
        [("ca.pem", ca.pem()), ("tls.pem", leaf.pem()), ("tls.key", key.serialize_pem())]
    {
        fs::write(home.join(name), text).expect("a file");
    }
}
