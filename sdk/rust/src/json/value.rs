//! A JSON value by its place in the text: nothing is read until it is asked for.

use std::borrow::Cow;

use super::reader::{Error, Kind, Reader};

/// A JSON value that has not been read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// The value that is this text.
    pub fn new(text: &'a str) -> Self {
        Self(text.trim_matches([' ', '\t', '\n', '\r']))
    }

    /// The text of the value.
    pub fn raw(self) -> &'a str {
        self.0
    }

    /// The value at this path of object members; `None` if there is none, or the text before it
    /// is not JSON. Reads no further than the value; of doubled members it gives the first.
    pub fn at(self, path: &[&str]) -> Option<Value<'a>> {
        path.iter().try_fold(self, |value, name| value.member(name))
    }

    /// The first member of this name.
    pub fn member(self, name: &str) -> Option<Value<'a>> {
        let mut found = None;
        let read = self.members(|key, value| {
            let here = key == name;
            if here {
                found = Some(value);
            }
            !here
        });
        read.ok().and(found)
    }

    /// Calls `see` with each member, until it says `false`.
    pub fn members(
        self,
        mut see: impl FnMut(Cow<'a, str>, Value<'a>) -> bool,
    ) -> Result<(), Error> {
        let mut reader = Reader::new(self.0);
        match reader.token()? {
            Some(token) if token.kind == Kind::ObjectStart => {}
            _ => return Err(Error { at: 0, what: "it is not an object" }),
        }
        while let Some(key) = reader.token()?.filter(|token| token.kind == Kind::Key) {
            let Some(first) = reader.token()? else { break };
            let name = unescaped(&self.0[key.span.start + 1..key.span.end - 1]);
            // The value of the last wanted member need not be read to its end here: it is read
            // when it is looked into.
            let span = reader.skip(&first)?;
            if !see(name, Value(&self.0[span])) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Calls `see` with each element of an array.
    pub fn elements(self, mut see: impl FnMut(Value<'a>)) -> Result<(), Error> {
        let mut reader = Reader::new(self.0);
        match reader.token()? {
            Some(token) if token.kind == Kind::ArrayStart => {}
            _ => return Err(Error { at: 0, what: "it is not an array" }),
        }
        while let Some(first) = reader.token()?.filter(|token| token.kind != Kind::ArrayEnd) {
            let span = reader.skip(&first)?;
            see(Value(&self.0[span]));
        }
        Ok(())
    }

    /// The text of a string; `None` if it is not one.
    pub fn as_str(self) -> Option<Cow<'a, str>> {
        let token = Reader::new(self.0).token().ok()??;
        if token.kind != Kind::String || token.span.end != self.0.len() {
            return None;
        }
        Some(unescaped(&self.0[1..self.0.len() - 1]))
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.0 == "null"
    }
}

/// The text between the quotes of a string without its escapes, whose form is known to be right.
/// Half of a surrogate pair becomes U+FFFD.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let (character, length) = unescape(escape);
        out.push(character);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character that an escape stands for, and the length of the escape after its backslash.
fn unescape(escape: &str) -> (char, usize) {
    match escape.as_bytes().first() {
        Some(b'b') => ('\u{8}', 1),
        Some(b'f') => ('\u{c}', 1),
        Some(b'n') => ('\n', 1),
        Some(b'r') => ('\r', 1),
        Some(b't') => ('\t', 1),
        Some(b'u') => unescape_unicode(escape),
        Some(other) => (char::from(*other), 1),
        None => (char::REPLACEMENT_CHARACTER, 0),
    }
}

fn unescape_unicode(escape: &str) -> (char, usize) {
    let unit = |at: usize| {
        escape.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok()).unwrap_or(0xfffd)
    };
    let high = unit(1);
    if (0xd800..0xdc00).contains(&high) && escape.get(5..7) == Some("\\u") {
        let low = unit(7);
        if (0xdc00..0xe000).contains(&low) {
            let scalar = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            return (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 11);
        }
    }
    (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_value_and_nothing_else() {
        let value = Value::new(r#" {"x":{"b":0},"a":{"b":[1,2],"c":"\u00e9\ud83d\ude00"},"a":1} "#);
        assert_eq!(value.at(&["a", "b"]).unwrap().raw(), "[1,2]");
        assert_eq!(value.at(&["a", "c"]).unwrap().as_str().unwrap(), "é😀");
        for missing in [&["b"][..], &["a", "d"], &["a", "b", "c"]] {
            assert_eq!(value.at(missing), None);
        }
        assert_eq!(Value::new("[1").at(&["a"]), None);
        assert_eq!(value.at(&[]), Some(value));
    }

    #[test]
    fn strings_lose_their_escapes() {
        for (text, plain) in [
            (r#""a\"b\\c\/""#, "a\"b\\c/"),
            (r#""\b\f\n\r\t""#, "\u{8}\u{c}\n\r\t"),
            (r#""\ud800x""#, "\u{fffd}x"),
            (r#""\ud800\u0041""#, "\u{fffd}A"),
            (r#""""#, ""),
        ] {
            assert_eq!(Value::new(text).as_str().unwrap(), plain, "{text}");
        }
        assert_eq!(Value::new("1").as_str(), None);
        assert_eq!(Value::new("\"a\" 1").as_str(), None);
    }

    #[test]
    fn members_and_elements_come_in_order() {
        let mut seen = Vec::new();
        Value::new(r#"{"b":1,"a":[2,"x"]}"#)
            .members(|name, value| {
                seen.push(format!("{name}={}", value.raw()));
                true
            })
            .unwrap();
        assert_eq!(seen, ["b=1", "a=[2,\"x\"]"]);
        let mut elements = Vec::new();
        Value::new("[1, [2], {}]").elements(|value| elements.push(value.raw())).unwrap();
        assert_eq!(elements, ["1", "[2]", "{}"]);
        assert!(Value::new("[1,").elements(|_| ()).is_err());
        assert!(Value::new("{}").elements(|_| ()).is_err());
    }
}
