//! Texts as Sigma writes them: `*` stands for any characters and `?` for one, a backslash takes
//! that away, and case does not count unless the rule says so.

/// A text to compare with.
#[derive(Debug, PartialEq, Eq)]
pub struct Glob {
    parts: Vec<Part>,
    /// Case counts.
    is_cased: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Exactly(char),
    One,
    Any,
}

/// Where in a value the text must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Where {
    Whole,
    Start,
    End,
    Anywhere,
}

impl Glob {
    /// Reads a text.
    pub fn read(text: &str, place: Where, is_cased: bool) -> Self {
        let mut parts = Vec::with_capacity(text.len() + 2);
        if matches!(place, Where::End | Where::Anywhere) {
            parts.push(Part::Any);
        }
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                // Of another character, the backslash stands for itself: `C:\Windows`.
                '\\' if characters.peek().is_some_and(|next| matches!(next, '*' | '?' | '\\')) => {
                    parts.extend(characters.next().map(Part::Exactly));
                }
                '*' => parts.push(Part::Any),
                '?' => parts.push(Part::One),
                other if is_cased => parts.push(Part::Exactly(other)),
                other => parts.extend(other.to_lowercase().map(Part::Exactly)),
            }
        }
        if matches!(place, Where::Start | Where::Anywhere) {
            parts.push(Part::Any);
        }
        parts.dedup_by(|a, b| *a == Part::Any && *b == Part::Any);
        Self { parts, is_cased }
    }

    /// Whether a value is such a text.
    pub fn matches(&self, value: &str) -> bool {
        if self.is_cased {
            return fits(&self.parts, &mut value.chars());
        }
        fits(&self.parts, &mut value.chars().flat_map(char::to_lowercase))
    }
}

/// Walks along both; where they part, the last `*` takes one character more. No more than one
/// place is ever gone back to, so it takes at most the product of both lengths.
fn fits<I: Iterator<Item = char> + Clone>(parts: &[Part], value: &mut I) -> bool {
    let mut at = 0;
    let mut back: Option<(usize, I)> = None;
    loop {
        let here = value.clone();
        let next = value.next();
        match (parts.get(at), next) {
            (Some(Part::Any), _) => {
                at += 1;
                if at == parts.len() {
                    return true;
                }
                *value = here.clone();
                back = Some((at, here));
            }
            (None, None) => return true,
            (Some(Part::One), Some(_)) => at += 1,
            (Some(Part::Exactly(wanted)), Some(found)) if *wanted == found => at += 1,
            _ => {
                let Some((after_any, from)) = &mut back else { return false };
                if from.next().is_none() {
                    return false;
                }
                at = *after_any;
                *value = from.clone();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(text: &str, value: &str) -> bool {
        Glob::read(text, Where::Whole, false).matches(value)
    }

    #[test]
    fn wildcards_stand_for_characters() {
        for (text, value, wanted) in [
            ("abc", "ABC", true),
            ("abc", "abcd", false),
            ("a*c", "abxc", true),
            ("a*c", "ac", true),
            ("a*c", "acx", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxa", false),
            ("a?c", "a\u{e9}c", true),
            ("a?c", "ac", false),
            ("*aab", "aaaab", true),
            ("*", "", true),
            ("?", "", false),
            ("", "", true),
            ("", "x", false),
            (r"a\*c", "a*c", true),
            (r"a\*c", "abc", false),
            (r"C:\Windows\*", r"c:\windows*", true),
            (r"C:\\Win*", r"C:\Windows", true),
            ("\u{c9}t\u{e9}", "\u{e9}T\u{c9}", true),
        ] {
            assert_eq!(is(text, value), wanted, "{text} in {value}");
        }
    }

    #[test]
    fn a_place_and_case_count_where_they_are_said() {
        for (place, value, wanted) in [
            (Where::Start, "abc", true),
            (Where::Start, "xab", false),
            (Where::End, "xAB", true),
            (Where::End, "abx", false),
            (Where::Anywhere, "xabx", true),
            (Where::Anywhere, "xaxbx", false),
        ] {
            assert_eq!(Glob::read("ab", place, false).matches(value), wanted, "{place:?} {value}");
        }
        let cased = Glob::read("Ab", Where::Anywhere, true);
        assert!(cased.matches("xAbx") && !cased.matches("xabx"));
    }

    #[test]
    fn a_long_value_does_not_take_for_ever() {
        let value = "a".repeat(20_000);
        assert!(!is("*a*a*a*a*a*a*a*a*b", &value));
    }
}
