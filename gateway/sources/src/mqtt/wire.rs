//! The wire: bytes to packets and back. The only file that knows the codec crate.
//!
//! Everything above it speaks in the packets of MQTT 5; those of 3.1.1 are turned into them here,
//! and back. `shape` looks at each frame before the codec does, `text` at what the codec made of
//! it. This file must never let a packet through that only a server may send.

use std::num::NonZeroU16;

use bytes::BytesMut;
pub(crate) use bytestring::ByteString;
use rmqtt_codec::error::DecodeError;
pub(crate) use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v3;
use rmqtt_codec::v5;
pub(crate) use rmqtt_codec::v5::{
    Connect, ConnectAck, ConnectAckReason, Disconnect, DisconnectReasonCode, LastWill, Packet,
    PublishAck, PublishAck2, PublishAck2Reason, PublishAckReason, PublishProperties,
    RetainHandling, Subscribe, SubscribeAck, SubscribeAckReason, SubscriptionOptions, Unsubscribe,
    UnsubscribeAck, UnsubscribeAckReason,
};
use tokio_util::codec::{Decoder, Encoder};

use super::shape::{self, Frame};
use super::text;

/// Which protocol a connection speaks: decided by its CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// MQTT 3.1.1.
    V3,
    /// MQTT 5.
    V5,
}

/// Why a connection cannot go on: what came is not what the protocol allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireFault {
    /// A packet is not put together as the protocol says.
    #[error("packet is malformed: {0}")]
    Malformed(&'static str),
    /// A packet is well put together, and may not come here, or not now.
    #[error("protocol is broken: {0}")]
    Protocol(&'static str),
    /// A packet is larger than the listener takes.
    #[error("packet is too large")]
    TooLarge,
    /// The name of a topic is well put together, and longer than the listener takes.
    #[error("topic name is too long")]
    TopicName,
    /// The CONNECT is of another protocol, or another version of it.
    #[error("protocol version is not 3.1.1 or 5")]
    Version,
    /// A CONNECT of 3.1.1 has no client id, and asks for a session that outlives its connection.
    #[error("client id is empty, and the session is not clean")]
    NoClientId,
}

impl WireFault {
    /// How it is told to a client that speaks MQTT 5.
    pub(crate) fn reason(self) -> DisconnectReasonCode {
        match self {
            Self::Malformed(_) | Self::Version | Self::NoClientId => {
                DisconnectReasonCode::MalformedPacket
            }
            Self::Protocol(_) => DisconnectReasonCode::ProtocolError,
            Self::TooLarge => DisconnectReasonCode::PacketTooLarge,
            Self::TopicName => DisconnectReasonCode::TopicNameInvalid,
        }
    }
}

/// The codec of one connection.
#[derive(Debug)]
pub(crate) struct Wire {
    version: Option<Version>,
    packet_bytes_max: usize,
    v3: v3::Codec,
    v5: v5::Codec,
}

impl Wire {
    /// A codec that takes packets of up to so many bytes, their header included. A CONNECT has at
    /// most [`CONNECT_BYTES_MAX`]: it comes from a stranger.
    pub(crate) fn new(packet_bytes_max: usize) -> Self {
        Self { version: None, packet_bytes_max, v3: v3::Codec::new(0), v5: v5::Codec::new(0, 0) }
    }

    /// The version that the CONNECT asked for, once it is known.
    pub(crate) fn version(&self) -> Option<Version> {
        self.version
    }

    /// Takes the next packet out of what came; `None` while it is not whole.
    ///
    /// # Errors
    /// When it is none that a client may send. Nothing after it can be read.
    pub(crate) fn decode(&mut self, inbox: &mut BytesMut) -> Result<Option<Packet>, WireFault> {
        let bytes_max = match self.version {
            None => self.packet_bytes_max.min(CONNECT_BYTES_MAX),
            Some(_) => self.packet_bytes_max,
        };
        let Some(frame) = Frame::first(inbox, bytes_max)? else { return Ok(None) };
        let version = match self.version {
            Some(version) => version,
            None => match shape::version_of(&frame, inbox)? {
                Some(version) => *self.version.insert(version),
                None => return Ok(None),
            },
        };
        if inbox.len() < frame.len() {
            return Ok(None);
        }
        let mut bytes = inbox.split_to(frame.len());
        let anonymous = shape::check(&frame, version, &mut bytes)?;
        let packet = match version {
            Version::V3 => self.v3.decode(&mut bytes).map(|read| read.map(|(p, _)| from_v3(p))),
            Version::V5 => self.v5.decode(&mut bytes).map(|read| read.map(|(p, _)| p)),
        };
        let mut packet = packet.map_err(fault)?.ok_or(WireFault::Malformed("length"))?;
        // The codec takes no empty client id without a clean start; MQTT 5 does (section 3.1.3.1).
        if let (Packet::Connect(connect), shape::CleanStart::Lent) = (&mut packet, anonymous) {
            connect.clean_start = false;
        }
        text::check(&packet)?;
        Ok(Some(packet))
    }

    /// Writes a packet; says whether it was: one that is larger than `bytes_max` is not, and
    /// nothing is that 3.1.1 has no packet for.
    pub(crate) fn encode(&mut self, packet: Packet, bytes_max: usize, out: &mut BytesMut) -> bool {
        let start = out.len();
        let written = match self.version {
            Some(Version::V3) => match to_v3(packet) {
                Some(packet) => self.v3.encode(packet, out).is_ok(),
                None => false,
            },
            _ => self.v5.encode(packet, out).is_ok(),
        };
        if !written || out.len() - start > bytes_max {
            out.truncate(start);
            return false;
        }
        true
    }
}

/// Bytes of a CONNECT: the longest will (64 KiB), and as much for everything else.
const CONNECT_BYTES_MAX: usize = 128 * 1024;

/// The codec's faults in our words.
fn fault(fault: DecodeError) -> WireFault {
    match fault {
        DecodeError::UnsupportedProtocolLevel | DecodeError::InvalidProtocol => WireFault::Version,
        DecodeError::MaxSizeExceeded { .. } => WireFault::TooLarge,
        DecodeError::Utf8Error => WireFault::Malformed("text is not UTF-8"),
        DecodeError::InvalidTopicFilter => WireFault::Protocol("no topic filter"),
        DecodeError::InvalidTopicName => WireFault::Malformed("topic name"),
        DecodeError::InvalidClientId => WireFault::Malformed("client id"),
        DecodeError::PacketIdRequired => WireFault::Malformed("packet id"),
        DecodeError::UnsupportedPacketType => WireFault::Malformed("packet type or flags"),
        DecodeError::ConnectReservedFlagSet
        | DecodeError::InvalidConnectFlags
        | DecodeError::ConnAckReservedFlagSet => WireFault::Malformed("flags"),
        DecodeError::InvalidLength | DecodeError::MalformedPacket | DecodeError::Io(_) => {
            WireFault::Malformed("contents")
        }
    }
}

/// A packet of 3.1.1 as MQTT 5 has it.
fn from_v3(packet: v3::Packet) -> Packet {
    let ack = |packet_id| ack(packet_id, PublishAckReason::Success);
    match packet {
        v3::Packet::Connect(connect) => Packet::from(connect_from_v3(*connect)),
        v3::Packet::Publish(publish) => Packet::Publish(publish),
        v3::Packet::PublishAck { packet_id } => Packet::PublishAck(ack(packet_id)),
        v3::Packet::PublishReceived { packet_id } => Packet::PublishReceived(ack(packet_id)),
        v3::Packet::PublishRelease { packet_id } => Packet::PublishRelease(done(packet_id)),
        v3::Packet::PublishComplete { packet_id } => Packet::PublishComplete(done(packet_id)),
        v3::Packet::Subscribe { packet_id, topic_filters } => {
            let options = |qos| SubscriptionOptions { qos, ..Default::default() };
            let filters = topic_filters.into_iter().map(|(filter, qos)| (filter, options(qos)));
            Packet::Subscribe(Subscribe {
                packet_id,
                id: None,
                user_properties: Vec::new(),
                topic_filters: filters.collect(),
            })
        }
        v3::Packet::Unsubscribe { packet_id, topic_filters } => Packet::Unsubscribe(Unsubscribe {
            packet_id,
            user_properties: Vec::new(),
            topic_filters,
        }),
        v3::Packet::PingRequest => Packet::PingRequest,
        v3::Packet::Disconnect => Packet::Disconnect(Disconnect::default()),
        // A server's packets: `shape` has refused them.
        v3::Packet::ConnectAck(_)
        | v3::Packet::SubscribeAck { .. }
        | v3::Packet::UnsubscribeAck { .. }
        | v3::Packet::PingResponse => Packet::PingResponse,
    }
}

fn connect_from_v3(connect: v3::Connect) -> Connect {
    let will = |will: v3::LastWill| LastWill {
        qos: will.qos,
        retain: will.retain,
        topic: will.topic,
        message: will.message,
        will_delay_interval_sec: None,
        correlation_data: None,
        message_expiry_interval: None,
        content_type: None,
        user_properties: Vec::new(),
        is_utf8_payload: None,
        response_topic: None,
    };
    Connect {
        clean_start: connect.clean_session,
        // A session of 3.1.1 ends with its connection, or never (section 3.1.2.4).
        session_expiry_interval_secs: if connect.clean_session { 0 } else { u32::MAX },
        keep_alive: connect.keep_alive,
        last_will: connect.last_will.map(will),
        client_id: connect.client_id,
        username: connect.username,
        password: connect.password,
        ..Connect::default()
    }
}

/// What 3.1.1 has for a packet of MQTT 5, if it has anything.
fn to_v3(packet: Packet) -> Option<v3::Packet> {
    Some(match packet {
        Packet::ConnectAck(ack) => v3::Packet::ConnectAck(v3::ConnectAck {
            return_code: return_code(ack.reason_code),
            session_present: ack.session_present,
        }),
        Packet::Publish(mut publish) => {
            publish.properties = None;
            v3::Packet::Publish(publish)
        }
        Packet::PublishAck(ack) => v3::Packet::PublishAck { packet_id: ack.packet_id },
        Packet::PublishReceived(ack) => v3::Packet::PublishReceived { packet_id: ack.packet_id },
        Packet::PublishRelease(ack) => v3::Packet::PublishRelease { packet_id: ack.packet_id },
        Packet::PublishComplete(ack) => v3::Packet::PublishComplete { packet_id: ack.packet_id },
        Packet::SubscribeAck(ack) => {
            let status = ack.status.into_iter().map(|code| match code {
                SubscribeAckReason::GrantedQos0 => {
                    v3::SubscribeReturnCode::Success(QoS::AtMostOnce)
                }
                SubscribeAckReason::GrantedQos1 => {
                    v3::SubscribeReturnCode::Success(QoS::AtLeastOnce)
                }
                SubscribeAckReason::GrantedQos2 => {
                    v3::SubscribeReturnCode::Success(QoS::ExactlyOnce)
                }
                _ => v3::SubscribeReturnCode::Failure,
            });
            v3::Packet::SubscribeAck { packet_id: ack.packet_id, status: status.collect() }
        }
        Packet::UnsubscribeAck(ack) => v3::Packet::UnsubscribeAck { packet_id: ack.packet_id },
        Packet::PingResponse => v3::Packet::PingResponse,
        // A server of 3.1.1 closes the connection without a word.
        _ => return None,
    })
}

/// The return code of 3.1.1 (section 3.2.2.3) for a reason of MQTT 5.
fn return_code(reason: ConnectAckReason) -> v3::ConnectAckReason {
    use v3::ConnectAckReason as Code;
    match reason {
        ConnectAckReason::Success => Code::ConnectionAccepted,
        ConnectAckReason::UnsupportedProtocolVersion => Code::UnacceptableProtocolVersion,
        ConnectAckReason::ClientIdentifierNotValid => Code::IdentifierRejected,
        ConnectAckReason::BadUserNameOrPassword => Code::BadUserNameOrPassword,
        ConnectAckReason::NotAuthorized | ConnectAckReason::Banned => Code::NotAuthorized,
        _ => Code::ServiceUnavailable,
    }
}

/// A PUBACK or PUBREC.
pub(crate) fn ack(packet_id: NonZeroU16, reason_code: PublishAckReason) -> PublishAck {
    PublishAck { packet_id, reason_code, properties: Vec::new(), reason_string: None }
}

/// A PUBREL or PUBCOMP of success.
pub(crate) fn done(packet_id: NonZeroU16) -> PublishAck2 {
    PublishAck2 {
        packet_id,
        reason_code: PublishAck2Reason::Success,
        properties: Vec::new(),
        reason_string: None,
    }
}

/// A CONNACK of refusal in 3.1.1, for a client whose version is not spoken: it is the one answer
/// that every client can read (section 3.1.2.2).
pub(crate) fn unacceptable_version(out: &mut BytesMut) {
    out.extend_from_slice(&[0x20, 0x02, 0x00, 0x01]);
}
