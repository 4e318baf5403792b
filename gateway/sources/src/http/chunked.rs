//! Takes the chunked transfer coding apart (RFC 9112 section 7.1), strictly and as bytes come.

use super::fault::Fault;
use sluicegate_core::refusal::Refusal;

/// The state between two reads.
#[derive(Debug)]
pub(crate) struct Chunked {
    state: State,
    /// The unfinished line, where a read ended within one.
    line: Vec<u8>,
    /// Bytes of chunk extensions and trailers so far.
    extra_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    Data { left: usize },
    DataEnd,
    Trailers,
    Done,
}

impl Chunked {
    pub(crate) fn new() -> Self {
        Self { state: State::Size, line: Vec::new(), extra_bytes: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Decodes `input` onto `body`. How much of it was used: all, unless the body ended.
    ///
    /// # Errors
    /// When the coding is not exactly right, or the body would be longer than `bytes_max`.
    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        bytes_max: usize,
    ) -> Result<usize, Fault> {
        let mut rest = input;
        while !rest.is_empty() && !self.is_done() {
            if let State::Data { left } = self.state {
                let (data, after) = rest.split_at(left.min(rest.len()));
                body.extend_from_slice(data);
                rest = after;
                self.state = match left - data.len() {
                    0 => State::DataEnd,
                    left => State::Data { left },
                };
                continue;
            }
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (part, after) = rest.split_at(end);
            rest = after;
            self.line.extend_from_slice(part);
            if self.line.len() > LINE_BYTES_MAX {
                return Err(Fault::malformed("a chunk line is too long"));
            }
            if self.line.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.state = self.after_line(&line, body.len(), bytes_max)?;
                self.line = line;
                self.line.clear();
            }
        }
        Ok(input.len() - rest.len())
    }

    fn after_line(&mut self, line: &[u8], had: usize, bytes_max: usize) -> Result<State, Fault> {
        let Some(line) = line.strip_suffix(b"\r\n").filter(|line| !line.contains(&b'\r')) else {
            return Err(Fault::malformed("a chunk line does not end with CRLF"));
        };
        match self.state {
            State::Size => {
                let (size, extensions) = size_line(line)?;
                self.spend(extensions)?;
                if size > bytes_max.saturating_sub(had) {
                    return Err(Fault::Refused(Refusal::TooLarge { limit_bytes: bytes_max }));
                }
                Ok(if size == 0 { State::Trailers } else { State::Data { left: size } })
            }
            State::DataEnd if line.is_empty() => Ok(State::Size),
            State::DataEnd => Err(Fault::malformed("a chunk is longer than its size")),
            State::Trailers if line.is_empty() => Ok(State::Done),
            State::Trailers => {
                self.spend(line.len())?;
                trailer_line(line)?;
                Ok(State::Trailers)
            }
            state @ (State::Data { .. } | State::Done) => Ok(state),
        }
    }

    /// Extensions and trailers mean nothing to us: a few are borne, a flood is not.
    fn spend(&mut self, bytes: usize) -> Result<(), Fault> {
        self.extra_bytes += bytes;
        if self.extra_bytes > EXTRA_BYTES_MAX {
            return Err(Fault::malformed("chunk extensions and trailers are too long"));
        }
        Ok(())
    }
}

/// The size, and how many bytes of extensions follow it.
fn size_line(line: &[u8]) -> Result<(usize, usize), Fault> {
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let (size, extensions) = line.split_at(digits);
    if !(1..=SIZE_DIGITS_MAX).contains(&digits) || !are_extensions(extensions) {
        return Err(Fault::malformed("a chunk size is malformed"));
    }
    let size = std::str::from_utf8(size).ok().and_then(|s| usize::from_str_radix(s, 16).ok());
    let size = size.ok_or(Fault::malformed("a chunk size is malformed"))?;
    Ok((size, extensions.len()))
}

/// `;name`, `;name=token` or `;name="text"`, several times, without white space: proxies differ
/// about white space there, and no client sends it.
fn are_extensions(mut text: &[u8]) -> bool {
    while let Some((b';', rest)) = text.split_first() {
        let (name, rest) = rest.split_at(token_len(rest));
        if name.is_empty() {
            return false;
        }
        text = match rest.split_first() {
            Some((b'=', value)) => match value_len(value) {
                0 => return false,
                len => value.split_at(len).1,
            },
            _ => rest,
        };
    }
    text.is_empty()
}

/// The length of the token or quoted string that `text` starts with; 0 if it is neither.
fn value_len(text: &[u8]) -> usize {
    let Some((b'"', quoted)) = text.split_first() else { return token_len(text) };
    let mut escaped = false;
    for (at, byte) in quoted.iter().enumerate() {
        match byte {
            0..=8 | 10..=31 | 127 => return 0,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 2,
            _ => {}
        }
    }
    0
}

fn token_len(text: &[u8]) -> usize {
    let in_token = |b: &&u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    text.iter().take_while(in_token).count()
}

/// Trailers are dropped (RFC 9110 section 6.5.1 allows it), but must look like fields.
fn trailer_line(line: &[u8]) -> Result<(), Fault> {
    let name = token_len(line);
    let (_, rest) = line.split_at(name);
    let Some((b':', value)) = rest.split_first() else {
        return Err(Fault::malformed("a trailer is malformed"));
    };
    let in_value = |b: &u8| *b == b'\t' || (*b >= b' ' && *b != 0x7f);
    if name == 0 || !value.iter().all(in_value) {
        return Err(Fault::malformed("a trailer is malformed"));
    }
    Ok(())
}

/// Bytes of one line of the coding.
const LINE_BYTES_MAX: usize = 512;
/// Bytes of all extensions and trailers of one body.
const EXTRA_BYTES_MAX: usize = 4096;
/// Digits of a chunk size: enough for every body that we take, with zeros in front.
const SIZE_DIGITS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(input: &[u8], max: usize) -> Result<(Vec<u8>, usize, bool), Fault> {
        let (mut chunked, mut body) = (Chunked::new(), Vec::new());
        let used = chunked.decode(input, &mut body, max)?;
        Ok((body, used, chunked.is_done()))
    }

    #[test]
    fn chunks_are_joined_and_what_follows_is_left() {
        let wire = b"5;a=b;c=\"d\\\";e\"\r\nhello\r\n00001\r\n \r\nA\r\n0123456789\r\n\
            0\r\nx: y\r\n\r\nGET";
        let (body, used, done) = decode(wire, 16).unwrap();
        assert_eq!((body.as_slice(), used, done), (&b"hello 0123456789"[..], wire.len() - 3, true));
    }

    #[test]
    fn what_proxies_differ_about_is_refused() {
        let bad: [&[u8]; 24] = [
            b"\r\n",
            b" 5\r\n",
            b"5 \r\n",
            b"+5\r\n",
            b"-5\r\n",
            b"0x5\r\n",
            b"5_0\r\n",
            b"g\r\n",
            b"5\n",
            b"5\r",
            b"5;\r\n",
            b"5; a\r\n",
            b"5;a= b\r\n",
            b"5;a=\"b\r\n",
            b"5;\x01\r\n",
            b"5,5\r\n",
            b"00000000000000005\r\n",
            b"1\r\nabc",
            b"1\r\na\n",
            b"1\r\na\rX\r\n",
            b"0\r\nx y: z\r\n",
            b"0\r\n: z\r\n",
            b"0\r\nx: \x00\r\n",
            b"0\r\n\n",
        ];
        for bad in bad {
            // Bytes follow, so that a decoder that waits for more is caught.
            let wire = [bad, b"\r\n\r\n\r\n"].concat();
            let result = decode(&wire, 100);
            assert!(
                matches!(result, Err(Fault::Refused(_))),
                "{:?}: {result:?}",
                bad.escape_ascii()
            );
        }
    }

    #[test]
    fn a_size_over_the_limit_is_refused_before_its_data() {
        let too_large = Err(Fault::Refused(Refusal::TooLarge { limit_bytes: 9 }));
        assert_eq!(decode(b"a\r\n", 9), too_large);
        assert_eq!(decode(b"5\r\nhello\r\n5\r\n", 9), too_large);
        assert_eq!(decode(b"ffffffffffffffff\r\n", 9), too_large);
        assert!(decode(b"5\r\nhello\r\n4\r\nabcd\r\n0\r\n\r\n", 9).unwrap().2);
    }

    #[test]
    fn a_flood_of_extensions_or_trailers_is_refused() {
        let extension = format!("1;{}\r\na\r\n", "a".repeat(400)).repeat(11);
        assert!(decode(extension.as_bytes(), 100).is_err());
        let trailers = format!("0\r\n{}", "abcdefgh: ijklmnop\r\n".repeat(300));
        assert!(decode(trailers.as_bytes(), 100).is_err());
        assert!(decode(&[b'1'; 600], 100).is_err());
    }

    proptest! {
        #[test]
        fn bodies_round_trip_however_they_are_cut(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            cut in 1_usize..20,
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend(format!("{:x}\r\n", chunk.len()).bytes());
                wire.extend(chunk);
                wire.extend(b"\r\n");
            }
            wire.extend(b"0\r\n\r\n");
            let (mut chunked, mut body) = (Chunked::new(), Vec::new());
            for part in wire.chunks(cut) {
                prop_assert_eq!(chunked.decode(part, &mut body, 1000), Ok(part.len()));
            }
            prop_assert!(chunked.is_done());
            prop_assert_eq!(body, chunks.concat());
        }

        #[test]
        fn no_bytes_make_it_panic_or_pass_its_limit(input: Vec<u8>, max in 0_usize..64) {
            let (mut chunked, mut body) = (Chunked::new(), Vec::new());
            if chunked.decode(&input, &mut body, max).is_ok() {
                prop_assert!(body.len() <= max);
            }
        }
    }
}
