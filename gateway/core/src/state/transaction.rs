//! What the filters of one event read and wrote, all together: it takes effect as a whole, at one
//! moment, or not at all.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::words::{Grant, Scope, Usage, Value, Version};
use crate::seams::StateView;

/// What the filters of one event read and wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    pub(super) parts: Vec<Part>,
}

/// The part of it in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Whose state.
    pub scope: Scope,
    /// How much may be in it.
    pub grant: Grant,
    /// The keys.
    pub touched: BTreeMap<Arc<str>, Touched>,
}

/// A key that was read, or written, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Touched {
    /// The version that was read, if it was.
    pub read: Option<Version>,
    /// What was written, if anything.
    pub write: Option<Write>,
}

/// A write. It says what is, not how it came to that, so that doing it twice is doing it once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// The key has this value.
    Set(Value),
    /// The key is not there.
    Delete,
}

impl Write {
    /// The value that it leaves.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Set(value) => Some(value),
            Self::Delete => None,
        }
    }
}

impl Transaction {
    /// Writes of one scope that depend on nothing that was read: they never meet others.
    pub fn of(
        scope: Scope,
        grant: Grant,
        writes: impl IntoIterator<Item = (Arc<str>, Write)>,
    ) -> Self {
        let touched = |(key, write)| (key, Touched { read: None, write: Some(write) });
        let touched = writes.into_iter().map(touched).collect();
        Self { parts: vec![Part { scope, grant, touched }] }
    }

    /// This with the other one's parts, which are of other scopes.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// Whether nothing was read or written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let idle = |touched: &Touched| touched.read.is_none() && touched.write.is_none();
        self.parts.iter().all(|part| part.touched.values().all(idle))
    }

    /// Whether there is room for all that it writes, as things are now.
    #[must_use]
    pub fn has_room(&self, view: &dyn StateView) -> bool {
        let now = view.now();
        let is =
            |scope: &Scope, key: &str| Usage::of(key, view.read(scope, key, now).value.as_ref());
        self.parts.iter().all(|part| {
            let more = part.growth(|key| is(&part.scope, key));
            view.has_room(&part.scope, more, part.grant, now)
        })
    }

    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Every write, by scope and key.
    pub fn writes(&self) -> impl Iterator<Item = (&Scope, &str, &Write)> {
        self.parts.iter().flat_map(|part| {
            part.touched.iter().filter_map(|(key, touched)| {
                touched.write.as_ref().map(|write| (&part.scope, &**key, write))
            })
        })
    }
}

impl Part {
    /// By how much the scope grows, from what each key is now.
    pub(super) fn growth(&self, mut now: impl FnMut(&str) -> Usage) -> Usage {
        let mut more = Usage::default();
        for (key, touched) in &self.touched {
            if let Some(write) = &touched.write {
                more += Usage::of(key, write.value()) - now(key);
            }
        }
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Scratch;
    use crate::time::{Clock, Timestamp};

    #[test]
    fn a_transaction_knows_whether_there_is_room_for_all_of_it() {
        let state = Scratch::new(Clock::new(Timestamp::default));
        let grant = Grant { keys_max: 2, ..Grant::default() };
        let of = |route: &str, writes: &[(&str, bool)]| {
            let scope = Scope { plugin: "p".parse().unwrap(), route: route.parse().unwrap() };
            let value = || Write::Set(Value { bytes: bytes::Bytes::new(), expires_at: None });
            let write = |(key, set): &(&str, bool)| {
                (Arc::from(*key), if *set { value() } else { Write::Delete })
            };
            Transaction::of(scope, grant, writes.iter().map(write))
        };
        assert!(state.commit(of("full", &[("a", true), ("b", true)])));
        assert!(!of("full", &[("c", true)]).has_room(&state));
        assert!(!of("other", &[("c", true)]).and(of("full", &[("c", true)])).has_room(&state));
        for fits in [
            of("other", &[("c", true)]),
            of("full", &[("a", true)]),
            of("full", &[("a", false), ("c", true)]),
            of("full", &[("a", false)]),
        ] {
            assert!(fits.has_room(&state), "{fits:?}");
        }
    }
}
