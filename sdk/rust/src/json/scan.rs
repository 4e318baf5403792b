//! Where the parts of a JSON text end. Everything is checked here, byte by byte or eight at a time,
//! and nothing is kept: who asks knows where he stands.
//!
//! Every answer fits a register, because in Wasm whatever does not goes through memory: an end is
//! never 0, so it needs no room for its absence, and where the text is not JSON is only looked for
//! when it is not ([`plain_value_error`] and its like).

use std::num::NonZeroUsize;

use super::reader::{DEPTH_MAX, Error};
use super::text::{Text, string};

/// The byte after a part; `None`: the text is not JSON there.
pub(super) type End = Option<NonZeroUsize>;

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
const _: () = assert!(DEPTH_MAX % 64 == 0, "one bit for each container");

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

fn number_end(bytes: &[u8], at: usize) -> End {
    NonZeroUsize::new(number(bytes, at).ok()?)
}

/// The end of a number, or where a digit is missing in it.
#[inline]
fn number(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let mut at = at + usize::from(peek(bytes, at) == b'-');
    at = if peek(bytes, at) == b'0' { at + 1 } else { digits_end(bytes, at)? };
    if peek(bytes, at) == b'.' {
        at = digits_end(bytes, at + 1)?;
    }
    if matches!(peek(bytes, at), b'e' | b'E') {
        let sign = matches!(peek(bytes, at + 1), b'+' | b'-');
        at = digits_end(bytes, at + 1 + usize::from(sign))?;
    }
    Ok(at)
}

/// The end of one digit or more; `start` if there is none.
#[inline]
fn digits_end(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let mut at = start;
    while peek(bytes, at).is_ascii_digit() {
        at += 1;
    }
    if at > start { Ok(at) } else { Err(start) }
}

fn word_end(bytes: &[u8], at: usize) -> End {
    let rest = bytes.get(at..)?;
    let word = [&b"true"[..], b"false", b"null"].into_iter().find(|word| rest.starts_with(word));
    NonZeroUsize::new(at + word?.len())
}

/// Why there is neither a number nor a word that begins here.
#[cold]
pub(super) fn plain_value_error(bytes: &[u8], at: usize) -> Error {
    match (peek(bytes, at), number(bytes, at)) {
        (b'-' | b'0'..=b'9', Err(at)) => Error { at, what: "a digit belongs here" },
        _ => Error { at, what: "a value belongs here" },
    }
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
    fn an_error_is_told_where_it_is() {
        let told = |text: &str| Reader::new(text).token().unwrap_err().to_string();
        for (text, error) in [
            ("1.", "not JSON at byte 2: a digit belongs here"),
            ("-x", "not JSON at byte 1: a digit belongs here"),
            ("1e+", "not JSON at byte 3: a digit belongs here"),
            ("nul", "not JSON at byte 0: a value belongs here"),
            (r#""abcdefgh\x""#, "not JSON at byte 9: an escape that is none"),
            (r#""abcdefgh"#, "not JSON at byte 9: a string is cut off"),
        ] {
            assert_eq!(told(text), error, "{text}");
        }
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
