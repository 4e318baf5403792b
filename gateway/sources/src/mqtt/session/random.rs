//! Whatever a client sends, in whatever order, over however many connections: it is answered only
//! after the line has spoken, a QoS 2 message is taken once, and nothing is sent beyond the window.

use std::collections::BTreeSet;
use std::num::NonZeroU16;

use proptest::prelude::*;

use super::tests::{attached, id, link, parcel, publish, pubrec};
use super::*;
use crate::mqtt::wire::{Connect, Packet, PublishAckReason, QoS, Version, done};
use crate::mqtt::wire::{DisconnectReasonCode, PublishAck};
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
    /// The line speaks about the message that waits longest.
    Judge(u8),
    /// A message for the client.
    Offer(QoS),
    /// What may be sent is sent.
    Send,
    /// What is to be written down is durable.
    Written,
    /// The connection breaks, and the client comes back.
    Return,
}

fn act() -> impl Strategy<Value = Act> {
    let number = 1_u16..5;
    let qos = prop::sample::select(vec![QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]);
    prop_oneof![
        4 => (qos.clone(), number.clone()).prop_map(|(qos, number)| Act::Publish(qos, number)),
        2 => number.clone().prop_map(Act::Ack),
        2 => number.clone().prop_map(Act::Received),
        2 => number.clone().prop_map(Act::Released),
        2 => number.prop_map(Act::Completed),
        4 => (0_u8..3).prop_map(Act::Judge),
        3 => qos.prop_map(Act::Offer),
        3 => Just(Act::Send),
        2 => Just(Act::Written),
        1 => Just(Act::Return),
    ]
}

/// A session, its connection, and what an honest observer knows of both.
struct Observed {
    session: Session,
    link: Link,
    connections: u64,
    /// On their way through the line, with the connection that they came by.
    line: Vec<(u64, Taking)>,
    /// Written down, and not told to the session yet.
    writing: Vec<(u64, Step)>,
    /// QoS 2 messages that the line took, and that are not forgotten.
    taken: BTreeSet<NonZeroU16>,
    /// QoS 1 messages that the line took, and that are not answered.
    unanswered: Vec<NonZeroU16>,
    /// Sent on this connection, and not answered by the client.
    sent: BTreeSet<NonZeroU16>,
}

impl Observed {
    fn new(version: Version) -> Self {
        let (session, link) = attached(version);
        let (line, writing, unanswered) = (Vec::new(), Vec::new(), Vec::new());
        let (taken, sent) = (BTreeSet::new(), BTreeSet::new());
        Self { session, link, connections: 1, line, writing, taken, unanswered, sent }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Publish(qos, number) => {
                let number = if qos == QoS::AtMostOnce { 0 } else { number };
                self.hear(publish(qos, number, "t", None));
            }
            Act::Ack(number) => {
                self.sent.remove(&id(number));
                let reason_code = PublishAckReason::Success;
                let (properties, reason_string) = (Vec::new(), None);
                let packet_id = id(number);
                let ack = PublishAck { packet_id, reason_code, properties, reason_string };
                self.hear(Packet::PublishAck(ack));
            }
            Act::Received(number) => self.hear(pubrec(number)),
            Act::Released(number) => self.hear(Packet::PublishRelease(done(id(number)))),
            Act::Completed(number) => {
                self.sent.remove(&id(number));
                self.hear(Packet::PublishComplete(done(id(number))));
            }
            Act::Judge(verdict) => self.judge(verdict),
            Act::Offer(qos) => drop(self.session.offer(parcel(qos, "t"))),
            Act::Send => self.send(),
            Act::Written => self.written(),
            Act::Return => self.come_back(),
        }
    }

    fn hear(&mut self, packet: Packet) {
        let mut replies = Vec::new();
        let now = Timestamp::from_unix_ms(1);
        match self.session.handle(&mut self.link, packet, now, &mut replies) {
            Err(_) => return self.come_back(),
            Ok(Step::Take(_, taking)) => {
                if let (QoS::ExactlyOnce, Some(id)) = (taking.qos, taking.id) {
                    let on_its_way = self.line.iter().any(|(_, t)| *t == taking);
                    assert!(!self.taken.contains(&id) && !on_its_way, "{id} is taken twice");
                }
                self.line.push((self.link.number, taking));
            }
            Ok(step @ (Step::Forget(_) | Step::Release(_))) => {
                self.writing.push((self.link.number, step));
            }
            Ok(_) => {}
        }
        replies.iter().for_each(|reply| self.said(reply));
    }

    fn judge(&mut self, verdict: u8) {
        if self.line.is_empty() {
            return;
        }
        let (from, taking) = self.line.remove(0);
        let leave = DisconnectReasonCode::ServerBusy;
        let judged = match verdict {
            0 => Judged::Taken,
            1 => Judged::Refused(PublishAckReason::QuotaExceeded, leave),
            _ => Judged::NotNow(leave),
        };
        if let (Judged::Taken, Some(id)) = (judged, taking.id) {
            match taking.qos {
                QoS::ExactlyOnce => drop(self.taken.insert(id)),
                _ => self.unanswered.push(id),
            }
        }
        match self.session.judged(from, Some(&mut self.link), taking, judged) {
            Ok(Some(reply)) if judged == Judged::Taken => self.said(&reply),
            Ok(_) => {}
            Err(_) => self.come_back(),
        }
    }

    /// What is said stands for what the line did.
    fn said(&mut self, reply: &Packet) {
        match reply {
            Packet::PublishAck(ack) => {
                let at = self.unanswered.iter().position(|id| *id == ack.packet_id);
                self.unanswered.remove(at.expect("PUBACK before the line has taken the message"));
            }
            Packet::PublishReceived(ack) if u8::from(ack.reason_code) < 0x80 => {
                assert!(self.taken.contains(&ack.packet_id), "PUBREC before the line has spoken");
            }
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
                Packet::PublishRelease(_) => {}
                reply => self.said(reply),
            }
            assert!(self.sent.len() <= usize::from(self.link.window), "{:?}", self.sent);
        }
    }

    fn written(&mut self) {
        for (from, step) in std::mem::take(&mut self.writing) {
            match step {
                Step::Forget(id) => {
                    self.taken.remove(&id);
                    self.session.forgotten(&mut self.link, id);
                }
                Step::Release(id) => drop(self.session.released(from, id)),
                _ => {}
            }
        }
    }

    fn come_back(&mut self) {
        self.session.detach();
        self.connections += 1;
        // Every other time with a receive maximum that is smaller than what is unanswered.
        let receive_max = self.connections.is_multiple_of(2).then(|| id(2));
        let connect = Connect { receive_max, ..Connect::default() };
        self.link = link(self.connections, self.link.version, connect);
        self.session.attach(&self.link, u32::MAX);
        self.sent.clear();
    }
}

proptest! {
    #[test]
    fn a_client_that_does_anything_gets_what_is_promised(
        old in any::<bool>(),
        acts in prop::collection::vec(act(), 0..80),
    ) {
        let mut observed = Observed::new(if old { Version::V3 } else { Version::V5 });
        for act in acts {
            observed.act(act);
        }
    }
}
