//! Whatever a client sends, in whatever order, over however many connections: it is answered only
//! after the line has spoken, a QoS 2 message is taken once, and nothing is sent beyond the window.
//! What an older connection still brings comes late, or fails, and harms nothing; and what the
//! client asked for on the connection that stands is answered.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::sync::Arc;

use proptest::prelude::*;

use super::tests::{attached, id, link, parcel, publish, pubrec};
use super::*;
use crate::mqtt::ledger::{Ledger, WaitingLimits};
use crate::mqtt::message::Parcel;
use crate::mqtt::wire::{
    Connect, DisconnectReasonCode, Packet, PublishAckReason, QoS, Version, ack, done,
};
use sluicegate_core::time::Timestamp;

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// The client publishes.
    Publish(QoS, u16),
    /// The client answers for a message, whether it got one or not.
    Ack(u16),
    Received(u16),
    Released(u16),
    Completed(u16),
    /// The line speaks about the message of some connection that waits longest.
    Judge(u8, usize),
    /// A message for the client; whether it is written down first.
    Offer(QoS, bool),
    /// What may be sent is sent.
    Send,
    /// What some connection wrote down first is durable; or it could not be written down.
    Written(usize, bool),
    /// The connection breaks, and the client comes back.
    Return,
}

fn act() -> impl Strategy<Value = Act> {
    let number = 1_u16..4;
    // Of messages in memory, and of those that are written down.
    let answered = prop_oneof![1_u16..4, 0x8000_u16..0x8003];
    let qos = prop::sample::select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]);
    prop_oneof![
        4 => (qos.clone(), number.clone()).prop_map(|(qos, number)| Act::Publish(qos, number)),
        2 => answered.clone().prop_map(Act::Ack),
        3 => answered.clone().prop_map(Act::Received),
        2 => number.prop_map(Act::Released),
        2 => answered.prop_map(Act::Completed),
        4 => (0_u8..3, 0_usize..3).prop_map(|(verdict, which)| Act::Judge(verdict, which)),
        3 => (qos, any::<bool>()).prop_map(|(qos, kept)| Act::Offer(qos, kept)),
        3 => Just(Act::Send),
        3 => (0_usize..3, prop::bool::weighted(0.8))
            .prop_map(|(which, done)| Act::Written(which, done)),
        2 => Just(Act::Return),
    ]
}

/// A session, its connection, and what an honest observer knows of both.
struct Observed {
    session: Session,
    link: Link,
    connections: u64,
    /// On their way through the line, with the connection that they came by.
    line: Vec<(u64, Taking)>,
    /// Being written down, with the connection that they came by, and the message of the client
    /// that is to be forgotten.
    writing: Vec<(u64, Step, Option<u64>)>,
    /// QoS 2 messages that the line took, and that are not forgotten, each with its own number.
    taken: BTreeMap<NonZeroU16, u64>,
    messages: u64,
    /// QoS 1 messages that the line took, and that are not answered.
    unanswered: Vec<NonZeroU16>,
    /// Sent on this connection, and not answered by the client.
    sent: BTreeSet<NonZeroU16>,
    /// QoS 2 messages of this connection that are not answered.
    asked: BTreeSet<NonZeroU16>,
    /// PUBRECs of this connection that are not answered.
    owed: BTreeSet<NonZeroU16>,
    ledger: Arc<Ledger>,
}

impl Observed {
    fn new(version: Version) -> Self {
        let (session, link) = attached(version);
        let (line, writing, unanswered) = (Vec::new(), Vec::new(), Vec::new());
        let limits = WaitingLimits { messages_max: 100, bytes_max: 1 << 20 };
        Self {
            session,
            link,
            connections: 1,
            line,
            writing,
            taken: BTreeMap::new(),
            messages: 0,
            unanswered,
            sent: BTreeSet::new(),
            asked: BTreeSet::new(),
            owed: BTreeSet::new(),
            ledger: Arc::new(Ledger::new(limits)),
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Publish(qos, number) => {
                let number = if qos == QoS::AtMostOnce { 0 } else { number };
                self.hear(publish(qos, number, "t", None));
            }
            Act::Ack(number) => {
                self.sent.remove(&id(number));
                let ack = ack(id(number), PublishAckReason::Success);
                self.hear(Packet::PublishAck(ack));
            }
            Act::Received(number) => self.hear(pubrec(number)),
            Act::Released(number) => self.hear(Packet::PublishRelease(done(id(number)))),
            Act::Completed(number) => {
                self.sent.remove(&id(number));
                self.hear(Packet::PublishComplete(done(id(number))));
            }
            Act::Judge(verdict, which) => self.judge(verdict, which),
            Act::Offer(qos, kept) => self.offer(qos, kept),
            Act::Send => self.send(),
            Act::Written(which, done) => self.written(which, done),
            Act::Return => self.come_back(),
        }
        if self.session.doomed.is_some() {
            self.come_back();
        }
        let known = self.session.received();
        assert!(self.taken.keys().all(|id| known.contains(id)), "{:?} {known:?}", self.taken);
    }

    /// The line and the disk have done everything: the client has its answers.
    fn finish(&mut self) {
        while !self.line.is_empty() || !self.writing.is_empty() {
            self.act(Act::Judge(0, 0));
            self.act(Act::Written(0, true));
        }
        self.act(Act::Send);
        assert!(self.asked.is_empty(), "no PUBREC: {:?}", self.asked);
        assert!(self.owed.is_empty(), "no PUBREL: {:?}", self.owed);
    }

    fn offer(&mut self, qos: QoS, kept: bool) {
        let parcel = parcel(qos, "t");
        if !kept || qos == QoS::AtMostOnce {
            let _ = self.session.offer(parcel);
            return;
        }
        let weight = parcel.message.weight();
        let Some(id) = self.session.out.reserve(weight, qos) else { return };
        let share = self
            .ledger
            .store(weight, crate::mqtt::ledger::For::There)
            .map(|stored| stored.share(id));
        self.session.out.offer_reserved(Parcel { share, ..parcel });
    }

    fn hear(&mut self, packet: Packet) {
        let mut replies = Vec::new();
        let now = Timestamp::from_unix_ms(1);
        match &packet {
            Packet::Publish(publish) if publish.qos == QoS::ExactlyOnce => {
                self.asked.extend(publish.packet_id);
            }
            Packet::PublishReceived(ack) => drop(self.owed.insert(ack.packet_id)),
            // Who releases a message asks for nothing about it any more.
            Packet::PublishRelease(release) => drop(self.asked.remove(&release.packet_id)),
            _ => {}
        }
        match self.session.handle(&mut self.link, packet, now, &mut replies) {
            Err(_) => return self.come_back(),
            Ok(Step::Take(_, taking)) => {
                if let (QoS::ExactlyOnce, Some(id)) = (taking.qos, taking.id) {
                    let on_its_way = self.line.iter().any(|(_, t)| *t == taking);
                    assert!(!self.taken.contains_key(&id) && !on_its_way, "{id} is taken twice");
                }
                self.line.push((self.link.number, taking));
            }
            Ok(step @ Step::Forget(id, _)) => {
                let message = self.taken.get(&id).copied();
                self.writing.push((self.link.number, step, message));
            }
            Ok(step @ Step::Release(_)) => self.writing.push((self.link.number, step, None)),
            Ok(_) => {}
        }
        replies.iter().for_each(|reply| self.said(reply));
    }

    fn judge(&mut self, verdict: u8, which: usize) {
        let Some(at) = first_of(&self.line, which, |(from, _)| *from) else { return };
        let (from, taking) = self.line.remove(at);
        let leave = DisconnectReasonCode::ServerBusy;
        let judged = match verdict {
            0 => Judged::Taken,
            1 => Judged::Refused(PublishAckReason::QuotaExceeded, leave),
            _ => Judged::NotNow(leave),
        };
        if let (Judged::Taken, Some(id)) = (judged, taking.id) {
            match taking.qos {
                QoS::ExactlyOnce => {
                    self.messages += 1;
                    self.taken.insert(id, self.messages);
                }
                _ => self.unanswered.push(id),
            }
        }
        match self.session.judged(from, Some(&mut self.link), taking, judged) {
            Ok(Some(reply)) => self.said(&reply),
            Ok(None) => {}
            Err(_) => self.come_back(),
        }
    }

    /// What is said stands for what the line did.
    fn said(&mut self, reply: &Packet) {
        match reply {
            Packet::PublishAck(ack) if u8::from(ack.reason_code) < 0x80 => {
                let at = self.unanswered.iter().position(|id| *id == ack.packet_id);
                self.unanswered.remove(at.expect("PUBACK before the line has taken the message"));
            }
            Packet::PublishReceived(ack) => {
                self.asked.remove(&ack.packet_id);
                let fine = u8::from(ack.reason_code) >= 0x80;
                assert!(fine || self.taken.contains_key(&ack.packet_id), "PUBREC before the line");
            }
            Packet::PublishRelease(release) => drop(self.owed.remove(&release.packet_id)),
            _ => {}
        }
    }

    fn send(&mut self) {
        while let Some(packet) = self.session.next(&mut self.link, Timestamp::from_unix_ms(1)) {
            match &packet {
                Packet::Publish(publish) => {
                    if let Some(id) = publish.packet_id {
                        assert!(self.sent.insert(id), "{id} is sent while it is not answered");
                    }
                }
                reply => self.said(reply),
            }
            assert!(self.sent.len() <= usize::from(self.link.window), "{:?}", self.sent);
        }
    }

    fn written(&mut self, which: usize, done: bool) {
        let Some(at) = first_of(&self.writing, which, |(from, ..)| *from) else { return };
        let (from, step, message) = self.writing.remove(at);
        match step {
            Step::Forget(id, mark) if done => {
                if self.taken.get(&id).copied() == message {
                    self.taken.remove(&id);
                }
                let mut gone = link(from, self.link.version, Connect::default());
                let here = from == self.link.number;
                let link = if here { &mut self.link } else { &mut gone };
                self.session.forgotten(link, id, mark);
            }
            Step::Release(id) if done => {
                if let Some(reply) = self.session.released(from, id) {
                    self.said(&reply);
                }
            }
            Step::Release(id) => {
                self.session.unreleased(from, id, DisconnectReasonCode::ServerBusy);
            }
            _ => {}
        }
        if !done && from == self.link.number {
            self.come_back();
        }
    }

    fn come_back(&mut self) {
        self.session.detach();
        self.connections += 1;
        // Every other time with a receive maximum that is smaller than what is unanswered.
        let receive_max = self.connections.is_multiple_of(2).then(|| id(2));
        let connect = Connect { receive_max, ..Connect::default() };
        self.link = link(self.connections, self.link.version, connect);
        self.session.attach(&mut self.link, u32::MAX);
        self.sent.clear();
        self.asked.clear();
        self.owed.clear();
    }
}

/// Of what one connection after another brought, the first of one of them.
fn first_of<T>(all: &[T], which: usize, from: impl Fn(&T) -> u64) -> Option<usize> {
    let of = from(all.get(which % all.len().max(1))?);
    all.iter().position(|one| from(one) == of)
}

proptest! {
    // What goes wrong takes several connections, each at the right moment.
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(4000),
        ..ProptestConfig::default()
    })]
    #[test]
    fn a_client_that_does_anything_gets_what_is_promised(
        old in any::<bool>(),
        acts in prop::collection::vec(act(), 0..160),
    ) {
        let mut observed = Observed::new(if old { Version::V3 } else { Version::V5 });
        for act in acts {
            observed.act(act);
        }
        observed.finish();
    }
}
