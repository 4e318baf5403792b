//! Names and ids, each a type of its own, so that a queue is never taken for a route.
//!
//! A name is parsed once, at the edge, and cannot be wrong afterwards. Nothing here makes
//! randomness: the seed of an [`EventId`] is an argument.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::limits::NAME_BYTES_MAX;
use crate::time::Timestamp;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text was empty.
    #[error("a name must not be empty")]
    Empty,
    /// The text was longer than [`NAME_BYTES_MAX`].
    #[error("a name has at most {NAME_BYTES_MAX} bytes, this one has {0}")]
    TooLong(usize),
    /// A character outside `a-z A-Z 0-9 - _ .`, or a first character that is not a letter or digit.
    #[error(
        "a name is made of letters, digits, '-', '_' and '.', and starts with a letter or digit"
    )]
    Character,
}

fn check(text: &str) -> Result<(), NameError> {
    let bytes = text.as_bytes();
    let first = bytes.first().ok_or(NameError::Empty)?;
    if bytes.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong(bytes.len()));
    }
    let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if first.is_ascii_alphanumeric() && bytes.iter().all(inner) {
        Ok(())
    } else {
        Err(NameError::Character)
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text)?;
                Ok(Self(Arc::from(text)))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), &self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name of a source.
    SourceName
);
name!(
    /// The name of a queue.
    QueueName
);
name!(
    /// The name of a route.
    RouteName
);
name!(
    /// The name of a plugin, as the configuration has it.
    PluginName
);
name!(
    /// The name of a sink.
    SinkName
);
name!(
    /// The id of a signing key: says which of several live secrets matched, never the secret.
    KeyId
);
name!(
    /// The subject under which a payload schema is registered, such as `github.push`.
    SchemaSubject
);

/// The id of an event: a UUID version 7 (RFC 9562 section 5.7).
///
/// `rand_a` (12 bits) is the part number: 0 for what a source received, 1.. for what a filter
/// emitted from it. So an emitted event has an id of its own that its parent's id yields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(u128);

impl EventId {
    /// The id of an event received at `at`; the low 62 bits of `random` make it unique.
    #[must_use]
    pub fn new(at: Timestamp, random: u64) -> Self {
        let ms = u128::from(at.unix_ms()) & 0xffff_ffff_ffff;
        let random = u128::from(random) & 0x3fff_ffff_ffff_ffff;
        Self(ms << 80 | 0x7 << 76 | 0b10 << 62 | random)
    }

    /// The id of the `part`-th event (1..=4095) that a filter emitted from this one.
    #[must_use]
    pub fn part(self, part: u16) -> Self {
        Self(self.0 & !(0xfff << 64) | u128::from(part & 0xfff) << 64)
    }

    /// The id of the `number`-th event of a batch that was received under this id: another one for
    /// each number, and for what filters emit from each.
    #[must_use]
    pub fn of_batch(self, number: u16) -> Self {
        let spread = (u128::from(number) + 1) * 0x9e37_79b9_7f4a_7c15;
        Self(self.0 ^ (spread & 0x3fff_ffff_ffff_ffff))
    }

    /// The part number: 0 unless a filter emitted the event.
    #[must_use]
    pub fn part_number(self) -> u16 {
        u16::try_from(self.0 >> 64 & 0xfff).unwrap_or(0)
    }

    /// The sixteen bytes, in network order.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// An id from its sixteen bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Display for EventId {
    /// Eight digits at a time: every call of a filter writes one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = [96, 64, 32, 0].map(|bits| hex((self.0 >> bits) as u32));
        let mut text = *b"........-....-....-....-............";
        text[..8].copy_from_slice(&a);
        text[9..13].copy_from_slice(&b[..4]);
        text[14..18].copy_from_slice(&b[4..]);
        text[19..23].copy_from_slice(&c[..4]);
        text[24..28].copy_from_slice(&c[4..]);
        text[28..].copy_from_slice(&d);
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// The eight hexadecimal digits of a number: its halves move apart, then the halves of those, until
/// every byte has one digit. Then each becomes a character; letters lie 39 further than digits.
fn hex(number: u32) -> [u8; 8] {
    let mut digits = u64::from(number);
    digits = (digits << 16 | digits) & 0x0000_ffff_0000_ffff;
    digits = (digits << 8 | digits) & 0x00ff_00ff_00ff_00ff;
    digits = (digits << 4 | digits) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = (digits + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (digits + 0x3030_3030_3030_3030 + letters * 39).to_be_bytes()
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

/// Why a text is not an event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event id is a UUID in its hyphenated form")]
pub struct EventIdError;

impl FromStr for EventId {
    type Err = EventIdError;
    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let hyphens = [8, 13, 18, 23];
        let well_formed = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| {
                if hyphens.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() }
            });
        if !well_formed {
            return Err(EventIdError);
        }
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        u128::from_str_radix(&digits, 16).map(Self).map_err(|_| EventIdError)
    }
}

/// A SHA-256 digest: pins a plugin's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Written at once: it is part of keys that are made for every event.
        let mut text = [0_u8; 64];
        let (fours, _) = self.0.as_chunks();
        for (eight, four) in text.chunks_exact_mut(8).zip(fours) {
            eight.copy_from_slice(&hex(u32::from_be_bytes(*four)));
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Why a text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sha256 digest is 64 hexadecimal digits")]
pub struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let mut out = [0; 32];
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(DigestError);
        }
        for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| DigestError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| DigestError)?;
        }
        Ok(Self(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_what_could_leave_a_path_or_a_label() {
        for bad in ["", "a/b", "../x", ".hidden", "-x", "a b", "é", "a\n", &"x".repeat(65)] {
            assert!(bad.parse::<QueueName>().is_err(), "{bad:?}");
        }
        assert_eq!("siem-dead.v1".parse::<QueueName>().unwrap().as_str(), "siem-dead.v1");
    }

    #[test]
    fn event_ids_are_version_7_and_round_trip_as_text() {
        let id = EventId::new(Timestamp::from_unix_ms(1_700_000_000_123), u64::MAX);
        let text = id.to_string();
        assert_eq!(text.as_bytes()[14], b'7');
        assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
        assert_eq!(text.parse::<EventId>().unwrap(), id);
        assert_eq!(EventId::from_bytes(id.to_bytes()), id);
        assert!(text.to_uppercase().parse::<EventId>().is_ok());
        assert!("é00000000-0000-0000-0000-00000000000".parse::<EventId>().is_err());
    }

    #[test]
    fn every_digit_of_an_event_id_stands_where_it_belongs() {
        for number in [0, u128::MAX, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210] {
            let text = EventId::from_bytes(number.to_be_bytes()).to_string();
            assert_eq!(text.replace('-', ""), format!("{number:032x}"));
            let lengths: Vec<_> = text.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12]);
        }
    }

    #[test]
    fn parts_differ_from_their_parent_and_from_each_other() {
        let id = EventId::new(Timestamp::from_unix_ms(1), 7);
        assert_eq!(id.part(0), id);
        assert_ne!(id.part(1), id.part(2));
        assert_eq!(id.part(9).part_number(), 9);
    }

    #[test]
    fn events_of_a_batch_have_ids_of_their_own() {
        let id = EventId::new(Timestamp::from_unix_ms(1), 7);
        let mut ids: Vec<_> = (0..=u16::MAX).map(|number| id.of_batch(number)).collect();
        assert!(ids.iter().all(|one| one.part_number() == 0 && *one != id));
        assert!(ids.iter().all(|one| one.to_string().as_bytes()[14] == b'7'));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), usize::from(u16::MAX) + 1);
    }

    #[test]
    fn digests_round_trip_as_text() {
        let digest = Digest([0xa5; 32]);
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!("zz".repeat(32).parse::<Digest>().is_err());
    }
}
