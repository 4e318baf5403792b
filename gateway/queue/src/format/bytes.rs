//! The alphabet of the format: how numbers, texts and options are written and read back.
//!
//! Numbers are LEB128, seven bits a byte, lowest first. A text is its length in bytes and its
//! bytes. An option is a byte 0 or 1 and the value. A place is two numbers: position and part.
//! A number that may be less than zero is zigzag (0, -1, 1, -2, ...) in LEB128. Reading never
//! panics: what is not well formed is `None`.

use sluicegate_core::queue::Place;

/// What entries are written into.
pub(crate) trait Put {
    /// One byte.
    fn put_u8(&mut self, value: u8);
    /// Bytes as they are.
    fn put_raw(&mut self, bytes: &[u8]);
    /// A number in LEB128.
    fn put_number(&mut self, value: u64);
    /// A number that may be less than zero.
    fn put_zigzag(&mut self, value: i64) {
        self.put_number((value << 1 ^ value >> 63) as u64);
    }
    /// A length and bytes.
    fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_number(bytes.len() as u64);
        self.put_raw(bytes);
    }
    /// A text.
    fn put_text(&mut self, text: &str) {
        self.put_bytes(text.as_bytes());
    }
    /// A text that may be missing.
    fn put_option(&mut self, text: Option<&str>) {
        self.put_u8(u8::from(text.is_some()));
        if let Some(text) = text {
            self.put_text(text);
        }
    }
    /// A place in the log.
    fn put_place(&mut self, place: Place) {
        self.put_number(place.position);
        self.put_number(u64::from(place.part));
    }
}

impl Put for Vec<u8> {
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }

    fn put_raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn put_number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }
}

/// What entries are read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Take<'a>(pub(crate) &'a [u8]);

impl<'a> Take<'a> {
    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn raw(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.raw(N)?.try_into().ok()
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A count and so many of something.
    pub(crate) fn many<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.size()?;
        // Each takes at least a byte, so a wrong count cannot ask for more memory than there is.
        let mut all = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            all.push(one(self)?);
        }
        Some(all)
    }

    pub(crate) fn zigzag(&mut self) -> Option<i64> {
        let coded = self.number()?;
        Some((coded >> 1) as i64 ^ -((coded & 1) as i64))
    }

    pub(crate) fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        u16::try_from(self.number()?).ok()
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.size()?;
        self.raw(len)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// The outer `None` is a fault, the inner one a missing value.
    pub(crate) fn option(&mut self) -> Option<Option<&'a str>> {
        Some(if self.flag()? { Some(self.text()?) } else { None })
    }

    pub(crate) fn place(&mut self) -> Option<Place> {
        Some(Place { position: self.number()?, part: self.u16()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_put_is_taken(
            number: u64, signed: i64, text: Option<String>, position: u64, part: u16
        ) {
            let place = Place { position, part };
            let mut out = Vec::new();
            out.put_number(number);
            out.put_zigzag(signed);
            out.put_option(text.as_deref());
            out.put_place(place);
            let mut take = Take(&out);
            prop_assert_eq!(take.number(), Some(number));
            prop_assert_eq!(take.zigzag(), Some(signed));
            prop_assert_eq!(take.option(), Some(text.as_deref()));
            prop_assert_eq!(take.place(), Some(place));
            prop_assert!(take.0.is_empty());
        }
    }
}
