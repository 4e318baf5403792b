//! The events of the bench: 1 KB that looks random, and follows from the event's number alone.
//!
//! The first word is the number; every other word is a hash of the number and of its place. So a
//! payload proves itself, byte for byte, wherever it is met, and nothing has to be remembered.

/// Bytes of a payload.
pub(super) const PAYLOAD_BYTES: usize = 1024;

const WORD: usize = size_of::<u64>();

/// The payload of this event.
pub(super) fn make(number: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PAYLOAD_BYTES);
    bytes.extend_from_slice(&number.to_le_bytes());
    for place in 1..(PAYLOAD_BYTES / WORD) as u64 {
        bytes.extend_from_slice(&word(number, place).to_le_bytes());
    }
    bytes
}

/// The number of the event whose payload this is; `None` if it is nobody's.
pub(super) fn number_of(payload: &[u8]) -> Option<u64> {
    if payload.len() != PAYLOAD_BYTES {
        return None;
    }
    let mut words = payload.chunks_exact(WORD).map(|bytes| {
        let bytes = bytes.try_into().expect("chunks of this size");
        u64::from_le_bytes(bytes)
    });
    let number = words.next()?;
    let places = 1..(PAYLOAD_BYTES / WORD) as u64;
    words.zip(places).all(|(found, place)| found == word(number, place)).then_some(number)
}

/// SplitMix64 of the number and the place.
fn word(number: u64, place: u64) -> u64 {
    let seed = number.wrapping_mul(0xd134_2543_de82_ef95);
    let mut mixed = seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_gives_its_number_back() {
        for number in [0, 1, 77, u64::MAX] {
            assert_eq!(number_of(&make(number)), Some(number));
        }
    }

    #[test]
    fn a_payload_with_any_bit_changed_is_nobodys() {
        let whole = make(12);
        for at in 0..PAYLOAD_BYTES {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            assert_eq!(number_of(&changed), None, "byte {at}");
        }
        assert_eq!(number_of(&whole[1..]), None);
        assert_eq!(number_of(b""), None);
    }
}
