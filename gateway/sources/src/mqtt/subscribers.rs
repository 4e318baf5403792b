//! Who wants which topics, each session by itself or one of a group.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::message::{Message, Parcel};
use super::topic::Wanted;
use super::tree::Tree;
use super::wire::{QoS, SubscriptionOptions};

/// What was granted to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) options: SubscriptionOptions,
    pub(crate) id: Option<NonZeroU32>,
}

/// Who wants which topics.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    alone: Tree<Arc<str>, Grant>,
    groups: Tree<Arc<str>, Group>,
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
        let old = match wanted {
            Wanted::Topics(filter) => match self.alone.entry(filter, Arc::clone(client)) {
                Entry::Occupied(mut there) => Some(there.insert(grant)),
                Entry::Vacant(free) => {
                    free.insert(grant);
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

    /// What each client gets of a message: once, however many of its subscriptions take it, with
    /// the highest QoS of them and all their identifiers.
    pub(crate) fn of<'s>(
        &'s self,
        message: &Arc<Message>,
        is_there: &dyn Fn(&str) -> bool,
    ) -> Vec<(&'s Arc<str>, Parcel)> {
        let mut parcels: BTreeMap<&Arc<str>, Parcel> = BTreeMap::new();
        self.alone.taking(&message.topic, |client, grant| {
            let own = message.publisher.as_ref() == Some(client);
            if own && grant.options.no_local {
                return;
            }
            let qos = message.qos.less_value(grant.options.qos);
            let retain = message.retain && grant.options.retain_as_published;
            match parcels.get_mut(client) {
                Some(parcel) => {
                    parcel.qos = parcel.qos.max(qos);
                    parcel.retain |= retain;
                    parcel.ids.extend(grant.id);
                }
                None => {
                    parcels.insert(client, parcel(message, qos, retain, *grant));
                }
            }
        });
        let mut all: Vec<_> = parcels.into_iter().collect();
        self.groups.taking(&message.topic, |_, group| {
            let Some((client, grant)) = group.next(is_there) else { return };
            let qos = message.qos.less_value(grant.options.qos);
            let retain = message.retain && grant.options.retain_as_published;
            all.push((client, parcel(message, qos, retain, *grant)));
        });
        all
    }
}

impl Group {
    /// Whose turn it is: the next member that is there; if none is, the next one.
    fn next(&self, is_there: &dyn Fn(&str) -> bool) -> Option<(&Arc<str>, &Grant)> {
        let count = self.members.len();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % count.max(1);
        let round = self.members.iter().cycle().skip(turn).take(count);
        let mut keeps = None;
        for (client, grant) in round {
            if is_there(client) {
                return Some((client, grant));
            }
            keeps.get_or_insert((client, grant));
        }
        keeps
    }
}

fn parcel(message: &Arc<Message>, qos: QoS, retain: bool, grant: Grant) -> Parcel {
    let message = Arc::clone(message);
    Parcel { message, qos, retain, ids: grant.id.into_iter().collect(), lease: None }
}
