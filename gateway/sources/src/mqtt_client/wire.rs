//! The wire towards a broker: packets to bytes and back, of both versions. With the listener's
//! `wire` the only files of this room that know the codec crate.

use std::num::{NonZeroU16, NonZeroU32};

use bytes::BytesMut;
use rmqtt_codec::error::{DecodeError, EncodeError};
pub(crate) use rmqtt_codec::types::{Publish, QoS};
use rmqtt_codec::v3;
use rmqtt_codec::v5;
use rmqtt_codec::v5::{
    Connect, Disconnect, DisconnectReasonCode, PublishAck, PublishAck2, PublishAck2Reason,
    PublishAckReason, RetainHandling, Subscribe, SubscriptionOptions, Unsubscribe,
};
use tokio_util::codec::{Decoder, Encoder};

use super::config::{Broker, MqttVersion, Topic};
use super::fault::LinkFault;

/// What a broker says.
#[derive(Debug)]
pub(crate) enum Said {
    /// CONNACK.
    Greeting(Greeting),
    /// SUBACK: for each filter the QoS that was granted, if it was.
    Subscribed(Vec<Option<u8>>),
    Publish(Box<Publish>),
    /// PUBREL.
    Release(NonZeroU16),
    Pong,
    /// DISCONNECT, with its reason.
    Parted(u8),
}

/// What a CONNACK says.
#[derive(Debug)]
pub(crate) struct Greeting {
    /// Why the connection was refused, if it was.
    pub(crate) refused: Option<String>,
    pub(crate) session_present: bool,
    /// The keep-alive that the broker asks for, in seconds.
    pub(crate) keep_alive: Option<u16>,
}

/// What is said about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is durable.
    Taken,
    /// It is not taken as it is, and never will be.
    Refused(PublishAckReason),
}

/// The codec of one connection.
#[derive(Debug)]
pub(crate) enum Wire {
    V3(v3::Codec),
    V5(v5::Codec),
}

impl Wire {
    pub(crate) fn new(version: MqttVersion, packet_bytes_max: u32) -> Self {
        match version {
            MqttVersion::V3 => Self::V3(v3::Codec::new(packet_bytes_max)),
            MqttVersion::V5 => Self::V5(v5::Codec::new(packet_bytes_max, 0)),
        }
    }

    /// The next packet that is whole.
    pub(crate) fn decode(&mut self, inbox: &mut BytesMut) -> Result<Option<Said>, LinkFault> {
        let fault = |fault: DecodeError| match fault {
            DecodeError::MaxSizeExceeded { .. } => LinkFault::Protocol("packet is too large"),
            _ => LinkFault::Protocol("packet is malformed"),
        };
        loop {
            let said = match self {
                Self::V3(codec) => match codec.decode(inbox).map_err(fault)? {
                    None => return Ok(None),
                    Some((packet, _)) => said_v3(packet)?,
                },
                Self::V5(codec) => match codec.decode(inbox).map_err(fault)? {
                    None => return Ok(None),
                    Some((packet, _)) => said_v5(packet)?,
                },
            };
            if said.is_some() {
                return Ok(said);
            }
        }
    }

    pub(crate) fn connect(&mut self, broker: &Broker, receive_max: u16, out: &mut BytesMut) {
        let keep_alive = u16::try_from(broker.keep_alive.as_secs()).unwrap_or(u16::MAX);
        let (user, password) = (broker.user.as_deref(), broker.password.clone());
        let clean = broker.session_expiry_s == 0;
        match self {
            Self::V3(_) => self.put_v3(
                v3::Packet::Connect(Box::new(v3::Connect {
                    clean_session: clean,
                    keep_alive,
                    client_id: broker.client_id.as_str().into(),
                    username: user.map(Into::into),
                    password: password.map(Into::into),
                    ..v3::Connect::default()
                })),
                out,
            ),
            Self::V5(_) => self.put_v5(
                v5::Packet::Connect(Box::new(Connect {
                    clean_start: clean,
                    keep_alive,
                    session_expiry_interval_secs: broker.session_expiry_s,
                    receive_max: NonZeroU16::new(receive_max),
                    max_packet_size: NonZeroU32::new(PACKET_BYTES_MAX),
                    client_id: broker.client_id.as_str().into(),
                    username: user.map(Into::into),
                    password: password.map(Into::into),
                    ..Connect::default()
                })),
                out,
            ),
        }
    }

    pub(crate) fn subscribe(&mut self, topics: &[Topic], out: &mut BytesMut) {
        let qos = |topic: &Topic| QoS::try_from(topic.qos).unwrap_or(QoS::AtLeastOnce);
        match self {
            Self::V3(_) => {
                let filters = topics.iter().map(|one| (one.filter.as_str().into(), qos(one)));
                let topic_filters = filters.collect();
                self.put_v3(v3::Packet::Subscribe { packet_id: SUBSCRIBE_ID, topic_filters }, out);
            }
            Self::V5(_) => {
                let options = |topic: &Topic| SubscriptionOptions {
                    qos: qos(topic),
                    no_local: false,
                    retain_as_published: true,
                    // What is retained was taken when the subscription was new.
                    retain_handling: RetainHandling::AtSubscribeNew,
                };
                let filters = topics.iter().map(|one| (one.filter.as_str().into(), options(one)));
                let subscribe = Subscribe {
                    packet_id: SUBSCRIBE_ID,
                    id: None,
                    user_properties: Vec::new(),
                    topic_filters: filters.collect(),
                };
                self.put_v5(v5::Packet::Subscribe(subscribe), out);
            }
        }
    }

    /// UNSUBSCRIBE. Nobody waits for its answer: what still comes until then is taken.
    pub(crate) fn unsubscribe(&mut self, filters: &[String], out: &mut BytesMut) {
        let topic_filters = filters.iter().map(|filter| filter.as_str().into()).collect();
        let packet_id = UNSUBSCRIBE_ID;
        match self {
            Self::V3(_) => self.put_v3(v3::Packet::Unsubscribe { packet_id, topic_filters }, out),
            Self::V5(_) => {
                let user_properties = Vec::new();
                let packet = Unsubscribe { packet_id, user_properties, topic_filters };
                self.put_v5(v5::Packet::Unsubscribe(packet), out);
            }
        }
    }

    /// PUBACK or PUBREC. 3.1.1 has no word for a refusal: the message is taken off the broker.
    pub(crate) fn answer(
        &mut self,
        qos: QoS,
        packet_id: NonZeroU16,
        answer: Answer,
        out: &mut BytesMut,
    ) {
        let twice = qos == QoS::ExactlyOnce;
        match self {
            Self::V3(_) if twice => self.put_v3(v3::Packet::PublishReceived { packet_id }, out),
            Self::V3(_) => self.put_v3(v3::Packet::PublishAck { packet_id }, out),
            Self::V5(_) => {
                let reason_code = match answer {
                    Answer::Taken => PublishAckReason::Success,
                    Answer::Refused(reason) => reason,
                };
                let (properties, reason_string) = (Vec::new(), None);
                let ack = PublishAck { packet_id, reason_code, properties, reason_string };
                let received = v5::Packet::PublishReceived;
                let packet = if twice { received(ack) } else { v5::Packet::PublishAck(ack) };
                self.put_v5(packet, out);
            }
        }
    }

    /// PUBCOMP.
    pub(crate) fn complete(&mut self, packet_id: NonZeroU16, known: bool, out: &mut BytesMut) {
        match self {
            Self::V3(_) => self.put_v3(v3::Packet::PublishComplete { packet_id }, out),
            Self::V5(_) => {
                let reason_code = if known {
                    PublishAck2Reason::Success
                } else {
                    PublishAck2Reason::PacketIdNotFound
                };
                let (properties, reason_string) = (Vec::new(), None);
                let done = PublishAck2 { packet_id, reason_code, properties, reason_string };
                self.put_v5(v5::Packet::PublishComplete(done), out);
            }
        }
    }

    pub(crate) fn ping(&mut self, out: &mut BytesMut) {
        match self {
            Self::V3(_) => self.put_v3(v3::Packet::PingRequest, out),
            Self::V5(_) => self.put_v5(v5::Packet::PingRequest, out),
        }
    }

    /// DISCONNECT: the session stays, as long as the CONNECT said.
    pub(crate) fn part(&mut self, out: &mut BytesMut) {
        let normal = Disconnect::new(DisconnectReasonCode::NormalDisconnection);
        match self {
            Self::V3(_) => self.put_v3(v3::Packet::Disconnect, out),
            Self::V5(_) => self.put_v5(v5::Packet::Disconnect(normal), out),
        }
    }

    fn put_v3(&mut self, packet: v3::Packet, out: &mut BytesMut) {
        if let Self::V3(codec) = self {
            written(codec.encode(packet, out));
        }
    }

    fn put_v5(&mut self, packet: v5::Packet, out: &mut BytesMut) {
        if let Self::V5(codec) = self {
            written(codec.encode(packet, out));
        }
    }
}

/// What the gateway says is small, and of parts that the configuration was checked for.
fn written(result: Result<(), EncodeError>) {
    if let Err(fault) = result {
        tracing::error!(%fault, "an MQTT packet could not be written");
    }
}

fn said_v3(packet: v3::Packet) -> Result<Option<Said>, LinkFault> {
    Ok(Some(match packet {
        v3::Packet::ConnectAck(ack) => Said::Greeting(Greeting {
            refused: (ack.return_code != v3::ConnectAckReason::ConnectionAccepted)
                .then(|| ack.return_code.reason().to_owned()),
            session_present: ack.session_present,
            keep_alive: None,
        }),
        v3::Packet::SubscribeAck { status, .. } => {
            let granted = |code: &v3::SubscribeReturnCode| match code {
                v3::SubscribeReturnCode::Success(qos) => Some(u8::from(*qos)),
                v3::SubscribeReturnCode::Failure => None,
            };
            Said::Subscribed(status.iter().map(granted).collect())
        }
        v3::Packet::Publish(publish) => Said::Publish(publish),
        v3::Packet::PublishRelease { packet_id } => Said::Release(packet_id),
        v3::Packet::PingResponse => Said::Pong,
        v3::Packet::UnsubscribeAck { .. } => return Ok(None),
        _ => return Err(LinkFault::Protocol("packet type")),
    }))
}

fn said_v5(packet: v5::Packet) -> Result<Option<Said>, LinkFault> {
    Ok(Some(match packet {
        v5::Packet::ConnectAck(ack) => {
            let code = u8::from(ack.reason_code);
            let why = || match &ack.reason_string {
                Some(text) => format!("reason {code:#04x}, {text}"),
                None => format!("reason {code:#04x}"),
            };
            Said::Greeting(Greeting {
                refused: (code >= 0x80).then(why),
                session_present: ack.session_present,
                keep_alive: ack.server_keepalive_sec,
            })
        }
        v5::Packet::SubscribeAck(ack) => {
            let granted = |code| Some(u8::from(code)).filter(|code| *code < 0x80);
            Said::Subscribed(ack.status.iter().map(|code| granted(*code)).collect())
        }
        v5::Packet::Publish(publish) => Said::Publish(publish),
        v5::Packet::PublishRelease(release) => Said::Release(release.packet_id),
        v5::Packet::PingResponse => Said::Pong,
        v5::Packet::Disconnect(bye) => Said::Parted(bye.reason_code.into()),
        v5::Packet::UnsubscribeAck(_) => return Ok(None),
        _ => return Err(LinkFault::Protocol("packet type")),
    }))
}

/// The largest packet that a broker may send: the largest payload, and its properties.
pub(crate) const PACKET_BYTES_MAX: u32 = 17 * 1024 * 1024;

/// Nothing else of ours has a packet id.
const SUBSCRIBE_ID: NonZeroU16 = NonZeroU16::MIN;
const UNSUBSCRIBE_ID: NonZeroU16 = NonZeroU16::MIN.saturating_add(1);
