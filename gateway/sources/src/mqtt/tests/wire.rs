//! The wire never panics, never takes what only a server may send, and reads in pieces what it
//! reads in one.

use bytes::BytesMut;
use proptest::prelude::*;

use crate::mqtt::wire::{Packet, Version, Wire, WireFault};

const V3: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
const V5: &[u8] = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01a";

fn greeted(version: Version) -> Wire {
    let mut wire = Wire::new(4096);
    let connect = if version == Version::V3 { V3 } else { V5 };
    let mut inbox = BytesMut::from(connect);
    assert!(matches!(wire.decode(&mut inbox), Ok(Some(Packet::Connect(_)))));
    assert!(inbox.is_empty());
    wire
}

/// Everything that can be read, and how it ends.
fn read(version: Version, pieces: &[&[u8]]) -> (Vec<Packet>, Option<WireFault>) {
    let (mut wire, mut inbox, mut packets) = (greeted(version), BytesMut::new(), Vec::new());
    for piece in pieces {
        inbox.extend_from_slice(piece);
        loop {
            match wire.decode(&mut inbox) {
                Ok(Some(packet)) => packets.push(packet),
                Ok(None) => break,
                Err(fault) => return (packets, Some(fault)),
            }
        }
    }
    (packets, None)
}

fn valid() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![
        b"\x30\x05\x00\x01a\x00x".to_vec(),
        b"\x32\x07\x00\x01a\x00\x01\x00x".to_vec(),
        b"\x34\x0e\x00\x01a\x00\x01\x07\x26\x00\x01k\x00\x01vx".to_vec(),
        b"\x40\x02\x00\x01".to_vec(),
        b"\x62\x02\x00\x01".to_vec(),
        b"\x82\x07\x00\x01\x00\x00\x01a\x01".to_vec(),
        b"\xa2\x06\x00\x01\x00\x00\x01a".to_vec(),
        b"\xc0\x00".to_vec(),
        b"\xe0\x00".to_vec(),
    ])
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for version in [Version::V3, Version::V5] {
            read(version, &[&bytes]);
        }
        let _ = Wire::new(100).decode(&mut BytesMut::from(&bytes[..]));
    }

    #[test]
    fn packets_with_a_few_bytes_changed_are_read_or_refused(
        packets in prop::collection::vec(valid(), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut bytes = packets.concat();
        for (at, to) in changes {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        ends.extend([0, bytes.len()]);
        ends.sort_unstable();
        let pieces: Vec<_> = ends.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        for version in [Version::V3, Version::V5] {
            let whole = read(version, &[&bytes]);
            prop_assert_eq!(&read(version, &pieces), &whole);
            let of_servers = |packet: &Packet| matches!(
                packet,
                Packet::ConnectAck(_) | Packet::SubscribeAck(_) | Packet::UnsubscribeAck(_)
                    | Packet::PingResponse
            );
            prop_assert!(!whole.0.iter().any(of_servers));
        }
    }
}

#[test]
fn what_is_written_is_read_as_the_same() {
    use crate::mqtt::wire::done;
    for version in [Version::V3, Version::V5] {
        let mut wire = greeted(version);
        let publish = b"\x32\x07\x00\x01a\x00\x01\x00x";
        let (packets, fault) = read(version, &[publish, b"\x62\x02\x00\x01"]);
        assert_eq!((packets.len(), fault), (2, None));
        for packet in packets {
            let mut out = BytesMut::new();
            assert!(wire.encode(packet.clone(), 100, &mut out));
            assert_eq!(read(version, &[&out]).0, [packet]);
        }
        let mut out = BytesMut::from(&b"before"[..]);
        let release = Packet::PublishRelease(done(std::num::NonZeroU16::MIN));
        assert!(!wire.encode(release, 3, &mut out), "larger than the client takes");
        assert_eq!(&out[..], b"before");
    }
}

#[test]
fn an_empty_client_id_with_a_session_to_keep_is_taken_in_5_only() {
    let five = b"\x10\x0d\x00\x04MQTT\x05\x00\x00\x3c\x00\x00\x00";
    let packet = Wire::new(100).decode(&mut BytesMut::from(&five[..]));
    assert!(matches!(packet, Ok(Some(Packet::Connect(c))) if !c.clean_start));
    let three = b"\x10\x0c\x00\x04MQTT\x04\x00\x00\x3c\x00\x00";
    assert!(Wire::new(100).decode(&mut BytesMut::from(&three[..])).is_err());
}
