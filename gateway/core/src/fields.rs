//! An ordered multimap of names and values: headers and attributes.
//!
//! One buffer and one list of spans, so that an event with thirty headers costs two allocations.
//! Names are kept in lower case. Order and repetition are kept, because signatures care.

use std::fmt;

/// An ordered multimap; names in lower case, values as text.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    text: String,
    spans: Vec<Span>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u32,
    middle: u32,
    end: u32,
}

/// Why a field that must be there once is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOnce {
    /// There is none.
    Missing,
    /// There are several.
    Doubled,
}

impl Fields {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: String::new(), spans: Vec::new() }
    }

    /// No fields, with room for `count` of `bytes` together.
    #[must_use]
    pub fn with_capacity(count: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), spans: Vec::with_capacity(count) }
    }

    /// Adds a field after the others. ASCII upper case in `name` is folded.
    ///
    /// A field that would take the buffer past 4 GiB is not added: sources bound headers to
    /// kilobytes long before.
    pub fn push(&mut self, name: &str, value: &str) {
        let start = self.text.len();
        let middle = start.saturating_add(name.len());
        let end = middle.saturating_add(value.len());
        let (Ok(start), Ok(middle), Ok(end)) =
            (u32::try_from(start), u32::try_from(middle), u32::try_from(end))
        else {
            return;
        };
        if name.bytes().any(|b| b.is_ascii_uppercase()) {
            self.text.extend(name.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            self.text.push_str(name);
        }
        self.text.push_str(value);
        self.spans.push(Span { start, middle, end });
    }

    /// Puts a field in place of all of that name, at the end.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.push(name, value);
    }

    /// Takes away every field of that name (compared without regard to ASCII case).
    pub fn remove(&mut self, name: &str) {
        if self.all(name).next().is_none() {
            return;
        }
        let mut kept = Self::with_capacity(self.spans.len(), self.text.len());
        for (other, value) in self.iter().filter(|(other, _)| !other.eq_ignore_ascii_case(name)) {
            kept.push(other, value);
        }
        *self = kept;
    }

    /// The first value of that name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The value of a field that must be there exactly once.
    ///
    /// # Errors
    /// When it is missing, or there is more than one.
    pub fn once(&self, name: &str) -> Result<&str, NotOnce> {
        let mut all = self.all(name);
        let first = all.next().ok_or(NotOnce::Missing)?;
        if all.next().is_some() { Err(NotOnce::Doubled) } else { Ok(first) }
    }

    /// Every value of that name, in order (compared without regard to ASCII case).
    pub fn all<'s, 'n>(&'s self, name: &'n str) -> impl Iterator<Item = &'s str> + use<'s, 'n> {
        self.iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Every field in order: name in lower case, value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + '_ {
        self.spans
            .iter()
            .map(|span| (self.slice(span.start, span.middle), self.slice(span.middle, span.end)))
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The bytes of all names and values together.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    fn slice(&self, from: u32, to: u32) -> &str {
        // Spans are made by `push` only, on character boundaries of `text`.
        self.text.get(from as usize..to as usize).unwrap_or_default()
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Fields {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut fields = Self::new();
        for (name, value) in pairs {
            fields.push(name, value);
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_repetition_are_kept_and_names_are_folded() {
        let fields: Fields = [("X-A", "1"), ("b", "2"), ("x-a", "3")].into_iter().collect();
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("x-a", "1"), ("b", "2"), ("x-a", "3")]);
        assert_eq!(fields.all("X-a").collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(fields.once("x-a"), Err(NotOnce::Doubled));
        assert_eq!(fields.once("B"), Ok("2"));
        assert_eq!(fields.once("c"), Err(NotOnce::Missing));
    }

    #[test]
    fn set_replaces_every_field_of_the_name() {
        let mut fields: Fields = [("a", "1"), ("b", "é"), ("a", "3")].into_iter().collect();
        fields.set("A", "4");
        assert_eq!(fields.iter().collect::<Vec<_>>(), [("b", "é"), ("a", "4")]);
        fields.remove("b");
        fields.remove("none");
        assert_eq!((fields.len(), fields.text_len()), (1, 2));
    }
}
