//! PayPal: an RSA signature, by a certificate that is fetched, over the id and time of the
//! transmission, the id of the webhook and a checksum of the body. The webhook's id is the key.
//!
//! The checksum protects from accidents only: who has one signed transmission can make another body
//! for it. The idempotency key is the transmission's id, which is signed, so that it counts once.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::signature::candidates::{malformed, once};
use crate::signature::certificate::bad;
use crate::signature::crypto::Signing;
use crate::signature::der::KeyOf;
use crate::signature::encoding::Encoding;
use crate::signature::engine::key_problems;
use crate::signature::known::{Known, text_key};
use crate::signature::own::crc32::crc32;
use crate::signature::own::evidence::Given;
use crate::signature::public::SIGNATURE_BYTES_MAX;
use crate::signature::verifier::{Proven, Setting, Watch};

/// The check of one source.
pub(crate) struct PayPal {
    webhooks: Known<String>,
    watch: Watch,
}

impl PayPal {
    pub(crate) fn build(setting: Setting) -> Result<Self, Vec<GateProblem>> {
        let webhooks = Known::build(setting.keys, text_key).map_err(key_problems)?;
        Ok(Self { webhooks, watch: setting.watch })
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
        given: Given<'_>,
    ) -> Result<Proven, SignatureFault> {
        let header = |name: &str| once(&delivery.headers, name);
        let (id, time) = (header("paypal-transmission-id")?, header("paypal-transmission-time")?);
        if header("paypal-auth-algo")? != "SHA256withRSA" {
            return Err(malformed("it says another algorithm than SHA256withRSA"));
        }
        if id.contains('|') || time.contains('|') {
            return Err(malformed("a header that it signs holds a |"));
        }
        let mut signature = [0; SIGNATURE_BYTES_MAX];
        let text = header("paypal-transmission-sig")?.as_bytes();
        let signature = Encoding::Base64.decoded(text, &mut signature);
        let signature = signature.ok_or_else(|| malformed("it is no base64"))?;
        certificate_url(delivery)?;
        let certificate = given.certificate()?;
        if let Watch::Judged(_) = self.watch {
            certificate.good_for(NAMES, at)?;
            certificate.vouched_for(at)?;
        }
        let KeyOf::Rsa(key) = certificate.key() else { return Err(bad("its key is not RSA")) };
        let sum = crc32(&delivery.body);
        let matched = self.webhooks.judge(at, |webhook| {
            let message = format!("{id}|{time}|{webhook}|{sum}");
            key.verifies(Signing::RsaSha256, message.as_bytes(), signature)
        })?;
        Ok(Proven { dedupe: Some(id.to_owned()), ..Proven::by(matched) })
    }
}

/// Where the certificate is: at PayPal, and nowhere else.
pub(crate) fn certificate_url(delivery: &Delivery) -> Result<String, SignatureFault> {
    let url = once(&delivery.headers, "paypal-cert-url")?;
    let path = PLACES.iter().find_map(|place| url.strip_prefix(place));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/');
    match path {
        Some(path) if (1..=200).contains(&path.len()) && path.bytes().all(plain) => {
            Ok(url.to_owned())
        }
        _ => Err(bad("its URL is not PayPal's")),
    }
}

const PLACES: [&str; 2] = [
    "https://api.paypal.com/v1/notifications/",
    "https://api.sandbox.paypal.com/v1/notifications/",
];
const NAMES: &[&str] =
    &["messageverificationcerts.paypal.com", "messageverificationcerts.sandbox.paypal.com"];
