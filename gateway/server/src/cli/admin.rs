//! The way to the admin API of a running gateway.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use sluicegate_sinks::http::{Poster, Question};

use crate::cli::{CommandFault, say};
use crate::clock::machine_clock;
use crate::config;
use crate::fault::RunFault;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Output {
    /// For people.
    Table,
    /// As the API answered.
    Json,
}

/// The admin API of a gateway.
pub(in crate::cli) struct Admin {
    base: String,
    headers: Vec<(String, String)>,
    poster: Poster,
    pub(in crate::cli) output: Output,
}

impl Admin {
    /// The API at this URL, or where the configuration says, or where it usually is.
    pub(in crate::cli) fn new(
        url: Option<String>,
        file: Option<&Path>,
        output: Output,
    ) -> Result<Self, CommandFault> {
        let base = match (url, file) {
            (Some(url), _) => url,
            (None, Some(file)) => {
                let plan = config::load(file, &machine_clock()).map_err(RunFault::from)?;
                format!("http://{}", reachable(plan.admin.listen))
            }
            (None, None) => USUAL.to_owned(),
        };
        let mut headers = Vec::new();
        if let Ok(token) = std::env::var(TOKEN) {
            headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        let poster = Poster::new().map_err(|fault| CommandFault::Input(fault.to_string()))?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), headers, poster, output })
    }

    /// Gets what is at a path.
    pub(in crate::cli) async fn get(&self, path: &str) -> Result<Value, CommandFault> {
        self.ask("GET", path, None).await
    }

    /// Posts a document.
    pub(in crate::cli) async fn post(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<Value, CommandFault> {
        self.ask("POST", path, Some(body)).await
    }

    /// Asks; the answer's document, an empty one if it has none.
    pub(in crate::cli) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CommandFault> {
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        self.send(method, path, "application/json", body).await
    }

    /// Asks with any body; the answer's document, an empty one if it has none.
    pub(in crate::cli) async fn send(
        &self,
        method: &str,
        path: &str,
        media_type: &str,
        body: Bytes,
    ) -> Result<Value, CommandFault> {
        let url = format!("{}{path}", self.base);
        let mut headers = self.headers.clone();
        headers.push(("content-type".to_owned(), media_type.to_owned()));
        let (headers, answer_bytes_max) = (headers.as_slice(), ANSWER_BYTES_MAX);
        let question =
            Question { method, url: &url, headers, body, timeout: TIMEOUT, answer_bytes_max };
        let (status, body) = self.poster.ask(question).await.map_err(|fault| {
            CommandFault::Remote(format!(
                "{url}: {fault}\nis the gateway running? for a stopped folder use --data"
            ))
        })?;
        let document = match body.as_ref() {
            b"" => json!({}),
            body => serde_json::from_slice(body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned())),
        };
        if (200..300).contains(&status) { Ok(document) } else { Err(refused(status, &document)) }
    }

    /// Prints the document if JSON is wanted; otherwise what `human` prints.
    pub(in crate::cli) fn show(&self, document: &Value, human: impl FnOnce()) {
        match self.output {
            Output::Json => say(&document.to_string()),
            Output::Table => human(),
        }
    }
}

fn refused(status: u16, problem: &Value) -> CommandFault {
    let part = |name: &str| problem.get(name).and_then(Value::as_str);
    let text = match (part("code"), part("detail")) {
        (Some(code), Some(detail)) => format!("{detail} [{code}]"),
        _ => format!("the gateway answered {status}"),
    };
    match status {
        401 => CommandFault::Input(format!("{text}\nset {TOKEN} to the token of the admin API")),
        400..500 => CommandFault::Input(text),
        _ => CommandFault::Remote(text),
    }
}

/// Who listens on every address is asked on this machine's own.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

const USUAL: &str = "http://127.0.0.1:8081";

/// The variable of the environment that holds the token: a command line is seen by others.
const TOKEN: &str = "SLUICEGATE_ADMIN_TOKEN";

/// A purge of millions of events is answered when it is done.
const TIMEOUT: Duration = Duration::from_secs(600);
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
