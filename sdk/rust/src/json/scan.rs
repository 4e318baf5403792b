//! Where the parts of a JSON text end. Everything is checked here, byte by byte or eight at a time,
//! and nothing is kept: who asks knows where he stands.
//!
//! Every answer fits a register, because in Wasm whatever does not goes through memory: an end is
//! never 0, so it needs no room for its absence, and where the text is not JSON is only looked for
//! when it is not ([`string_error`] and its like).

use std::num::{NonZeroU64, NonZeroUsize};

use super::reader::{DEPTH_MAX, Error};

/// The byte after a part; `None`: the text is not JSON there.
pub(super) type End = Option<NonZeroUsize>;

/// The end of a string, and in the lowest bit whether there are escapes in it.
#[derive(Clone, Copy)]
pub(super) struct Text(NonZeroU64);

/// A member of an object.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// The opening quote of its name.
    pub(super) start: usize,
    /// Its name.
    pub(super) name: Text,
    /// The first byte of its value.
    pub(super) value: usize,
}

/// What comes next in an object.
#[derive(Clone, Copy)]
pub(super) enum Next {
    Member(Member),
    /// Its closing brace, which is here.
    End(usize),
    /// Something that does not belong there.
    Stray,
}

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

/// The byte at this place; 0, which belongs nowhere, after the end.
#[inline]
pub(super) fn peek(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// The first byte from here on that is no white space.
#[inline]
pub(super) fn space(bytes: &[u8], mut at: usize) -> usize {
    // Written so that no compiler makes a table of jumps of it: a wrong guess costs more than the
    // comparisons.
    const SPACES: u64 = 1 << b' ' | 1 << b'\t' | 1 << b'\n' | 1 << b'\r';
    loop {
        let byte = peek(bytes, at);
        if byte > b' ' || SPACES >> byte & 1 == 0 {
            return at;
        }
        at += 1;
    }
}

/// What comes next in an object, from behind its brace or behind a member.
#[inline(always)]
pub(super) fn member(bytes: &[u8], at: usize, is_first: bool) -> Next {
    let mut start = space(bytes, at);
    match peek(bytes, start) {
        b'}' => return Next::End(start),
        b',' if !is_first => start = space(bytes, start + 1),
        _ if is_first => {}
        _ => return Next::Stray,
    }
    if peek(bytes, start) != b'"' {
        return Next::Stray;
    }
    let Some(name) = string(bytes, start) else { return Next::Stray };
    match colon(bytes, name.end()) {
        Some(value) => Next::Member(Member { start, name, value: value.get() }),
        None => Next::Stray,
    }
}

/// The first byte of a value, from behind its name.
#[inline]
pub(super) fn colon(bytes: &[u8], at: usize) -> End {
    let at = space(bytes, at);
    if peek(bytes, at) != b':' {
        return None;
    }
    NonZeroUsize::new(space(bytes, at + 1))
}

/// Which of the open containers are objects: a bit for each, by its depth.
struct Open {
    objects: [u64; WORDS],
    depth: usize,
}

impl Open {
    /// Opens one inside; whether it may be nested so deep.
    #[inline]
    fn push(&mut self, is_object: bool) -> bool {
        let Some(word) = self.objects.get_mut(self.depth / 64) else { return false };
        let bit = 1 << (self.depth % 64);
        if is_object {
            *word |= bit;
        } else {
            *word &= !bit;
        }
        self.depth += 1;
        true
    }

    /// Closes the innermost; whether the one around it is an object.
    #[inline]
    fn pop(&mut self) -> bool {
        self.depth -= 1;
        let around = self.depth.wrapping_sub(1);
        self.objects.get(around / 64).is_some_and(|word| word & 1 << (around % 64) != 0)
    }
}

const WORDS: usize = (DEPTH_MAX / 64) as usize;
const _: () = assert!(DEPTH_MAX.is_multiple_of(64), "one bit for each container");

/// The end of the value that begins here, inside so many containers.
#[inline]
pub(super) fn value_end(bytes: &[u8], at: usize, outside: u32) -> End {
    match peek(bytes, at) {
        b'"' => NonZeroUsize::new(string(bytes, at)?.end()),
        b'{' | b'[' => container_end(bytes, at, outside as usize),
        byte => plain_value_end(bytes, at, byte),
    }
}

fn container_end(bytes: &[u8], mut at: usize, outside: usize) -> End {
    let mut open = Open { objects: [0; WORDS], depth: outside };
    let mut is_object = false;
    // Whether what comes next is the name of a member.
    let mut is_name = false;
    loop {
        match peek(bytes, at) {
            b'"' => {
                at = string(bytes, at)?.end();
                if is_name {
                    at = colon(bytes, at)?.get();
                    is_name = false;
                    continue;
                }
            }
            _ if is_name => return None,
            byte @ (b'{' | b'[') => {
                is_object = byte == b'{';
                if !open.push(is_object) {
                    return None;
                }
                at = space(bytes, at + 1);
                if peek(bytes, at) != closing(is_object) {
                    is_name = is_object;
                    continue;
                }
            }
            byte => at = plain_value_end(bytes, at, byte)?.get(),
        }
        // Behind a value, or at the end of an empty container.
        loop {
            if open.depth == outside {
                return NonZeroUsize::new(at);
            }
            at = space(bytes, at);
            match peek(bytes, at) {
                b',' => {
                    at = space(bytes, at + 1);
                    is_name = is_object;
                    break;
                }
                byte if byte == closing(is_object) => {
                    is_object = open.pop();
                    at += 1;
                }
                _ => return None,
            }
        }
    }
}

#[inline]
fn closing(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

/// The end of a number or a word that begins with this byte.
#[inline(never)]
pub(super) fn plain_value_end(bytes: &[u8], at: usize, byte: u8) -> End {
    match byte {
        b'-' | b'0'..=b'9' => number_end(bytes, at),
        _ => word_end(bytes, at),
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

fn number_end(bytes: &[u8], at: usize) -> End {
    let mut at = at + usize::from(peek(bytes, at) == b'-');
    at = if peek(bytes, at) == b'0' { at + 1 } else { digits_end(bytes, at)? };
    if peek(bytes, at) == b'.' {
        at = digits_end(bytes, at + 1)?;
    }
    if matches!(peek(bytes, at), b'e' | b'E') {
        let sign = matches!(peek(bytes, at + 1), b'+' | b'-');
        at = digits_end(bytes, at + 1 + usize::from(sign))?;
    }
    NonZeroUsize::new(at)
}

/// The end of one digit or more.
#[inline]
fn digits_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while peek(bytes, at).is_ascii_digit() {
        at += 1;
    }
    (at > start).then_some(at)
}

fn word_end(bytes: &[u8], at: usize) -> End {
    let rest = bytes.get(at..)?;
    let word = [&b"true"[..], b"false", b"null"].into_iter().find(|word| rest.starts_with(word));
    NonZeroUsize::new(at + word?.len())
}

/// Why there is neither a number nor a word that begins here.
#[cold]
pub(super) fn plain_value_error(bytes: &[u8], at: usize) -> Error {
    let is_number = matches!(peek(bytes, at), b'-' | b'0'..=b'9');
    Error { at, what: if is_number { "a digit is missing" } else { "a value belongs here" } }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Reader;

    const TEXTS: [&str; 4] = [
        r#"{"a":[1,{"b":"]"},[]],"c":-0.5e+10,"d":{},"é\"":"\u00e9\n"}"#,
        r#" [ { "x" : [ true , false , null ] } , "" , 0 , [ [ [ ] ] ] ] "#,
        r#"{"alert":{"rule":{"severity":"error"},"n":12345678901234567890}}"#,
        r#""a longer string, \\ of more than \/ eight bytes""#,
    ];

    /// Whether it is one JSON value, token by token.
    fn is_json(text: &str) -> bool {
        let mut reader = Reader::new(text);
        loop {
            match reader.token() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    /// Whether it is one JSON value, passed over at once.
    fn is_passed(text: &str) -> bool {
        let bytes = text.as_bytes();
        let end = value_end(bytes, space(bytes, 0), 0);
        end.is_some_and(|end| space(bytes, end.get()) == bytes.len())
    }

    #[test]
    fn what_is_passed_over_is_what_is_read() {
        for text in TEXTS {
            assert!(is_json(text) && is_passed(text), "{text}");
        }
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(is_passed(&nested(128)) && !is_passed(&nested(129)));
    }

    #[test]
    fn damaged_texts_are_refused_by_both_or_by_none() {
        let bytes = br#"{}[]",:\ue0-1.a"#;
        for text in TEXTS {
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let (before, after) = text.split_at(at);
                assert_eq!(is_json(before), is_passed(before), "{before}");
                let rest: String = after.chars().skip(1).collect();
                for other in bytes.map(char::from) {
                    for damaged in
                        [format!("{before}{other}{rest}"), format!("{before}{other}{after}")]
                    {
                        assert_eq!(is_json(&damaged), is_passed(&damaged), "{damaged}");
                    }
                }
            }
        }
    }
}
