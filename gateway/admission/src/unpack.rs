//! Bodies that come packed. They are signed as they came, and unpacked once the sender is proven:
//! nothing that a stranger sends is ever unpacked.

use std::borrow::Cow;
use std::io::Read as _;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use sluicegate_core::delivery::{Delivery, is_gzip};
use sluicegate_core::refusal::Refusal;

use crate::gate::Compiled;

impl Compiled {
    /// The delivery with its body as it was before it was packed.
    ///
    /// # Errors
    /// When it unpacks to more than the source takes, to nothing that is whole, or is packed in
    /// another way than by gzip.
    pub(crate) fn unpacked<'d>(
        &self,
        delivery: &'d Delivery,
    ) -> Result<Cow<'d, Delivery>, Refusal> {
        let Some(coding) = delivery.headers.first(CODING) else {
            return Ok(Cow::Borrowed(delivery));
        };
        let other = || Refusal::WrongMediaType { what: CODING.into() };
        if delivery.headers.all(CODING).nth(1).is_some() {
            return Err(other());
        }
        if coding.eq_ignore_ascii_case("identity") {
            return Ok(Cow::Borrowed(delivery));
        }
        let bytes_max = self.unpack_max.filter(|_| is_gzip(coding)).ok_or_else(other)?;
        let body = unpack(&delivery.body, bytes_max)?;
        let mut delivery = delivery.clone();
        delivery.headers.remove(CODING);
        delivery.headers.remove("content-length");
        Ok(Cow::Owned(Delivery { body, ..delivery }))
    }
}

/// Unpacks as much as may be, and one byte: a bomb goes off at the bound.
fn unpack(packed: &[u8], bytes_max: usize) -> Result<Bytes, Refusal> {
    let mut plain = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let read = MultiGzDecoder::new(packed).take(limit).read_to_end(&mut plain);
    read.map_err(|_| Refusal::Malformed { what: "body is not gzip" })?;
    if plain.len() > bytes_max {
        return Err(Refusal::TooLarge { limit_bytes: bytes_max });
    }
    Ok(plain.into())
}

const CODING: &str = "content-encoding";

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_was_packed_comes_out_and_a_bomb_goes_off_at_the_bound() {
        assert_eq!(unpack(&packed(b"{}"), 2).unwrap(), "{}");
        let twice = [packed(b"{"), packed(b"}")].concat();
        assert_eq!(unpack(&twice, 2).unwrap(), "{}");
        let bomb = packed(&vec![0; 64 << 20]);
        assert!(bomb.len() < 100_000);
        assert_eq!(unpack(&bomb, 1000), Err(Refusal::TooLarge { limit_bytes: 1000 }));
    }

    #[test]
    fn what_is_cut_or_followed_by_something_is_refused() {
        let whole = packed(b"{\"a\":1}");
        for cut in 0..whole.len() {
            if let Ok(plain) = unpack(whole.get(..cut).unwrap(), 100) {
                assert!(plain.is_empty() && cut == 0, "{cut}");
            }
        }
        let more = [whole.as_slice(), b"more"].concat();
        assert!(unpack(&more, 100).is_err());
    }
}
