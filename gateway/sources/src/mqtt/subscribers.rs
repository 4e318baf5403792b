//! Who wants which topics, each session by itself or one of a group.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::topic::Wanted;
use super::tree::Tree;
use super::wire::{Publish, QoS, RetainHandling, SubscriptionOptions};

/// What was granted to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) options: SubscriptionOptions,
    pub(crate) id: Option<NonZeroU32>,
}

/// Who wants which topics.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    alone: Tree<Arc<str>, Alone>,
    groups: Tree<Arc<str>, Group>,
    /// Subscriptions that were ever made.
    made: u64,
}

/// A subscription of one client by itself.
#[derive(Debug)]
struct Alone {
    grant: Grant,
    /// How many had been made with it when it was new.
    made: u64,
    /// How many had been made with it when it last asked for what is retained; 0: it never did.
    asked: u64,
}

/// How well a client can take a message: the later of these, the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Readiness {
    /// It has no room.
    Full,
    /// It is away.
    Away,
    /// It is there and has room.
    Ready,
}

/// How one client wants a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wants {
    /// The lower of what was published and what was granted.
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// The identifiers of the subscriptions that take it.
    pub(crate) ids: Vec<NonZeroU32>,
}

/// The members of one group with one filter. They have turns.
#[derive(Debug, Default)]
struct Group {
    members: BTreeMap<Arc<str>, Grant>,
    turn: AtomicUsize,
}

/// Whether a subscription was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// It was not.
    Absent,
    /// It was, and is replaced.
    Present,
}

impl Subscribers {
    /// Makes a subscription, or replaces it.
    pub(crate) fn add(&mut self, client: &Arc<str>, wanted: &Wanted, grant: Grant) -> Before {
        use std::collections::btree_map::Entry;
        self.made += 1;
        let asks = |before| if wants_retained(grant, before) { self.made } else { 0 };
        let old = match wanted {
            Wanted::Topics(filter) => match self.alone.entry(filter, Arc::clone(client)) {
                Entry::Occupied(mut there) => {
                    let asked = asks(Before::Present).max(there.get().asked);
                    let made = there.get().made;
                    Some(there.insert(Alone { grant, made, asked }).grant)
                }
                Entry::Vacant(free) => {
                    let made = self.made;
                    free.insert(Alone { grant, made, asked: asks(Before::Absent) });
                    None
                }
            },
            Wanted::Shared { group, filter } => {
                let group = self.groups.entry(filter, Arc::clone(group)).or_default();
                group.members.insert(Arc::clone(client), grant)
            }
            Wanted::Queue(_) => None,
        };
        if old.is_some() { Before::Present } else { Before::Absent }
    }

    /// Ends a subscription.
    pub(crate) fn remove(&mut self, client: &Arc<str>, wanted: &Wanted) {
        match wanted {
            Wanted::Topics(filter) => {
                self.alone.remove(filter, client);
            }
            Wanted::Shared { group, filter } => {
                let Some(there) = self.groups.get_mut(filter, group) else { return };
                there.members.remove(client);
                if there.members.is_empty() {
                    self.groups.remove(filter, group);
                }
            }
            Wanted::Queue(_) => {}
        }
    }

    /// How many subscriptions were ever made.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// Who takes this topic, and has asked for what is retained after so many had been made.
    pub(crate) fn since(&self, made: u64, topic: &str) -> Vec<(&Arc<str>, Grant)> {
        let mut all = Vec::new();
        if self.made > made {
            self.alone.taking(topic, |client, one| {
                all.extend((one.asked > made).then_some((client, one.grant)));
            });
        }
        all
    }

    /// What each client gets of a message: once, however many of its subscriptions take it, with
    /// the highest QoS of them and all their identifiers.
    pub(crate) fn of<'s>(
        &'s self,
        publish: &Publish,
        publisher: &Arc<str>,
        ready: &dyn Fn(&str) -> Readiness,
    ) -> Vec<(&'s Arc<str>, Wants)> {
        let mut alone: BTreeMap<&Arc<str>, Wants> = BTreeMap::new();
        self.alone.taking(&publish.topic, |client, Alone { grant, .. }| {
            if publisher != client || !grant.options.no_local {
                join(&mut alone, client, Wants::of(publish, grant));
            }
        });
        let mut all: Vec<_> = alone.into_iter().collect();
        self.groups.taking(&publish.topic, |_, group| {
            let next = group.next(ready);
            all.extend(next.map(|(client, grant)| (client, Wants::of(publish, grant))));
        });
        all
    }

    /// The same for those clients that have subscribed only after so many had been made: they were
    /// in no plan of before. A group has had its turn.
    pub(crate) fn late<'s>(
        &'s self,
        publish: &Publish,
        publisher: &Arc<str>,
        made: u64,
    ) -> Vec<(&'s Arc<str>, Wants)> {
        let (mut late, mut known) = (BTreeMap::new(), BTreeSet::new());
        if self.made > made {
            self.alone.taking(&publish.topic, |client, one| {
                if one.made <= made {
                    known.insert(client);
                } else if publisher != client || !one.grant.options.no_local {
                    join(&mut late, client, Wants::of(publish, &one.grant));
                }
            });
        }
        late.into_iter().filter(|(client, _)| !known.contains(client)).collect()
    }
}

impl Wants {
    fn of(publish: &Publish, grant: &Grant) -> Self {
        Self {
            qos: publish.qos.less_value(grant.options.qos),
            retain: publish.retain && grant.options.retain_as_published,
            ids: grant.id.into_iter().collect(),
        }
    }
}

/// One message for a client, whatever number of its subscriptions take it.
fn join<'s>(all: &mut BTreeMap<&'s Arc<str>, Wants>, client: &'s Arc<str>, more: Wants) {
    match all.get_mut(client) {
        Some(there) => {
            there.qos = there.qos.max(more.qos);
            there.retain |= more.retain;
            there.ids.extend(more.ids);
        }
        None => {
            all.insert(client, more);
        }
    }
}

impl Group {
    /// Whose turn it is: the next member that is ready; if none is, the next one that has room.
    fn next(&self, ready: &dyn Fn(&str) -> Readiness) -> Option<(&Arc<str>, &Grant)> {
        let count = self.members.len();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % count.max(1);
        let round = self.members.iter().cycle().skip(turn).take(count);
        let mut best: Option<(Readiness, _, _)> = None;
        for (client, grant) in round {
            let how = ready(client);
            if how == Readiness::Ready {
                return Some((client, grant));
            }
            if best.is_none_or(|(before, ..)| before < how) {
                best = Some((how, client, grant));
            }
        }
        best.map(|(_, client, grant)| (client, grant))
    }
}

/// Whether what is retained is to be sent for a subscription that is made now (section 3.8.3.1).
pub(crate) fn wants_retained(grant: Grant, before: Before) -> bool {
    match grant.options.retain_handling {
        RetainHandling::AtSubscribe => true,
        RetainHandling::AtSubscribeNew => before == Before::Absent,
        RetainHandling::NoAtSubscribe => false,
    }
}
