//! State as the later events of a batch see it: with what the earlier ones wrote, though nothing of
//! it is committed yet.

use std::sync::Arc;

use super::transaction::{Part, Transaction};
use super::words::{Grant, Scope, Seen, Usage};
use crate::seams::StateView;
use crate::time::Timestamp;

/// A view with writes over it.
#[derive(Debug)]
pub struct Layer {
    below: Arc<dyn StateView>,
    written: Transaction,
}

impl Layer {
    /// What this view shows once the transaction has taken effect.
    #[must_use]
    pub fn over(below: Arc<dyn StateView>, written: Transaction) -> Self {
        Self { below, written }
    }

    fn part(&self, scope: &Scope) -> Option<&Part> {
        self.written.parts().iter().find(|part| part.scope == *scope)
    }
}

impl StateView for Layer {
    fn now(&self) -> Timestamp {
        self.below.now()
    }

    fn read(&self, scope: &Scope, key: &str, now: Timestamp) -> Seen {
        let seen = self.below.read(scope, key, now);
        let touched = self.part(scope).and_then(|part| part.touched.get(key));
        match touched.and_then(|touched| touched.write.as_ref()) {
            Some(write) => {
                let value = write.value().filter(|value| value.is_live(now)).cloned();
                Seen { value, version: seen.version }
            }
            None => seen,
        }
    }

    fn has_room(&self, scope: &Scope, more: Usage, grant: Grant, now: Timestamp) -> bool {
        let mut all = more;
        for (key, touched) in self.part(scope).into_iter().flat_map(|part| &part.touched) {
            if let Some(write) = &touched.write {
                let before = self.below.read(scope, key, now);
                all += Usage::of(key, write.value()) - Usage::of(key, before.value.as_ref());
            }
        }
        self.below.has_room(scope, all, grant, now)
    }
}

impl Transaction {
    /// This transaction, and after it one that was made over a [`Layer`] of it: both as one.
    #[must_use]
    pub fn then(mut self, later: Self) -> Self {
        for part in later.parts {
            let Some(own) = self.parts.iter_mut().find(|own| own.scope == part.scope) else {
                self.parts.push(part);
                continue;
            };
            for (key, later) in part.touched {
                let touched = own.touched.entry(key).or_default();
                // What was read after a write of our own is our own: it depends on nothing.
                if touched.read.is_none() && touched.write.is_none() {
                    touched.read = later.read;
                }
                touched.write = later.write.or(touched.write.take());
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Scratch, Session};
    use crate::time::Clock;
    use bytes::Bytes;

    fn scope() -> Scope {
        Scope { plugin: "p".parse().unwrap(), route: "r".parse().unwrap() }
    }

    fn count(session: &mut Session) -> u64 {
        let grant = Grant::default();
        let before = session.get(&scope(), grant, "n").unwrap();
        let before = before.map_or(0, |bytes| u64::from(bytes[0]));
        let after = u8::try_from(before + 1).unwrap();
        session.set(&scope(), grant, "n", Bytes::copy_from_slice(&[after]), None).unwrap();
        before + 1
    }

    #[test]
    fn events_of_a_batch_count_on_and_commit_as_one() {
        let state = Arc::new(Scratch::new(Clock::new(Timestamp::default)));
        let view: Arc<dyn StateView> = Arc::clone(&state) as _;
        let mut all = Transaction::default();
        for number in 1..=3 {
            let layer = Layer::over(Arc::clone(&view), all.clone());
            let mut session = Session::over(Arc::new(layer));
            assert_eq!(count(&mut session), number);
            all = all.then(session.into_transaction());
        }
        assert!(state.commit(all.clone()), "nothing was changed meanwhile");
        assert_eq!(count(&mut Session::over(Arc::clone(&view))), 4);
        assert!(!state.commit(all), "what it read has changed");
    }

    #[test]
    fn room_is_reckoned_with_what_is_not_committed_yet() {
        let view: Arc<dyn StateView> = Arc::new(Scratch::new(Clock::new(Timestamp::default)));
        let grant = Grant { keys_max: 1, ..Grant::default() };
        let mut first = Session::over(Arc::clone(&view));
        first.set(&scope(), grant, "a", Bytes::from_static(b"x"), None).unwrap();
        let layer = Layer::over(view, first.into_transaction());
        let mut second = Session::over(Arc::new(layer));
        assert!(second.set(&scope(), grant, "b", Bytes::from_static(b"x"), None).is_err());
        assert!(second.set(&scope(), grant, "a", Bytes::from_static(b"y"), None).is_ok());
    }
}
