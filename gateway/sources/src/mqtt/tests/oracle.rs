//! What our wire takes, the codec of another project takes as well, and reads the same in it. That
//! one (rumqttc) is laxer than the protocol in places, so that what ours refuses says nothing.

use bytes::BytesMut;
use proptest::prelude::*;
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;

use crate::mqtt::wire::{ByteString, LastWill, Packet, Publish, Version, Wire};

/// A packet in words that both sides can say.
type Said = Vec<String>;

/// The words, each with what it says.
macro_rules! said {
    ($($word:literal: $value:expr),* $(,)?) => { vec![$(format!("{} {:?}", $word, $value)),*] };
}

fn texts(pairs: &[(ByteString, ByteString)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn publish(publish: &Publish) -> Said {
    let id = publish.packet_id.map_or(0, std::num::NonZeroU16::get);
    let mut said = said!(
        "dup": publish.dup, "retain": publish.retain, "qos": u8::from(publish.qos),
        "topic": publish.topic.to_string(), "id": id, "payload": publish.payload,
    );
    if let Some(all) = &publish.properties {
        said.extend(said!(
            "alias": all.topic_alias.map(std::num::NonZeroU16::get),
            "expiry": all.message_expiry_interval.map(std::num::NonZeroU32::get),
            "correlation": all.correlation_data,
            "response": all.response_topic.as_ref().map(ToString::to_string),
            "content": all.content_type.as_ref().map(ToString::to_string),
            "user": texts(&all.user_properties),
        ));
    }
    said
}

fn will(will: Option<&LastWill>) -> String {
    let parts = will.map(|w| (w.topic.to_string(), &w.message, u8::from(w.qos), w.retain));
    format!("will {parts:?}")
}

/// What our packet says; nothing for those that have next to nothing in them.
fn ours(version: Version, packet: &Packet) -> Option<Said> {
    Some(match packet {
        Packet::Connect(connect) => {
            let mut said = said!(
                "client": connect.client_id.to_string(), "clean": connect.clean_start,
                "keep": connect.keep_alive,
            );
            said.push(will(connect.last_will.as_ref()));
            if version == Version::V5 {
                said.extend(said!("expiry": connect.session_expiry_interval_secs));
            }
            said
        }
        Packet::Publish(packet) => publish(packet),
        Packet::Subscribe(subscribe) => {
            let filters = subscribe.topic_filters.iter();
            let filters: Vec<_> =
                filters.map(|(filter, o)| (filter.to_string(), u8::from(o.qos))).collect();
            said!("id": subscribe.packet_id.get(), "filters": filters)
        }
        Packet::Unsubscribe(unsubscribe) => {
            let filters: Vec<_> =
                unsubscribe.topic_filters.iter().map(ToString::to_string).collect();
            said!("id": unsubscribe.packet_id.get(), "filters": filters)
        }
        Packet::PublishAck(ack) | Packet::PublishReceived(ack) => said!("id": ack.packet_id.get()),
        Packet::PublishRelease(ack) | Packet::PublishComplete(ack) => {
            said!("id": ack.packet_id.get())
        }
        _ => return None,
    })
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What the other codec reads of 3.1.1.
fn theirs_v3(bytes: &[u8]) -> Result<Said, String> {
    let read = v4::Packet::read(&mut BytesMut::from(bytes), 4096);
    Ok(match read.map_err(|fault| format!("{fault:?}"))? {
        v4::Packet::Connect(connect) => {
            let will = connect.last_will.as_ref();
            let will = will.map(|w| (w.topic.clone(), &w.message, w.qos as u8, w.retain));
            let mut said = said!(
                "client": connect.client_id, "clean": connect.clean_session,
                "keep": connect.keep_alive,
            );
            said.push(format!("will {will:?}"));
            said
        }
        v4::Packet::Publish(p) => said!(
            "dup": p.dup, "retain": p.retain, "qos": p.qos as u8, "topic": p.topic,
            "id": p.pkid, "payload": p.payload,
        ),
        v4::Packet::Subscribe(subscribe) => {
            let filters: Vec<_> =
                subscribe.filters.iter().map(|f| (f.path.clone(), f.qos as u8)).collect();
            said!("id": subscribe.pkid, "filters": filters)
        }
        v4::Packet::Unsubscribe(u) => said!("id": u.pkid, "filters": u.topics),
        v4::Packet::PubAck(ack) => said!("id": ack.pkid),
        v4::Packet::PubRec(ack) => said!("id": ack.pkid),
        v4::Packet::PubRel(ack) => said!("id": ack.pkid),
        v4::Packet::PubComp(ack) => said!("id": ack.pkid),
        other => return Err(format!("{other:?}")),
    })
}

/// What the other codec reads of 5.
fn theirs_v5(bytes: &[u8]) -> Result<Said, String> {
    let read = v5::Packet::read(&mut BytesMut::from(bytes), Some(4096));
    Ok(match read.map_err(|fault| format!("{fault:?}"))? {
        v5::Packet::Connect(connect, will, _) => {
            let will = will.as_ref();
            let will = will.map(|w| (utf8(&w.topic), &w.message, w.qos as u8, w.retain));
            let expiry = connect.properties.as_ref().and_then(|all| all.session_expiry_interval);
            let mut said = said!(
                "client": connect.client_id, "clean": connect.clean_start,
                "keep": connect.keep_alive,
            );
            said.push(format!("will {will:?}"));
            said.extend(said!("expiry": expiry.unwrap_or(0)));
            said
        }
        v5::Packet::Publish(p) => {
            let all = p.properties.unwrap_or_default();
            said!(
                "dup": p.dup, "retain": p.retain, "qos": p.qos as u8, "topic": utf8(&p.topic),
                "id": p.pkid, "payload": p.payload, "alias": all.topic_alias,
                "expiry": all.message_expiry_interval, "correlation": all.correlation_data,
                "response": all.response_topic, "content": all.content_type,
                "user": all.user_properties,
            )
        }
        v5::Packet::Subscribe(subscribe) => {
            let filters: Vec<_> =
                subscribe.filters.iter().map(|f| (f.path.clone(), f.qos as u8)).collect();
            said!("id": subscribe.pkid, "filters": filters)
        }
        v5::Packet::Unsubscribe(u) => said!("id": u.pkid, "filters": u.filters),
        v5::Packet::PubAck(ack) => said!("id": ack.pkid),
        v5::Packet::PubRec(ack) => said!("id": ack.pkid),
        v5::Packet::PubRel(ack) => said!("id": ack.pkid),
        v5::Packet::PubComp(ack) => said!("id": ack.pkid),
        other => return Err(format!("{other:?}")),
    })
}

/// Packets of a client, by version. A CONNECT is read by a wire that knows no version yet.
fn seeds(version: Version) -> Vec<&'static [u8]> {
    match version {
        Version::V3 => vec![
            b"\x10\x20\x00\x04MQTT\x04\xf6\x00\x3c\x00\x01a\x00\x03w/t\x00\x02by\x00\x04user\x00\x02pw",
            b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a",
            b"\x30\x05\x00\x01a\x00x",
            b"\x3d\x09\x00\x03a/b\x00\x07xy",
            b"\x40\x02\x00\x01",
            b"\x50\x02\x00\x02",
            b"\x62\x02\x00\x03",
            b"\x70\x02\x00\x04",
            b"\x82\x0d\x00\x01\x00\x01a\x01\x00\x04+/b#\x02",
            b"\xa2\x09\x00\x01\x00\x01a\x00\x02c/",
        ],
        Version::V5 => vec![
            b"\x10\x2f\x00\x04MQTT\x05\xf6\x00\x3c\x08\x11\x00\x00\x00\x0a\x21\x00\x05\x00\x01a\x05\x18\x00\
              \x00\x00\x05\x00\x03w/t\x00\x02by\x00\x04user\x00\x02pw",
            b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a",
            b"\x30\x05\x00\x01a\x00x",
            b"\x34\x25\x00\x03a/b\x00\x07\x1b\x02\x00\x00\x00\x09\x03\x00\x01t\x08\x00\x01r\x09\x00\x01c\
              \x23\x00\x02\x26\x00\x01k\x00\x01vxy",
            b"\x40\x02\x00\x01",
            b"\x50\x04\x00\x02\x10\x00",
            b"\x62\x02\x00\x03",
            b"\x70\x03\x00\x04\x92",
            b"\x82\x10\x00\x01\x02\x0b\x05\x00\x01a\x0d\x00\x04+/b/\x22",
            b"\xa2\x0a\x00\x01\x00\x00\x01a\x00\x02c/",
        ],
    }
}

const V3: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
const V5: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a";

/// Reads one packet as ours; what it says, and the bytes that it took.
fn read(version: Version, bytes: &[u8]) -> Option<(Packet, usize)> {
    let mut wire = Wire::new(4096);
    if bytes.first().is_some_and(|first| first >> 4 != 1) {
        let connect = if version == Version::V3 { V3 } else { V5 };
        assert!(wire.decode(&mut BytesMut::from(connect)).is_ok());
    }
    let mut inbox = BytesMut::from(bytes);
    let packet = wire.decode(&mut inbox).ok()??;
    (wire.version() == Some(version)).then(|| (packet, bytes.len() - inbox.len()))
}

/// Says whether ours took it; if so, the other one must have read the same.
fn compare(version: Version, bytes: &[u8]) -> bool {
    let Some((packet, taken)) = read(version, bytes) else { return false };
    let Some(said) = ours(version, &packet) else { return true };
    if let Packet::Connect(connect) = &packet
        && connect.password.as_ref().is_some_and(|bytes| std::str::from_utf8(bytes).is_err())
    {
        // A password is bytes (MQTT 5 section 3.1.3.6); the other codec wants a text.
        return true;
    }
    let theirs = match version {
        Version::V3 => theirs_v3(&bytes[..taken]),
        Version::V5 => theirs_v5(&bytes[..taken]),
    };
    assert_eq!(theirs.as_ref(), Ok(&said), "{version:?} {}", bytes.escape_ascii());
    true
}

#[test]
fn both_codecs_read_the_packets_of_the_protocol_alike() {
    for version in [Version::V3, Version::V5] {
        for seed in seeds(version) {
            assert!(compare(version, seed), "{version:?} {}", seed.escape_ascii());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(2000),
        ..ProptestConfig::default()
    })]
    #[test]
    fn whatever_our_wire_takes_the_other_codec_reads_the_same(
        old in any::<bool>(),
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let version = if old { Version::V3 } else { Version::V5 };
        let mut bytes = seed.get(&seeds(version)).to_vec();
        for (at, to) in changes {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        compare(version, &bytes);
    }
}
