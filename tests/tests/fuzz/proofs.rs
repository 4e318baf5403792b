//! What is fetched to prove a sender by: certificates and sets of keys.

use std::fs;

use sluicegate_admission::{Anchors, Evidence, EvidenceKind};
use sluicegate_tests::fixtures::root;
use sluicegate_tests::fuzz::feed;

const KEYS: &[u8] = br#"{"keys":[
    {"kty":"RSA","kid":"a","alg":"RS256","n":"27ALjQ-rQs0geJ9UD_XdnyyVBA","e":"AQAB"},
    {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
]}"#;

fn file(name: &str) -> Vec<u8> {
    fs::read(root().join("gateway/admission/tests/keys").join(name)).unwrap()
}

#[track_caller]
fn feed_evidence(kind: EvidenceKind, seeds: &[Vec<u8>]) {
    let root = String::from_utf8(file("root.pem")).unwrap();
    let anchors = Anchors::pem(&root).unwrap();
    for seed in seeds {
        assert!(Evidence::read(kind, seed, &anchors).is_some(), "what was written is read");
    }
    let fed = feed(seeds, |_, bytes| Evidence::read(kind, bytes, &anchors).is_some());
    assert!(fed.taken > 0 && fed.refused > 0, "{fed:?}");
}

#[test]
fn a_changed_certificate_is_read_or_refused() {
    feed_evidence(EvidenceKind::Certificate, &[file("signer.pem")]);
}

#[test]
fn a_changed_set_of_keys_is_read_or_refused() {
    feed_evidence(EvidenceKind::Keys, &[KEYS.to_vec()]);
}

#[test]
fn changed_anchors_are_read_or_refused() {
    let fed = feed(&[file("root.pem")], |_, bytes| {
        std::str::from_utf8(bytes).is_ok_and(|text| Anchors::pem(text).is_some())
    });
    assert!(fed.taken > 0 && fed.refused > 0, "{fed:?}");
}
