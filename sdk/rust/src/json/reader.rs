//! The reader: token by token, with the place of each in the text.

use std::ops::Range;

/// Reads the tokens of one JSON text (RFC 8259).
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Which of the open containers are objects: the innermost is the lowest bit.
    objects: u128,
    depth: u32,
    next: Next,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// A value, or the end of an array that has none yet.
    ValueOrEnd,
    Key,
    /// A key, or the end of an object that has none yet.
    KeyOrEnd,
    CommaOrEnd,
    Nothing,
}

/// A token and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands: bytes of the text. Strings and keys with their quotes.
    pub span: Range<usize>,
}

/// The kinds of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// The name of a member; its value is the next token.
    Key,
    /// A string.
    String,
    /// A number.
    Number,
    /// `true`, `false` or `null`
    Word,
}

/// Where the text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// The byte at which it stops being JSON.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// How deep containers may be nested.
pub const DEPTH_MAX: u32 = 128;

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not JSON at byte ")?;
        self.at.fmt(f)?;
        f.write_str(": ")?;
        f.write_str(self.what)
    }
}

impl std::error::Error for Error {}

impl<'a> Reader<'a> {
    /// A reader at the start of the text.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, objects: 0, depth: 0, next: Next::Value }
    }

    /// The next token; `None` after the last.
    pub fn token(&mut self) -> Result<Option<Token>, Error> {
        loop {
            self.space();
            let Some(byte) = self.peek() else {
                return if self.next == Next::Nothing {
                    Ok(None)
                } else {
                    self.fail("it is cut off")
                };
            };
            match (self.next, byte) {
                (Next::CommaOrEnd, b',') => {
                    self.at += 1;
                    self.next = if self.in_object() { Next::Key } else { Next::Value };
                }
                (Next::CommaOrEnd | Next::KeyOrEnd, b'}') if self.in_object() => {
                    return self.close(Kind::ObjectEnd).map(Some);
                }
                (Next::CommaOrEnd | Next::ValueOrEnd, b']') if !self.in_object() => {
                    return self.close(Kind::ArrayEnd).map(Some);
                }
                (Next::Key | Next::KeyOrEnd, b'"') => return self.key().map(Some),
                (Next::Value | Next::ValueOrEnd, _) => return self.value(byte).map(Some),
                (Next::Nothing, _) => return self.fail("something follows the value"),
                _ => return self.fail("another character belongs here"),
            }
        }
    }

    /// Passes over the value whose first token is `first`; gives the place of all of it.
    pub fn skip(&mut self, first: &Token) -> Result<Range<usize>, Error> {
        let start = first.span.start;
        if !matches!(first.kind, Kind::ObjectStart | Kind::ArrayStart) {
            return Ok(first.span.clone());
        }
        let outside = self.depth - 1;
        while let Some(token) = self.token()? {
            if self.depth == outside {
                return Ok(start..token.span.end);
            }
        }
        self.fail("it is cut off")
    }

    fn value(&mut self, byte: u8) -> Result<Token, Error> {
        let (kind, end) = match byte {
            b'{' => return self.open(Kind::ObjectStart, 1, Next::KeyOrEnd),
            b'[' => return self.open(Kind::ArrayStart, 0, Next::ValueOrEnd),
            b'"' => (Kind::String, self.string_end()?),
            b'-' | b'0'..=b'9' => (Kind::Number, self.number_end()?),
            _ => (Kind::Word, self.word_end()?),
        };
        let span = self.at..end;
        self.at = end;
        self.after_value();
        Ok(Token { kind, span })
    }

    fn open(&mut self, kind: Kind, object: u128, next: Next) -> Result<Token, Error> {
        if self.depth == DEPTH_MAX {
            return self.fail("it is nested too deep");
        }
        self.objects = self.objects << 1 | object;
        self.depth += 1;
        self.next = next;
        self.at += 1;
        Ok(Token { kind, span: self.at - 1..self.at })
    }

    fn close(&mut self, kind: Kind) -> Result<Token, Error> {
        self.objects >>= 1;
        self.depth -= 1;
        self.at += 1;
        self.after_value();
        Ok(Token { kind, span: self.at - 1..self.at })
    }

    fn key(&mut self) -> Result<Token, Error> {
        let span = self.at..self.string_end()?;
        self.at = span.end;
        self.space();
        if self.peek() != Some(b':') {
            return self.fail("a colon belongs here");
        }
        self.at += 1;
        self.next = Next::Value;
        Ok(Token { kind: Kind::Key, span })
    }

    fn after_value(&mut self) {
        self.next = if self.depth == 0 { Next::Nothing } else { Next::CommaOrEnd };
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 1
    }

    /// The end of the string that starts here; escapes are checked for their form.
    fn string_end(&self) -> Result<usize, Error> {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'"' => return Ok(at + 1),
                b'\\' => at = self.escape_end(at)?,
                0..0x20 => return Err(Error { at, what: "a control character in a string" }),
                _ => at += 1,
            }
        }
        Err(Error { at, what: "a string is cut off" })
    }

    fn escape_end(&self, at: usize) -> Result<usize, Error> {
        let bytes = self.text.as_bytes();
        match bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
            Some(b'u')
                if bytes
                    .get(at + 2..at + 6)
                    .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) =>
            {
                Ok(at + 6)
            }
            _ => Err(Error { at, what: "an escape that is none" }),
        }
    }

    fn number_end(&self) -> Result<usize, Error> {
        let bytes = self.text.as_bytes();
        let digits = |mut at: usize| {
            let start = at;
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            if at > start { Ok(at) } else { Err(Error { at, what: "a digit belongs here" }) }
        };
        let start = if bytes.get(self.at) == Some(&b'-') { self.at + 1 } else { self.at };
        let mut at = if bytes.get(start) == Some(&b'0') { start + 1 } else { digits(start)? };
        if bytes.get(at) == Some(&b'.') {
            at = digits(at + 1)?;
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let sign = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
            at = digits(at + 1 + usize::from(sign))?;
        }
        Ok(at)
    }

    fn word_end(&self) -> Result<usize, Error> {
        let rest = &self.text.as_bytes()[self.at..];
        [&b"true"[..], b"false", b"null"]
            .iter()
            .find(|word| rest.starts_with(word))
            .map(|word| self.at + word.len())
            .ok_or(Error { at: self.at, what: "a value belongs here" })
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fail<T>(&self, what: &'static str) -> Result<T, Error> {
        Err(Error { at: self.at, what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<Kind>, Error> {
        let mut reader = Reader::new(text);
        let mut kinds = Vec::new();
        while let Some(token) = reader.token()? {
            kinds.push(token.kind);
        }
        Ok(kinds)
    }

    #[test]
    fn it_takes_what_is_json() {
        for text in [
            "0",
            "-0.5e+10",
            "\"\"",
            " [ ] ",
            "{}",
            "[1,2,[3]]",
            "{\"a\":{\"b\":[true,null]}}",
            "\"\\u00e9\\n\\\\\"",
            "{\"é\":\"\\\"\"}",
            "\t[false]\r\n",
        ] {
            assert!(all(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn it_refuses_what_is_not() {
        for text in [
            "",
            " ",
            "[",
            "{",
            "[1",
            "[1,",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{1:2}",
            "[1}",
            "{\"a\":1]",
            "01",
            "1.",
            "1e",
            "-",
            "+1",
            ".5",
            "tru",
            "nul",
            "True",
            "\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12é\"",
            "\"a\nb\"",
            "1 2",
            "[] []",
            "{}}",
            "]",
            ",",
        ] {
            assert!(all(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_ends_at_its_bound() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(all(&nested(128)).is_ok());
        assert_eq!(all(&nested(129)).unwrap_err().what, "it is nested too deep");
        assert!(all(&"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn skipping_gives_the_place_of_the_whole_value() {
        let text = r#"{"a": [1, {"b": "]"}], "c": 2}"#;
        let mut reader = Reader::new(text);
        reader.token().unwrap();
        reader.token().unwrap();
        let first = reader.token().unwrap().unwrap();
        let span = reader.skip(&first).unwrap();
        assert_eq!(&text[span], r#"[1, {"b": "]"}]"#);
        assert_eq!(&text[reader.token().unwrap().unwrap().span], "\"c\"");
    }
}
