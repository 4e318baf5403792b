//! The state of a guest. It changes nothing but the session of the event that the guest is asked
//! about: whether that takes effect is decided when the event is committed.

use std::time::Duration;

use sluicegate_core::ids::RouteName;
use sluicegate_core::state::{Grant, Refused, Scope, Session};

use crate::contract::sluicegate::plugin::state::{Error, Host};
use crate::imports::Context;

/// What an instance knows of its state.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) grant: Option<Grant>,
    /// While it is asked about an event: the event's session, and the plugin's place in it.
    lent: Option<(Session, Scope)>,
}

impl Memory {
    pub(crate) fn granted(grant: Option<Grant>) -> Self {
        Self { grant, lent: None }
    }
}

impl Context {
    /// Lends the session of an event for one call.
    pub(crate) fn lend(&mut self, session: Session, route: &RouteName) {
        let scope = Scope { plugin: self.about.name.clone(), route: route.clone() };
        self.state.lent = Some((session, scope));
    }

    /// Takes it back.
    pub(crate) fn take_back(&mut self) -> Option<Session> {
        self.state.lent.take().map(|(session, _)| session)
    }

    fn session<T>(
        &mut self,
        ask: impl FnOnce(&mut Session, &Scope, Grant) -> Result<T, Refused>,
    ) -> Result<T, Error> {
        let Memory { grant: Some(grant), lent: Some((session, scope)) } = &mut self.state else {
            return Err(Error::Unavailable("there is no state in configure".to_owned()));
        };
        ask(session, scope, *grant).map_err(|refused| match refused {
            Refused::QuotaExceeded => {
                self.about.counts.state_refused.increment();
                Error::QuotaExceeded
            }
            Refused::TooLarge => Error::TooLarge,
            Refused::Unavailable(why) => Error::Unavailable(why.to_owned()),
        })
    }
}

impl Host for Context {
    fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, Error> {
        self.session(|session, scope, grant| {
            Ok(session.get(scope, grant, &key)?.map(|bytes| bytes.to_vec()))
        })
    }

    fn set(&mut self, key: String, value: Vec<u8>, ttl_ms: Option<u64>) -> Result<(), Error> {
        self.session(|session, scope, grant| {
            session.set(scope, grant, &key, value.into(), ttl(ttl_ms))
        })
    }

    fn set_if_absent(
        &mut self,
        key: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<bool, Error> {
        self.session(|session, scope, grant| {
            session.set_if_absent(scope, grant, &key, value.into(), ttl(ttl_ms))
        })
    }

    fn delete(&mut self, key: String) -> Result<(), Error> {
        self.session(|session, scope, grant| session.delete(scope, grant, &key))
    }

    fn increment(&mut self, key: String, delta: i64, ttl_ms: Option<u64>) -> Result<i64, Error> {
        self.session(|session, scope, grant| {
            session.increment(scope, grant, &key, delta, ttl(ttl_ms))
        })
    }
}

fn ttl(ms: Option<u64>) -> Option<Duration> {
    ms.map(Duration::from_millis)
}
