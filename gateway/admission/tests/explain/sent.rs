//! What senders send, rightly or not, and how it is explained.

use bytes::Bytes;
use sluicegate_admission::{
    Admission, Gate, Key, Preset, Proof, Registry, Scheme, SecretEncoding, SignRequest,
    SignatureExplained, preset, sign,
};
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::time::Timestamp;

pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);
pub(crate) const URL: &str = "https://hooks.example/in";
pub(crate) const BODY: &str =
    "{\"type\":\"t\",\"id\":\"1\",\"webhookTimestamp\":1700000000000,\"n\":\"é/\"}";
/// What those send whose signature covers the fields of a form.
pub(crate) const FORM: &str = "AccountSid=AC1&Body=hello";

pub(crate) fn secret_for(encoding: &SecretEncoding) -> &'static str {
    match encoding {
        SecretEncoding::Utf8 => "79a3eaf309c43708726a8c284c0d72618696a12e840dfa1d",
        SecretEncoding::Hex => "79a3eaf309c43708726a8c284c0d72618696a12e840dfa1d",
        SecretEncoding::Base64 => "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        SecretEncoding::PrefixedBase64(_) => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
}

pub(crate) fn key(id: &str, secret: &str) -> Key {
    Key::new(id.parse().unwrap(), secret.into())
}

/// What a sender does with a delivery.
pub(crate) struct Sent {
    pub(crate) scheme: Scheme,
    pub(crate) key: Key,
    pub(crate) signed: String,
    pub(crate) came: String,
    pub(crate) url: &'static str,
    pub(crate) at: Timestamp,
}

impl Sent {
    pub(crate) fn right(preset: &'static Preset) -> Self {
        let body = if signs_a_form(preset) { FORM } else { BODY };
        Self {
            scheme: Scheme::Preset(preset),
            key: key("now", secret_for(preset.secret)),
            signed: body.into(),
            came: body.into(),
            url: URL,
            at: NOW,
        }
    }

    /// The delivery, or nothing if the scheme signs what this test does not make.
    pub(crate) fn delivery(&self) -> Option<Delivery> {
        let request = SignRequest {
            body: self.signed.as_bytes(),
            id: "msg_1",
            now: self.at,
            url: self.url,
            method: "POST",
            kind: "thing",
        };
        let headers = sign(&self.scheme, &self.key, request).ok()?;
        let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let form = self.came == FORM;
        let media = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        Some(Delivery {
            source: "in".parse().unwrap(),
            method: "POST".into(),
            target: "/in".into(),
            headers: pairs.chain([("host", "hooks.example"), ("content-type", media)]).collect(),
            body: Bytes::from(self.came.clone()),
            peer: None,
            transport: Transport::default(),
        })
    }
}

pub(crate) fn signs_a_form(preset: &Preset) -> bool {
    preset.template.contains("{form}")
}

pub(crate) fn hmacs() -> impl Iterator<Item = &'static Preset> {
    preset::ALL.iter().filter(|preset| preset.proof == Proof::Hmac)
}

pub(crate) fn explain(
    preset: &'static Preset,
    keys: Vec<Key>,
    delivery: &Delivery,
) -> SignatureExplained {
    let gate = |name: &str, keys| Gate {
        public_url: Some(URL.into()),
        ..Gate::new(name.parse().unwrap(), Scheme::Preset(preset), keys)
    };
    let sibling = key("theirs", other_secret(preset));
    let gates = vec![gate("in", keys), gate("sibling", vec![sibling])];
    let admission =
        Admission::build(gates, Registry::empty()).unwrap_or_else(|faults| panic!("{faults:?}"));
    admission.explain(delivery, NOW, None).unwrap()
}

pub(crate) fn other_secret(preset: &Preset) -> &'static str {
    match preset.secret {
        SecretEncoding::PrefixedBase64(_) => "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
        SecretEncoding::Hex => "0079a3eaf309c43708726a8c284c0d72618696a12e840d",
        _ => "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    }
}

pub(crate) fn now(preset: &Preset) -> Vec<Key> {
    vec![key("now", secret_for(preset.secret))]
}
