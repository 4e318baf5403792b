//! Mailgun: the signature lies in the payload and covers a time and a token, not the payload. So
//! the token must come once only: it is the idempotency key.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::facts::{form_field, is_form};
use crate::gate::GateProblem;
use crate::secret::SecretEncoding;
use crate::signature::candidates::{malformed, of_text};
use crate::signature::crypto::{Algorithm, Mac};
use crate::signature::encoding::Encoding;
use crate::signature::engine::key_problems;
use crate::signature::generic::{Form, TimeFrom, TimeRule, TimeUnit};
use crate::signature::keyring::Keyring;
use crate::signature::own::places::{object, text};
use crate::signature::time;
use crate::signature::verifier::{Proven, Setting, Watch};

/// The check of one source.
pub(crate) struct Mailgun {
    keyring: Keyring,
    watch: Watch,
}

struct Signed {
    timestamp: String,
    token: String,
    signature: String,
}

impl Mailgun {
    pub(crate) fn build(setting: Setting) -> Result<Self, Vec<GateProblem>> {
        let Setting { keys, watch, floor, .. } = setting;
        let keyring = Keyring::build(keys, &[Algorithm::Sha256], &SecretEncoding::Utf8, floor);
        Ok(Self { keyring: keyring.map_err(key_problems)?, watch })
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let signed = read(delivery)?;
        let candidates = of_text(&signed.signature, &FORM)?;
        let judgement = self.keyring.judge(&candidates, at, |mac: &mut Mac| {
            mac.update(signed.timestamp.as_bytes());
            mac.update(signed.token.as_bytes());
            Ok(())
        })?;
        let key = judgement.key.ok_or(SignatureFault::Mismatch)?;
        let sent = RULE.unit.read(&signed.timestamp).ok_or(SignatureFault::MalformedTime)?;
        let skew_ms = match self.watch {
            Watch::Judged(tolerance) => Some(time::judge(&RULE, tolerance, sent, at)?),
            Watch::Unjudged => None,
        };
        Ok(Proven { skew_ms, dedupe: Some(signed.token), ..Proven::by(key) })
    }
}

/// The signed fields: in the payload, or fields of a form as they were before.
fn read(delivery: &Delivery) -> Result<Signed, SignatureFault> {
    let read = if is_form(delivery.headers.first("content-type").unwrap_or_default()) {
        let field = |name: &str| {
            let found = form_field(&delivery.body, name).map(std::borrow::Cow::into_owned);
            let found = found.and_then(|bytes| String::from_utf8(bytes).ok());
            found.ok_or_else(|| SignatureFault::Missing { header: format!("(body) {name}") })
        };
        Signed {
            timestamp: field("timestamp")?,
            token: field("token")?,
            signature: field("signature")?,
        }
    } else {
        let payload = object(&delivery.body)?;
        let signed = payload.get("signature").unwrap_or(&payload);
        let field = |name: &str| text(signed, name).map(str::to_owned);
        Signed {
            signature: field("signature")?,
            timestamp: field("timestamp")?,
            token: field("token")?,
        }
    };
    // Time and token stand together without a mark between them: a digit must not change sides.
    let digits = read.timestamp.len() == 10 && read.timestamp.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(SignatureFault::MalformedTime);
    }
    if read.token.is_empty() || read.token.len() > TOKEN_BYTES_MAX {
        return Err(malformed("its token is empty or too long"));
    }
    Ok(read)
}

const FORM: Form = Form::new("", Algorithm::Sha256, Encoding::Hex);
pub(super) const RULE: TimeRule = TimeRule::new(TimeFrom::Pair, TimeUnit::Seconds);
/// Mailgun's have fifty.
const TOKEN_BYTES_MAX: usize = 128;
