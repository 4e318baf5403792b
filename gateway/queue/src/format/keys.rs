//! The idempotency keys of a deleted or thinned segment: `data/keys/<n>.keys`.
//!
//! ```text
//! "SGK1"          4
//! CRC32C          4  of all that follows
//! keys            32 bytes each: SipHash-1-3-128 of (source, key), id of the first event
//! ```
//!
//! Written and flushed before the segment is unlinked or anything is punched out of it; for one
//! that is thinned, from its index, which then lists more than the log has. A damaged file is set
//! aside: duplicates of its events are then stored again, which at-least-once allows.

use sluicegate_core::ids::EventId;

use crate::dedupe::KeyHash;

const MAGIC: [u8; 4] = *b"SGK1";

pub(crate) fn encode(keys: impl Iterator<Item = (KeyHash, EventId)>) -> Vec<u8> {
    let mut out = vec![0; 8];
    for (hash, id) in keys {
        out.extend_from_slice(&hash.0);
        out.extend_from_slice(&id.to_bytes());
    }
    let crc = crc32c::crc32c(out.get(8..).unwrap_or_default()).to_le_bytes();
    if let Some(head) = out.first_chunk_mut::<8>() {
        *head = [MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3], crc[0], crc[1], crc[2], crc[3]];
    }
    out
}

pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<(KeyHash, EventId)>> {
    let (magic, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, keys) = rest.split_first_chunk::<4>()?;
    let (keys, rest) = keys.as_chunks::<32>();
    let sound = *magic == MAGIC && rest.is_empty();
    if !sound || u32::from_le_bytes(*crc) != crc32c::crc32c(keys.as_flattened()) {
        return None;
    }
    let split = |key: &[u8; 32]| {
        let (hash, id) = key.split_first_chunk::<16>()?;
        Some((KeyHash(*hash), EventId::from_bytes(*id.first_chunk()?)))
    };
    keys.iter().map(split).collect()
}

/// The name of the file with the keys of a segment, in its folder.
pub(crate) fn file_name(segment: u32) -> String {
    format!("{segment:010}.keys")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_are_read_back_and_one_flipped_bit_is_seen(
            all in proptest::collection::vec((any::<[u8; 16]>(), any::<[u8; 16]>()), 0..9),
            at: usize, bit in 0_u8..8,
        ) {
            let all: Vec<_> = all
                .into_iter()
                .map(|(hash, id)| (KeyHash(hash), EventId::from_bytes(id)))
                .collect();
            let mut bytes = encode(all.iter().copied());
            prop_assert_eq!(decode(&bytes), Some(all));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(decode(&bytes), None);
        }
    }
}
