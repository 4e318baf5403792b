//! What one SUBSCRIBE may ask for, who of a group gets a message, and what comes between.

use std::time::Duration;

use super::hub::{Small, at, options, publish};
use crate::mqtt::entrance::Last;
use crate::mqtt::limits::MqttLimits;
use crate::mqtt::message::{Message, Parcel};
use crate::mqtt::wire::{DisconnectReasonCode, QoS, SubscriptionOptions, Unsubscribe};

#[test]
fn one_packet_has_no_more_filters_than_a_client_may_have() {
    let world = Small::new();
    world.publish("a", "x", true);
    let mut guest = world.come("g");
    let codes = world.subscribe_all(&guest, &["a", "a", "a", "b"], options(QoS::AtLeastOnce), 0);
    assert_eq!(codes, [1, 1, 1, 0x97]);
    assert_eq!(guest.got().len(), 1, "what is retained comes once for a filter");
    world.subscribe(&guest, "a", options(QoS::AtLeastOnce), 0);
    assert_eq!(guest.got().len(), 1, "and once more for the next packet");
    let unsubscribe = |count| Unsubscribe {
        packet_id: std::num::NonZeroU16::MIN,
        user_properties: Vec::new(),
        topic_filters: vec!["a".into(); count],
    };
    let seat = &guest.entered.seat;
    let over = world.hub.unsubscribe(seat, &unsubscribe(4));
    assert_eq!(over.unwrap_err(), DisconnectReasonCode::QuotaExceeded);
    let codes = world.hub.unsubscribe(seat, &unsubscribe(2)).unwrap().status;
    assert_eq!(codes.into_iter().map(u8::from).collect::<Vec<_>>(), [0, 17]);
}

#[test]
fn who_subscribes_while_a_retained_message_is_committed_gets_it() {
    let world = Small::new();
    let (mut early, mut late) = (world.come("early"), world.come("late"));
    world.subscribe(&early, "t", options(QoS::AtLeastOnce), 0);
    let mut never = world.come("never");
    world.publish_while("t", "x", true, || {
        world.subscribe(&late, "+", options(QoS::AtLeastOnce), 7);
        let live = SubscriptionOptions {
            retain_handling: crate::mqtt::wire::RetainHandling::NoAtSubscribe,
            ..options(QoS::AtLeastOnce)
        };
        world.subscribe(&never, "t", live, 0);
    });
    let got = late.got();
    assert!(got.len() == 1 && got[0].retain, "{got:?}");
    assert_eq!(got[0].properties.as_ref().unwrap().subscription_ids.len(), 1);
    let got = early.got();
    assert!(got.len() == 1 && !got[0].retain, "{got:?}");
    assert!(never.got().is_empty(), "it did not ask for what is retained");
    // What is not retained is the first one that comes after their subscription.
    world.publish_while("u", "x", false, || {
        world.subscribe(&never, "u", options(QoS::AtLeastOnce), 0);
    });
    assert_eq!(never.got().len(), 1);
}

#[test]
fn a_member_of_a_group_that_is_full_is_passed_over() {
    let limits = MqttLimits { outbox_messages_max: 2, ..MqttLimits::default() };
    let world = Small::of(limits);
    let mut guests: Vec<_> =
        ["a", "b", "c"].map(|name| world.enter(name, false, 60, None).unwrap()).into();
    for guest in &guests {
        world.subscribe(guest, "$share/g/t", options(QoS::AtLeastOnce), 0);
    }
    let message = || Message::published(&publish("own", false), &"x".into(), at(0));
    for _ in 0..2 {
        let parcel = Parcel::new(message().into(), QoS::AtLeastOnce, false, Vec::new());
        guests[0].entered.seat.offer(parcel, &world.hub.metrics);
    }
    for _ in 0..4 {
        world.publish("t", "x", false);
    }
    assert_eq!(world.hub.metrics.snapshot().overflowed, 0);
    assert_eq!(guests.iter_mut().map(|guest| guest.got().len()).collect::<Vec<_>>(), [2, 2, 2]);
    // One that is away and has room keeps what another one would lose.
    world.leave(&guests[2], Last::Lost, at(0));
    for _ in 0..6 {
        world.publish("t", "x", false);
    }
    assert_eq!(world.hub.metrics.snapshot().overflowed, 0);
    assert_eq!(guests.iter_mut().take(2).map(|guest| guest.got().len()).sum::<usize>(), 4);
}

#[test]
fn what_is_over_gives_its_room_to_others_while_the_client_is_away() {
    let world = Small::of(MqttLimits { outbox_messages_max: 2, ..MqttLimits::default() });
    let away = world.enter("a", false, 60, None).unwrap();
    world.leave(&away, Last::Lost, at(0));
    let offer = |expires: Option<Duration>| {
        let mut message = Message::published(&publish("t", false), &"x".into(), at(0));
        message.expires_at = expires.map(|after| at(0).plus(after));
        let parcel = Parcel::new(message.into(), QoS::AtLeastOnce, false, Vec::new());
        away.entered.seat.offer(parcel, &world.hub.metrics);
        world.hub.metrics.snapshot().overflowed
    };
    let second = Some(Duration::from_secs(1));
    assert_eq!([offer(second), offer(second), offer(None)], [0, 0, 1]);
    world.hub.tick(at(1));
    assert_eq!([offer(None), offer(None), offer(None)], [1, 1, 2]);
}
