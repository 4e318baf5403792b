//! Mistakes with tokens that an explanation names.

use bytes::Bytes;
use sluicegate_admission::{Admission, Gate, Key, Mistake, Registry, Scheme};
use sluicegate_core::delivery::{Delivery, Transport};
use sluicegate_core::time::Timestamp;

#[test]
fn a_word_before_a_token_is_named() {
    for (secret, sent) in [
        ("a-token-of-some-length", "Bearer a-token-of-some-length"),
        ("Bearer a-token-of-some-length", "a-token-of-some-length"),
    ] {
        for header in ["authorization", "x-token", "x-gitlab-token"] {
            let scheme = Scheme::Token { header: header.into() };
            let gate = Gate::new(
                "in".parse().unwrap(),
                scheme,
                vec![Key::new("now".parse().unwrap(), secret.into())],
            );
            let admission = Admission::build(vec![gate], Registry::empty())
                .unwrap_or_else(|faults| panic!("{faults:?}"));
            let delivery = Delivery {
                source: "in".parse().unwrap(),
                method: "POST".into(),
                target: "/in".into(),
                headers: [(header, sent)].into_iter().collect(),
                body: Bytes::new(),
                peer: None,
                transport: Transport::default(),
            };
            let explained = admission.explain(&delivery, Timestamp::default(), None).unwrap();
            let found: Vec<_> = explained.likely.iter().map(|likely| likely.mistake).collect();
            assert_eq!(found, [Mistake::Prefix], "{header}: {sent}");
        }
    }
}
