//! JSON written anew in the styles of the common libraries: what a proxy or a framework makes of a
//! body that it parsed and wrote again. Order of keys and numbers are kept, as most of them do.

use serde_json::Value;

/// What is between the tokens.
#[derive(Debug, Clone, Copy)]
enum Space {
    /// `{"a":1,"b":2}`: JavaScript, Go, Rust, PHP, Java.
    Compact,
    /// `{"a": 1, "b": 2}`: Python.
    Python,
    /// `{"a":1, "b":2}`.
    Comma,
    /// Lines, indented by so many spaces.
    Lines(usize),
    /// Lines, indented by a tab.
    Tabs,
}

/// How texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Texts {
    AsTheyCame,
    /// What is not ASCII as `\u....`.
    Ascii,
    /// What was `\u....` as itself.
    Plain,
    /// `/` as `\/`: PHP.
    Slashes,
    /// `\/` as `/`.
    NoSlashes,
    /// `<`, `>` and `&` as `\u....`: Go.
    Html,
}

/// The document in every style, with the name of each; nothing if it is not JSON.
pub(super) fn every_style(document: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> + use<'_> {
    let parsed: Option<Value> = serde_json::from_slice(document).ok();
    let text = std::str::from_utf8(document).ok().filter(|_| parsed.is_some());
    let styles = SPACES.iter().flat_map(|space| TEXTS.iter().map(move |texts| (space, texts)));
    let written = styles.filter_map(move |((space, spaced), (texts, written))| {
        let body = write(text?, *space, *texts);
        Some((format!("JSON {spaced}{written}"), body.into_bytes()))
    });
    // Sorted keys: what libraries do whose maps are ordered by name.
    let sorted = parsed.into_iter().flat_map(|value| {
        let text = value.to_string();
        SPACES.iter().flat_map(move |(space, spaced)| {
            let text = text.clone();
            [(Texts::AsTheyCame, ""), (Texts::Ascii, ", ASCII only")].map(
                move |(texts, written)| {
                    let body = write(&text, *space, texts);
                    (format!("JSON {spaced} with sorted keys{written}"), body.into_bytes())
                },
            )
        })
    });
    written.chain(sorted)
}

/// Writes tokens anew. The text is JSON: that was tried before.
fn write(text: &str, space: Space, texts: Texts) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut rest = text.char_indices().peekable();
    let mut empty = false;
    while let Some((at, letter)) = rest.next() {
        match letter {
            '"' => {
                let mut escaped = false;
                let mut end = at + 1;
                for (next, letter) in rest.by_ref() {
                    end = next;
                    match letter {
                        '\\' if !escaped => escaped = true,
                        '"' if !escaped => break,
                        _ => escaped = false,
                    }
                }
                out.push('"');
                write_text(text.get(at + 1..end).unwrap_or_default(), texts, &mut out);
                out.push('"');
            }
            '{' | '[' => {
                out.push(letter);
                depth += 1;
                while rest.next_if(|(_, next)| next.is_ascii_whitespace()).is_some() {}
                empty = rest.peek().is_some_and(|(_, next)| matches!(next, '}' | ']'));
                if !empty {
                    space.line(depth, &mut out);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !empty {
                    space.line(depth, &mut out);
                }
                empty = false;
                out.push(letter);
            }
            ',' => space.after_comma(depth, &mut out),
            ':' => out.push_str(space.colon()),
            _ if letter.is_ascii_whitespace() => {}
            _ => out.push(letter),
        }
    }
    out
}

/// Writes the inside of a text, escapes included.
fn write_text(raw: &str, texts: Texts, out: &mut String) {
    use std::fmt::Write as _;
    if texts == Texts::Plain {
        match serde_json::from_str::<String>(&format!("\"{raw}\"")) {
            Ok(plain) => {
                let written = Value::from(plain).to_string();
                let inside = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                return out.push_str(inside.unwrap_or(raw));
            }
            Err(_) => return out.push_str(raw),
        }
    }
    let mut escaped = false;
    for letter in raw.chars() {
        let unit = |out: &mut String| {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        };
        match (texts, letter) {
            (Texts::Ascii, _) if !letter.is_ascii() => unit(out),
            (Texts::Html, '<' | '>' | '&') if !escaped => unit(out),
            (Texts::Slashes, '/') if !escaped => out.push_str("\\/"),
            (Texts::NoSlashes, '/') if escaped => {
                // The escape before it goes.
                out.pop();
                out.push('/');
            }
            _ => out.push(letter),
        }
        escaped = letter == '\\' && !escaped;
    }
}

impl Space {
    fn line(self, depth: usize, out: &mut String) {
        match self {
            Self::Compact | Self::Python | Self::Comma => {}
            Self::Lines(wide) => {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', wide * depth));
            }
            Self::Tabs => {
                out.push('\n');
                out.extend(std::iter::repeat_n('\t', depth));
            }
        }
    }

    fn after_comma(self, depth: usize, out: &mut String) {
        out.push(',');
        match self {
            Self::Python | Self::Comma => out.push(' '),
            _ => self.line(depth, out),
        }
    }

    fn colon(self) -> &'static str {
        match self {
            Self::Compact | Self::Comma => ":",
            _ => ": ",
        }
    }
}

const SPACES: [(Space, &str); 6] = [
    (Space::Compact, "without spaces"),
    (Space::Python, "as Python writes it"),
    (Space::Lines(2), "indented by 2"),
    (Space::Lines(4), "indented by 4"),
    (Space::Tabs, "indented by tabs"),
    (Space::Comma, "with a space after commas"),
];

const TEXTS: [(Texts, &str); 6] = [
    (Texts::AsTheyCame, ""),
    (Texts::Ascii, ", ASCII only"),
    (Texts::Plain, ", not escaped"),
    (Texts::Slashes, ", with slashes escaped"),
    (Texts::NoSlashes, ", with slashes not escaped"),
    (Texts::Html, ", with <, > and & escaped"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn styled(document: &str, space: Space, texts: Texts) -> String {
        write(document, space, texts)
    }

    #[test]
    fn every_library_writes_it_as_it_does() {
        let document = "{ \"a\" : [1, 2.50,{}, []],\n\"b\":\"é/\\u00fc<\\\\\" }";
        let same = Texts::AsTheyCame;
        assert_eq!(
            styled(document, Space::Compact, same),
            "{\"a\":[1,2.50,{},[]],\"b\":\"é/\\u00fc<\\\\\"}"
        );
        assert_eq!(
            styled(document, Space::Python, Texts::Ascii),
            "{\"a\": [1, 2.50, {}, []], \"b\": \"\\u00e9/\\u00fc<\\\\\"}"
        );
        assert_eq!(
            styled(document, Space::Lines(2), same),
            "{\n  \"a\": [\n    1,\n    2.50,\n    {},\n    []\n  ],\n  \
             \"b\": \"é/\\u00fc<\\\\\"\n}"
        );
        assert_eq!(styled("{\"u\":\"a/b\"}", Space::Compact, Texts::Slashes), "{\"u\":\"a\\/b\"}");
        assert_eq!(
            styled("{\"u\":\"a\\/b\"}", Space::Compact, Texts::NoSlashes),
            "{\"u\":\"a/b\"}"
        );
        assert_eq!(styled("[\"\\u00fc\"]", Space::Compact, Texts::Plain), "[\"ü\"]");
        assert_eq!(styled("[\"<\"]", Space::Compact, Texts::Html), "[\"\\u003c\"]");
    }

    #[test]
    fn what_is_not_json_has_no_styles() {
        assert_eq!(every_style(b"{\"a\":").count(), 0);
        assert_eq!(every_style(b"\xff").count(), 0);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_style_says_the_same(value in any_json()) {
            let document = value.to_string();
            for (style, body) in every_style(document.as_bytes()) {
                let again: Value = serde_json::from_slice(&body)
                    .unwrap_or_else(|fault| panic!("{style}: {fault}: {document}"));
                prop_assert_eq!(&again, &value, "{}", style);
            }
        }

        #[test]
        fn noise_never_panics(noise: Vec<u8>) {
            every_style(&noise).for_each(drop);
        }
    }
}
