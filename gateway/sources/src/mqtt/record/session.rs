//! A session, written down: JSON with a version.

use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluicegate_core::time::Timestamp;

use crate::mqtt::session;
use crate::mqtt::subscribers::Grant;
use crate::mqtt::topic::Wanted;
use crate::mqtt::wire::{QoS, RetainHandling, SubscriptionOptions};

use super::VERSION;

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    version: u8,
    birth_ns: u64,
    pub(crate) expiry: u32,
    /// Older records have none.
    #[serde(default)]
    pub(crate) owner: session::Owner,
    /// The packet ids that messages in memory had.
    #[serde(default)]
    pub(crate) block: u16,
    subscriptions: Vec<Subscription>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Subscription {
    filter: String,
    qos: u8,
    no_local: bool,
    retain_as_published: bool,
    retain_handling: u8,
    id: Option<NonZeroU32>,
}

/// A session, written down.
pub(crate) fn session(session: &session::Session) -> Vec<u8> {
    let subscription = |(filter, mine): (&Arc<str>, &session::Subscription)| {
        let options = mine.grant.options;
        Subscription {
            filter: filter.to_string(),
            qos: options.qos.value(),
            no_local: options.no_local,
            retain_as_published: options.retain_as_published,
            retain_handling: options.retain_handling.into(),
            id: mine.grant.id,
        }
    };
    let subscriptions = session.subscriptions.iter().map(subscription).collect();
    let (expiry, birth_ns) = (session.expiry, session.birth.unix_ns());
    let (owner, block) = (session.owner.clone(), session.out.numbers.block());
    let record = Session { version: VERSION, birth_ns, expiry, owner, block, subscriptions };
    // Texts and numbers cannot fail to be JSON; if they did, the record would not be read back.
    serde_json::to_vec(&record).unwrap_or_default()
}

/// A session that was written down.
pub(crate) fn read_session(bytes: &[u8]) -> Option<Session> {
    serde_json::from_slice(bytes).ok().filter(|record: &Session| record.version == VERSION)
}

impl Session {
    /// When it began.
    pub(crate) fn birth(&self) -> Timestamp {
        Timestamp::from_unix_ns(self.birth_ns)
    }

    /// Its subscriptions, those left out that are none any more.
    pub(crate) fn subscriptions(&self) -> Vec<(Arc<str>, session::Subscription)> {
        let subscription = |kept: &Subscription| {
            let options = SubscriptionOptions {
                qos: QoS::try_from(kept.qos).ok()?,
                no_local: kept.no_local,
                retain_as_published: kept.retain_as_published,
                retain_handling: RetainHandling::try_from(kept.retain_handling).ok()?,
            };
            let wanted = Wanted::parse(&kept.filter).ok()?;
            let grant = Grant { options, id: kept.id };
            Some((kept.filter.as_str().into(), session::Subscription { wanted, grant }))
        };
        self.subscriptions.iter().filter_map(subscription).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::session::OutboxLimits;

    #[test]
    fn what_is_written_down_is_read_as_the_same() {
        let limits = OutboxLimits { messages_max: 1, bytes_max: 1, retained_max: 1 };
        let mut own = session::Session::new(limits, Timestamp::from_unix_ns(7));
        own.expiry = 77;
        own.owner = session::Owner::of(Some("ann"));
        for (filter, qos) in [("a/#", 0), ("$share/g/+", 1), ("$queue/inbox", 1), ("é", 2)] {
            let options = SubscriptionOptions {
                qos: QoS::try_from(qos).unwrap(),
                no_local: qos == 0,
                retain_as_published: qos == 2,
                retain_handling: RetainHandling::try_from(qos).unwrap(),
            };
            let grant = Grant { options, id: NonZeroU32::new(u32::from(qos)) };
            let wanted = Wanted::parse(filter).unwrap();
            own.subscriptions.insert(filter.into(), session::Subscription { wanted, grant });
        }
        let read = read_session(&session(&own)).unwrap();
        assert_eq!((read.expiry, read.birth()), (77, own.birth));
        assert_eq!(read.owner, own.owner);
        let read: std::collections::BTreeMap<_, _> = read.subscriptions().into_iter().collect();
        assert_eq!(read, own.subscriptions);
        for bad in [&b""[..], b"{}", b"\x00\x00\x00\x01{", b"\xff\xff\xff\xffabc"] {
            assert!(read_session(bad).is_none());
        }
    }

    #[test]
    fn a_record_of_before_owners_were_written_down_is_of_who_comes_next() {
        let old = br#"{ "version": 1, "birth_ns": 7, "expiry": 60, "subscriptions": [] }"#;
        let owner = read_session(old).unwrap().owner;
        assert!(owner.is(None) && owner.is(Some("ann")));
        let nobody = session::Owner::of(None);
        assert!(nobody.is(None) && !nobody.is(Some("ann")));
        let ann = session::Owner::of(Some("ann"));
        assert!(ann.is(Some("ann")) && !ann.is(Some("bob")) && !ann.is(None));
    }
}
