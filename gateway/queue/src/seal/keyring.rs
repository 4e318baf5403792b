//! The file `keyring` of a data folder, and its twin `keyring.bak`: the data keys, wrapped.
//!
//! ```text
//! "SGR1"      4
//! CRC32C      4  of all that follows
//! version     1  1
//! generation  number, one more with every writing
//! count, each, in the order of their numbers:
//!   number of the data key, created at (nanoseconds since 1970), entries that it may have sealed,
//!   name text of the key that wrapped it, wrapped key: length and bytes
//! ```
//!
//! Who loses this file loses every sealed entry: so there are two, either is enough, and both are
//! durable before a key in them is used. They are written one after the other, so that at every
//! moment one of them is whole; the newer generation counts.
//!
//! Only wrapped keys are ever written here.

use std::io;
use std::num::NonZeroU16;

use sluicegate_core::time::Timestamp;

use crate::disk::Disk;
use crate::format::bytes::{Put, Take};
use crate::format::entry::DataKeyId;

/// The file.
pub(crate) const FILE: &str = "keyring";
/// Its twin.
pub(crate) const BACKUP: &str = "keyring.bak";

/// The data keys of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyring {
    pub(super) generation: u64,
    /// At least one; the last one seals.
    pub(super) records: Vec<Record>,
}

/// A data key, wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) id: DataKeyId,
    pub(super) created_at: Timestamp,
    /// How many entries it may have sealed: set ahead of the true number, so that a process that
    /// ends without a word is counted too.
    pub(super) sealed_max: u64,
    pub(super) wrapped_by: String,
    pub(super) wrapped: Vec<u8>,
}

/// Why there is no keyring to be had from a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    Missing,
    Damaged,
    Version(u8),
}

/// What a folder has.
#[derive(Debug)]
pub(super) enum Found {
    None,
    Keyring(Keyring),
    Unreadable(Unreadable),
}

/// Reads both copies, and says which one is not as it should be.
pub(super) fn read(disk: &dyn Disk) -> io::Result<Found> {
    let copy = |name| -> io::Result<Result<Keyring, Unreadable>> {
        Ok(disk.read(name)?.map_or(Err(Unreadable::Missing), |bytes| Keyring::decode(&bytes)))
    };
    Ok(match (copy(FILE)?, copy(BACKUP)?) {
        (Err(Unreadable::Missing), Err(Unreadable::Missing)) => Found::None,
        (Ok(one), Ok(other)) if one.generation >= other.generation => Found::Keyring(one),
        (Ok(_), Ok(other)) => Found::Keyring(other),
        (Ok(one), Err(why)) => {
            tracing::warn!(file = BACKUP, ?why, "a copy of the keyring is lost: made anew");
            Found::Keyring(one)
        }
        (Err(why), Ok(other)) => {
            tracing::warn!(file = FILE, ?why, "a copy of the keyring is lost: made anew");
            Found::Keyring(other)
        }
        (Err(why), Err(Unreadable::Missing)) | (Err(_), Err(why)) => Found::Unreadable(why),
    })
}

impl Keyring {
    /// Writes both copies as the next generation. When this returns, all in it is durable.
    pub(super) fn write(&mut self, disk: &dyn Disk) -> io::Result<()> {
        self.generation += 1;
        let bytes = self.encode();
        disk.replace("", FILE, &bytes)?;
        disk.replace("", BACKUP, &bytes)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut body = vec![VERSION];
        body.put_number(self.generation);
        body.put_number(self.records.len() as u64);
        for record in &self.records {
            body.put_number(u64::from(record.id.0.get()));
            body.put_number(record.created_at.unix_ns());
            body.put_number(record.sealed_max);
            body.put_text(&record.wrapped_by);
            body.put_bytes(&record.wrapped);
        }
        [&MAGIC[..], &crc32c::crc32c(&body).to_le_bytes(), &body].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut from = Take(bytes);
        let (magic, crc) = (from.array::<4>(), from.array::<4>());
        let crc_found = crc32c::crc32c(from.0).to_le_bytes();
        if magic != Some(MAGIC) || crc != Some(crc_found) {
            return Err(Unreadable::Damaged);
        }
        match from.u8() {
            Some(VERSION) => Self::take(&mut from).ok_or(Unreadable::Damaged),
            Some(other) => Err(Unreadable::Version(other)),
            None => Err(Unreadable::Damaged),
        }
    }

    fn take(from: &mut Take<'_>) -> Option<Self> {
        let generation = from.number()?;
        let count = from.size()?;
        let mut records: Vec<Record> = Vec::with_capacity(count.min(from.0.len()));
        for _ in 0..count {
            let record = Record {
                id: DataKeyId(NonZeroU16::new(from.u16()?)?),
                created_at: Timestamp::from_unix_ns(from.number()?),
                sealed_max: from.number()?,
                wrapped_by: from.text()?.to_owned(),
                wrapped: from.bytes()?.to_vec(),
            };
            if records.last().is_some_and(|before| before.id >= record.id) {
                return None;
            }
            records.push(record);
        }
        (from.0.is_empty() && !records.is_empty()).then_some(Self { generation, records })
    }
}

const MAGIC: [u8; 4] = *b"SGR1";
pub(super) const VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::disk::simulated::SimulatedDisk;

    prop_compose! {
        fn keyring()(
            generation: u64,
            records in proptest::collection::btree_map(
                any::<NonZeroU16>(),
                (any::<u64>(), any::<u64>(), ".{0,12}", any::<Vec<u8>>()),
                1..5,
            ),
        ) -> Keyring {
            let record = |(id, (created_at, sealed_max, wrapped_by, wrapped))| Record {
                id: DataKeyId(id),
                created_at: Timestamp::from_unix_ns(created_at),
                sealed_max,
                wrapped_by,
                wrapped,
            };
            Keyring { generation, records: records.into_iter().map(record).collect() }
        }
    }

    proptest! {
        #[test]
        fn a_keyring_is_read_back_and_one_flipped_bit_is_seen(
            keyring in keyring(), at: usize, bit in 0_u8..8,
        ) {
            let mut bytes = keyring.encode();
            prop_assert_eq!(Keyring::decode(&bytes), Ok(keyring));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(Keyring::decode(&bytes), Err(Unreadable::Damaged));
        }

        #[test]
        fn noise_with_a_right_checksum_is_no_keyring_and_no_panic(noise: Vec<u8>) {
            let crc = crc32c::crc32c(&noise).to_le_bytes();
            let bytes = [&MAGIC[..], &crc, &noise].concat();
            if let Ok(found) = Keyring::decode(&bytes) {
                prop_assert!(found.records.len() <= noise.len());
            }
            prop_assert_eq!(Keyring::decode(&noise), Err(Unreadable::Damaged));
        }
    }

    fn one_key() -> Keyring {
        let record = Record {
            id: DataKeyId(NonZeroU16::MIN),
            created_at: Timestamp::from_unix_ms(1),
            sealed_max: 7,
            wrapped_by: "one".to_owned(),
            wrapped: vec![1, 2, 3],
        };
        Keyring { generation: 0, records: vec![record] }
    }

    #[test]
    fn a_later_version_is_named_and_doubled_numbers_are_refused() {
        let keyring = one_key();
        let mut body = keyring.encode().split_off(8);
        body[0] = 2;
        let later = [&MAGIC[..], &crc32c::crc32c(&body).to_le_bytes(), &body].concat();
        assert_eq!(Keyring::decode(&later), Err(Unreadable::Version(2)));
        let record = keyring.records[0].clone();
        let doubled = Keyring { generation: 1, records: vec![record.clone(), record] };
        assert_eq!(Keyring::decode(&doubled.encode()), Err(Unreadable::Damaged));
        let empty = Keyring { generation: 1, records: Vec::new() };
        assert_eq!(Keyring::decode(&empty.encode()), Err(Unreadable::Damaged));
    }

    #[test]
    fn a_power_cut_at_any_step_of_a_writing_leaves_the_old_keyring_or_the_new() {
        for step in 1.. {
            let disk = SimulatedDisk::new();
            let mut keyring = one_key();
            keyring.write(&disk).unwrap();
            let first = disk.steps();
            disk.die_at(first + step);
            let old = keyring.clone();
            keyring.records[0].sealed_max = 99;
            let written = keyring.write(&disk);
            for seed in 0..32 {
                let after = disk.after_power_cut(seed);
                let Found::Keyring(found) = read(&after).unwrap() else {
                    panic!("no keyring after a power cut at step {step}, seed {seed}");
                };
                let new = found == keyring;
                assert!(new || (found == old && written.is_err()), "step {step}, seed {seed}");
            }
            if written.is_ok() {
                return;
            }
        }
    }
}
