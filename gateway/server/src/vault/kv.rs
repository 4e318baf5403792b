//! Secrets of the key-value engine, version 2.

use std::sync::Arc;

use serde_json::Value;
use zeroize::Zeroizing;

use super::login::{Login, Session};
use super::transport::{VaultServer, said};

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvPlace {
    /// Where the engine is mounted: `secret`.
    pub mount: String,
    /// The path of the secret below it.
    pub path: String,
    /// The field of the secret.
    pub field: String,
}

/// Reads secrets of one vault. Cheap to clone: all clones share one login.
#[derive(Clone)]
pub struct VaultReader(Arc<Session>);

impl VaultReader {
    /// A reader that is let in so. Nobody is asked yet.
    #[must_use]
    pub fn new(server: VaultServer, login: Login) -> Self {
        Self(Arc::new(Session::new(server, login)))
    }

    /// Reads the newest version of a secret. Waits for the vault: call it where blocking is
    /// allowed.
    ///
    /// # Errors
    /// Why it cannot be had, without anything of a secret.
    pub fn read(&self, place: &KvPlace) -> Result<Zeroizing<Vec<u8>>, String> {
        let KvPlace { mount, path, field } = place;
        let (status, answer) = self.0.get(&format!("{mount}/data/{path}"))?;
        let found = answer.pointer("/data/data").and_then(Value::as_object);
        match (status, found) {
            (200, Some(found)) => match found.get(field) {
                Some(Value::String(secret)) => Ok(Zeroizing::new(secret.clone().into_bytes())),
                Some(_) => Err(format!("field {field:?} of {mount}/{path} is no text")),
                None => Err(format!("{mount}/{path} has no field {field:?}")),
            },
            (404, _) => Err(format!("nothing is at {mount}/{path}, or it was deleted")),
            _ => Err(format!("{mount}/{path}: {}", said(status, &answer))),
        }
    }
}

impl std::fmt::Debug for VaultReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VaultReader(..)")
    }
}
