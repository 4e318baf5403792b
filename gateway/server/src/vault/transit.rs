//! A key-encryption key that a vault holds: the transit engine of OpenBao and HashiCorp Vault.
//!
//! The key never leaves the vault: it is sent a data key to wrap, or a wrapped one to unwrap. It
//! is asked when the store is opened, and when a new data key is made; never for an event.
//!
//! What is wrapped is the data key and, behind it, the context: so that a data key that was put
//! under another number is found out, with engines of every age.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use sluicegate_queue::{KEY_BYTES, KeyWrap, WrapFault};
use zeroize::Zeroizing;

use super::transport::VaultServer;

/// A key in a vault.
pub struct VaultKey {
    name: String,
    place: VaultPlace,
}

/// Where a key is, and how it is asked for.
#[derive(Clone)]
pub struct VaultPlace {
    /// The URL of the transit engine, without a `/` at its end.
    pub transit: String,
    /// The name of the key there.
    pub key: String,
    /// What is shown to be let in.
    pub token: Zeroizing<String>,
    /// The vault.
    pub server: VaultServer,
}

impl VaultKey {
    /// A key with the name that the data folder knows it by. Nobody is asked yet.
    #[must_use]
    pub fn new(name: impl Into<String>, place: VaultPlace) -> Self {
        Self { name: name.into(), place }
    }

    /// Asks the engine for something; the text in a field of its answer.
    fn ask(&self, verb: &str, body: &Value, field: &str) -> Result<Zeroizing<String>, WrapFault> {
        let place = &self.place;
        let url = format!("{}/{verb}/{}", place.transit, place.key);
        let body = Bytes::from(body.to_string());
        let (status, answer) = place
            .server
            .ask("POST", &url, Some(&place.token), body)
            .map_err(WrapFault::Unavailable)?;
        read(status, &answer, field)
    }
}

impl KeyWrap for VaultKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn wrap_key(&self, key: &[u8; KEY_BYTES], context: &[u8]) -> Result<Vec<u8>, WrapFault> {
        let plain = Zeroizing::new([key, context].concat());
        let plain = Zeroizing::new(STANDARD.encode(plain.as_slice()));
        let wrapped = self.ask("encrypt", &json!({ "plaintext": *plain }), "ciphertext")?;
        Ok(wrapped.as_bytes().to_vec())
    }

    fn unwrap_key(
        &self,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<Zeroizing<[u8; KEY_BYTES]>, WrapFault> {
        let wrapped = str::from_utf8(wrapped).map_err(|_| WrapFault::Wrong)?;
        let plain = self.ask("decrypt", &json!({ "ciphertext": wrapped }), "plaintext")?;
        let plain = STANDARD.decode(plain.as_bytes()).map_err(|_| WrapFault::Wrong)?;
        let plain = Zeroizing::new(plain);
        match plain.split_first_chunk() {
            Some((key, bound)) if bound == context => Ok(Zeroizing::new(*key)),
            _ => Err(WrapFault::Wrong),
        }
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads an answer of the engine.
fn read(status: u16, answer: &[u8], field: &str) -> Result<Zeroizing<String>, WrapFault> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let found = answer.pointer(&format!("/data/{field}")).and_then(Value::as_str);
    if let (200, Some(found)) = (status, found) {
        return Ok(Zeroizing::new(found.to_owned()));
    }
    let errors = answer.get("errors").and_then(Value::as_array);
    let errors: Vec<&str> = errors.into_iter().flatten().filter_map(Value::as_str).collect();
    let said = errors.join("; ");
    // The words of the transit engine for a text that this key did not make.
    if status == 400 && WRONG.iter().any(|words| said.contains(words)) {
        return Err(WrapFault::Wrong);
    }
    Err(WrapFault::Unavailable(format!("vault answered {status}: {said}")))
}

const WRONG: [&str; 2] = ["message authentication failed", "invalid ciphertext"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(status: u16, answer: &str) -> Result<String, WrapFault> {
        read(status, answer.as_bytes(), "plaintext").map(|text| text.to_string())
    }

    #[test]
    fn answers_are_told_apart_as_openbao_2_7_gives_them() {
        assert_eq!(read_text(200, r#"{"data":{"plaintext":"aGk="}}"#), Ok("aGk=".to_owned()));
        for wrong in [
            r#"{"errors":["cipher: message authentication failed"]}"#,
            r#"{"errors":["invalid ciphertext length"]}"#,
            r#"{"errors":["invalid ciphertext: no prefix"]}"#,
        ] {
            assert_eq!(read_text(400, wrong), Err(WrapFault::Wrong));
        }
        for (status, answer, says) in [
            (400, r#"{"errors":["encryption key not found"]}"#, "400: encryption key not found"),
            (403, r#"{"errors":["permission denied"]}"#, "403: permission denied"),
            (503, r#"{"errors":["Vault is sealed"]}"#, "503: Vault is sealed"),
            (200, r#"{"data":{}}"#, "200: "),
            (502, "<html>", "502: "),
        ] {
            let fault = read_text(status, answer).unwrap_err();
            assert_eq!(fault.to_string(), format!("vault answered {says}"));
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        let place = VaultPlace {
            transit: "https://vault:8200/v1/transit".to_owned(),
            key: "k".to_owned(),
            token: Zeroizing::new("s.secret".to_owned()),
            server: VaultServer {
                url: "https://vault:8200".to_owned(),
                namespace: None,
                roots: sluicegate_sinks::http::Roots::Web,
            },
        };
        let shown = format!("{:?}", VaultKey::new("2026-11", place));
        assert!(shown.contains("2026-11") && !shown.contains("s.secret"), "{shown}");
    }
}
