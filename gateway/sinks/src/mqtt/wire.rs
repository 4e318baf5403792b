//! The wire towards a broker, for one who only publishes: packets to bytes and back, of both
//! versions. The only file of this room that knows the codec crate.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::BytesMut;
use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v3;
use rmqtt_codec::v5;
use rmqtt_codec::v5::{Connect, Disconnect, DisconnectReasonCode, PublishProperties};
use tokio_util::codec::{Decoder, Encoder};

use super::config::{MqttSinkConfig, MqttVersion};
use super::message::Message;

/// What a broker says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// CONNACK: what the broker takes, or why it takes nothing.
    Greeting(Result<Greeting, String>),
    /// PUBACK, or PUBREC that ends the exchange; 0 or another reason of success: taken.
    Acked(NonZeroU16, u8),
    /// PUBREC: PUBREL is to be said.
    Received(NonZeroU16),
    /// PUBCOMP.
    Complete(NonZeroU16),
    Pong,
    /// DISCONNECT, with its reason.
    Parted(u8),
}

/// What a broker takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Greeting {
    /// Messages unanswered.
    pub(crate) receive_max: u16,
    /// Bytes of a packet.
    pub(crate) packet_bytes_max: usize,
    pub(crate) qos_max: u8,
    pub(crate) retains: bool,
    /// The keep-alive that it asks for, in seconds; it counts in the place of ours.
    pub(crate) keep_alive_s: Option<u16>,
}

impl Default for Greeting {
    /// What a broker takes that says nothing else, as one of 3.1.1 does.
    fn default() -> Self {
        Self {
            receive_max: u16::MAX,
            packet_bytes_max: usize::MAX,
            qos_max: 2,
            retains: true,
            keep_alive_s: None,
        }
    }
}

/// What came is not what the protocol allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the broker broke the protocol")]
pub(crate) struct Malformed;

/// The codec of one connection.
#[derive(Debug)]
pub(crate) enum Wire {
    V3(v3::Codec),
    V5(v5::Codec),
}

impl Wire {
    pub(crate) fn new(version: MqttVersion) -> Self {
        match version {
            MqttVersion::V3 => Self::V3(v3::Codec::new(PACKET_BYTES_MAX)),
            MqttVersion::V5 => Self::V5(v5::Codec::new(PACKET_BYTES_MAX, 0)),
        }
    }

    /// The next packet that is whole.
    pub(crate) fn decode(&mut self, inbox: &mut BytesMut) -> Result<Option<Said>, Malformed> {
        match self {
            Self::V3(codec) => match codec.decode(inbox).map_err(|_| Malformed)? {
                None => Ok(None),
                Some((packet, _)) => said_v3(&packet).map(Some),
            },
            Self::V5(codec) => match codec.decode(inbox).map_err(|_| Malformed)? {
                None => Ok(None),
                Some((packet, _)) => said_v5(&packet).map(Some),
            },
        }
    }

    pub(crate) fn connect(&mut self, config: &MqttSinkConfig, out: &mut BytesMut) {
        let keep_alive = u16::try_from(config.keep_alive.as_secs()).unwrap_or(u16::MAX);
        let (user, password) = (config.user.as_deref(), config.password.clone());
        let client_id = config.client_id.as_str();
        match self {
            Self::V3(_) => self.put_v3(
                v3::Packet::Connect(Box::new(v3::Connect {
                    clean_session: true,
                    keep_alive,
                    client_id: client_id.into(),
                    username: user.map(Into::into),
                    password: password.map(Into::into),
                    ..v3::Connect::default()
                })),
                out,
            ),
            Self::V5(_) => self.put_v5(
                v5::Packet::Connect(Box::new(Connect {
                    clean_start: true,
                    keep_alive,
                    max_packet_size: NonZeroU32::new(PACKET_BYTES_MAX),
                    client_id: client_id.into(),
                    username: user.map(Into::into),
                    password: password.map(Into::into),
                    ..Connect::default()
                })),
                out,
            ),
        };
    }

    /// PUBLISH. Says whether it could be written.
    pub(crate) fn publish(
        &mut self,
        message: &Message,
        packet_id: Option<NonZeroU16>,
        out: &mut BytesMut,
    ) -> bool {
        let pairs = message.properties.iter().map(|(n, v)| (n.as_str().into(), v.as_str().into()));
        let content_type = (!message.content_type.is_empty()).then(|| &*message.content_type);
        let publish = Box::new(Publish {
            dup: false,
            retain: message.retain,
            qos: QoS::try_from(message.qos).unwrap_or(QoS::AtLeastOnce),
            topic: message.topic.as_str().into(),
            packet_id,
            payload: message.payload.clone(),
            properties: matches!(self, Self::V5(_)).then(|| PublishProperties {
                content_type: content_type.map(Into::into),
                user_properties: pairs.collect(),
                ..PublishProperties::default()
            }),
        });
        match self {
            Self::V3(_) => self.put_v3(v3::Packet::Publish(publish), out),
            Self::V5(_) => self.put_v5(v5::Packet::Publish(publish), out),
        }
    }

    /// PUBREL.
    pub(crate) fn release(&mut self, packet_id: NonZeroU16, out: &mut BytesMut) {
        match self {
            Self::V3(_) => self.put_v3(v3::Packet::PublishRelease { packet_id }, out),
            Self::V5(_) => self.put_v5(
                v5::Packet::PublishRelease(v5::PublishAck2 {
                    packet_id,
                    reason_code: v5::PublishAck2Reason::Success,
                    properties: Vec::new(),
                    reason_string: None,
                }),
                out,
            ),
        };
    }

    pub(crate) fn ping(&mut self, out: &mut BytesMut) {
        match self {
            Self::V3(_) => self.put_v3(v3::Packet::PingRequest, out),
            Self::V5(_) => self.put_v5(v5::Packet::PingRequest, out),
        };
    }

    pub(crate) fn part(&mut self, out: &mut BytesMut) {
        let normal = Disconnect::new(DisconnectReasonCode::NormalDisconnection);
        match self {
            Self::V3(_) => self.put_v3(v3::Packet::Disconnect, out),
            Self::V5(_) => self.put_v5(v5::Packet::Disconnect(normal), out),
        };
    }

    fn put_v3(&mut self, packet: v3::Packet, out: &mut BytesMut) -> bool {
        let start = out.len();
        let written = match self {
            Self::V3(codec) => codec.encode(packet, out).is_ok(),
            _ => false,
        };
        if !written {
            out.truncate(start);
        }
        written
    }

    fn put_v5(&mut self, packet: v5::Packet, out: &mut BytesMut) -> bool {
        let start = out.len();
        let written = match self {
            Self::V5(codec) => codec.encode(packet, out).is_ok(),
            _ => false,
        };
        if !written {
            out.truncate(start);
        }
        written
    }
}

fn said_v3(packet: &v3::Packet) -> Result<Said, Malformed> {
    Ok(match packet {
        v3::Packet::ConnectAck(ack) => Said::Greeting(match ack.return_code {
            v3::ConnectAckReason::ConnectionAccepted => Ok(Greeting::default()),
            code => Err(code.reason().to_owned()),
        }),
        v3::Packet::PublishAck { packet_id } => Said::Acked(*packet_id, 0),
        v3::Packet::PublishReceived { packet_id } => Said::Received(*packet_id),
        v3::Packet::PublishComplete { packet_id } => Said::Complete(*packet_id),
        v3::Packet::PingResponse => Said::Pong,
        _ => return Err(Malformed),
    })
}

fn said_v5(packet: &v5::Packet) -> Result<Said, Malformed> {
    Ok(match packet {
        v5::Packet::ConnectAck(ack) => {
            let code = u8::from(ack.reason_code);
            let refused = format!("the broker refused the connection: reason {code:#04x}");
            let bytes_max = ack.max_packet_size.and_then(|max| usize::try_from(max).ok());
            let greeting = Greeting {
                receive_max: ack.receive_max.get(),
                packet_bytes_max: bytes_max.unwrap_or(usize::MAX),
                qos_max: ack.max_qos.into(),
                retains: ack.retain_available,
                keep_alive_s: ack.server_keepalive_sec,
            };
            Said::Greeting(if code < 0x80 { Ok(greeting) } else { Err(refused) })
        }
        v5::Packet::PublishAck(ack) => Said::Acked(ack.packet_id, ack.reason_code.into()),
        v5::Packet::PublishReceived(ack) => match u8::from(ack.reason_code) {
            code if code >= 0x80 => Said::Acked(ack.packet_id, code),
            _ => Said::Received(ack.packet_id),
        },
        v5::Packet::PublishComplete(ack) => Said::Complete(ack.packet_id),
        v5::Packet::PingResponse => Said::Pong,
        v5::Packet::Disconnect(bye) => Said::Parted(bye.reason_code.into()),
        _ => return Err(Malformed),
    })
}

/// A broker has little to say to one who only publishes.
const PACKET_BYTES_MAX: u32 = 64 * 1024;
