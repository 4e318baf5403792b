//! The reader: token by token, with the place of each in the text.

use std::ops::Range;

use super::{scan, text};

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
        if let Some(end) = scan::value_end(self.text.as_bytes(), start, outside) {
            self.objects >>= 1;
            self.depth = outside;
            self.at = end.get();
            self.after_value();
            return Ok(start..self.at);
        }
        // It is not JSON: token by token shows where.
        while self.token()?.is_some() {}
        self.fail("it is cut off")
    }

    fn value(&mut self, byte: u8) -> Result<Token, Error> {
        let bytes = self.text.as_bytes();
        let kind = match byte {
            b'{' => return self.open(Kind::ObjectStart, 1, Next::KeyOrEnd),
            b'[' => return self.open(Kind::ArrayStart, 0, Next::ValueOrEnd),
            b'"' => return self.string(Kind::String).inspect(|_| self.after_value()),
            b'-' | b'0'..=b'9' => Kind::Number,
            _ => Kind::Word,
        };
        let end = scan::plain_value_end(bytes, self.at, byte)
            .ok_or_else(|| scan::plain_value_error(bytes, self.at))?;
        let span = self.at..end.get();
        self.at = span.end;
        self.after_value();
        Ok(Token { kind, span })
    }

    fn string(&mut self, kind: Kind) -> Result<Token, Error> {
        let bytes = self.text.as_bytes();
        let text =
            text::string(bytes, self.at).ok_or_else(|| text::string_error(bytes, self.at))?;
        let span = self.at..text.end();
        self.at = span.end;
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
        let key = self.string(Kind::Key)?;
        match scan::colon(self.text.as_bytes(), self.at) {
            Some(value) => self.at = value.get(),
            None => return self.fail("a colon belongs here"),
        }
        self.next = Next::Value;
        Ok(key)
    }

    fn after_value(&mut self) {
        self.next = if self.depth == 0 { Next::Nothing } else { Next::CommaOrEnd };
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 1
    }

    fn space(&mut self) {
        self.at = scan::space(self.text.as_bytes(), self.at);
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
    fn strings_end_where_they_end_at_every_length() {
        for length in 0..40 {
            for filler in ["x", "\u{7f}", "é", "\u{10ffff}"] {
                let text = format!("\"{}\"", filler.repeat(length));
                assert_eq!(all(&text), Ok(vec![Kind::String]), "{text}");
                let escaped = format!("\"{}\\\"\"", filler.repeat(length));
                assert_eq!(all(&escaped), Ok(vec![Kind::String]), "{escaped}");
                let control = format!("\"{}\u{1f}\"", filler.repeat(length));
                assert_eq!(all(&control).unwrap_err().at, 1 + filler.len() * length);
            }
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
