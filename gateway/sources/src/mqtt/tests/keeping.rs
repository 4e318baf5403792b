//! What is kept for sessions that outlive their connections: in one entry with its event, without
//! its event being lost where there is no room, and found again after a start.

use std::num::NonZeroU16;
use std::sync::Arc;

use bytes::Bytes;
use sluicegate_core::proof::Repeat;
use sluicegate_core::refusal::Refusal;

use super::house::{House, at};
use crate::mqtt::claims::Publisher;
use crate::mqtt::entrance::{Entered, Last, Start};
use crate::mqtt::limits::MqttLimits;
use crate::mqtt::memory::Exchange;
use crate::mqtt::seat::Will;
use crate::mqtt::session::{Judged, Link};
use crate::mqtt::shared::Beside;
use crate::mqtt::subscribing::MaySubscribe;
use crate::mqtt::topic::Wanted;
use crate::mqtt::wire::{
    Connect, DisconnectReasonCode, Packet, Publish, PublishAckReason, PublishProperties, QoS,
    Subscribe, SubscriptionOptions, Version, ack,
};

struct All;

impl MaySubscribe for All {
    fn may(&self, _: &Wanted) -> bool {
        true
    }
    fn is_queue(&self, _: &sluicegate_core::ids::QueueName) -> bool {
        true
    }
}

struct Guest {
    link: Link,
    entered: Entered,
}

impl House {
    async fn enter(&self, client: &str, expiry: u32) -> Guest {
        let terms = self.shared.limits.terms();
        let mut link = Link::new(&Connect::default(), Version::V5, client.into(), terms, at(0));
        let start = Start { clean: false, expiry };
        let entered = self
            .shared
            .hub
            .enter(&mut link, start, None, &crate::mqtt::tests::hub::All, at(0))
            .unwrap();
        self.shared.keep(&entered.seat).await.unwrap();
        Guest { link, entered }
    }

    async fn subscribe(&self, guest: &Guest, filter: &str, qos: QoS) {
        let options = SubscriptionOptions { qos, ..SubscriptionOptions::default() };
        let subscribe = Subscribe {
            packet_id: NonZeroU16::MIN,
            id: None,
            user_properties: Vec::new(),
            topic_filters: vec![(filter.into(), options)],
        };
        let seat = &guest.entered.seat;
        self.shared.hub.subscribe(seat, &subscribe, Version::V5, &All, at(0)).unwrap();
        self.shared.keep(seat).await.unwrap();
    }

    fn leave(&self, guest: &Guest) {
        let (seat, number) = (&guest.entered.seat, guest.link.number);
        assert_eq!(self.shared.hub.leave(seat, number, Last::Lost, at(0)), None);
    }

    async fn publish(&self, publish: &Publish, beside: Beside) -> Judged {
        let publisher = Publisher { client: "p".into(), user: None, peer: None };
        let taken = self.shared.take(publish, &publisher, beside).await;
        let judged = taken.judged;
        self.shared.spread(taken, publish, &publisher);
        judged
    }

    async fn settle(&self) {
        assert!(self.shared.settle_once().await);
    }
}

impl Guest {
    fn got(&mut self) -> Vec<Publish> {
        let mut held = self.entered.seat.lock();
        let mut all = Vec::new();
        while let Some(packet) = held.session.next(&mut self.link, at(0)) {
            if let Packet::Publish(publish) = packet {
                all.push(*publish);
            }
        }
        all
    }

    fn ack(&mut self, publish: &Publish) {
        let ack = ack(publish.packet_id.unwrap(), PublishAckReason::Success);
        let (packet, mut replies) = (Packet::PublishAck(ack), Vec::new());
        let mut held = self.entered.seat.lock();
        held.session.handle(&mut self.link, packet, at(0), &mut replies).unwrap();
    }

    fn is_swamped(&self) -> bool {
        self.entered.seat.lock().swamped
    }
}

fn publish(topic: &str, bytes: usize, retain: bool) -> Publish {
    Publish {
        dup: false,
        retain,
        qos: QoS::AtLeastOnce,
        topic: topic.into(),
        packet_id: NonZeroU16::new(1),
        payload: Bytes::from(vec![b'x'; bytes]),
        properties: Some(PublishProperties::default()),
    }
}

fn count(house: &House, kind: &str) -> usize {
    house.engine.keys().iter().filter(|key| key.starts_with(kind)).count()
}

#[tokio::test]
async fn a_broadcast_of_which_one_recipient_is_away_leaves_two_keys_each() {
    let house = House::new(MqttLimits::default());
    let mut guests = Vec::new();
    for number in 0..50 {
        let guest = house.enter(&format!("c{number}"), 60).await;
        house.subscribe(&guest, "cmd/all", QoS::AtLeastOnce).await;
        guests.push(guest);
    }
    house.leave(&guests.remove(0));
    for _ in 0..10 {
        assert_eq!(
            house.publish(&publish("cmd/all", 9, false), Beside::default()).await,
            Judged::Taken
        );
        for guest in &mut guests {
            for got in guest.got() {
                guest.ack(&got);
            }
        }
        house.settle().await;
    }
    assert_eq!((count(&house, "m/"), count(&house, "d/")), (10, 10));
    // A start finds who has it, and gives it to the one who has not.
    let house = House::over(Arc::clone(&house.engine), MqttLimits::default());
    let mut late = house.enter("c0", 60).await;
    assert!(late.entered.present);
    let got = late.got();
    assert_eq!(got.len(), 10);
    let mut other = house.enter("c7", 60).await;
    assert_eq!(other.got().len(), 0);
    got.iter().for_each(|got| late.ack(got));
    house.settle().await;
    assert_eq!((count(&house, "m/"), count(&house, "d/")), (0, 0));
}

#[tokio::test]
async fn without_room_for_subscribers_the_event_is_durable_and_who_is_there_gets_it() {
    let house = House::new(MqttLimits::default());
    let mut there = house.enter("there", 60).await;
    let away = house.enter("away", 60).await;
    for guest in [&there, &away] {
        house.subscribe(guest, "t", QoS::ExactlyOnce).await;
    }
    house.leave(&away);
    *house.engine.full.lock().unwrap() = vec![".waiting", ".retained"];
    let message = Publish { qos: QoS::ExactlyOnce, ..publish("t", 9, true) };
    assert_eq!(house.publish(&message, Beside::default()).await, Judged::Taken);
    assert_eq!(house.line.taken.lock().unwrap().len(), 1);
    assert_eq!(there.got().len(), 1);
    let stats = house.shared.hub.metrics.snapshot();
    assert_eq!((stats.overflowed, stats.retained_full), (1, 1));
    let mut back = house.enter("away", 60).await;
    assert_eq!(back.got().len(), 0);
    assert!(house.shared.hub.waiting() == 0 && !there.is_swamped());
}

#[tokio::test]
async fn without_room_for_a_packet_id_of_qos_2_nothing_is_taken() {
    let house = House::new(MqttLimits::default());
    *house.engine.full.lock().unwrap() = vec![".exchanges"];
    let id = NonZeroU16::MIN;
    let received = Exchange { client: "p".into(), birth: at(0), id };
    let message = Publish { qos: QoS::ExactlyOnce, ..publish("t", 9, true) };
    let beside = Beside { received: Some(received), ..Beside::default() };
    let judged = house.publish(&message, beside).await;
    assert_eq!(judged, Judged::NotNow(DisconnectReasonCode::ServerBusy));
    assert_eq!(house.line.taken.lock().unwrap().len(), 0);
    assert_eq!(house.engine.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn a_message_that_the_line_refuses_disconnects_nobody() {
    let house = House::new(MqttLimits::default());
    let mut guest = house.enter("a", 60).await;
    house.subscribe(&guest, "t", QoS::AtLeastOnce).await;
    let large = publish("t", 2 * 1024 * 1024, false);
    house.line.says.lock().unwrap().push_back(Err(Refusal::HandshakeRefused));
    assert!(matches!(house.publish(&large, Beside::default()).await, Judged::Refused(..)));
    assert!(!guest.is_swamped() && guest.got().is_empty());
    // One that is taken and cannot be written down comes out of memory.
    assert_eq!(house.publish(&large, Beside::default()).await, Judged::Taken);
    assert!(!guest.is_swamped());
    assert_eq!(guest.got().len(), 1);
    assert_eq!(house.shared.hub.waiting(), 0);
}

#[tokio::test]
async fn a_client_that_is_too_slow_is_told_so_after_the_commit() {
    let limits = MqttLimits { outbox_messages_max: 2, ..MqttLimits::default() };
    let house = House::new(limits);
    let guest = house.enter("a", 60).await;
    house.subscribe(&guest, "t", QoS::AtLeastOnce).await;
    for _ in 0..2 {
        house.publish(&publish("t", 1, false), Beside::default()).await;
    }
    house.line.says.lock().unwrap().push_back(Err(Refusal::NoSource));
    house.publish(&publish("t", 1, false), Beside::default()).await;
    assert!(!guest.is_swamped());
    house.publish(&publish("t", 1, false), Beside::default()).await;
    assert!(guest.is_swamped());
}

#[tokio::test]
async fn a_client_that_is_away_does_not_take_the_room_of_those_who_are_there() {
    let limits = MqttLimits { waiting_messages_max: 8, ..MqttLimits::default() };
    let house = House::new(limits);
    let (away, mut there) = (house.enter("away", 60).await, house.enter("there", 60).await);
    house.subscribe(&away, "a", QoS::AtLeastOnce).await;
    house.subscribe(&there, "b", QoS::AtLeastOnce).await;
    house.leave(&away);
    for _ in 0..20 {
        house.publish(&publish("a", 1, false), Beside::default()).await;
    }
    assert_eq!(house.shared.hub.waiting(), 6);
    house.publish(&publish("b", 1, false), Beside::default()).await;
    assert_eq!((house.shared.hub.waiting(), there.got().len()), (7, 1));
}

#[tokio::test]
async fn a_retained_message_that_is_over_is_deleted_at_the_next_start() {
    let house = House::new(MqttLimits::default());
    for (topic, expiry) in [("short", 1), ("long", 1000)] {
        let mut message = publish(topic, 1, true);
        let properties = message.properties.get_or_insert_default();
        properties.message_expiry_interval = std::num::NonZeroU32::new(expiry);
        house.publish(&message, Beside::default()).await;
    }
    let state = house.line.taken.lock().unwrap()[0].transport.state.clone();
    let ends: Vec<_> =
        state.writes().map(|(_, _, write)| write.value().unwrap().expires_at).collect();
    assert_eq!(ends, [Some(at(1000))], "the engine forgets it by itself");
    assert_eq!(count(&house, "r/"), 2);
    let memory = house.shared.hub.memory().unwrap();
    house.shared.hub.restore(memory.load(), at(2000));
    assert_eq!(house.engine.keys(), ["r/long"]);
}

#[tokio::test]
async fn a_restart_gives_messages_in_memory_other_packet_ids() {
    let house = House::new(MqttLimits::default());
    let message = Publish { qos: QoS::ExactlyOnce, ..publish("t", 9, true) };
    house.publish(&message, Beside::default()).await;
    let mut ids = Vec::new();
    let mut house = house;
    for _ in 0..3 {
        let mut guest = house.enter("a", 60).await;
        house.subscribe(&guest, "t", QoS::ExactlyOnce).await;
        ids.extend(guest.got().iter().map(|publish| publish.packet_id.unwrap().get()));
        house = House::over(Arc::clone(&house.engine), MqttLimits::default());
    }
    assert_eq!(ids, [1, 2048, 4095]);
}

fn will(number: u64) -> Will {
    let publish = publish("wills", 1, false);
    Will { publish, client: "w".into(), user: None, delay: 0, number: Some(number) }
}

#[tokio::test]
async fn a_will_that_finds_no_room_now_is_tried_again_and_not_forgotten() {
    let house = House::new(MqttLimits::default());
    house.shared.hub.memory().unwrap().keep_will(&will(7)).await.unwrap();
    let retry_after = std::time::Duration::from_secs(1);
    house.line.says.lock().unwrap().extend([
        Err(Refusal::QueueFull { queue: "q".to_owned(), retry_after }),
        Err(Refusal::RateLimited { retry_after }),
        Err(Refusal::Stopping),
    ]);
    house.shared.publish_will(will(7)).await;
    for now in [250, 500] {
        house.settle().await;
        assert_eq!(count(&house, "l/"), 1);
        let (due, _permit) = house.shared.wills.next(at(now)).unwrap();
        house.shared.try_will(due).await;
    }
    let (due, _permit) = house.shared.wills.next(at(1000)).unwrap();
    house.shared.try_will(due).await;
    assert_eq!((count(&house, "l/"), house.line.taken.lock().unwrap().len()), (0, 1));
}

#[tokio::test]
async fn a_will_that_came_before_or_can_never_come_leaves_nothing() {
    let house = House::new(MqttLimits::default());
    for says in [Ok(Repeat::Duplicate), Err(Refusal::NoSource)] {
        house.shared.hub.memory().unwrap().keep_will(&will(7)).await.unwrap();
        house.line.says.lock().unwrap().push_back(says);
        house.shared.publish_will(will(7)).await;
        house.settle().await;
        assert_eq!(house.engine.keys(), Vec::<String>::new());
        assert!(house.shared.wills.next(at(u64::from(u32::MAX))).is_none());
    }
}
