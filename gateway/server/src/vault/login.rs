//! Being let in by a vault, and staying so: a token as it was given, or an AppRole, which gets one.
//! A token is renewed when a third of its time is left; one that cannot be renewed any more is
//! replaced by a new login, where there is a role to log in with.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::transport::{VaultServer, said};

/// How to be let in.
#[derive(Clone)]
pub enum Login {
    /// With this token.
    Token(Zeroizing<String>),
    /// As this role.
    AppRole {
        /// The id of the role.
        role: String,
        /// The secret id of the role.
        secret: Zeroizing<String>,
        /// Where the method is mounted: `approle`.
        mount: String,
    },
}

/// A session with a vault.
pub(super) struct Session {
    server: VaultServer,
    login: Login,
    held: Mutex<Option<Held>>,
}

/// A token, and until when.
#[derive(Clone)]
struct Held {
    token: Zeroizing<String>,
    /// When it is to be renewed; `None`: it does not end.
    renew_at: Option<Instant>,
    renewable: bool,
}

impl Session {
    pub(super) fn new(server: VaultServer, login: Login) -> Self {
        Self { server, login, held: Mutex::new(None) }
    }

    /// Gets a document; lets itself in first, and once more if the vault says no.
    pub(super) fn get(&self, path: &str) -> Result<(u16, Value), String> {
        let url = format!("{}/v1/{path}", self.server.url);
        let token = self.token()?;
        let (status, answer) = self.server.ask("GET", &url, Some(&token), Bytes::new())?;
        if status != 403 {
            return Ok((status, parse(&answer)));
        }
        // The token may have been revoked, or have ended: whoever can log in does so once.
        *self.lock() = None;
        let token = self.token()?;
        let (status, answer) = self.server.ask("GET", &url, Some(&token), Bytes::new())?;
        Ok((status, parse(&answer)))
    }

    /// A token that is good now.
    fn token(&self) -> Result<Zeroizing<String>, String> {
        let mut held = self.lock();
        if let Some(one) = held.as_ref() {
            if one.renew_at.is_none_or(|at| Instant::now() < at) {
                return Ok(one.token.clone());
            }
            if one.renewable
                && let Ok(renewed) = self.renew(&one.token)
            {
                let token = renewed.token.clone();
                *held = Some(renewed);
                return Ok(token);
            }
        }
        let fresh = match &self.login {
            Login::Token(token) => self.look_up(token)?,
            Login::AppRole { role, secret, mount } => self.log_in(role, secret, mount)?,
        };
        let token = fresh.token.clone();
        *held = Some(fresh);
        Ok(token)
    }

    /// How long a given token lives. A vault that does not say lets it live.
    fn look_up(&self, token: &Zeroizing<String>) -> Result<Held, String> {
        let url = format!("{}/v1/auth/token/lookup-self", self.server.url);
        let (status, answer) = self.server.ask("GET", &url, Some(token), Bytes::new())?;
        let answer = parse(&answer);
        if status != 200 {
            return Err(format!("token is not accepted: {}", said(status, &answer)));
        }
        let seconds = answer.pointer("/data/ttl").and_then(Value::as_u64).unwrap_or(0);
        let renewable = answer.pointer("/data/renewable").and_then(Value::as_bool) == Some(true);
        Ok(held(token.clone(), seconds, renewable))
    }

    fn renew(&self, token: &Zeroizing<String>) -> Result<Held, String> {
        let url = format!("{}/v1/auth/token/renew-self", self.server.url);
        let (status, answer) = self.server.ask("POST", &url, Some(token), Bytes::from("{}"))?;
        granted(status, &parse(&answer))
    }

    fn log_in(&self, role: &str, secret: &Zeroizing<String>, mount: &str) -> Result<Held, String> {
        let url = format!("{}/v1/auth/{mount}/login", self.server.url);
        let body =
            Zeroizing::new(json!({ "role_id": role, "secret_id": secret.as_str() }).to_string());
        let body = Bytes::copy_from_slice(body.as_bytes());
        let (status, answer) = self.server.ask("POST", &url, None, body)?;
        granted(status, &parse(&answer)).map_err(|why| format!("login is refused: {why}"))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Held>> {
        // Nothing panics with the lock held; if it did, the token is whole all the same.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token in an answer to a login or a renewal.
fn granted(status: u16, answer: &Value) -> Result<Held, String> {
    let token = answer.pointer("/auth/client_token").and_then(Value::as_str);
    let (200, Some(token)) = (status, token) else { return Err(said(status, answer)) };
    let seconds = answer.pointer("/auth/lease_duration").and_then(Value::as_u64).unwrap_or(0);
    let renewable = answer.pointer("/auth/renewable").and_then(Value::as_bool) == Some(true);
    Ok(held(Zeroizing::new(token.to_owned()), seconds, renewable))
}

fn held(token: Zeroizing<String>, seconds: u64, renewable: bool) -> Held {
    let after = Duration::from_secs(seconds).saturating_mul(2) / 3;
    let renew_at = (seconds > 0).then(|| Instant::now().checked_add(after)).flatten();
    Held { token, renew_at, renewable }
}

fn parse(answer: &[u8]) -> Value {
    serde_json::from_slice(answer).unwrap_or_default()
}
