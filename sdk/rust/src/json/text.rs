//! Where a string ends, and whether two names are the same. Most of a payload is strings, so this
//! looks at eight bytes at a time, or sixteen; escapes are checked for their form and kept.

use std::num::{NonZeroU64, NonZeroUsize};

use super::reader::Error;
use super::scan::{End, peek};

/// The end of a string, and in the lowest bit whether there are escapes in it.
#[derive(Clone, Copy)]
pub(super) struct Text(NonZeroU64);

impl Text {
    #[inline]
    fn new(end: usize, is_escaped: bool) -> Option<Self> {
        NonZeroU64::new((end as u64) << 1 | u64::from(is_escaped)).map(Self)
    }

    /// The byte after the closing quote.
    #[inline]
    pub(super) fn end(self) -> usize {
        (self.0.get() >> 1) as usize
    }

    /// Whether there are escapes in it.
    #[inline]
    pub(super) fn is_escaped(self) -> bool {
        self.0.get() & 1 == 1
    }
}

/// The string whose opening quote is here; escapes are checked for their form.
#[inline]
pub(super) fn string(bytes: &[u8], at: usize) -> Option<Text> {
    let end = plain_end(bytes, at + 1);
    if peek(bytes, end) == b'"' {
        return Text::new(end + 1, false);
    }
    rest_of_string(bytes, end)
}

/// A string from somewhere in it: one with escapes, or at the end of the text.
#[inline(never)]
fn rest_of_string(bytes: &[u8], mut at: usize) -> Option<Text> {
    let mut is_escaped = false;
    loop {
        match bytes.get(at)? {
            b'"' => return Text::new(at + 1, is_escaped),
            b'\\' => {
                at = escape_end(bytes, at)?.get();
                is_escaped = true;
            }
            0..0x20 => return None,
            _ => at += 1,
        }
        at = plain_end(bytes, at);
    }
}

/// Why there is no string whose opening quote is here.
#[cold]
pub(super) fn string_error(bytes: &[u8], at: usize) -> Error {
    let mut at = at + 1;
    loop {
        match bytes.get(at) {
            None | Some(b'"') => return Error { at, what: "a string is cut off" },
            Some(b'\\') => match escape_end(bytes, at) {
                Some(end) => at = end.get(),
                None => return Error { at, what: "an escape that is none" },
            },
            Some(0..0x20) => return Error { at, what: "a control character in a string" },
            Some(_) => at += 1,
        }
    }
}

fn escape_end(bytes: &[u8], at: usize) -> End {
    match bytes.get(at + 1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => NonZeroUsize::new(at + 2),
        b'u' => {
            let hex = bytes.get(at + 2..at + 6)?;
            NonZeroUsize::new(at + 6).filter(|_| hex.iter().all(u8::is_ascii_hexdigit))
        }
        _ => None,
    }
}

/// The first byte from `at` that matters in a string, a quote, a backslash or a control character;
/// the last bytes of the text may be left to who asks.
#[inline]
fn plain_end(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        Some(Ok(eight)) => match first_that_matters(eight) {
            Some(first) => at + first,
            // Most names and many texts end before this.
            None => plain_run_end(bytes, at + 8),
        },
        _ => at,
    }
}

/// The same, for a long text: sixteen at a time. The host of filters has these instructions, and a
/// filter need not be compiled for them as a whole.
#[cfg(target_arch = "wasm32")]
#[target_feature(enable = "simd128")]
fn plain_run_end(bytes: &[u8], mut at: usize) -> usize {
    use core::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u64x2, v128_or};

    while let Some(sixteen) = bytes.get(at..at + 16) {
        let (low, high) = sixteen.split_at(8);
        let word = |it: &[u8]| <[u8; 8]>::try_from(it).map_or(0, u64::from_le_bytes);
        let text = u64x2(word(low), word(high));
        let quote = u8x16_eq(text, u8x16_splat(b'"'));
        let escape = u8x16_eq(text, u8x16_splat(b'\\'));
        let control = u8x16_lt(text, u8x16_splat(0x20));
        let matters = u8x16_bitmask(v128_or(v128_or(quote, escape), control));
        if matters != 0 {
            return at + matters.trailing_zeros() as usize;
        }
        at += 16;
    }
    at
}

/// The same, for a long text.
#[cfg(not(target_arch = "wasm32"))]
#[inline(never)]
fn plain_run_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(Ok(eight)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        if let Some(first) = first_that_matters(eight) {
            return at + first;
        }
        at += 8;
    }
    at
}

/// Which of eight bytes is the first that matters in a string.
#[inline]
fn first_that_matters(eight: [u8; 8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(eight);
    // The well-known test for a zero byte; with 0x20 in place of 1, for a byte below it.
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero(word ^ (ONES * u64::from(b'"')));
    let escape = zero(word ^ (ONES * u64::from(b'\\')));
    let matters = (control | quote | escape) & HIGHS;
    // The lowest of these bits is exact: a borrow runs only upwards.
    (matters != 0).then(|| (matters.trailing_zeros() / 8) as usize)
}

/// Whether two names are the same. The library compares byte by byte in Wasm.
#[inline]
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (words, other_words) = (one.chunks_exact(8), other.chunks_exact(8));
    let word = |it: &[u8]| <[u8; 8]>::try_from(it).map(u64::from_le_bytes).ok();
    words.remainder().iter().zip(other_words.remainder()).all(|(one, other)| one == other)
        && words.zip(other_words).all(|(one, other)| word(one) == word(other))
}
