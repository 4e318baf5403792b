//! CRC-32 as zip has it (ISO 3309): PayPal signs that of the body in the body's place. It is no
//! hash: another body with the same sum is made in no time.

/// The sum of the bytes.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = !0_u32;
    for byte in bytes {
        let at = usize::from(sum.to_le_bytes()[0] ^ byte);
        sum = (sum >> 8) ^ TABLE.get(at).copied().unwrap_or(0);
    }
    !sum
}

const TABLE: [u32; 256] = table();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses an overrun")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut sum = at as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_the_catalogue_of_sums() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
