//! Keys that no hash is made with, each with what it stands for: a public key, the id of a webhook,
//! the name of a topic, the hash of a token.

use sluicegate_core::ids::KeyId;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::secret::{Key, Secret, SecretFault};

/// The keys of one source.
pub(crate) struct Known<T>(Vec<(Key, T)>);

impl<T> Known<T> {
    /// Reads each key once; every one that is wrong.
    pub(crate) fn build(
        keys: Vec<Key>,
        read: impl Fn(&Secret) -> Result<T, SecretFault>,
    ) -> Result<Self, Vec<(KeyId, SecretFault)>> {
        let (mut known, mut faults) = (Vec::with_capacity(keys.len()), Vec::new());
        for key in keys {
            match read(&key.secret) {
                Ok(read) => known.push((key, read)),
                Err(fault) => faults.push((key.id, fault)),
            }
        }
        if faults.is_empty() { Ok(Self(known)) } else { Err(faults) }
    }

    /// The first live key that matches. Every live key is asked, whichever matched.
    pub(crate) fn judge(
        &self,
        at: Timestamp,
        mut matches: impl FnMut(&T) -> bool,
    ) -> Result<KeyId, SignatureFault> {
        let (mut matched, mut live) = (None, 0);
        for (key, known) in self.0.iter().filter(|(key, _)| key.live(at)) {
            live += 1;
            if matches(known) && matched.is_none() {
                matched = Some(key.id.clone());
            }
        }
        match matched {
            Some(key) => Ok(key),
            None if live == 0 => Err(SignatureFault::NoLiveKey),
            None => Err(SignatureFault::Mismatch),
        }
    }
}

/// A key that is a text, and not an empty one.
pub(crate) fn text_key(secret: &Secret) -> Result<String, SecretFault> {
    match std::str::from_utf8(secret.expose()) {
        Ok("") => Err(SecretFault::Empty),
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(SecretFault::Encoding("text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_live_key_is_asked_wherever_the_match_is() {
        let names = ["first", "second", "third"];
        let keys = names.map(|name| Key::new(name.parse().unwrap(), name.into()));
        let known = Known::build(keys.to_vec(), text_key).unwrap_or_else(|_| panic!());
        for name in names {
            let mut asked = 0;
            let matched = known.judge(Timestamp::default(), |key| {
                asked += 1;
                key == name
            });
            assert_eq!((matched.unwrap().as_str(), asked), (name, 3));
        }
        let none = known.judge(Timestamp::default(), |_| false);
        assert_eq!(none, Err(SignatureFault::Mismatch));
    }

    #[test]
    fn a_key_out_of_its_time_is_not_asked_and_an_empty_one_is_refused() {
        let mut key = Key::new("old".parse().unwrap(), "x".into());
        key.not_after = Some(Timestamp::from_unix_ms(10));
        let known = Known::build(vec![key], text_key).unwrap_or_else(|_| panic!());
        let judged = known.judge(Timestamp::from_unix_ms(10), |_| true);
        assert_eq!(judged, Err(SignatureFault::NoLiveKey));
        let empty = Key::new("empty".parse().unwrap(), "".into());
        assert!(Known::build(vec![empty], text_key).is_err());
    }
}
