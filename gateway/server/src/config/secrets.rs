//! Secrets by reference: read when the configuration is, never written anywhere.
//!
//! Those of the environment and of files come first: the tokens of vaults are among them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use sluicegate_core::ids::SourceName;
use sluicegate_core::time::Timestamp;
use zeroize::Zeroizing;

use super::check::{Checker, place, places};
use super::document::{Document, escape};
use super::fault::ConfigFault;
use super::shape::{self, SecretRef};
use crate::keys::{KeyPlan, SecretFrom, SecretPlan, read};
use crate::vault::{KvPlace, Login, VaultReader};

/// Every secret that could be read, by name.
#[derive(Default)]
pub(super) struct Secrets(BTreeMap<String, SecretPlan>);

impl Secrets {
    /// Reads every secret but those of vaults; what cannot be read is a fault.
    pub(super) fn read(
        refs: &BTreeMap<String, SecretRef>,
        base: &Path,
        document: &Document,
        faults: &mut Vec<ConfigFault>,
    ) -> Self {
        let mut secrets = Self::default();
        for (name, reference) in refs {
            let (from, found) = match reference {
                SecretRef::Env(variable) => {
                    let found = std::env::var(variable)
                        .map(|text| Zeroizing::new(text.into_bytes()))
                        .map_err(|_| format!("environment variable {variable} is not set"));
                    (SecretFrom::Env, found)
                }
                SecretRef::File(file) => {
                    let path = base.join(file);
                    let found = read(&path).map_err(|fault| format!("cannot read {file}: {fault}"));
                    (SecretFrom::File(path), found)
                }
                SecretRef::Vault(_) => continue,
            };
            faults.extend(secrets.add(name, from, found, document));
        }
        secrets
    }

    /// Adds a secret, or tells what is wrong with it.
    fn add(
        &mut self,
        name: &str,
        from: SecretFrom,
        found: Result<Zeroizing<Vec<u8>>, String>,
        document: &Document,
    ) -> Option<ConfigFault> {
        let pointer = format!("/secrets/{}", escape(name));
        match found {
            Ok(secret) if secret.is_empty() => {
                Some(document.fault(&pointer, "secret_empty", "the secret is empty"))
            }
            Ok(value) => {
                self.0.insert(name.to_owned(), SecretPlan { from, value });
                None
            }
            Err(message) => Some(document.fault(&pointer, "secret_unreadable", message)),
        }
    }

    /// A secret by name; `None` if there is none, or it could not be read.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(|secret| secret.value.as_slice())
    }

    /// Takes them all out, for those who watch them.
    pub(super) fn take(&mut self) -> BTreeMap<String, SecretPlan> {
        std::mem::take(&mut self.0)
    }
}

impl Checker<'_> {
    /// Asks the vaults for their secrets.
    pub(super) fn vault_secrets(&mut self, config: &shape::Config) {
        let mut readers = BTreeMap::new();
        for (at, name, vault) in places("vaults", &config.vaults) {
            if let Some(reader) = self.reader(&at, vault) {
                readers.insert(name.as_str(), reader);
            }
        }
        for (name, reference) in &config.secrets {
            let SecretRef::Vault(secret) = reference else { continue };
            let at = format!("{}/vault", place("secrets", name));
            let mount = secret.mount.clone().unwrap_or_else(|| "secret".to_owned());
            self.vault_paths(&at, &[("mount", &mount), ("path", &secret.path)]);
            let every = secret.refresh.map_or(REFRESH, |span| span.0);
            if !(Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60)).contains(&every) {
                let message = "a vault is asked every 1s to 1d";
                self.fault(&format!("{at}/refresh"), "value_out_of_range", message);
            }
            if !config.vaults.contains_key(&secret.of) {
                let message = format!("{:?} is not one of vaults", secret.of);
                self.fault(&format!("{at}/of"), "reference_unknown", message);
            }
            // What is wrong with the vault itself was told there.
            let Some(reader) = readers.get(secret.of.as_str()) else { continue };
            let field = secret.field.clone().unwrap_or_else(|| "value".to_owned());
            let kv = KvPlace { mount, path: secret.path.clone(), field };
            let found = reader.read(&kv);
            let from = SecretFrom::Vault { reader: reader.clone(), place: kv, every };
            let fault = self.secrets.add(name, from, found, self.document);
            self.faults.extend(fault);
        }
    }

    fn reader(&mut self, at: &str, vault: &shape::VaultServer) -> Option<VaultReader> {
        let ca_file = vault.ca_file.as_deref();
        let server = self.vault_server(at, &vault.url, vault.namespace.as_ref(), ca_file);
        let login = match (&vault.token, &vault.app_role) {
            (Some(token), None) => self.visible(&format!("{at}/token"), token).map(Login::Token),
            (None, Some(role)) => {
                let mount = role.mount.clone().unwrap_or_else(|| "approle".to_owned());
                self.vault_paths(&format!("{at}/app_role"), &[("mount", &mount)]);
                let secret = self.visible(&format!("{at}/app_role/secret_id"), &role.secret_id);
                secret.map(|secret| Login::AppRole { role: role.role_id.clone(), secret, mount })
            }
            _ => {
                let message = "a vault lets in by either a token or an app_role";
                self.fault(at, "value_missing", message);
                None
            }
        };
        Some(VaultReader::new(server?, login?))
    }
}

/// The keys of each source by the names of their secrets. What is wrong with them was told with
/// the source.
pub(super) fn key_plans(
    sources: &BTreeMap<String, shape::Source>,
) -> BTreeMap<SourceName, Vec<KeyPlan>> {
    let time = |text: &Option<String>| Timestamp::parse_rfc3339(text.as_deref()?).ok();
    let key = |key: &shape::Key| {
        Some(KeyPlan {
            id: key.id.parse().ok()?,
            secret: key.secret.clone(),
            issuer: key.issuer.clone(),
            not_before: time(&key.not_before),
            not_after: time(&key.not_after),
        })
    };
    let plans = sources.iter().filter_map(|(name, source)| {
        Some((name.parse().ok()?, source.verify.keys.iter().filter_map(key).collect()))
    });
    plans.collect()
}

/// How often a vault is asked, unless configured.
const REFRESH: Duration = Duration::from_secs(60);
