//! Whose a session is, when one ends with its connection, and what a client that was not let in
//! leaves behind.

use sluicegate_core::ids::QueueName;

use super::hub::{All, Guest, Small, at, options, will};
use crate::mqtt::entrance::{Last, Start};
use crate::mqtt::limits::MqttLimits;
use crate::mqtt::session::Owner;
use crate::mqtt::subscribing::MaySubscribe;
use crate::mqtt::topic::Wanted;
use crate::mqtt::wire::{Packet, PublishProperties, QoS};

const KEPT: Start = Start { clean: false, expiry: 60 };

/// Nothing but topics.
struct Topics;

impl MaySubscribe for Topics {
    fn may(&self, wanted: &Wanted) -> bool {
        matches!(wanted, Wanted::Topics(_))
    }
    fn is_queue(&self, _: &QueueName) -> bool {
        true
    }
}

fn come(world: &Small, user: Option<&str>) -> Guest {
    world.enter_by(world.link("c", user), KEPT, None, &All).unwrap()
}

fn filters(guest: &Guest) -> Vec<String> {
    let held = guest.entered.seat.lock();
    held.session.subscriptions.keys().map(ToString::to_string).collect()
}

#[test]
fn a_session_does_not_go_from_one_user_to_another() {
    for (first, second) in [(Some("ann"), Some("bob")), (Some("ann"), None), (None, Some("bob"))] {
        for there in [true, false] {
            let world = Small::new();
            let owner = come(&world, first);
            world.subscribe(&owner, "secret", options(QoS::AtLeastOnce), 0);
            world.subscribe(&owner, "$queue/inbox", options(QoS::AtLeastOnce), 0);
            if !there {
                world.leave(&owner, Last::Lost, at(0));
                world.publish("secret", "x", false);
            }
            let mut thief = come(&world, second);
            assert!(!thief.entered.present, "{first:?} {second:?}");
            world.publish("secret", "x", false);
            assert!(filters(&thief).is_empty() && thief.got().is_empty());
            // It is the second one's now.
            world.leave(&thief, Last::Lost, at(0));
            assert!(come(&world, second).entered.present);
            assert!(!come(&world, first).entered.present);
        }
    }
}

#[test]
fn a_session_that_goes_on_keeps_what_is_allowed_today() {
    let world = Small::new();
    let owner = come(&world, Some("ann"));
    for filter in ["topic", "$share/g/topic", "$queue/inbox"] {
        assert_eq!(world.subscribe(&owner, filter, options(QoS::AtLeastOnce), 0), 1);
    }
    let mut back = world.enter_by(world.link("c", Some("ann")), KEPT, None, &Topics).unwrap();
    assert!(back.entered.present);
    assert_eq!(filters(&back), ["topic"]);
    world.publish("topic", "x", false);
    assert_eq!(back.got().len(), 1, "and not as a member of the group");
    // Before the client is back, its name and that of its user are what rules are held to.
    world.hub.revoke_all(&|client, owner, _| {
        assert_eq!((&**client, owner), ("c", &Owner::of(Some("ann"))));
        false
    });
    world.publish("topic", "x", false);
    assert!(filters(&back).is_empty() && back.got().is_empty());
}

#[test]
fn a_session_that_ends_with_its_connection_is_not_resumed_by_the_next() {
    let world = Small::new();
    let clean = world.enter("a", true, 0, Some(will("a", 5))).unwrap();
    world.subscribe(&clean, "t", options(QoS::AtLeastOnce), 0);
    world.publish("t", "x", false);
    let mut next = world.enter("a", false, u32::MAX, None).unwrap();
    assert!(!next.entered.present, "MQTT-3.1.2-6");
    assert_eq!(next.entered.will, Some(will("a", 5)), "its session is over");
    world.publish("t", "x", false);
    assert!(filters(&next).is_empty() && next.got().is_empty());
    assert!(world.enter("a", false, u32::MAX, None).unwrap().entered.present);
}

#[test]
fn who_is_not_let_in_after_all_leaves_what_was_there() {
    let world = Small::new();
    let turn_away = |guest: Guest| world.hub.turn_away(guest.entered, guest.link.number, at(0));
    // There was nothing: there is nothing.
    let new = world.enter("a", false, 60, Some(will("a", 0))).unwrap();
    assert_eq!(turn_away(new), None);
    assert_eq!(world.hub.counts().0, 0);
    // There was a connection with a will that waits: it is as if that had been lost.
    let first = world.enter("a", false, 60, Some(will("first", 5))).unwrap();
    world.subscribe(&first, "t", options(QoS::AtLeastOnce), 0);
    let second = world.enter("a", false, 0, Some(will("second", 0))).unwrap();
    assert_eq!((second.entered.present, &second.entered.will), (true, &None));
    assert_eq!(turn_away(second), None);
    assert_eq!(world.hub.tick(at(5)), [will("first", 5)]);
    let mut third = world.enter("a", false, 60, None).unwrap();
    assert!(third.entered.present, "the session is as long as it was");
    world.publish("t", "x", false);
    assert_eq!(third.got().len(), 1);
    // Who is let in spares the will.
    let first = world.enter("b", false, 60, Some(will("b", 5))).unwrap();
    world.leave(&first, Last::Lost, at(0));
    let mut second = world.enter("b", false, 60, None).unwrap();
    world.hub.let_in(&mut second.entered);
    assert_eq!(world.hub.tick(at(50)), []);
}

#[test]
fn a_new_connection_owes_for_what_was_published_over_the_last() {
    let rate_max = std::num::NonZeroU32::new(10);
    let world = Small::of(MqttLimits { rate_max, ..MqttLimits::default() });
    for expiry in [0, 60] {
        let mut guest = world.enter("a", true, expiry, None).unwrap();
        let publish = super::hub::publish("t", false);
        let publish = crate::mqtt::wire::Publish {
            qos: QoS::AtMostOnce,
            properties: Some(PublishProperties::default()),
            ..publish
        };
        assert_eq!(guest.link.pause(at(0)), None);
        for _ in 0..15 {
            let packet = Packet::Publish(Box::new(publish.clone()));
            let mut held = guest.entered.seat.lock();
            held.session.handle(&mut guest.link, packet, at(0), &mut Vec::new()).unwrap();
        }
        let pause = guest.link.pause(at(0));
        assert!(pause.is_some());
        world.leave(&guest, Last::Lost, at(0));
        let back = world.enter("a", false, expiry, None).unwrap();
        assert_eq!(back.link.pause(at(0)), pause, "{expiry}");
        world.leave(&back, Last::Lost, at(0));
        world.hub.tick(at(100));
    }
    assert_eq!(world.enter("a", true, 0, None).unwrap().link.pause(at(0)), None);
}
