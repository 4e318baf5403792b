//! Every decoder of what strangers send, on a hundred thousand inputs that are nearly right, the
//! same in every run: a seed says which. None panics, and some are taken and some refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::certificate::{Anchors, Certificate};
use super::der;
use super::own::{Evidence, EvidenceKind, qsh};
use crate::facts::form_fields;
use crate::signature::covered::sorted_fields;

const INPUTS: usize = 100_000;
const SEED: u64 = 0x5eed_516e;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % bound as u64) as usize
    }
}

/// Hands mutations of this to a decoder, which says whether it took them for something.
fn feed(inputs: usize, seed: &[u8], decode: impl Fn(&[u8]) -> bool) {
    assert!(decode(seed), "what was written is read");
    let mut random = Random(SEED);
    let taken = (0..inputs).filter(|_| decode(&mutated(seed, &mut random))).count();
    assert!((1..inputs).contains(&taken), "seed {SEED:#x}: {taken} of {inputs} were taken");
}

/// The seed with one to four things done to it.
fn mutated(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(24)).min(bytes.len());
        match random.below(7) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 if at < bytes.len() => bytes[at] = random.below(256) as u8,
            3 => drop(bytes.drain(at..end)),
            4 => bytes.insert(at, random.below(256) as u8),
            5 => {
                let some = bytes[at..end].to_vec();
                bytes.splice(at..at, some);
            }
            _ => drop(bytes.splice(at..end, [0x84, 0xff, 0xff, 0xff, 0xff])),
        }
    }
    bytes
}

const SIGNER: &str = include_str!("../../tests/keys/signer.pem");
const KEYS: &[u8] = br#"{"keys":[
    {"kty":"RSA","kid":"a","n":"27ALjQ-rQs0geJ9UD_XdnyyVBA","e":"AQAB"},
    {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
]}"#;

#[test]
fn a_mutated_certificate_is_refused_or_read() {
    let der = der::pem(SIGNER, "CERTIFICATE", 1).unwrap().pop().unwrap();
    feed(INPUTS, &der, |bytes| der::certificate(bytes).is_some());
    let anchors = Anchors::pem(include_str!("../../tests/keys/root.pem")).unwrap();
    let at = sluicegate_core::time::Timestamp::from_unix_ms(2_000_000_000_000);
    // Behind our reader stands another one: it must bear the same.
    feed(INPUTS / 10, &der, |bytes| {
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----",
            STANDARD.encode(bytes)
        );
        let Some(read) = Certificate::read(pem.as_bytes(), &anchors) else { return false };
        let vouched = read.vouched_for(at).is_ok();
        assert!(!vouched || bytes == der, "a changed certificate has a chain");
        let _judged = read.good_for(&["sns.amazonaws.com"], at);
        true
    });
}

#[test]
fn a_mutated_pem_text_is_refused_or_read() {
    feed(INPUTS, SIGNER.as_bytes(), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        der::pem(text, "CERTIFICATE", 4).is_some_and(|blocks| !blocks.is_empty())
    });
}

#[test]
fn a_mutated_public_key_is_refused_or_read() {
    let key = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF\
               9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g==";
    let der = STANDARD.decode(key).unwrap();
    feed(INPUTS, &der, |bytes| der::public_key(bytes).is_some());
}

#[test]
fn a_mutated_key_set_is_refused_or_read() {
    let anchors = Anchors::web();
    feed(INPUTS, KEYS, |bytes| Evidence::read(EvidenceKind::Keys, bytes, &anchors).is_some());
}

#[test]
fn a_mutated_form_is_refused_or_read() {
    feed(INPUTS, b"a=1&b=%20x&b=2&p_signature=AA%2BB&mandrill_events=%5B%5D", |bytes| {
        assert_eq!(form_fields(bytes).is_some(), sorted_fields(bytes).is_some());
        form_fields(bytes).is_some()
    });
}

#[test]
fn a_mutated_target_has_a_name_of_its_own() {
    let seed = b"/base/path?zee=1&a=%2F&a=b+c&jwt=x.y.z";
    let (known, _) = qsh("POST", std::str::from_utf8(seed).unwrap(), "");
    feed(INPUTS / 10, seed, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        qsh("POST", text, "").0 == known
    });
}
