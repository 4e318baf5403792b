//! Events of a queue on their way to a client, in virtual time.

use std::num::NonZeroU32;

use bytes::Bytes;
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::fields::Fields;
use sluicegate_core::ids::EventId;

use super::*;
use crate::mqtt::entrance::Start;
use crate::mqtt::limits::MqttLimits;
use crate::mqtt::message::Handing;
use crate::mqtt::subscribers::Grant;
use crate::mqtt::tests::house::{House, at};
use crate::mqtt::wire::{
    Connect, Packet, Publish, PublishAckReason, QoS, SubscriptionOptions, Version, Wire, ack,
};

struct World {
    house: House,
    seat: Arc<Seat>,
    link: Link,
    _pump: Pump,
}

fn event(number: u64, bytes: usize) -> Event {
    let mut attributes = Fields::new();
    attributes.push("mqttresponsetopic", "answers/7");
    attributes.push("mqttcorrelationdata", "00ff7f");
    attributes.push("mqtttopic", "t");
    Event::new(Parts {
        id: EventId::new(at(0), number),
        source: "s".parse().unwrap(),
        kind: "k".to_owned(),
        subject: Some("sub".to_owned()),
        time: None,
        received_at: at(0),
        content_type: "text/plain".to_owned(),
        attributes,
        headers: Fields::new(),
        payload: Bytes::from(vec![b'x'; bytes]),
    })
}

fn from() -> TakesFrom {
    let options = SubscriptionOptions { qos: QoS::AtLeastOnce, ..SubscriptionOptions::default() };
    let grant = Grant { options, id: NonZeroU32::new(7) };
    TakesFrom::new(&"$queue/q".into(), "q", grant).unwrap()
}

impl World {
    fn new(events: &[usize], connect: &Connect, limits: MqttLimits) -> Self {
        let house = House::new(limits);
        let events = (1_u64..).zip(events).map(|(number, bytes)| event(number, *bytes));
        house.engine.ready.lock().unwrap().extend(events);
        let terms = house.shared.limits.terms();
        let mut link = Link::new(connect, Version::V5, "c".into(), terms, at(0));
        let start = Start { clean: true, expiry: 0 };
        let seat = house
            .shared
            .hub
            .enter(&mut link, start, None, &crate::mqtt::tests::hub::All, at(0))
            .unwrap()
            .seat;
        let engine = Arc::clone(&house.engine) as Arc<dyn Engine>;
        let pump = Pump::start(&engine, &seat, &link, from());
        Self { house, seat, link, _pump: pump }
    }

    /// Everything else has its turn, and time goes on by so much.
    async fn pass(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    fn got(&mut self) -> Vec<Publish> {
        let mut held = self.seat.lock();
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
        let mut replies = Vec::new();
        let mut held = self.seat.lock();
        held.session.handle(&mut self.link, Packet::PublishAck(ack), at(0), &mut replies).unwrap();
    }

    fn verbs(&self) -> Vec<Verb> {
        self.house.engine.settled.lock().unwrap().iter().map(|one| one.verb.clone()).collect()
    }
}

fn connect(receive_max: u16, packet_max: u32) -> Connect {
    Connect {
        receive_max: receive_max.try_into().ok(),
        max_packet_size: packet_max.try_into().ok(),
        ..Connect::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_a_client_does_not_take_is_given_back_with_a_reason() {
    let mut world = World::new(&[10, 5000, 20], &connect(9, 4000), MqttLimits::default());
    world.pass(10).await;
    let got: Vec<_> = world.got().iter().map(|publish| publish.payload.len()).collect();
    assert_eq!(got, [10, 20]);
    let reason = "larger than the largest packet that the client takes".to_owned();
    assert_eq!(world.verbs(), [Verb::Nack { delay: None, reason }]);
}

#[tokio::test(start_paused = true)]
async fn no_more_is_taken_than_the_client_may_have_unanswered() {
    let mut world = World::new(&[1; 10], &connect(3, 0), MqttLimits::default());
    world.pass(10).await;
    let got = world.got();
    assert_eq!(got.len(), 3);
    assert_eq!(world.house.engine.ready.lock().unwrap().len(), 7);
    world.ack(&got[1]);
    world.pass(10).await;
    assert_eq!(world.got().len(), 1);
    assert_eq!(world.verbs(), [Verb::Ack]);
    assert!(world.house.engine.asked.lock().unwrap().iter().all(|max| *max <= 3));
}

#[tokio::test(start_paused = true)]
async fn events_that_find_no_room_wait_for_it_and_use_up_no_attempt() {
    let limits = MqttLimits { outbox_bytes_max: 4 * 1024, ..MqttLimits::default() };
    let mut world = World::new(&[3000; 40], &Connect::default(), limits);
    let mut had = 0;
    for _ in 0..100 {
        world.pass(200).await;
        for publish in world.got() {
            had += 1;
            world.ack(&publish);
        }
    }
    assert_eq!(had, 40);
    world.pass(1).await;
    assert_eq!(world.verbs(), vec![Verb::Ack; 40]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_there_keeps_its_leases_and_one_that_left_gives_them_back() {
    let mut world = World::new(&[1], &Connect::default(), MqttLimits::default());
    world.pass(10).await;
    assert_eq!(world.got().len(), 1);
    world.pass(1000 * 1000).await;
    let extended = world.verbs();
    assert!(extended.len() >= 9, "{extended:?}");
    assert!(extended.iter().all(|verb| *verb == Verb::Extend { lease: LEASE }));
    world.seat.lock().session.detach();
    world.pass(1000 * 1000).await;
    let back = world.verbs().split_off(extended.len());
    let reason = "client left without an answer".to_owned();
    assert_eq!(back, [Verb::Nack { delay: Some(Duration::ZERO), reason }]);
}

#[test]
fn an_event_is_never_longer_on_the_wire_than_reckoned() {
    for bytes in [0, 10, 200, 70_000] {
        let message = message(&from(), &event(1, bytes));
        let ids = vec![NonZeroU32::new(200_000_000).unwrap()];
        let most = message.packet_len_max(ids.len());
        let packet_id = std::num::NonZeroU16::new(9);
        let how = Handing { qos: QoS::AtLeastOnce, retain: false, dup: true, packet_id, ids };
        let packet = Packet::Publish(Box::new(message.packet(&how, at(0))));
        let mut out = bytes::BytesMut::new();
        assert!(Wire::new(usize::MAX).encode(packet, usize::MAX, &mut out));
        assert!(out.len() <= most && most <= out.len() + 20, "{} of {most}", out.len());
    }
}

#[test]
fn what_came_as_a_property_of_mqtt_goes_as_one() {
    let properties = message(&from(), &event(1, 1)).properties;
    assert_eq!(properties.response_topic.as_deref(), Some("answers/7"));
    assert_eq!(properties.correlation_data, Some(Bytes::from_static(&[0, 255, 127])));
    let names: Vec<&str> = properties.user_properties.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["specversion", "id", "source", "type", "subject", "mqtttopic"]);
    let mut odd = event(1, 1);
    odd.parts_mut().attributes = Fields::new();
    for (name, value) in [("mqttresponsetopic", "a/#"), ("mqttcorrelationdata", "0é")] {
        odd.parts_mut().attributes.push(name, value);
    }
    let properties = message(&from(), &odd).properties;
    assert_eq!((properties.response_topic, properties.correlation_data), (None, None));
    assert_eq!(properties.user_properties.len(), 7);
}
