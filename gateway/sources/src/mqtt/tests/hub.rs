//! Who gets what, who takes whose place, and when sessions and wills are over.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_core::ids::QueueName;
use sluicegate_core::time::Timestamp;

use crate::mqtt::entrance::{Entered, Last, Start};
use crate::mqtt::hub::Hub;
use crate::mqtt::limits::MqttLimits;
use crate::mqtt::message::Message;
use crate::mqtt::seat::{Seat, Will};
use crate::mqtt::session::Link;
use crate::mqtt::subscribing::MaySubscribe;
use crate::mqtt::topic::Wanted;
use crate::mqtt::wire::{
    Connect, Packet, Publish, PublishProperties, QoS, Subscribe, SubscriptionOptions, Version,
};

pub(crate) struct All;

impl MaySubscribe for All {
    fn may(&self, _: &Wanted) -> bool {
        true
    }
    fn is_queue(&self, _: &QueueName) -> bool {
        true
    }
}

pub(super) struct Small {
    pub(super) hub: Hub,
    pub(super) limits: MqttLimits,
}

pub(super) struct Guest {
    pub(super) link: Link,
    pub(super) entered: Entered,
}

pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_ms(1_000_000 + seconds * 1000)
}

pub(super) fn will(client: &str, delay: u32) -> Will {
    Will {
        publish: publish("wills", false),
        client: client.into(),
        user: None,
        delay,
        number: None,
    }
}

pub(super) fn publish(topic: &str, retain: bool) -> Publish {
    Publish {
        dup: false,
        retain,
        qos: QoS::AtLeastOnce,
        topic: topic.into(),
        packet_id: None,
        payload: Bytes::from_static(b"x"),
        properties: Some(PublishProperties::default()),
    }
}

impl Small {
    pub(super) fn new() -> Self {
        Self::of(MqttLimits { sessions_max: 4, subscriptions_max: 3, ..MqttLimits::default() })
    }

    pub(super) fn of(limits: MqttLimits) -> Self {
        Self { hub: Hub::new(limits.hub(), Arc::default(), None), limits }
    }

    pub(super) fn enter(
        &self,
        client: &str,
        clean: bool,
        expiry: u32,
        will: Option<Will>,
    ) -> Option<Guest> {
        let link = self.link(client, None);
        self.enter_by(link, Start { clean, expiry }, will, &All)
    }

    pub(super) fn link(&self, client: &str, user: Option<&str>) -> Link {
        let (connect, terms) = (Connect::default(), self.limits.terms());
        let mut link = Link::new(&connect, Version::V5, client.into(), terms, at(0));
        link.user = user.map(Arc::from);
        link
    }

    pub(super) fn enter_by(
        &self,
        mut link: Link,
        start: Start,
        will: Option<Will>,
        allowed: &dyn MaySubscribe,
    ) -> Option<Guest> {
        let entered = self.hub.enter(&mut link, start, will, allowed, at(0)).ok()?;
        Some(Guest { link, entered })
    }

    pub(super) fn come(&self, client: &str) -> Guest {
        self.enter(client, true, 0, None).unwrap()
    }

    pub(super) fn subscribe(
        &self,
        guest: &Guest,
        filter: &str,
        options: SubscriptionOptions,
        id: u32,
    ) -> u8 {
        self.subscribe_all(guest, &[filter], options, id)[0]
    }

    pub(super) fn subscribe_all(
        &self,
        guest: &Guest,
        filters: &[&str],
        options: SubscriptionOptions,
        id: u32,
    ) -> Vec<u8> {
        let subscribe = Subscribe {
            packet_id: std::num::NonZeroU16::MIN,
            id: NonZeroU32::new(id),
            user_properties: Vec::new(),
            topic_filters: filters.iter().map(|filter| ((*filter).into(), options)).collect(),
        };
        let seat = &guest.entered.seat;
        let done = self.hub.subscribe(seat, &subscribe, Version::V5, &All, at(0)).unwrap();
        done.ack.status.into_iter().map(u8::from).collect()
    }

    pub(super) fn publish(&self, topic: &str, from: &str, retain: bool) {
        self.publish_while(topic, from, retain, || {});
    }

    /// Publishes a message; `during` happens while it is committed.
    pub(super) fn publish_while(
        &self,
        topic: &str,
        from: &str,
        retain: bool,
        during: impl FnOnce(),
    ) {
        let (publish, from): (_, Arc<str>) = (publish(topic, retain), from.into());
        let message = Arc::new(Message::published(&publish, &from, at(0)));
        let plan = self.hub.plan(&publish, &from, || Arc::clone(&message));
        during();
        match retain {
            true => self.hub.retain(&message, plan.made),
            false => self.hub.hand_to_late(&publish, &from, plan.made, || Arc::clone(&message)),
        }
        self.hub.hand_over(plan);
    }

    pub(super) fn leave(&self, guest: &Guest, last: Last, now: Timestamp) -> Option<Will> {
        self.hub.leave(&guest.entered.seat, guest.link.number, last, now)
    }
}

impl Guest {
    pub(super) fn got(&mut self) -> Vec<Publish> {
        let mut all = Vec::new();
        let seat: &Arc<Seat> = &self.entered.seat;
        let mut held = seat.lock();
        while let Some(packet) = held.session.next(&mut self.link, at(0)) {
            if let Packet::Publish(publish) = packet {
                all.push(*publish);
            }
        }
        all
    }
}

pub(super) fn options(qos: QoS) -> SubscriptionOptions {
    SubscriptionOptions { qos, ..SubscriptionOptions::default() }
}

#[test]
fn a_client_gets_a_message_once_with_the_ids_of_all_its_subscriptions() {
    let world = Small::new();
    let mut guest = world.come("a");
    assert_eq!(world.subscribe(&guest, "x/#", options(QoS::AtMostOnce), 1), 0);
    assert_eq!(world.subscribe(&guest, "x/+", options(QoS::ExactlyOnce), 2), 2);
    world.publish("x/y", "b", false);
    let got = guest.got();
    assert_eq!((got.len(), got[0].qos), (1, QoS::AtLeastOnce));
    let mut ids = got[0].properties.clone().unwrap().subscription_ids;
    ids.sort();
    assert_eq!(ids, [1, 2].map(|id| NonZeroU32::new(id).unwrap()));
    let own = SubscriptionOptions { no_local: true, ..options(QoS::AtLeastOnce) };
    world.subscribe(&guest, "own", own, 0);
    world.publish("own", "a", false);
    world.publish("own", "b", false);
    assert_eq!(guest.got().len(), 1);
    assert_eq!(world.subscribe(&guest, "one/more", own, 0), 0x97, "quota");
}

#[test]
fn one_member_of_a_group_gets_each_message_and_those_who_are_away_are_passed_over() {
    let world = Small::new();
    let mut guests: Vec<_> =
        ["a", "b", "c"].map(|name| world.enter(name, false, 60, None).unwrap()).into();
    for guest in &guests {
        world.subscribe(guest, "$share/g/t", options(QoS::AtLeastOnce), 0);
    }
    for _ in 0..6 {
        world.publish("t", "x", false);
    }
    assert_eq!(guests.iter_mut().map(|guest| guest.got().len()).collect::<Vec<_>>(), [2, 2, 2]);
    world.leave(&guests[1], Last::Lost, at(1));
    for _ in 0..6 {
        world.publish("t", "x", false);
    }
    assert_eq!(guests[0].got().len() + guests[2].got().len(), 6);
}

#[test]
fn retained_messages_are_kept_by_topic_and_given_to_new_subscriptions() {
    let world = Small::new();
    for topic in ["a", "a/b", "a/b/c", "$s"] {
        world.publish(topic, "x", true);
    }
    for (filter, count) in [("a/#", 3), ("a/+", 1), ("+", 1), ("#", 3), ("$s", 1), ("b/#", 0)] {
        let mut guest = world.come("g");
        world.subscribe(&guest, filter, options(QoS::AtLeastOnce), 0);
        let got = guest.got();
        assert!(got.len() == count && got.iter().all(|p| p.retain), "{filter}: {}", got.len());
    }
    let mut empty = publish("a/b", true);
    empty.payload = Bytes::new();
    world.hub.retain(&Arc::new(Message::published(&empty, &"x".into(), at(0))), u64::MAX);
    assert_eq!(world.hub.counts().1, 3);
}

#[test]
fn a_session_ends_with_its_time_and_not_before() {
    let world = Small::new();
    let first = world.enter("a", false, 10, None).unwrap();
    assert!(!first.entered.present);
    world.leave(&first, Last::Parted, at(0));
    world.hub.tick(at(9));
    let back = world.enter("a", false, 10, None).unwrap();
    assert!(back.entered.present);
    world.hub.tick(at(100));
    world.leave(&back, Last::Parted, at(100));
    world.hub.tick(at(110));
    assert_eq!(world.hub.counts().0, 0);
    assert!(!world.enter("a", false, 0, None).unwrap().entered.present);
    let clean = world.enter("a", true, 10, None).unwrap();
    assert!(!clean.entered.present);
    for client in ["b", "c", "d"] {
        assert!(world.enter(client, true, 0, None).is_some());
    }
    assert!(world.enter("e", true, 0, None).is_none(), "no room for more");
}

#[test]
fn a_will_waits_for_its_delay_and_not_beyond_its_session() {
    let world = Small::new();
    let lose = |delay, expiry| {
        let guest = world.enter("a", true, expiry, Some(will("a", delay))).unwrap();
        world.leave(&guest, Last::Lost, at(0))
    };
    assert!(lose(0, 100).is_some(), "at once");
    assert!(lose(5, 0).is_some(), "the session ends with the connection");
    assert!(lose(5, 100).is_none());
    assert_eq!(world.hub.tick(at(4)), []);
    assert_eq!(world.hub.tick(at(5)), [will("a", 5)]);
    assert_eq!(world.hub.tick(at(200)), []);
    assert!(lose(50, 10).is_none());
    assert_eq!(world.hub.tick(at(10)), [will("a", 50)], "with its session");
    // Who is back in time has no will to be read; a clean start ends the session before.
    for (clean, wills) in [(false, 0), (true, 1)] {
        assert!(lose(5, 100).is_none());
        let back = world.enter("a", clean, 100, None).unwrap();
        assert_eq!(back.entered.will.iter().count(), wills);
        assert_eq!(world.hub.tick(at(50)), []);
    }
    let guest = world.enter("a", true, 0, Some(will("a", 0))).unwrap();
    assert_eq!(world.leave(&guest, Last::Parted, at(0)), None);
}

#[test]
fn another_connection_of_a_client_takes_its_place() {
    let world = Small::new();
    let mut first = world.enter("a", false, 60, Some(will("a", 0))).unwrap();
    world.subscribe(&first, "t", options(QoS::AtLeastOnce), 0);
    let mut second = world.enter("a", false, 60, None).unwrap();
    assert!(second.entered.present);
    assert_eq!(second.entered.will, Some(will("a", 0)));
    assert_ne!(first.link.number, second.link.number);
    // The first one leaves late: nothing happens.
    assert_eq!(world.leave(&first, Last::Lost, at(1)), None);
    world.publish("t", "x", false);
    assert_eq!(second.got().len(), 1);
    assert_eq!(first.got().len(), 0);
}

#[test]
fn who_subscribes_while_a_message_is_committed_gets_it_once() {
    let world = Small::new();
    let (mut early, mut late) = (world.come("early"), world.come("late"));
    world.subscribe(&early, "a/+", options(QoS::AtLeastOnce), 1);
    world.publish_while("a/b", "publisher", false, || {
        world.subscribe(&early, "a/b", options(QoS::AtLeastOnce), 2);
        world.subscribe(&late, "a/b", options(QoS::AtLeastOnce), 3);
    });
    assert_eq!((early.got().len(), late.got().len()), (1, 1));
    world.publish("a/b", "publisher", false);
    assert_eq!((early.got().len(), late.got().len()), (1, 1));
}
