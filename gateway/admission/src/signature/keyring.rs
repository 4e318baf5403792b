//! The live keys of one source, ready for use, and the comparison against all of them.

use sluicegate_core::ids::KeyId;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::secret::{Key, SecretEncoding, SecretFault, key_bytes};
use crate::signature::candidates::Candidate;
use crate::signature::crypto::{Algorithm, Mac, MacKey, same};

/// The keys of one source.
pub(crate) struct Keyring(Vec<Ready>);

struct Ready {
    key: Key,
    macs: Vec<(Algorithm, MacKey)>,
}

/// Which key matched, and how many comparisons were made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) key: Option<KeyId>,
    pub(crate) comparisons: usize,
}

impl Keyring {
    /// Decodes each secret once, for each algorithm of the scheme; every key that is wrong.
    pub(crate) fn build(
        keys: Vec<Key>,
        algorithms: &[Algorithm],
        encoding: &SecretEncoding,
        floor: usize,
    ) -> Result<Self, Vec<(KeyId, SecretFault)>> {
        let mut ready = Vec::with_capacity(keys.len());
        let mut faults = Vec::new();
        for key in keys {
            match key_bytes(&key.secret, encoding, floor) {
                Ok(bytes) => {
                    let mac = |algorithm: &Algorithm| (*algorithm, MacKey::new(*algorithm, &bytes));
                    ready.push(Ready { macs: algorithms.iter().map(mac).collect(), key });
                }
                Err(fault) => faults.push((key.id, fault)),
            }
        }
        if faults.is_empty() { Ok(Self(ready)) } else { Err(faults) }
    }

    /// Compares every candidate with what every live key gives. It never stops early: how long it
    /// takes says nothing about which key or candidate matched.
    pub(crate) fn judge(
        &self,
        candidates: &[Candidate],
        at: Timestamp,
        feed: impl Fn(&mut Mac) -> Result<(), SignatureFault>,
    ) -> Result<Judgement, SignatureFault> {
        let mut judgement = Judgement { key: None, comparisons: 0 };
        let mut live = 0;
        for ready in self.0.iter().filter(|ready| ready.key.live(at)) {
            live += 1;
            for (algorithm, mac_key) in &ready.macs {
                let mut offered =
                    candidates.iter().filter(|one| one.algorithm == *algorithm).peekable();
                if offered.peek().is_none() {
                    continue;
                }
                let mut mac = mac_key.start();
                feed(&mut mac)?;
                let tag = mac.finish();
                for candidate in offered {
                    judgement.comparisons += 1;
                    let matches = same(tag.bytes(), candidate.bytes());
                    if matches && judgement.key.is_none() {
                        judgement.key = Some(ready.key.id.clone());
                    }
                }
            }
        }
        if live == 0 { Err(SignatureFault::NoLiveKey) } else { Ok(judgement) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Encoding;
    use crate::signature::candidates::read;
    use crate::signature::generic::{Form, Layout};
    use sluicegate_core::fields::Fields;

    fn keyring(secrets: &[&str]) -> Keyring {
        let keys = secrets.iter().map(|secret| Key::new(secret.parse().unwrap(), (*secret).into()));
        Keyring::build(keys.collect(), &[Algorithm::Sha256], &SecretEncoding::Utf8, 8)
            .unwrap_or_else(|faults| panic!("{faults:?}"))
    }

    fn candidates(secrets: &[&str]) -> Vec<Candidate> {
        let tags: Vec<String> = secrets
            .iter()
            .map(|secret| Encoding::Hex.encode(&crate::hmac_sha256(secret.as_bytes(), &[b"body"])))
            .collect();
        let headers: Fields = [("x", tags.join(",").as_str())].into_iter().collect();
        let forms = [Form::new("", Algorithm::Sha256, Encoding::Hex)];
        let layout = Layout::List { separator: ',' };
        read(&headers, &["x".into()], &layout, &forms).map(|offered| offered.candidates).unwrap()
    }

    fn judge(keys: &[&str], signed_with: &[&str]) -> Judgement {
        let feed = |mac: &mut Mac| {
            mac.update(b"body");
            Ok(())
        };
        keyring(keys).judge(&candidates(signed_with), Timestamp::default(), feed).unwrap()
    }

    #[test]
    fn every_candidate_is_compared_with_every_live_key_wherever_the_match_is() {
        let keys = ["first-secret", "second-secret", "third-secret"];
        for matching in keys {
            for offered in [[matching, "other-secret"], ["other-secret", matching]] {
                let judgement = judge(&keys, &offered);
                assert_eq!(judgement.comparisons, 6);
                assert_eq!(judgement.key.unwrap().as_str(), matching);
            }
        }
        assert_eq!(judge(&keys, &["a", "b"]), Judgement { key: None, comparisons: 6 });
    }

    #[test]
    fn a_key_out_of_its_time_does_not_count() {
        let mut key = Key::new("old".parse().unwrap(), "old-secret".into());
        key.not_after = Some(Timestamp::from_unix_ms(10));
        let build = |key| Keyring::build(vec![key], &[Algorithm::Sha256], &SecretEncoding::Utf8, 8);
        let keyring = build(key).unwrap_or_else(|faults| panic!("{faults:?}"));
        let judge = |ms| {
            keyring.judge(&candidates(&["old-secret"]), Timestamp::from_unix_ms(ms), |mac| {
                mac.update(b"body");
                Ok(())
            })
        };
        assert!(judge(9).unwrap().key.is_some());
        assert_eq!(judge(10), Err(SignatureFault::NoLiveKey));
    }
}
