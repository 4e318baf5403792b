//! What a talk lays down and when, and what a disk that fails leaves behind.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::QueueName;
use sluicegate_core::proof::{Receipt, Routed};
use sluicegate_core::queue::{Consumed, QueueFault, QueueStats, Redriven, Settled, Settlement};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Ask, Engine, Intake, Pending, Uncommitted};
use sluicegate_core::state::{Scope, Transaction};
use sluicegate_core::time::Clock;

use super::hub::at;
use crate::Format;
use crate::mqtt::access::Access;
use crate::mqtt::claims::{Claims, Dedupe, TopicRule};
use crate::mqtt::greeting::Greeted;
use crate::mqtt::hub::Hub;
use crate::mqtt::limits::MqttLimits;
use crate::mqtt::memory::Memory;
use crate::mqtt::message::{Message, Parcel};
use crate::mqtt::seat::Seat;
use crate::mqtt::session::Ending;
use crate::mqtt::shared::Shared;
use crate::mqtt::talk::Talk;
use crate::mqtt::topic::Filter;
use crate::mqtt::wire::{
    Connect, ConnectAckReason, LastWill, Packet, PublishAckReason, QoS, Version, ack, done,
};

/// A disk of which only what a session needs is there, and a line that refuses everything.
#[derive(Default)]
struct Fake {
    /// The keys that were laid down, in order.
    laid: Mutex<Vec<Arc<str>>>,
    fails: AtomicBool,
    /// How many messages came.
    taken: Mutex<usize>,
}

const BROKEN: Refusal = Refusal::StoreUnavailable { what: "broken" };

impl Engine for Fake {
    fn commit(&self, _: Routed) -> Pending<'_, Result<Receipt, Refusal>> {
        Box::pin(async { Err(BROKEN) })
    }
    fn commit_with(&self, _: Routed, _: Transaction) -> Pending<'_, Result<Receipt, Uncommitted>> {
        Box::pin(async { Err(BROKEN.into()) })
    }
    fn remember(&self, state: Transaction) -> Pending<'_, Result<(), Uncommitted>> {
        let keys = state.parts().iter().flat_map(|part| part.touched.keys().cloned());
        self.laid.lock().unwrap().extend(keys);
        let fails = self.fails.load(Ordering::Relaxed);
        Box::pin(async move {
            tokio::task::yield_now().await;
            if fails { Err(BROKEN.into()) } else { Ok(()) }
        })
    }
    fn remembered(&self, _: &Scope) -> Vec<(Arc<str>, Bytes)> {
        Vec::new()
    }
    fn receive<'a>(
        &'a self,
        _: &'a QueueName,
        _: Ask,
    ) -> Pending<'a, Result<Vec<Consumed>, QueueFault>> {
        Box::pin(async { Err(QueueFault::NoQueue) })
    }
    fn settle<'a>(
        &'a self,
        _: &'a QueueName,
        _: Vec<Settlement>,
    ) -> Pending<'a, Result<Vec<Settled>, QueueFault>> {
        Box::pin(async { Err(QueueFault::NoQueue) })
    }
    fn redrive<'a>(
        &'a self,
        _: &'a QueueName,
        _: usize,
    ) -> Pending<'a, Result<Redriven, QueueFault>> {
        Box::pin(async { Err(QueueFault::NoQueue) })
    }
    fn stats(&self) -> Pending<'_, Vec<(QueueName, QueueStats)>> {
        Box::pin(async { Vec::new() })
    }
    fn stop(&self) -> Pending<'_, ()> {
        Box::pin(async {})
    }
}

impl Intake for Fake {
    fn take(&self, _: Delivery) -> Pending<'_, Result<Receipt, Refusal>> {
        *self.taken.lock().unwrap() += 1;
        Box::pin(async { Err(Refusal::WrongMethod) })
    }
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn shared(fake: &Arc<Fake>) -> Arc<Shared> {
    let limits = MqttLimits::default();
    let engine: Arc<dyn Engine> = Arc::clone(fake) as _;
    let memory = Memory::new(Arc::clone(&engine)).unwrap();
    let rule = TopicRule {
        source: "things".parse().unwrap(),
        topics: vec![Filter::parse("#").unwrap()],
        payload_bytes_max: 1024,
        dedupe: Dedupe::Off,
        format: Format::Message,
    };
    Arc::new(Shared {
        hub: Hub::new(limits.hub(), Arc::default(), Some(memory)),
        limits,
        access: Access { anonymous: true, ..Access::default() },
        engine,
        queues: HashSet::new(),
        claims: Claims::new(vec![rule]),
        intake: Arc::clone(fake) as _,
        wills: crate::mqtt::wills::Wills::new(),
        clock: Clock::new(|| at(0)),
        dice: Box::new(|| 1),
    })
}

async fn come(
    shared: &Arc<Shared>,
    last_will: Option<LastWill>,
) -> Result<Greeted, ConnectAckReason> {
    let connect = Connect {
        client_id: "c".into(),
        session_expiry_interval_secs: 60,
        last_will,
        ..Connect::default()
    };
    let candidate = shared.examine(&connect, Version::V5, HERE, None).await?;
    shared.welcome(candidate).await
}

async fn talk(shared: &Arc<Shared>) -> (Talk, Arc<Seat>) {
    let Greeted { link, seat, .. } = come(shared, None).await.unwrap();
    (Talk::new(Arc::clone(shared), link, Arc::clone(&seat), HERE), seat)
}

fn id(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

#[tokio::test]
async fn a_packet_id_is_deleted_before_anything_later_can_be_written() {
    let fake = Arc::new(Fake::default());
    let shared = shared(&fake);
    let (mut talk, seat) = talk(&shared).await;
    seat.lock().session.restore_received(id(5));
    fake.laid.lock().unwrap().clear();
    let mut replies = Vec::new();
    talk.handle(Packet::PublishRelease(done(id(5))), &mut replies).unwrap();
    // Nobody has waited for it yet.
    let laid: Vec<_> = fake.laid.lock().unwrap().iter().map(ToString::to_string).collect();
    assert!(matches!(&laid[..], [key] if key.starts_with("q/5/")), "{laid:?}");
    assert_eq!(replies, [], "PUBCOMP comes when it is durable");
    let written = talk.next_done().await;
    assert_eq!(talk.done(written).unwrap(), Some(Packet::PublishComplete(done(id(5)))));
}

#[tokio::test]
async fn a_release_that_cannot_be_written_down_is_asked_for_again() {
    for gone in [false, true] {
        let fake = Arc::new(Fake::default());
        let shared = shared(&fake);
        let (mut talk, seat) = self::talk(&shared).await;
        let publish = super::hub::publish("t", false);
        let message = Arc::new(Message::published(&publish, &"x".into(), at(0)));
        let given = seat.lock().session.out.reserve(message.weight(), QoS::ExactlyOnce).unwrap();
        let share = shared
            .hub
            .ledger
            .store(message.weight(), crate::mqtt::ledger::For::There)
            .map(|stored| stored.share(given));
        let parcel = Parcel::new(message, QoS::ExactlyOnce, false, Vec::new());
        seat.lock().session.out.offer_reserved(Parcel { share, ..parcel });
        assert!(matches!(talk.next_out(), Some(Packet::Publish(_))));
        fake.fails.store(true, Ordering::Relaxed);
        let received = ack(given.unwrap(), PublishAckReason::Success);
        talk.handle(Packet::PublishReceived(received), &mut Vec::new()).unwrap();
        if !gone {
            let written = talk.next_done().await;
            talk.done(written).unwrap_err();
        }
        let will = talk.leave(Ending::BROKEN);
        talk.end(will).await;
        fake.fails.store(false, Ordering::Relaxed);
        let (mut next, _) = self::talk(&shared).await;
        let again = next.next_out();
        assert!(matches!(&again, Some(Packet::Publish(publish)) if publish.dup), "{again:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_will_is_published_though_who_took_the_place_is_not_let_in() {
    let fake = Arc::new(Fake::default());
    let shared = shared(&fake);
    let will = LastWill {
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: "wills".into(),
        message: Bytes::from_static(b"gone"),
        will_delay_interval_sec: None,
        correlation_data: None,
        message_expiry_interval: None,
        content_type: None,
        user_properties: Vec::new(),
        is_utf8_payload: None,
        response_topic: None,
    };
    let first = come(&shared, Some(will)).await.unwrap();
    fake.fails.store(true, Ordering::Relaxed);
    let second = come(&shared, None).await;
    assert_eq!(second.unwrap_err(), ConnectAckReason::ServerUnavailable);
    let published = async {
        while *fake.taken.lock().unwrap() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), published).await.unwrap();
    assert_eq!(first.seat.lock().session.link, None, "no ghost has the place");
    assert_eq!(shared.hub.counts().0, 1, "the session is there for who comes next");
}
