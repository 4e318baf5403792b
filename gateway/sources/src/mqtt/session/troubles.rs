//! What comes late over an older connection, what fails, and what finds no room.

use std::num::NonZeroU16;
use std::sync::Arc;

use super::tests::{
    LIMITS, ack_of, at, attached, handle, id, link, parcel, publish, pubrec, sent, taking,
};
use super::*;
use crate::mqtt::ledger::{Ledger, WaitingLimits};
use crate::mqtt::message::Parcel;
use crate::mqtt::wire::{
    Connect, Disconnect, DisconnectReasonCode, Packet, PublishAckReason, QoS, Version, done,
};

#[test]
fn a_late_forgetting_does_not_forget_a_later_message_of_the_same_packet_id() {
    let (mut session, mut first) = attached(Version::V5);
    let packet = || publish(QoS::ExactlyOnce, 5, "t", None);
    let release = || Packet::PublishRelease(done(id(5)));
    let take = |session: &mut Session, link: &mut Link| {
        let (step, _) = handle(session, link, packet()).unwrap();
        let number = link.number;
        session.judged(number, Some(link), taking(&step), Judged::Taken).unwrap();
    };
    take(&mut session, &mut first);
    // The first connection is cut while it forgets; the second one does it again.
    let (Step::Forget(_, slow), _) = handle(&mut session, &mut first, release()).unwrap() else {
        panic!("not forgotten")
    };
    session.detach();
    let mut second = self::link(2, Version::V5, Connect::default());
    session.attach(&mut second, u32::MAX);
    let (Step::Forget(_, quick), _) = handle(&mut session, &mut second, release()).unwrap() else {
        panic!("not forgotten")
    };
    session.forgotten(&mut second, id(5), quick);
    take(&mut session, &mut second);
    session.forgotten(&mut first, id(5), slow);
    let (step, replies) = handle(&mut session, &mut second, packet()).unwrap();
    assert!(matches!(step, Step::On) && replies == [pubrec(5)], "it is taken once");
}

#[test]
fn a_message_that_was_sent_again_elsewhere_is_answered_there_when_it_is_not_taken() {
    let refused =
        Judged::Refused(PublishAckReason::QuotaExceeded, DisconnectReasonCode::QuotaExceeded);
    let busy = Judged::NotNow(DisconnectReasonCode::ServerBusy);
    for (version, judged, again, code, doomed) in [
        (Version::V5, refused, true, Some(0x97), None),
        (Version::V3, refused, true, None, Some(DisconnectReasonCode::QuotaExceeded)),
        (Version::V5, busy, true, None, Some(DisconnectReasonCode::ServerBusy)),
        (Version::V5, refused, false, None, None),
    ] {
        let (mut session, mut first) = attached(version);
        let packet = || publish(QoS::ExactlyOnce, 5, "t", None);
        let (step, _) = handle(&mut session, &mut first, packet()).unwrap();
        let mut second = self::link(2, version, Connect::default());
        session.attach(&mut second, u32::MAX);
        if again {
            handle(&mut session, &mut second, packet()).unwrap();
        }
        assert_eq!(session.judged(1, None, taking(&step), judged), Ok(None));
        let said = session.next(&mut second, at(0)).map(|packet| match packet {
            Packet::PublishReceived(ack) => u8::from(ack.reason_code),
            other => panic!("{other:?}"),
        });
        assert_eq!((said, session.doomed), (code, doomed), "{version:?} {judged:?} {again}");
        // It may be sent once more, and is a message like any other.
        let (step, _) = handle(&mut session, &mut second, packet()).unwrap();
        taking(&step);
    }
}

/// A message of QoS 2 that is written down for its recipient.
fn kept(session: &mut Session, topic: &str) {
    let limits = WaitingLimits { messages_max: 10, bytes_max: 1 << 20 };
    let parcel = parcel(QoS::ExactlyOnce, topic);
    let weight = parcel.message.weight();
    let id = session.out.reserve(weight, QoS::ExactlyOnce).unwrap();
    let share = Arc::new(Ledger::new(limits))
        .store(weight, crate::mqtt::ledger::For::There)
        .map(|stored| stored.share(id));
    session.out.offer_reserved(Parcel { share, ..parcel });
}

#[test]
fn a_write_that_failed_leaves_the_exchange_where_it_was() {
    let (mut session, mut first) = attached(Version::V5);
    kept(&mut session, "t");
    assert_eq!(sent(&mut session, &mut first), [(0x8000, false, "t".to_owned())]);
    let (step, _) = handle(&mut session, &mut first, pubrec(0x8000)).unwrap();
    assert!(matches!(step, Step::Release(_)), "{step:?}");
    // The next connection asks for the same meanwhile, and would wait for ever.
    let mut second = self::link(2, Version::V5, Connect::default());
    session.attach(&mut second, u32::MAX);
    assert_eq!(sent(&mut session, &mut second), [(0x8000, true, "t".to_owned())]);
    let (step, replies) = handle(&mut session, &mut second, pubrec(0x8000)).unwrap();
    assert!(matches!(step, Step::On) && replies.is_empty());
    session.unreleased(1, id(0x8000), DisconnectReasonCode::ServerBusy);
    assert_eq!(session.doomed, Some(DisconnectReasonCode::ServerBusy));
    let mut third = self::link(3, Version::V5, Connect::default());
    session.attach(&mut third, u32::MAX);
    assert_eq!(session.doomed, None);
    assert_eq!(sent(&mut session, &mut third), [(0x8000, true, "t".to_owned())]);
    let (step, _) = handle(&mut session, &mut third, pubrec(0x8000)).unwrap();
    assert!(matches!(step, Step::Release(_)), "it is tried again: {step:?}");
    assert_eq!(session.released(3, id(0x8000)), Some(Packet::PublishRelease(done(id(0x8000)))));
}

#[test]
fn a_good_bye_asks_for_no_longer_session_than_there_is() {
    let asked = Connect { session_expiry_interval_secs: 60, ..Connect::default() };
    let mut link = link(1, Version::V5, asked);
    let mut session = Session::new(LIMITS, at(0));
    session.attach(&mut link, 60);
    let bye = Disconnect {
        session_expiry_interval_secs: Some(u32::MAX),
        ..Disconnect::new(DisconnectReasonCode::NormalDisconnection)
    };
    handle(&mut session, &mut link, Packet::Disconnect(bye)).unwrap_err();
    assert_eq!(session.expiry, 1000);
}

#[test]
fn retained_messages_take_no_room_from_others_and_are_sent_before_them() {
    let (mut session, mut link) = attached(Version::V5);
    let many = (0..20).map(|_| parcel(QoS::AtLeastOnce, "old")).collect();
    assert_eq!(session.out.offer_retained(many), 4, "their own bound is 16");
    for _ in 0..8 {
        assert_eq!(session.offer(parcel(QoS::AtLeastOnce, "new")), Offered::Waits);
    }
    assert_eq!(session.offer(parcel(QoS::AtLeastOnce, "new")), Offered::NoRoom { tell: true });
    let topics: Vec<_> = sent(&mut session, &mut link).into_iter().map(|sent| sent.2).collect();
    assert_eq!(topics, ["old"; 16]);
}

#[test]
fn what_is_over_gives_its_room_back() {
    let (mut session, mut link) = attached(Version::V5);
    for _ in 0..8 {
        let mut short = parcel(QoS::AtLeastOnce, "short");
        Arc::make_mut(&mut short.message).expires_at = Some(at(1000));
        session.offer(short);
    }
    assert!(session.out.reserve(1, QoS::ExactlyOnce).is_none());
    assert!(!session.out.is_due(at(999)) && session.out.is_due(at(1000)));
    session.out.sweep(at(1000));
    assert_eq!(session.offer(parcel(QoS::AtLeastOnce, "long")), Offered::Waits);
    assert_eq!(sent(&mut session, &mut link), [(1, false, "long".to_owned())]);
}

#[test]
fn what_is_sent_and_not_answered_takes_room_until_it_is() {
    let limits = OutboxLimits { bytes_max: 1000, ..LIMITS };
    let mut link = link(1, Version::V5, Connect::default());
    let mut session = Session::new(limits, at(0));
    session.attach(&mut link, 60);
    let weight = parcel(QoS::AtLeastOnce, "t").message.weight();
    for _ in 0..1000 / weight {
        assert_eq!(session.offer(parcel(QoS::AtLeastOnce, "t")), Offered::Waits);
        assert_eq!(sent(&mut session, &mut link).len(), 1);
    }
    assert_eq!(session.offer(parcel(QoS::AtLeastOnce, "t")), Offered::NoRoom { tell: true });
    handle(&mut session, &mut link, Packet::PublishAck(ack_of(1))).unwrap();
    assert_eq!(session.offer(parcel(QoS::ExactlyOnce, "t")), Offered::Waits);
    assert_eq!(sent(&mut session, &mut link).len(), 1);
    assert_eq!(session.offer(parcel(QoS::AtLeastOnce, "t")), Offered::NoRoom { tell: true });
    let number = (1000 / weight + 1) as u16;
    handle(&mut session, &mut link, pubrec(number)).unwrap();
    assert_eq!(session.offer(parcel(QoS::AtLeastOnce, "t")), Offered::Waits, "the client has it");
}

#[test]
fn an_alias_is_used_only_when_the_client_was_told_of_it() {
    let takes = Connect { topic_alias_max: 1, ..Connect::default() };
    let mut link = link(1, Version::V5, takes);
    let mut session = Session::new(LIMITS, at(0));
    session.attach(&mut link, 60);
    let next = |session: &mut Session, link: &mut Link, topic: &str| {
        session.offer(parcel(QoS::AtMostOnce, topic));
        match session.next(link, at(0)) {
            Some(Packet::Publish(publish)) => {
                let alias = publish.properties.unwrap().topic_alias;
                (publish.topic.to_string(), alias.map(NonZeroU16::get))
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(next(&mut session, &mut link, "a"), ("a".to_owned(), Some(1)));
    session.unsendable(&mut link, None);
    assert_eq!(next(&mut session, &mut link, "a"), ("a".to_owned(), Some(1)), "told again");
    assert_eq!(next(&mut session, &mut link, "a"), (String::new(), Some(1)));
    session.unsendable(&mut link, None);
    assert_eq!(next(&mut session, &mut link, "a"), (String::new(), Some(1)), "told before");
    assert_eq!(next(&mut session, &mut link, "b"), ("b".to_owned(), None));
}

#[test]
fn packet_ids_that_a_restart_left_are_waited_for() {
    let mut link = link(1, Version::V5, Connect::default());
    let mut session = Session::new(LIMITS, at(0));
    for number in 1..=u16::MAX {
        assert!(session.out.restore_released(id(number)));
    }
    session.attach(&mut link, 60);
    assert_eq!(session.out.reserve(1, QoS::ExactlyOnce), None);
    session.offer(parcel(QoS::AtLeastOnce, "t"));
    handle(&mut session, &mut link, Packet::PublishComplete(done(id(0x8007)))).unwrap();
    assert_eq!(session.out.reserve(1, QoS::ExactlyOnce), Some(Some(id(0x8007))));
}
