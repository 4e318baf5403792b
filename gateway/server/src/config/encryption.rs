//! The checks of encryption at rest. No key is shown, and nobody is asked: a vault that does not
//! answer is a fault of the start, not of the configuration.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_core::ids::KeyId;
use sluicegate_queue::{Encryption, KEY_BYTES, KeyWrap, LocalKey};
use sluicegate_sinks::http::Roots;
use zeroize::Zeroizing;

use super::check::Checker;
use super::shape;
use crate::vault::{VaultKey, VaultPlace, VaultServer};

impl Checker<'_> {
    /// The keys that wrap data keys; `None` if any of them is wrong.
    pub(super) fn encryption(&mut self, encryption: &shape::Encryption) -> Option<Encryption> {
        let seal_with = self.wrapping_key("/encryption/key", &encryption.key);
        let mut open_also = Vec::new();
        let mut ids = vec![&encryption.key.id];
        for (at, old) in encryption.old_keys.iter().enumerate() {
            let place = format!("/encryption/old_keys/{at}");
            if ids.contains(&&old.id) {
                let message = format!("another key has the id {:?}", old.id);
                self.fault(&format!("{place}/id"), "name_doubled", message);
            }
            ids.push(&old.id);
            open_also.extend(self.wrapping_key(&place, old));
        }
        Some(Encryption { seal_with: seal_with?, open_also })
    }

    fn wrapping_key(&mut self, place: &str, key: &shape::WrappingKey) -> Option<Arc<dyn KeyWrap>> {
        let id: Option<KeyId> = self.name(&format!("{place}/id"), &key.id);
        match (&key.secret, &key.vault) {
            (Some(secret), None) => {
                let key = self.key_bytes(&format!("{place}/secret"), secret)?;
                Some(Arc::new(LocalKey::new(id?.as_str(), &key)))
            }
            (None, Some(vault)) => {
                let vault = self.vault(&format!("{place}/vault"), vault)?;
                Some(Arc::new(VaultKey::new(id?.as_str(), vault)))
            }
            _ => {
                let message = "a key is either a secret or one of a vault";
                self.fault(place, "value_missing", message);
                None
            }
        }
    }

    fn key_bytes(&mut self, pointer: &str, name: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
        let key = parse_key(self.secret(pointer, name)?);
        if key.is_none() {
            let message = "a key is 32 bytes as 64 hexadecimal digits or in base64: \
                           `sluicegate secret new-key` makes one";
            self.fault(pointer, "secret_invalid", message);
        }
        key
    }

    fn vault(&mut self, place: &str, vault: &shape::Vault) -> Option<VaultPlace> {
        let token = self.visible(&format!("{place}/token"), &vault.token);
        let mount = vault.mount.as_deref().unwrap_or("transit");
        self.vault_paths(place, &[("mount", mount), ("key", &vault.key)]);
        let ca_file = vault.ca_file.as_deref();
        let server = self.vault_server(place, &vault.url, vault.namespace.as_ref(), ca_file)?;
        let transit = format!("{}/v1/{mount}", server.url);
        Some(VaultPlace { transit, key: vault.key.clone(), token: token?, server })
    }

    /// A secret that a header can hold: visible ASCII, as what vaults give is.
    pub(super) fn visible(&mut self, pointer: &str, name: &str) -> Option<Zeroizing<String>> {
        let bytes = Zeroizing::new(self.secret(pointer, name)?.to_vec());
        let text = str::from_utf8(&bytes).ok();
        let text = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
        if text.is_none() {
            self.fault(pointer, "secret_invalid", "a token is visible ASCII");
        }
        text.map(|text| Zeroizing::new(text.to_owned()))
    }

    /// Paths within a vault.
    pub(super) fn vault_paths(&mut self, place: &str, paths: &[(&str, &str)]) {
        for (name, path) in paths {
            if !is_path(path) {
                let message = "letters, digits, `-`, `_`, `.` and, for a mount or a path, `/`";
                self.fault(&format!("{place}/{name}"), "name_invalid", message);
            }
        }
    }

    /// Where a vault is.
    pub(super) fn vault_server(
        &mut self,
        place: &str,
        url: &str,
        namespace: Option<&String>,
        ca_file: Option<&str>,
    ) -> Option<VaultServer> {
        let url = url.trim_end_matches('/').to_owned();
        let scheme = url.starts_with("https://") || url.starts_with("http://");
        if !scheme || url.contains(['?', '#', '@']) || url.contains(char::is_whitespace) {
            let message = "the address of a vault is http:// or https://, host and port";
            self.fault(&format!("{place}/url"), "address_invalid", message);
        }
        let roots = match ca_file {
            None => Roots::Web,
            Some(file) => match std::fs::read(self.base.join(file)) {
                Ok(pem) => Roots::Pem(pem),
                Err(fault) => {
                    let message = format!("cannot read {file}: {fault}");
                    self.fault(&format!("{place}/ca_file"), "file_unreadable", message);
                    return None;
                }
            },
        };
        Some(VaultServer { url, namespace: namespace.cloned(), roots })
    }
}

/// A key from 64 hexadecimal digits, or from base64.
fn parse_key(text: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let text = str::from_utf8(text).ok()?.trim();
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if text.len() == 2 * KEY_BYTES {
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
            // `from_str_radix` alone would take a sign.
            let digits = str::from_utf8(digits).ok()?;
            let well_formed = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = u8::from_str_radix(digits, 16).ok().filter(|_| well_formed)?;
        }
        return Some(key);
    }
    let bytes = Zeroizing::new(STANDARD.decode(text).ok()?);
    key.copy_from_slice(bytes.get(..).filter(|bytes| bytes.len() == KEY_BYTES)?);
    Some(key)
}

fn is_path(text: &str) -> bool {
    let part = |part: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain)
    };
    text.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_hexadecimal_and_from_base64_and_from_nothing_else() {
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1F";
        let key = parse_key(hex.as_bytes()).unwrap();
        assert_eq!(key.as_slice(), (0..32).collect::<Vec<u8>>());
        let base64 = STANDARD.encode(key.as_slice());
        assert_eq!(parse_key(format!(" {base64} \n").as_bytes()), Some(key));
        let short = STANDARD.encode([0; 31]);
        let signed = hex.replace("0f", "+f");
        for bad in ["", "password", &short, &signed, &hex[1..], "é", &"zz".repeat(32)] {
            assert_eq!(parse_key(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_path_of_a_vault_cannot_leave_its_place() {
        for good in ["transit", "team-1/transit", "sluicegate_2026.11"] {
            assert!(is_path(good), "{good}");
        }
        for bad in ["", "/", "a//b", "../sys", "a/..", "a?b", "a b", "a%2fb"] {
            assert!(!is_path(bad), "{bad}");
        }
    }
}
