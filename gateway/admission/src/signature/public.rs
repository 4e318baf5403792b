//! Signatures by private keys over a template: Ed25519 and ECDSA. The keys of a source are public
//! keys then; nothing that it knows could sign.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::fields::NotOnce;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::secret::{Secret, SecretFault};
use crate::signature::candidates::malformed;
use crate::signature::crypto::{PublicKey, Signing};
use crate::signature::der::{KeyOf, pem, public_key};
use crate::signature::encoding::{Encoding, hex, loose_base64};
use crate::signature::engine::key_problems;
use crate::signature::frame::Frame;
use crate::signature::generic::{GenericHmac, Layout};
use crate::signature::known::Known;
use crate::signature::verifier::{Proven, Setting};

/// How signatures by private keys are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicForm {
    /// How they are made.
    pub signing: Signing,
    /// What stands before each: `v1a,`.
    pub prefix: &'static str,
    /// How the bytes are written.
    pub encoding: Encoding,
    /// What stands before a public key where people see it: `whpk_`. Keys that start so are public.
    pub key_prefix: &'static str,
}

/// A scheme with the public keys of a source.
pub(crate) struct PublicEngine {
    frame: Frame,
    form: PublicForm,
    keys: Known<PublicKey>,
}

impl PublicEngine {
    /// Compiles a scheme; everything that is wrong with it or its keys.
    pub(crate) fn build(
        spec: GenericHmac,
        form: PublicForm,
        setting: Setting,
    ) -> Result<Self, Vec<GateProblem>> {
        let keys = Known::build(setting.keys, |secret| read_key(secret, &form));
        match (Frame::build(spec, setting.watch, setting.public_url), keys.map_err(key_problems)) {
            (Ok(frame), Ok(keys)) => Ok(Self { frame, form, keys }),
            (frame, keys) => {
                let mut problems = frame.err().unwrap_or_default();
                problems.extend(keys.err().unwrap_or_default());
                Err(problems)
            }
        }
    }

    /// Judges a delivery as of its arrival.
    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let offered = self.offered(delivery)?;
        let parts = self.frame.parts(delivery, None)?;
        let url = self.frame.urls(delivery).next().unwrap_or_default();
        let mut message = Vec::with_capacity(delivery.body.len() + 128);
        self.frame.feed(&parts, &url, &[], |piece| message.extend_from_slice(piece))?;
        let key = self.keys.judge(at, |key| {
            let mut any = false;
            for given in &offered {
                any |= key.verifies(self.form.signing, &message, given);
            }
            any
        })?;
        self.frame.proven(key, &parts, at)
    }

    /// Every signature that is well written. There are few: each costs a hundred times an HMAC.
    fn offered(&self, delivery: &Delivery) -> Result<Vec<Vec<u8>>, SignatureFault> {
        let (spec, mut offered, mut present) = (&self.frame.spec, Vec::new(), 0);
        for name in &spec.headers {
            let value = match delivery.headers.once(name) {
                Ok("") => return Err(malformed("it is empty")),
                Ok(value) => value,
                Err(NotOnce::Missing) => continue,
                Err(NotOnce::Doubled) => {
                    return Err(SignatureFault::Doubled { header: name.clone() });
                }
            };
            present += 1;
            match &spec.layout {
                Layout::List { separator } => {
                    let each = value.split(*separator).map(str::trim);
                    offered.extend(each.filter_map(|one| self.read(one)));
                }
                _ => offered.extend(self.read(value)),
            }
        }
        match offered.len() {
            0 if present == 0 => {
                let header = spec.headers.first().cloned().unwrap_or_default();
                Err(SignatureFault::Missing { header })
            }
            0 => Err(malformed("nothing in it has the prefix, encoding and length of the scheme")),
            1..=OFFERED_MAX => Ok(offered),
            _ => Err(malformed("it holds too many signatures")),
        }
    }

    fn read(&self, text: &str) -> Option<Vec<u8>> {
        let text = text.strip_prefix(self.form.prefix)?;
        let mut bytes = [0; SIGNATURE_BYTES_MAX];
        let len = self.form.encoding.decode(text.as_bytes(), &mut bytes)?;
        let whole = match self.form.signing {
            Signing::Ed25519 => len == 64,
            // DER of two numbers of up to 33 bytes.
            Signing::EcdsaP256 => (8..=72).contains(&len),
            Signing::RsaSha1 | Signing::RsaSha256 => len >= 256,
        };
        if whole { bytes.get(..len).map(<[u8]>::to_vec) } else { None }
    }
}

/// Reads a public key as providers show it: hexadecimal, base64 or PEM.
fn read_key(secret: &Secret, form: &PublicForm) -> Result<PublicKey, SecretFault> {
    let fault = || {
        SecretFault::Encoding(match form.signing {
            Signing::Ed25519 => "an Ed25519 public key",
            Signing::EcdsaP256 => "a P-256 public key in base64 or PEM",
            Signing::RsaSha1 | Signing::RsaSha256 => "an RSA public key in PEM",
        })
    };
    let text = std::str::from_utf8(secret.expose()).map_err(|_| fault())?.trim();
    if text.is_empty() {
        return Err(SecretFault::Empty);
    }
    let text = text.strip_prefix(form.key_prefix).unwrap_or(text);
    if form.signing == Signing::Ed25519 {
        let bytes = hex(text.as_bytes()).filter(|bytes| bytes.len() == 32);
        let bytes = bytes.or_else(|| loose_base64(text.as_bytes()));
        if let Some(bytes) = bytes.filter(|bytes| bytes.len() == 32) {
            return Ok(PublicKey(bytes));
        }
    }
    let der = der_of(text).ok_or_else(fault)?;
    match (public_key(&der), form.signing) {
        (Some(KeyOf::Ed25519(key)), Signing::Ed25519)
        | (Some(KeyOf::P256(key)), Signing::EcdsaP256)
        | (Some(KeyOf::Rsa(key)), Signing::RsaSha1 | Signing::RsaSha256) => Ok(key),
        _ => Err(fault()),
    }
}

/// A key in PEM or in the base64 between its lines.
fn der_of(text: &str) -> Option<Vec<u8>> {
    if text.contains("-----BEGIN") {
        return pem(text, "PUBLIC KEY", 1)?.pop();
    }
    loose_base64(text.as_bytes())
}

/// Reads an RSA public key.
pub(crate) fn rsa_key(secret: &Secret) -> Result<PublicKey, SecretFault> {
    let form = PublicForm {
        signing: Signing::RsaSha1,
        prefix: "",
        encoding: Encoding::Base64,
        key_prefix: "",
    };
    read_key(secret, &form)
}

/// Signatures that are looked at in one delivery.
const OFFERED_MAX: usize = 4;
/// Bytes of an RSA signature of 8192 bits.
pub(crate) const SIGNATURE_BYTES_MAX: usize = 1024;
