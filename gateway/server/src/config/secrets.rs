//! Secrets by reference: read once at start, never written anywhere.

use std::collections::BTreeMap;
use std::path::Path;

use zeroize::Zeroizing;

use super::document::{Document, escape};
use super::fault::ConfigFault;
use super::shape::SecretRef;

/// Every secret that could be read, by name; wiped when the plan is made.
#[derive(Default)]
pub(super) struct Secrets(BTreeMap<String, Zeroizing<Vec<u8>>>);

impl Secrets {
    /// Reads every secret; what cannot be read is a fault.
    pub(super) fn read(
        refs: &BTreeMap<String, SecretRef>,
        base: &Path,
        document: &Document,
        faults: &mut Vec<ConfigFault>,
    ) -> Self {
        let mut secrets = BTreeMap::new();
        for (name, reference) in refs {
            let read = match reference {
                SecretRef::Env(variable) => std::env::var(variable)
                    .map(String::into_bytes)
                    .map_err(|_| format!("environment variable {variable} is not set")),
                SecretRef::File(file) => std::fs::read(base.join(file))
                    .map(without_newline)
                    .map_err(|fault| format!("cannot read {file}: {fault}")),
            };
            match read {
                Ok(secret) if secret.is_empty() => faults.push(document.fault(
                    &pointer(name),
                    "secret_empty",
                    "the secret is empty",
                )),
                Ok(secret) => {
                    secrets.insert(name.clone(), Zeroizing::new(secret));
                }
                Err(message) => {
                    faults.push(document.fault(&pointer(name), "secret_unreadable", message));
                }
            }
        }
        Self(secrets)
    }

    /// A secret by name; `None` if there is none, or it could not be read.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(|secret| secret.as_slice())
    }
}

fn pointer(name: &str) -> String {
    format!("/secrets/{}", escape(name))
}

/// Editors end files with a newline that is no part of the secret.
fn without_newline(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    bytes
}
