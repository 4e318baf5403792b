//! Tests of the rules, in virtual time.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sluicegate_core::time::Timestamp;

use super::*;
use crate::mqtt::message::{Message, Parcel};
use crate::mqtt::wire::{
    ByteString, Connect, Disconnect, DisconnectReasonCode, Packet, Publish, PublishAck,
    PublishAckReason, PublishProperties, QoS, Version, ack, done,
};

pub(super) const LIMITS: OutboxLimits =
    OutboxLimits { messages_max: 8, bytes_max: 1 << 20, retained_max: 16 };

pub(super) fn at(ms: u64) -> Timestamp {
    Timestamp::from_unix_ms(1_000_000 + ms)
}

pub(super) fn id(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

pub(super) fn link(number: u64, version: Version, connect: Connect) -> Link {
    let terms = Terms {
        receive_max: 3,
        rate: None,
        alias_max: 2,
        keep_alive_max: None,
        window_max: 16,
        packet_bytes_max: 1 << 20,
        expiry_max: 1000,
    };
    let mut link = Link::new(&connect, version, "c".into(), terms, at(0));
    link.number = number;
    link
}

pub(super) fn attached(version: Version) -> (Session, Link) {
    let mut link = link(1, version, Connect::default());
    let mut session = Session::new(LIMITS, at(0));
    session.attach(&mut link, u32::MAX);
    (session, link)
}

pub(super) fn publish(qos: QoS, packet_id: u16, topic: &str, alias: Option<u16>) -> Packet {
    Packet::Publish(Box::new(Publish {
        dup: false,
        retain: false,
        qos,
        topic: topic.into(),
        packet_id: NonZeroU16::new(packet_id),
        payload: Bytes::from_static(b"x"),
        properties: Some(PublishProperties {
            topic_alias: alias.map(id),
            ..PublishProperties::default()
        }),
    }))
}

pub(super) fn parcel(qos: QoS, topic: &str) -> Parcel {
    let message = Message {
        topic: ByteString::from(topic),
        payload: Bytes::from_static(b"x"),
        qos,
        retain: false,
        properties: PublishProperties::default(),
        expires_at: None,
        publisher: None,
    };
    Parcel::new(Arc::new(message), qos, false, Vec::new())
}

pub(super) fn pubrec(number: u16) -> Packet {
    Packet::PublishReceived(ack_of(number))
}

pub(super) fn ack_of(number: u16) -> PublishAck {
    ack(id(number), PublishAckReason::Success)
}

/// Handles a packet; gives back the step and what is answered.
pub(super) fn handle(
    session: &mut Session,
    link: &mut Link,
    packet: Packet,
) -> Result<(Step, Vec<Packet>), Ending> {
    let mut replies = Vec::new();
    let step = session.handle(link, packet, at(0), &mut replies)?;
    Ok((step, replies))
}

pub(super) fn taking(step: &Step) -> Taking {
    match step {
        Step::Take(_, taking) => *taking,
        other => panic!("not taken: {other:?}"),
    }
}

/// The packet ids, DUP flags and topics of what is sent next.
pub(super) fn sent(session: &mut Session, link: &mut Link) -> Vec<(u16, bool, String)> {
    let mut all = Vec::new();
    while let Some(packet) = session.next(link, at(0)) {
        match packet {
            Packet::Publish(p) => {
                let number = p.packet_id.map_or(0, NonZeroU16::get);
                all.push((number, p.dup, p.topic.to_string()));
            }
            Packet::PublishRelease(r) => all.push((r.packet_id.get(), false, "PUBREL".into())),
            other => panic!("{other:?}"),
        }
    }
    all
}

#[test]
fn nothing_is_answered_before_the_line_has_spoken() {
    let (mut session, mut link) = attached(Version::V5);
    for (qos, number) in [(QoS::AtLeastOnce, 1), (QoS::ExactlyOnce, 2)] {
        let packet = publish(qos, number, "t", None);
        let (step, replies) = handle(&mut session, &mut link, packet).unwrap();
        assert_eq!(replies, []);
        let reply = session.judged(1, Some(&mut link), taking(&step), Judged::Taken).unwrap();
        let expected = match qos {
            QoS::AtLeastOnce => Packet::PublishAck(ack_of(1)),
            _ => pubrec(2),
        };
        assert_eq!(reply, Some(expected));
    }
}

#[test]
fn a_refusal_is_a_code_in_5_and_the_end_of_the_connection_in_3_1_1() {
    let no = Judged::Refused(PublishAckReason::NotAuthorized, DisconnectReasonCode::NotAuthorized);
    let later = Judged::NotNow(DisconnectReasonCode::ServerBusy);
    for (version, judged, code) in [
        (Version::V5, no, Some(PublishAckReason::NotAuthorized)),
        (Version::V3, no, None),
        (Version::V5, later, None),
        (Version::V3, later, None),
    ] {
        let (mut session, mut link) = attached(version);
        let packet = publish(QoS::AtLeastOnce, 1, "t", None);
        let (step, _) = handle(&mut session, &mut link, packet).unwrap();
        let said = session.judged(1, Some(&mut link), taking(&step), judged);
        match code {
            Some(reason_code) => {
                let ack = Packet::PublishAck(ack(id(1), reason_code));
                assert_eq!(said, Ok(Some(ack)));
            }
            None => assert!(said.is_err(), "{version:?} {judged:?}"),
        }
    }
}

#[test]
fn a_qos_2_message_is_taken_once_however_often_it_is_sent() {
    let (mut session, mut link) = attached(Version::V5);
    let packet = || publish(QoS::ExactlyOnce, 7, "t", None);
    let (step, _) = handle(&mut session, &mut link, packet()).unwrap();
    let first = taking(&step);
    // Again while it is on its way: it waits for the first one's answer.
    let (step, replies) = handle(&mut session, &mut link, packet()).unwrap();
    assert!(matches!(step, Step::On) && replies.is_empty());
    // The connection breaks, and the line speaks while another one is there.
    session.detach();
    let mut next = self::link(2, Version::V5, Connect::default());
    session.attach(&mut next, u32::MAX);
    assert_eq!(session.judged(1, None, first, Judged::Taken), Ok(None));
    assert_eq!(session.next(&mut next, at(0)), Some(pubrec(7)));
    let (step, replies) = handle(&mut session, &mut next, packet()).unwrap();
    assert!(matches!(step, Step::On) && replies == [pubrec(7)]);
    // PUBREL frees the packet id; a second PUBREL says that it is not known any more.
    let release = || Packet::PublishRelease(done(id(7)));
    let (step, _) = handle(&mut session, &mut next, release()).unwrap();
    let Step::Forget(released, mark) = step else { panic!("{step:?}") };
    assert_eq!(released, id(7));
    session.forgotten(&mut next, id(7), mark);
    let (_, replies) = handle(&mut session, &mut next, release()).unwrap();
    assert!(
        matches!(&replies[..], [Packet::PublishComplete(ack)] if u8::from(ack.reason_code) == 146)
    );
    let (step, _) = handle(&mut session, &mut next, packet()).unwrap();
    taking(&step);
}

#[test]
fn a_client_that_sends_more_than_it_may_is_told_so() {
    let (mut session, mut link) = attached(Version::V5);
    for number in 1..=3 {
        handle(&mut session, &mut link, publish(QoS::AtLeastOnce, number, "t", None)).unwrap();
    }
    let over = handle(&mut session, &mut link, publish(QoS::AtLeastOnce, 4, "t", None));
    let reason = DisconnectReasonCode::ReceiveMaximumExceeded;
    assert_eq!(over.unwrap_err(), Ending::because(reason));
}

#[test]
fn what_is_not_answered_is_sent_again_in_order_and_marked() {
    let (mut session, mut link) = attached(Version::V5);
    for (qos, topic) in [
        (QoS::AtLeastOnce, "a"),
        (QoS::ExactlyOnce, "b"),
        (QoS::AtMostOnce, "c"),
        (QoS::AtLeastOnce, "d"),
        (QoS::ExactlyOnce, "e"),
    ] {
        assert_eq!(session.offer(parcel(qos, topic)), Offered::Waits);
    }
    let first = sent(&mut session, &mut link);
    let numbers: Vec<_> = first.iter().map(|(number, dup, _)| (*number, *dup)).collect();
    assert_eq!(numbers, [(1, false), (2, false), (0, false), (3, false), (4, false)]);
    handle(&mut session, &mut link, Packet::PublishAck(ack_of(1))).unwrap();
    handle(&mut session, &mut link, pubrec(2)).unwrap();
    session.detach();
    assert_eq!(session.offer(parcel(QoS::AtMostOnce, "f")), Offered::Away);
    session.offer(parcel(QoS::AtLeastOnce, "g"));
    let mut next = self::link(2, Version::V5, Connect::default());
    session.attach(&mut next, u32::MAX);
    let again: Vec<_> = sent(&mut session, &mut next);
    let again: Vec<_> = again.iter().map(|(n, dup, topic)| (*n, *dup, topic.as_str())).collect();
    assert_eq!(again, [(2, false, "PUBREL"), (3, true, "d"), (4, true, "e"), (5, false, "g")]);
}

#[test]
fn no_more_is_sent_than_the_client_takes_unanswered() {
    let narrow = Connect { receive_max: NonZeroU16::new(2), ..Connect::default() };
    let mut link = link(1, Version::V5, narrow);
    let mut session = Session::new(LIMITS, at(0));
    session.attach(&mut link, 0);
    for topic in ["a", "b", "c", "d"] {
        session.offer(parcel(QoS::AtLeastOnce, topic));
    }
    assert_eq!(sent(&mut session, &mut link).len(), 2);
    handle(&mut session, &mut link, Packet::PublishAck(ack_of(1))).unwrap();
    assert_eq!(sent(&mut session, &mut link), [(3, false, "c".to_owned())]);
}

#[test]
fn an_outbox_has_a_bound_and_only_a_client_that_is_there_is_told() {
    let (mut session, _) = attached(Version::V5);
    for _ in 0..8 {
        assert_eq!(session.offer(parcel(QoS::AtLeastOnce, "t")), Offered::Waits);
    }
    assert_eq!(session.offer(parcel(QoS::AtMostOnce, "t")), Offered::NoRoom { tell: false });
    assert_eq!(session.offer(parcel(QoS::AtLeastOnce, "t")), Offered::NoRoom { tell: true });
    session.detach();
    assert_eq!(session.offer(parcel(QoS::AtLeastOnce, "t")), Offered::NoRoom { tell: false });
}

#[test]
fn aliases_stand_for_topics_within_their_bound_on_one_connection() {
    let (mut session, mut link) = attached(Version::V5);
    let topic = |step: Step| match step {
        Step::Take(publish, _) => publish.topic.to_string(),
        other => panic!("{other:?}"),
    };
    let q0 = QoS::AtMostOnce;
    let (step, _) = handle(&mut session, &mut link, publish(q0, 0, "long", Some(2))).unwrap();
    assert_eq!(topic(step), "long");
    let (step, _) = handle(&mut session, &mut link, publish(q0, 0, "", Some(2))).unwrap();
    assert_eq!(topic(step), "long");
    for (text, alias) in [("t", 3), ("", 1)] {
        let bad = handle(&mut session, &mut link, publish(q0, 0, text, Some(alias)));
        assert_eq!(bad.unwrap_err().say, Some(DisconnectReasonCode::TopicAliasInvalid));
    }
    let mut next = self::link(2, Version::V5, Connect::default());
    session.attach(&mut next, u32::MAX);
    assert!(handle(&mut session, &mut next, publish(q0, 0, "", Some(2))).is_err());
}

#[test]
fn silence_is_one_and_a_half_times_the_keep_alive_of_the_client() {
    let mut link = link(1, Version::V5, Connect { keep_alive: 10, ..Connect::default() });
    assert_eq!(link.silent_at(), Some(at(15_000)));
    link.hear(at(4000));
    assert_eq!(link.silent_at(), Some(at(19_000)));
    let none = self::link(1, Version::V5, Connect { keep_alive: 0, ..Connect::default() });
    assert_eq!(none.silent_at(), None);
}

#[test]
fn a_good_bye_drops_the_will_and_may_end_the_session_but_not_begin_one() {
    let (mut session, mut link) = attached(Version::V5);
    let bye = |reason_code, expiry| {
        Packet::Disconnect(Disconnect {
            session_expiry_interval_secs: expiry,
            ..Disconnect::new(reason_code)
        })
    };
    let normal = DisconnectReasonCode::NormalDisconnection;
    let end = handle(&mut session, &mut link, bye(normal, None)).unwrap_err();
    assert_eq!(end, Ending { say: None, will: WillFate::Dropped });
    let with_will = bye(DisconnectReasonCode::DisconnectWithWillMessage, None);
    let end = handle(&mut session, &mut link, with_will).unwrap_err();
    assert_eq!(end.will, WillFate::Published);
    // The CONNECT asked for no session: a DISCONNECT may not ask for one.
    let end = handle(&mut session, &mut link, bye(normal, Some(5))).unwrap_err();
    assert_eq!(end.say, Some(DisconnectReasonCode::ProtocolError));
}

#[test]
fn an_expired_message_is_not_sent_and_another_says_how_long_it_lives() {
    let (mut session, mut link) = attached(Version::V5);
    for seconds in [1, 60] {
        let mut late = parcel(QoS::AtLeastOnce, "t");
        let message = Arc::make_mut(&mut late.message);
        message.expires_at = Some(at(0).plus(Duration::from_secs(seconds)));
        session.offer(late);
    }
    let packet = session.next(&mut link, at(10_000));
    let Some(Packet::Publish(sent)) = packet else { panic!("{packet:?}") };
    let left = sent.properties.unwrap().message_expiry_interval.unwrap();
    assert_eq!(left.get(), 50);
    assert_eq!(session.next(&mut link, at(10_000)), None);
}
