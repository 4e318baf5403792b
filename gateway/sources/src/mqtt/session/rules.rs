//! The rules of a session: what each packet of a client does, and what is answered.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::sync::Arc;

use sluicegate_core::time::Timestamp;

use super::super::message::Parcel;
use super::super::subscribers::Grant;
use super::super::topic::Wanted;
use super::super::wire::{
    Disconnect, DisconnectReasonCode, Packet, Publish, PublishAck, PublishAck2, PublishAck2Reason,
    PublishAckReason, QoS, Version, ack, done,
};
use super::answered::{Answered, Lasts};
use super::inbound::{Inbound, Known, Mark};
use super::link::Link;
use super::outbound::{Outbound, OutboxLimits};
use super::owner::Owner;
use super::step::{Ending, Judged, Step, Taking, WillFate};

/// What the gateway keeps of one client.
#[derive(Debug)]
pub(crate) struct Session {
    /// The connection that speaks for it; `None` while the client is away.
    pub(crate) link: Option<u64>,
    /// What that connection speaks.
    version: Option<Version>,
    /// That connection must end for this reason.
    pub(crate) doomed: Option<DisconnectReasonCode>,
    /// Whose it is.
    pub(crate) owner: Owner,
    /// When it began: tells it from sessions of the same client before it.
    pub(crate) birth: Timestamp,
    /// Seconds that it stays after its connection; `u32::MAX`: for good.
    pub(crate) expiry: u32,
    /// Its subscriptions, by their text.
    pub(crate) subscriptions: BTreeMap<Arc<str>, Subscription>,
    pub(crate) out: Outbound,
    inbound: Inbound,
    /// What the client has published is paid for at this time, where it has a rate.
    pub(crate) paid: Option<Timestamp>,
    /// What became known while another connection spoke: said on the one that speaks now.
    late: Vec<Packet>,
    /// QoS 0 messages that found no room, and others while the client was away.
    pub(crate) overflowed: u64,
}

/// A subscription of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) wanted: Wanted,
    pub(crate) grant: Grant,
}

/// What became of a message that was offered to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It waits.
    Waits,
    /// It is not for a client that is away.
    Away,
    /// There is no room. A client that is there, and gets more than QoS 0, must be told so.
    NoRoom {
        /// Whether the client is to be told.
        tell: bool,
    },
}

impl Session {
    pub(crate) fn new(limits: OutboxLimits, birth: Timestamp) -> Self {
        Self {
            link: None,
            version: None,
            doomed: None,
            owner: Owner::default(),
            birth,
            expiry: 0,
            subscriptions: BTreeMap::new(),
            out: Outbound::new(limits),
            inbound: Inbound::default(),
            paid: None,
            late: Vec::new(),
            overflowed: 0,
        }
    }

    /// A connection speaks for it from now on.
    pub(crate) fn attach(&mut self, link: &mut Link, expiry: u32) {
        self.link = Some(link.number);
        self.version = Some(link.version);
        self.owner = Owner::of(link.user.as_deref());
        self.expiry = expiry;
        self.doomed = None;
        if let Some(paid) = self.paid {
            link.paid_before(paid);
        }
        self.inbound.turn();
        self.late.clear();
        self.out.resume();
    }

    /// No connection speaks for it.
    pub(crate) fn detach(&mut self) {
        self.link = None;
        self.doomed = None;
        self.late.clear();
        self.out.part();
    }

    /// A message for the client.
    pub(crate) fn offer(&mut self, parcel: Parcel) -> Offered {
        let online = self.link.is_some();
        if !online && parcel.qos == QoS::AtMostOnce {
            return Offered::Away;
        }
        let qos = parcel.qos;
        match self.out.offer(parcel) {
            Ok(()) => Offered::Waits,
            Err(_) => {
                self.overflowed += 1;
                Offered::NoRoom { tell: online && qos != QoS::AtMostOnce }
            }
        }
    }

    /// The next packet for the client, if one may be sent.
    pub(crate) fn next(&mut self, link: &mut Link, now: Timestamp) -> Option<Packet> {
        if !self.late.is_empty() {
            return Some(self.late.remove(0));
        }
        self.out.next(link.window, now).map(|packet| link.shorten(packet))
    }

    /// What a packet of the client does.
    ///
    /// # Errors
    /// When the connection must end.
    pub(crate) fn handle(
        &mut self,
        link: &mut Link,
        packet: Packet,
        now: Timestamp,
        replies: &mut Vec<Packet>,
    ) -> Result<Step, Ending> {
        link.hear(now);
        match packet {
            Packet::Publish(publish) => return self.publish(link, publish, replies),
            Packet::PublishAck(ack) => {
                // An answer to nothing may be to a message that a restart has forgotten.
                self.out.acked(ack.packet_id);
            }
            Packet::PublishReceived(ack) => return Ok(self.pubrec(&ack, replies)),
            Packet::PublishRelease(release) => return Ok(self.pubrel(&release, replies)),
            Packet::PublishComplete(complete) => {
                if self.out.completed(complete.packet_id) == Some(Lasts::Written) {
                    return Ok(Step::Completed(complete.packet_id));
                }
            }
            Packet::Subscribe(subscribe) => return Ok(Step::Subscribe(subscribe)),
            Packet::Unsubscribe(unsubscribe) => return Ok(Step::Unsubscribe(unsubscribe)),
            Packet::PingRequest => replies.push(Packet::PingResponse),
            Packet::Disconnect(disconnect) => return Err(self.disconnect(link, &disconnect)),
            // A second one: what is wrong with a CONNECT only a CONNACK may say (section 4.13.1),
            // and some clients cannot read anything there.
            Packet::Connect(_) => return Err(Ending { say: None, will: WillFate::Published }),
            // Nobody agreed on a method of authentication.
            _ => return Err(Ending::because(DisconnectReasonCode::ProtocolError)),
        }
        Ok(Step::On)
    }

    fn publish(
        &mut self,
        link: &mut Link,
        mut publish: Box<Publish>,
        replies: &mut Vec<Packet>,
    ) -> Result<Step, Ending> {
        link.resolve(&mut publish)
            .map_err(|_| Ending::because(DisconnectReasonCode::TopicAliasInvalid))?;
        self.pay(link, 1);
        let taking = Taking { qos: publish.qos, id: publish.packet_id };
        let Some(id) = publish.packet_id else { return Ok(Step::Take(publish, taking)) };
        if publish.qos == QoS::ExactlyOnce {
            match self.inbound.came(id) {
                Known::New => {}
                // Taken before: it was sent again because our answer was lost.
                Known::Taken => {
                    replies.push(Packet::PublishReceived(ack(id, PublishAckReason::Success)));
                    return Ok(Step::On);
                }
                // The answer comes when the first one is through.
                Known::OnItsWay => return Ok(Step::On),
            }
        }
        if link.owed >= link.owed_max {
            return Err(Ending::because(DisconnectReasonCode::ReceiveMaximumExceeded));
        }
        link.owed += 1;
        if publish.qos == QoS::ExactlyOnce {
            self.inbound.goes(id);
        }
        Ok(Step::Take(publish, taking))
    }

    /// What the client has sent counts as so many messages.
    pub(crate) fn pay(&mut self, link: &mut Link, messages: usize) {
        self.paid = link.pay(messages);
    }

    /// The line has spoken about a message that came by connection `from`.
    ///
    /// # Errors
    /// When that connection must end for it.
    pub(crate) fn judged(
        &mut self,
        from: u64,
        link: Option<&mut Link>,
        taking: Taking,
        judged: Judged,
    ) -> Result<Option<Packet>, Ending> {
        let Some(id) = taking.id else { return Ok(None) };
        let twice = taking.qos == QoS::ExactlyOnce;
        let waits = twice && self.inbound.judged(id, judged == Judged::Taken);
        let Some(link) = link.filter(|_| self.link == Some(from)) else {
            if twice && self.link.is_some() {
                self.judged_late(id, judged, waits);
            }
            return Ok(None);
        };
        let code = match (judged, link.version) {
            (Judged::Taken, _) => PublishAckReason::Success,
            (Judged::Refused(code, _), Version::V5) => code,
            (Judged::Refused(_, reason), Version::V3) | (Judged::NotNow(reason), _) => {
                return Err(Ending::because(reason));
            }
        };
        if !twice {
            link.owed = link.owed.saturating_sub(1);
            return Ok(Some(Packet::PublishAck(ack(id, code))));
        }
        if code != PublishAckReason::Success {
            link.owed = link.owed.saturating_sub(1);
        }
        Ok(Some(Packet::PublishReceived(ack(id, code))))
    }

    /// The line has spoken about a QoS 2 message while another connection than its own speaks.
    /// `waits`: the client has sent it again there.
    fn judged_late(&mut self, id: NonZeroU16, judged: Judged, waits: bool) {
        let code = match (judged, self.version) {
            (Judged::Taken, _) => PublishAckReason::Success,
            _ if !waits => return,
            (Judged::Refused(code, _), Some(Version::V5)) => code,
            (Judged::Refused(_, reason) | Judged::NotNow(reason), _) => {
                self.doomed = Some(reason);
                return;
            }
        };
        self.late.push(Packet::PublishReceived(ack(id, code)));
    }

    fn pubrec(&mut self, received: &PublishAck, replies: &mut Vec<Packet>) -> Step {
        let id = received.packet_id;
        if u8::from(received.reason_code) >= 0x80 {
            self.out.acked(id);
            return Step::On;
        }
        let reason_code = match self.out.received(id) {
            Answered::Known => PublishAck2Reason::Success,
            Answered::Unknown => PublishAck2Reason::PacketIdNotFound,
            Answered::ToWrite => return Step::Release(id),
            // PUBREL comes when it is written down.
            Answered::Writing => return Step::On,
        };
        replies.push(Packet::PublishRelease(PublishAck2 { reason_code, ..done(id) }));
        Step::On
    }

    /// It is written down that PUBREC came on connection `from`.
    pub(crate) fn released(&mut self, from: u64, id: NonZeroU16) -> Option<Packet> {
        if self.out.released(id) != Answered::Known {
            return None;
        }
        let release = Packet::PublishRelease(done(id));
        if self.link == Some(from) {
            return Some(release);
        }
        if self.link.is_some() {
            self.late.push(release);
        }
        None
    }

    /// It could not be written down that PUBREC came on connection `from`.
    pub(crate) fn unreleased(&mut self, from: u64, id: NonZeroU16, reason: DisconnectReasonCode) {
        self.out.unreleased(id);
        if self.link != Some(from) && self.link.is_some() {
            // PUBREC may have come again there, and nothing would answer it.
            self.doomed = Some(reason);
        }
    }

    fn pubrel(&mut self, release: &PublishAck2, replies: &mut Vec<Packet>) -> Step {
        let id = release.packet_id;
        if let Some(mark) = self.inbound.mark(id) {
            return Step::Forget(id, mark);
        }
        let reason_code = PublishAck2Reason::PacketIdNotFound;
        replies.push(Packet::PublishComplete(PublishAck2 { reason_code, ..done(id) }));
        Step::On
    }

    /// The QoS 2 packet ids that are taken, and not released yet.
    pub(crate) fn received(&self) -> Vec<NonZeroU16> {
        self.inbound.ids()
    }

    /// A QoS 2 packet id was taken before the process began.
    pub(crate) fn restore_received(&mut self, id: NonZeroU16) {
        self.inbound.remember(id);
    }

    /// A QoS 2 packet id is forgotten as durably as it was kept: with this message, and not with a
    /// later one that the client has sent under it.
    pub(crate) fn forgotten(&mut self, link: &mut Link, id: NonZeroU16, mark: Mark) -> Packet {
        if self.inbound.forget(id, mark) {
            // A PUBREC that is still to be said would be taken for one of the next message.
            self.late.retain(
                |late| !matches!(late, Packet::PublishReceived(ack) if ack.packet_id == id),
            );
        }
        link.owed = link.owed.saturating_sub(1);
        Packet::PublishComplete(done(id))
    }

    /// A PUBLISH is larger than the client takes: it is as if it had been delivered (MQTT 5
    /// section 3.1.2.11.4).
    pub(crate) fn unsendable(&mut self, link: &mut Link, id: Option<NonZeroU16>) {
        link.unsent();
        if let Some(id) = id {
            self.out.acked(id);
        }
    }

    fn disconnect(&mut self, link: &Link, disconnect: &Disconnect) -> Ending {
        if let Some(expiry) = disconnect.session_expiry_interval_secs {
            if link.expiry_asked == 0 && expiry != 0 {
                return Ending::because(DisconnectReasonCode::ProtocolError);
            }
            self.expiry = expiry.min(link.expiry_max);
        }
        let will = match disconnect.reason_code {
            DisconnectReasonCode::NormalDisconnection => WillFate::Dropped,
            _ => WillFate::Published,
        };
        Ending { say: None, will }
    }
}
