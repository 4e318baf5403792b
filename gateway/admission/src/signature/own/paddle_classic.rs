//! Paddle Classic: an RSA signature, in a field of the form, over the other fields as PHP
//! serialises them.

use std::collections::BTreeMap;
use std::io::Write as _;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::facts::form_fields;
use crate::gate::GateProblem;
use crate::signature::candidates::malformed;
use crate::signature::crypto::{PublicKey, Signing};
use crate::signature::encoding::Encoding;
use crate::signature::engine::key_problems;
use crate::signature::known::Known;
use crate::signature::public::{SIGNATURE_BYTES_MAX, rsa_key};
use crate::signature::verifier::{Proven, Setting};

/// The check of one source.
pub(crate) struct PaddleClassic {
    keys: Known<PublicKey>,
}

impl PaddleClassic {
    pub(crate) fn build(setting: Setting) -> Result<Self, Vec<GateProblem>> {
        Ok(Self { keys: Known::build(setting.keys, rsa_key).map_err(key_problems)? })
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let fields = form_fields(&delivery.body);
        let fields = fields.ok_or_else(|| malformed("the body that should hold it is no form"))?;
        let mut sorted = BTreeMap::new();
        for (name, value) in fields {
            if sorted.insert(name, value).is_some() {
                return Err(SignatureFault::Doubled { header: "(body) a field".into() });
            }
        }
        let missing = || SignatureFault::Missing { header: format!("(body) {FIELD}") };
        let given = sorted.remove(FIELD.as_bytes()).ok_or_else(missing)?;
        let mut signature = [0; SIGNATURE_BYTES_MAX];
        let signature = Encoding::Base64.decoded(&given, &mut signature);
        let signature = signature.filter(|signature| !signature.is_empty());
        let signature = signature.ok_or_else(|| malformed("it is empty, or no base64"))?;
        // PHP sorts and writes names that are numbers in another way; Paddle has none.
        if sorted.keys().any(|name| name.iter().all(u8::is_ascii_digit)) {
            return Err(malformed("a field of the form has a number for a name"));
        }
        let message = serialise(&sorted).map_err(|_| malformed("the form is too long"))?;
        let key = self.keys.judge(at, |key| key.verifies(Signing::RsaSha1, &message, signature))?;
        Ok(Proven::by(key))
    }
}

/// As PHP's `serialize` writes an array of texts; lengths are in bytes.
fn serialise<T: AsRef<[u8]>>(fields: &BTreeMap<T, T>) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    write!(out, "a:{}:{{", fields.len())?;
    for text in fields.iter().flat_map(|(name, value)| [name, value]) {
        let text = text.as_ref();
        write!(out, "s:{}:\"", text.len())?;
        out.extend_from_slice(text);
        out.extend_from_slice(b"\";");
    }
    out.push(b'}');
    Ok(out)
}

const FIELD: &str = "p_signature";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_php_writes_them() {
        let fields = BTreeMap::from([("b", "é"), ("a", "")]);
        let written = serialise(&fields).unwrap();
        assert_eq!(written, "a:2:{s:1:\"a\";s:0:\"\";s:1:\"b\";s:2:\"é\";}".as_bytes());
    }
}
