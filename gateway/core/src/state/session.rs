//! What the filters of one event see of the state, and do to it: their own writes over what the
//! table shows. It changes nothing by itself: its transaction does, if the engine commits it.
//!
//! Dropping a session is how a replay, a shadow or a tool leaves no trace.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::transaction::{Part, Touched, Transaction, Write};
use super::words::{Grant, Refused, Scope, Usage, Value};
use crate::limits::{STATE_KEY_BYTES_MAX, STATE_TOUCHED_MAX, STATE_WRITTEN_BYTES_MAX};
use crate::seams::StateView;
use crate::time::Timestamp;

/// The state as the filters of one event see it.
#[derive(Debug)]
pub struct Session {
    view: Arc<dyn StateView>,
    /// When it began: what the filters of one event see is of one moment.
    now: Option<Timestamp>,
    transaction: Transaction,
    touched: usize,
    written_bytes: usize,
    /// By part: by how much the scope grows.
    growth: Vec<Usage>,
    /// What the writes of this call have replaced, the last one last.
    undo: Vec<Undo>,
}

/// A write that can be taken back.
#[derive(Debug)]
struct Undo {
    part: usize,
    key: Arc<str>,
    before: Option<Write>,
    more: Usage,
}

impl Session {
    /// A session over this view.
    #[must_use]
    pub fn over(view: Arc<dyn StateView>) -> Self {
        let (transaction, growth, undo) = (Transaction::default(), Vec::new(), Vec::new());
        Self { view, now: None, transaction, touched: 0, written_bytes: 0, growth, undo }
    }

    /// What was read and written.
    #[must_use]
    pub fn into_transaction(self) -> Transaction {
        self.transaction
    }

    /// A filter is about to be asked.
    pub fn begin_call(&mut self) {
        self.undo.clear();
    }

    /// The filter broke, or said that it cannot decide: what it wrote in this call is taken back.
    /// What it read stays read, because the failure may follow from it.
    pub fn undo_call(&mut self) {
        while let Some(Undo { part, key, before, more }) = self.undo.pop() {
            if let Some(growth) = self.growth.get_mut(part) {
                *growth = *growth - more;
            }
            if let Some(touched) = self.touched(part, &key) {
                touched.write = before;
            }
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When the key is none, or the event has touched too many.
    pub fn get(
        &mut self,
        scope: &Scope,
        grant: Grant,
        key: &str,
    ) -> Result<Option<Bytes>, Refused> {
        let (_, _, value) = self.look(scope, grant, key)?;
        Ok(value.map(|value| value.bytes))
    }

    /// Sets a key, for good or for so long.
    ///
    /// # Errors
    /// When the key or value is none, or there is no room for it.
    pub fn set(
        &mut self,
        scope: &Scope,
        grant: Grant,
        key: &str,
        bytes: Bytes,
        ttl: Option<Duration>,
    ) -> Result<(), Refused> {
        let (part, key) = self.touch(scope, grant, key)?;
        let expires_at = ttl.map(|ttl| self.now().plus(ttl));
        self.write(part, &key, Write::Set(Value { bytes, expires_at }))
    }

    /// Sets a key unless it is there; says whether it was set.
    ///
    /// # Errors
    /// As those of [`Self::set`].
    pub fn set_if_absent(
        &mut self,
        scope: &Scope,
        grant: Grant,
        key: &str,
        bytes: Bytes,
        ttl: Option<Duration>,
    ) -> Result<bool, Refused> {
        if self.get(scope, grant, key)?.is_some() {
            return Ok(false);
        }
        self.set(scope, grant, key, bytes, ttl).map(|()| true)
    }

    /// Forgets a key.
    ///
    /// # Errors
    /// When the key is none, or the event has touched too many.
    pub fn delete(&mut self, scope: &Scope, grant: Grant, key: &str) -> Result<(), Refused> {
        let (part, key) = self.touch(scope, grant, key)?;
        self.write(part, &key, Write::Delete)
    }

    /// Adds to the number under a key, which begins at 0 and is kept as decimal text. With a time
    /// to live that time begins now; without one the key keeps what it has.
    ///
    /// # Errors
    /// As those of [`Self::set`]; and when the value is not a number, or the sum is out of range.
    pub fn increment(
        &mut self,
        scope: &Scope,
        grant: Grant,
        key: &str,
        delta: i64,
        ttl: Option<Duration>,
    ) -> Result<i64, Refused> {
        let (part, key, before) = self.look(scope, grant, key)?;
        let number = match &before {
            Some(value) => number(&value.bytes)?,
            None => 0,
        };
        let sum = number.checked_add(delta).ok_or(Refused::Unavailable("the sum is too large"))?;
        let kept = before.and_then(|value| value.expires_at);
        let expires_at = ttl.map_or(kept, |ttl| Some(self.now().plus(ttl)));
        let bytes = Bytes::from(sum.to_string());
        self.write(part, &key, Write::Set(Value { bytes, expires_at })).map(|()| sum)
    }

    /// The value of a key, as it is known to have been read from now on; its own writes first.
    fn look(
        &mut self,
        scope: &Scope,
        grant: Grant,
        key: &str,
    ) -> Result<(usize, Arc<str>, Option<Value>), Refused> {
        let (part, key) = self.touch(scope, grant, key)?;
        let now = self.now();
        let seen = self.view.read(scope, &key, now);
        let Some(touched) = self.touched(part, &key) else { return Ok((part, key, None)) };
        if let Some(write) = &touched.write {
            let value = write.value().filter(|value| value.is_live(now)).cloned();
            return Ok((part, key, value));
        }
        // The first look counts: if it has changed since, the event conflicts, and it should.
        touched.read.get_or_insert(seen.version);
        Ok((part, key, seen.value))
    }

    fn write(&mut self, part: usize, key: &Arc<str>, write: Write) -> Result<(), Refused> {
        let now = self.now();
        let Some(Part { scope, grant, touched }) = self.transaction.parts.get(part) else {
            return Err(NO_PART);
        };
        let bytes = key.len() + write.value().map_or(0, |value| value.bytes.len());
        if write.value().is_some_and(|value| value.bytes.len() > grant.value_bytes_max) {
            return Err(Refused::TooLarge);
        }
        if self.written_bytes + bytes > STATE_WRITTEN_BYTES_MAX {
            return Err(Refused::QuotaExceeded);
        }
        let before = touched.get(key).and_then(|touched| touched.write.as_ref());
        let is = match before {
            Some(before) => Usage::of(key, before.value()),
            None => Usage::of(key, self.view.read(scope, key, now).value.as_ref()),
        };
        let more = Usage::of(key, write.value()) - is;
        let growth = self.growth.get(part).copied().unwrap_or_default() + more;
        let grows = more.keys > 0 || more.bytes > 0;
        if grows && !self.view.has_room(scope, growth, *grant, now) {
            return Err(Refused::QuotaExceeded);
        }
        self.written_bytes += bytes;
        if let Some(known) = self.growth.get_mut(part) {
            *known = growth;
        }
        let Some(touched) = self.touched(part, key) else { return Err(NO_PART) };
        let before = touched.write.replace(write);
        self.undo.push(Undo { part, key: Arc::clone(key), before, more });
        Ok(())
    }

    /// The place of a key among those of the event.
    fn touch(
        &mut self,
        scope: &Scope,
        grant: Grant,
        key: &str,
    ) -> Result<(usize, Arc<str>), Refused> {
        if key.is_empty() || key.len() > STATE_KEY_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        let parts = &mut self.transaction.parts;
        let at = parts.iter().position(|part| part.scope == *scope).unwrap_or_else(|| {
            parts.push(Part { scope: scope.clone(), grant, touched: BTreeMap::new() });
            self.growth.push(Usage::default());
            parts.len() - 1
        });
        let Some(part) = parts.get_mut(at) else { return Err(NO_PART) };
        if let Some((key, _)) = part.touched.get_key_value(key) {
            return Ok((at, Arc::clone(key)));
        }
        if self.touched >= STATE_TOUCHED_MAX {
            return Err(Refused::QuotaExceeded);
        }
        self.touched += 1;
        let key: Arc<str> = key.into();
        part.touched.insert(Arc::clone(&key), Touched::default());
        Ok((at, key))
    }

    fn touched(&mut self, part: usize, key: &str) -> Option<&mut Touched> {
        self.transaction.parts.get_mut(part)?.touched.get_mut(key)
    }

    fn now(&mut self) -> Timestamp {
        *self.now.get_or_insert_with(|| self.view.now())
    }
}

/// A part that was found a moment ago is there: nobody is ever told this.
const NO_PART: Refused = Refused::Unavailable("no state");

/// The number that a value is.
fn number(bytes: &[u8]) -> Result<i64, Refused> {
    let text = std::str::from_utf8(bytes).ok();
    let number = text.and_then(|text| text.parse().ok());
    number.ok_or(Refused::Unavailable("the value is not a number"))
}
