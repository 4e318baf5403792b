//! What each provider would send: a delivery that verifies, with the key that it verifies by, and
//! where in it the signature lies.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use sluicegate_admission::{
    Anchors, Evidence, EvidenceKind, Key, Preset, Proof, Scheme, SecretEncoding, SignRequest,
    Signing, TokenPlace, sign,
};
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::time::Timestamp;

use crate::own;

/// Within the life of the test certificate: 2033.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(2_000_000_000_000);
pub(crate) const URL: &str = "https://hooks.example/in?x=1";
pub(crate) const BODY: &str = r#"{"type":"t","id":"1","webhookTimestamp":2000000000000}"#;

/// Where a signature lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    Header(&'static str),
    Query(&'static str),
    Json(&'static str),
    Form(&'static str),
}

/// A delivery that verifies.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) target: String,
    pub(crate) body: String,
    pub(crate) evidence: Option<Evidence>,
    pub(crate) key: Key,
    pub(crate) spot: Spot,
}

impl Sent {
    pub(crate) fn delivery(&self) -> Delivery {
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Delivery {
            source: "in".parse().unwrap(),
            method: "POST".into(),
            target: self.target.clone(),
            headers: headers.collect(),
            body: Bytes::from(self.body.clone()),
            peer: None,
            transport: Transport::default(),
        }
    }

    /// The signature as it is written.
    pub(crate) fn signature(&self) -> String {
        let after = |text: &str, mark: &str, end: char| {
            let rest = text.split_once(mark).unwrap().1.to_owned();
            rest.split(end).next().unwrap().to_owned()
        };
        match self.spot {
            Spot::Header(name) => {
                self.headers.iter().find(|(own, _)| own == name).unwrap().1.clone()
            }
            Spot::Query(name) => after(&self.target, &format!("{name}="), '&'),
            Spot::Json(name) => after(&self.body, &format!("\"{name}\":\""), '"'),
            Spot::Form(name) => after(&self.body, &format!("{name}="), '&'),
        }
    }

    /// This delivery with another text in the signature's place.
    pub(crate) fn with_signature(&self, text: &str) -> Self {
        let (mut sent, old) = (self.clone(), self.signature());
        match self.spot {
            Spot::Header(name) => {
                sent.headers.iter_mut().find(|(own, _)| own == name).unwrap().1 = text.into();
            }
            Spot::Query(name) => {
                let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
                sent.target =
                    self.target.replace(&format!("{name}={old}"), &format!("{name}={escaped}"));
            }
            Spot::Json(name) => {
                let text = serde_json::to_string(text).unwrap();
                let field = |value: &str| format!("\"{name}\":{value}");
                sent.body = self.body.replace(&field(&format!("\"{old}\"")), &field(&text));
            }
            Spot::Form(name) => {
                let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
                sent.body =
                    self.body.replace(&format!("{name}={old}"), &format!("{name}={escaped}"));
            }
        }
        sent
    }

    pub(crate) fn without_signature(&self) -> Self {
        let mut sent = self.clone();
        match self.spot {
            Spot::Header(name) => sent.headers.retain(|(own, _)| own != name),
            Spot::Query(name) => sent.target = self.target.replace(&format!("{name}="), "other="),
            Spot::Json(name) => {
                sent.body = self.body.replace(&format!("\"{name}\":\""), "\"other\":\"");
            }
            Spot::Form(name) => sent.body = self.body.replace(&format!("{name}="), "other="),
        }
        sent
    }

    pub(crate) fn with_doubled_signature(&self) -> Self {
        let (mut sent, signature) = (self.clone(), self.signature());
        match self.spot {
            Spot::Header(name) => sent.headers.push((name.to_uppercase(), signature)),
            Spot::Query(name) => sent.target.push_str(&format!("&{name}={signature}")),
            Spot::Json(name) => {
                let field = format!("\"{name}\":\"{signature}\"");
                sent.body = self.body.replace(&field, &format!("{field},{field}"));
            }
            Spot::Form(name) => sent.body.push_str(&format!("&{name}={signature}")),
        }
        sent
    }
}

pub(crate) fn key(id: &str, secret: &str) -> Key {
    Key::new(id.parse().unwrap(), secret.into())
}

/// A secret as the provider writes it; `other` makes a second one.
pub(crate) fn secret_for(encoding: &SecretEncoding, other: bool) -> String {
    match (encoding, other) {
        (SecretEncoding::Utf8, false) => "It's a Secret to Everybody".into(),
        (SecretEncoding::Utf8, true) => "another secret".into(),
        (SecretEncoding::Hex, false) => "79a3eaf309c43708726a8c284c0d72618696a12e".into(),
        (SecretEncoding::Hex, true) => "00".repeat(32),
        (_, false) => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(),
        (_, true) => "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
    }
}

/// What the provider would send at this time; `other` signs with a key that the source has not.
pub(crate) fn send(preset: &'static Preset, now: Timestamp, other: bool) -> Sent {
    match preset.proof {
        Proof::Hmac | Proof::Token(TokenPlace::Header) => plain(preset, now, other),
        Proof::Token(place) => token(preset, place, other),
        Proof::PublicKey => public(preset, now, other),
        Proof::Own(own) => own::send(preset, own, now, other),
    }
}

pub(crate) fn sent(preset: &Preset, spot: Spot, secret: &str) -> Sent {
    Sent {
        headers: vec![("content-type".into(), "application/json".into())],
        target: "/in?x=1".into(),
        body: BODY.into(),
        evidence: None,
        key: key("now", &secret.replace("{}", preset.name)),
        spot,
    }
}

fn plain(preset: &'static Preset, now: Timestamp, other: bool) -> Sent {
    let form = preset.template.contains("{form}");
    let mut made = sent(preset, Spot::Header(preset.headers[0]), &secret_for(preset.secret, false));
    if form {
        made.body = "b=2&a=1%20x&type=t".into();
        made.headers[0].1 = "application/x-www-form-urlencoded".into();
    }
    let key = key("now", &secret_for(preset.secret, other));
    let body = made.body.clone();
    let request = SignRequest {
        body: body.as_bytes(),
        id: "msg_1",
        now,
        url: URL,
        method: "POST",
        kind: "thing",
    };
    made.headers.extend(sign(&Scheme::preset(preset.name).unwrap(), &key, request).unwrap());
    made
}

fn token(preset: &Preset, place: TokenPlace, other: bool) -> Sent {
    let secret = "user:It's a Secret";
    let said = if other { "user:another" } else { secret };
    match place {
        TokenPlace::Basic => {
            let mut made = sent(preset, Spot::Header("authorization"), secret);
            let value = format!("Basic {}", STANDARD.encode(said));
            made.headers.push(("authorization".into(), value));
            made
        }
        TokenPlace::Query(name) => {
            let mut made = sent(preset, Spot::Query(name), "a-code-of-some-length");
            let said = if other { "another-code" } else { "a-code-of-some-length" };
            made.target = format!("/in?x=1&{name}={said}");
            made
        }
        TokenPlace::Items(list, name) => {
            let mut made = sent(preset, Spot::Json(name), secret);
            made.body = format!(r#"{{"{list}":[{{"{name}":"{said}","id":"1"}}]}}"#);
            made
        }
        TokenPlace::Header => unreachable!(),
    }
}

pub(crate) fn ed25519(other: bool) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[if other { 2 } else { 1 }; 32]).unwrap()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn seconds(now: Timestamp) -> String {
    (now.unix_ms() / 1000).to_string()
}

fn public(preset: &'static Preset, now: Timestamp, other: bool) -> Sent {
    let form = preset.public.unwrap();
    let message = format!("{}{BODY}", seconds(now));
    let (known, signature) = match form.signing {
        Signing::Ed25519 => {
            let signature = ed25519(other).sign(message.as_bytes());
            (hex(ed25519(false).public_key().as_ref()), hex(signature.as_ref()))
        }
        _ => ecdsa(message.as_bytes(), other),
    };
    let mut made = sent(preset, Spot::Header(preset.headers[0]), &known);
    let Some(sluicegate_admission::TimeFrom::Header(names)) = preset.time.map(|rule| &rule.from)
    else {
        unreachable!()
    };
    made.headers.push((names[0].to_string(), seconds(now)));
    made.headers.push((preset.headers[0].into(), signature));
    made
}

/// A P-256 key as SendGrid shows it, and a signature by it, or by another one.
fn ecdsa(message: &[u8], other: bool) -> (String, String) {
    /// `SubjectPublicKeyInfo` of P-256, up to the point.
    const PREFIX: &[u8] = &[
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let pair = || {
        let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random).unwrap()
    };
    let known = pair();
    let stranger = pair();
    let signer = if other { &stranger } else { &known };
    let signature = signer.sign(&random, message).unwrap();
    let spki = [PREFIX, known.public_key().as_ref()].concat();
    (STANDARD.encode(spki), STANDARD.encode(signature.as_ref()))
}

pub(crate) fn rsa() -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(include_bytes!("../keys/signer.pk8")).unwrap()
}

pub(crate) fn rsa_sign(message: &[u8]) -> Vec<u8> {
    let pair = rsa();
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

/// The certificate of [`rsa`], as it would be fetched.
pub(crate) fn certificate() -> Evidence {
    let root = Anchors::pem(include_str!("../keys/root.pem")).unwrap();
    let pem = include_bytes!("../keys/signer.pem");
    Evidence::read(EvidenceKind::Certificate, pem, &root).unwrap()
}

/// The keys of [`rsa`] and [`ed25519`], as they would be fetched.
pub(crate) fn key_set() -> Evidence {
    let (pair, text) = (rsa(), |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes));
    let components: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
    let set = serde_json::json!({ "keys": [
        { "kty": "RSA", "kid": "r1", "use": "sig", "n": text(&components.n), "e": text(&components.e) },
        { "kty": "OKP", "crv": "Ed25519", "kid": "e1", "x": text(ed25519(false).public_key().as_ref()) },
    ]});
    Evidence::read(EvidenceKind::Keys, set.to_string().as_bytes(), &Anchors::web()).unwrap()
}

pub(crate) fn jwt(head: &str, claims: &str, sign: impl Fn(&str) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sign(&signed)))
}
