//! Adyen's payments: each item of the payload carries a signature of some of its fields. Every item
//! must hold; what is not signed in them is not to be believed.

use serde_json::Value;
use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::secret::SecretEncoding;
use crate::signature::candidates::{malformed, of_text};
use crate::signature::crypto::{Algorithm, Mac, sha256};
use crate::signature::encoding::Encoding;
use crate::signature::engine::key_problems;
use crate::signature::generic::Form;
use crate::signature::keyring::Keyring;
use crate::signature::own::places::{object, text};
use crate::signature::verifier::{Proven, Setting};

/// The check of one source.
pub(crate) struct AdyenItems {
    keyring: Keyring,
}

impl AdyenItems {
    pub(crate) fn build(setting: Setting) -> Result<Self, Vec<GateProblem>> {
        let (keys, floor) = (setting.keys, setting.floor);
        let keyring = Keyring::build(keys, &[Algorithm::Sha256], &SecretEncoding::Hex, floor);
        Ok(Self { keyring: keyring.map_err(key_problems)? })
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let payload = object(&delivery.body)?;
        let items = payload.get("notificationItems").and_then(Value::as_array);
        let items = items.filter(|items| (1..=ITEMS_MAX).contains(&items.len()));
        let items = items.ok_or_else(|| malformed("the payload has no items, or too many"))?;
        let (mut key, mut all, mut whole) = (None, Vec::new(), true);
        for item in items {
            let item = item.get("NotificationRequestItem").unwrap_or(&Value::Null);
            let signature = signature(item)?;
            let (candidates, signed) = (of_text(signature, &FORM)?, signed(item)?);
            let judgement = self.keyring.judge(&candidates, at, |mac: &mut Mac| {
                mac.update(signed.as_bytes());
                Ok(())
            })?;
            whole &= judgement.key.is_some();
            key = key.or(judgement.key);
            all.extend_from_slice(signature.as_bytes());
        }
        if !whole {
            return Err(SignatureFault::Mismatch);
        }
        // The signatures name the items: the same ones again are the same delivery again.
        Ok(Proven { key, skew_ms: None, dedupe: Some(sha256(&all).to_string()), sealed_at: None })
    }
}

fn signature(item: &Value) -> Result<&str, SignatureFault> {
    let more = item.get("additionalData").unwrap_or(&Value::Null);
    text(more, "hmacSignature")
}

/// The signed fields, joined by colons. One that is not there is empty; nothing is escaped.
fn signed(item: &Value) -> Result<String, SignatureFault> {
    let amount = item.get("amount").unwrap_or(&Value::Null);
    let fields = [
        item.get("pspReference"),
        item.get("originalReference"),
        item.get("merchantAccountCode"),
        item.get("merchantReference"),
        amount.get("value"),
        amount.get("currency"),
        item.get("eventCode"),
        item.get("success"),
    ];
    let texts: Vec<String> = fields.into_iter().map(field).collect::<Result<_, _>>()?;
    Ok(texts.join(":"))
}

fn field(value: Option<&Value>) -> Result<String, SignatureFault> {
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) if !number.is_f64() => Ok(number.to_string()),
        Some(Value::Bool(value)) => Ok(value.to_string()),
        Some(_) => Err(malformed("a field that it is made of is no text and no whole number")),
    }
}

const FORM: Form = Form::new("", Algorithm::Sha256, Encoding::Base64);
/// Adyen sends one in JSON, and six at most in its oldest form.
const ITEMS_MAX: usize = 32;
