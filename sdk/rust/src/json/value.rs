//! A JSON value by its place in the text: nothing is read until it is asked for.

use std::borrow::Cow;

use super::reader::{Error, Kind, Reader};
use super::scan::{self, Member, Next};
use super::text;

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

    /// The values at several paths of object members, found in one pass that ends with the last
    /// that can still be found. Of doubled members the first counts.
    pub fn find<const N: usize>(self, paths: [&[&str]; N]) -> [Option<Value<'a>>; N] {
        let mut found = [None; N];
        // What is not JSON further on does not take away what was found before it.
        let _ = self.search(paths, &mut found);
        found
    }

    /// `None` where it is not JSON. By itself: what is compiled into a filter's own function has to
    /// share its registers.
    #[inline(never)]
    fn search<const N: usize>(
        self,
        paths: [&[&str]; N],
        found: &mut [Option<Value<'a>>; N],
    ) -> Option<()> {
        const { assert!(N < 32, "one bit for each path") };
        let bytes = self.0.as_bytes();
        if scan::peek(bytes, 0) != b'{' {
            return None;
        }
        // For each open object, which paths lead through it and can still be found.
        let mut open = Vec::with_capacity(8);
        let mut live = (1_u32 << N) - 1;
        let (mut at, mut is_first) = (1, true);
        loop {
            let member = match scan::member(bytes, at, is_first) {
                Next::Member(member) => member,
                Next::End(end) => {
                    live = open.pop()?;
                    (at, is_first) = (end + 1, false);
                    if live == 0 && open.iter().all(|live| *live == 0) {
                        return Some(());
                    }
                    continue;
                }
                Next::Stray => return None,
            };
            let depth = open.len();
            let (here, through) = self.led_to(&member, live, depth, &paths);
            live &= !(here | through);
            is_first = through != 0 && here == 0 && scan::peek(bytes, member.value) == b'{';
            if is_first {
                open.push(std::mem::replace(&mut live, through));
                at = member.value + 1;
                continue;
            }
            at = scan::value_end(bytes, member.value, depth as u32 + 1)?.get();
            if here != 0 {
                let value = Value(&self.0[member.value..at]);
                let places = found.iter_mut().enumerate();
                places
                    .filter(|(path, _)| here & 1 << path != 0)
                    .for_each(|(_, it)| *it = Some(value));
            }
            if here | through != 0 && live == 0 && open.iter().all(|live| *live == 0) {
                return Some(());
            }
        }
    }

    /// Which of these live paths end at this member, and which lead through it.
    #[inline]
    fn led_to<const N: usize>(
        self,
        member: &Member,
        live: u32,
        depth: usize,
        paths: &[&[&str]; N],
    ) -> (u32, u32) {
        let (mut here, mut through) = (0, 0);
        for (at, path) in paths.iter().enumerate() {
            if live & 1 << at != 0
                && path.get(depth).is_some_and(|step| self.is_called(member, step))
            {
                *if path.len() == depth + 1 { &mut here } else { &mut through } |= 1 << at;
            }
        }
        (here, through)
    }

    /// Whether a member of this text has this name.
    #[inline]
    fn is_called(self, member: &Member, name: &str) -> bool {
        if member.name.is_escaped() {
            return self.name(member) == name;
        }
        let bytes = self.0.as_bytes().get(member.start + 1..member.name.end() - 1);
        bytes.is_some_and(|it| text::is_same(it, name.as_bytes()))
    }

    /// The name of a member of this text.
    fn name(self, member: &Member) -> Cow<'a, str> {
        let name = &self.0[member.start + 1..member.name.end() - 1];
        if member.name.is_escaped() { unescaped(name) } else { Cow::Borrowed(name) }
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
        let bytes = self.0.as_bytes();
        if scan::peek(bytes, 0) != b'{' {
            return Err(Error { at: 0, what: "it is not an object" });
        }
        let (mut at, mut is_first) = (1, true);
        loop {
            let member = match scan::member(bytes, at, is_first) {
                Next::Member(member) => member,
                Next::End(_) => return Ok(()),
                Next::Stray => return self.read_through(),
            };
            let Some(end) = scan::value_end(bytes, member.value, 1) else {
                return self.read_through();
            };
            at = end.get();
            if !see(self.name(&member), Value(&self.0[member.value..at])) {
                return Ok(());
            }
            is_first = false;
        }
    }

    /// Reads it token by token, which shows where it is not JSON.
    #[cold]
    fn read_through(self) -> Result<(), Error> {
        let mut reader = Reader::new(self.0);
        while reader.token()?.is_some() {}
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
        let bytes = self.0.as_bytes();
        let text = (scan::peek(bytes, 0) == b'"').then(|| text::string(bytes, 0))??;
        let plain = self.0.get(1..text.end() - 1).filter(|_| text.end() == bytes.len())?;
        Some(if text.is_escaped() { unescaped(plain) } else { Cow::Borrowed(plain) })
    }

    /// The texts of an array of strings; `None` if it is not one.
    pub fn strings(self) -> Option<Vec<String>> {
        let (mut texts, mut all) = (Vec::new(), true);
        let read = self.elements(|element| match element.as_str() {
            Some(text) => texts.push(text.into_owned()),
            None => all = false,
        });
        (read.is_ok() && all).then_some(texts)
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
    fn several_paths_are_found_in_one_pass() {
        let value = Value::new(r#"{"a":{"b":1,"c":{"d":2}},"a":{"e":9},"f":[3],"g":"#);
        let raw = |found: Option<Value<'static>>| found.map(Value::raw);
        let found =
            value.find([&["a", "c", "d"], &["f"], &["a", "e"], &["a", "b"], &["a", "b", "x"]]);
        assert_eq!(found.map(raw), [Some("2"), Some("[3]"), None, Some("1"), None]);
        assert_eq!(Value::new("[]").find([&["a"]]), [None]);
        assert_eq!(Value::new("{\"a\":1").find([&["a"], &["b"]]).map(raw), [Some("1"), None]);
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
    fn only_an_array_of_strings_is_texts() {
        let texts = |text: &'static str| Value::new(text).strings();
        assert_eq!(texts(r#"["a","\u00e9",""]"#), Some(vec!["a".into(), "é".into(), "".into()]));
        assert_eq!(texts("[]"), Some(vec![]));
        for other in [r#"["a",1]"#, r#"[1,"a"]"#, r#""a""#, "{}", "null", r#"["a""#] {
            assert_eq!(texts(other), None, "{other}");
        }
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
