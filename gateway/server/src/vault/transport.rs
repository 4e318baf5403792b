//! Asks a vault once, in bounded time. Who asks waits: call it where blocking is allowed.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use sluicegate_sinks::http::{Poster, Question, Roots};
use zeroize::Zeroizing;

/// A vault.
#[derive(Clone)]
pub struct VaultServer {
    /// Its URL, without a `/` at its end.
    pub url: String,
    /// The namespace, where the vault has them.
    pub namespace: Option<String>,
    /// The certificate authorities to believe.
    pub roots: Roots,
}

impl VaultServer {
    /// Asks once; the status and the answer. On a thread of its own: whoever reads a configuration
    /// or opens a store may stand inside a runtime, and must wait.
    pub(super) fn ask(
        &self,
        method: &'static str,
        url: &str,
        token: Option<&Zeroizing<String>>,
        body: Bytes,
    ) -> Result<(u16, Bytes), String> {
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            // Vault's own agents and proxies ask for it, against forged requests.
            ("x-vault-request".to_owned(), "true".to_owned()),
        ];
        headers.extend(token.map(|token| ("x-vault-token".to_owned(), token.to_string())));
        headers.extend(self.namespace.clone().map(|name| ("x-vault-namespace".to_owned(), name)));
        let (url, roots) = (url.to_owned(), self.roots.clone());
        let asked = std::thread::spawn(move || once(method, &url, &headers, &roots, body));
        asked.join().unwrap_or_else(|_| Err("its caller ended".to_owned()))
    }
}

/// Asks on a runtime that ends with the call.
fn once(
    method: &str,
    url: &str,
    headers: &[(String, String)],
    roots: &Roots,
    body: Bytes,
) -> Result<(u16, Bytes), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|fault| fault.to_string())?;
    let poster = Poster::with_roots(roots).map_err(|fault| fault.to_string())?;
    let (timeout, answer_bytes_max) = (TIMEOUT, ANSWER_BYTES_MAX);
    let question = Question { method, url, headers, body, timeout, answer_bytes_max };
    runtime.block_on(poster.ask(question)).map_err(|fault| format!("{url}: {fault}"))
}

/// What a vault says it cannot do.
pub(super) fn said(status: u16, answer: &Value) -> String {
    let errors = answer.get("errors").and_then(Value::as_array);
    let errors: Vec<&str> = errors.into_iter().flatten().filter_map(Value::as_str).collect();
    match errors.join("; ") {
        said if said.is_empty() => format!("vault answered {status}"),
        said => format!("vault answered {status}: {said}"),
    }
}

const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
