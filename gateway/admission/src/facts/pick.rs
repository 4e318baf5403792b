//! Picks a few scalars out of a JSON document in one pass, without building a tree: what nobody
//! asked for is skipped, and what is found is borrowed where it can be.
//!
//! A `*` in a pointer stands for every item of an array: what each has, a line each; nothing if one
//! of them has none.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Pointers that one pass can look for: one bit each.
pub(crate) const POINTERS_MAX: usize = 32;

/// A JSON Pointer (RFC 6901), taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer(Vec<Box<str>>);

impl Pointer {
    /// Reads `/a/b`; `None` if it does not start with `/` or has a broken escape.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let unescape = |part: &str| {
            let plain = part.replace("~1", "/").replace("~0", "~");
            let escapes = part.matches('~').count();
            let known = part.matches("~0").count() + part.matches("~1").count();
            (escapes == known).then(|| plain.into())
        };
        text.strip_prefix('/')?.split('/').map(unescape).collect::<Option<_>>().map(Self)
    }

    /// Whether it leads to more than one place.
    fn is_every(&self) -> bool {
        self.0.iter().any(|step| **step == *EVERY)
    }
}

/// The scalars at these pointers, in their order. A document that is not JSON has none. Where a key
/// is doubled the last one counts, as for most readers.
pub(crate) fn pick<'d>(document: &'d [u8], pointers: &[Pointer]) -> Vec<Option<Cow<'d, str>>> {
    let mut found = vec![None; pointers.len()];
    let all = u32::MAX.checked_shr(u32::BITS - u32::try_from(pointers.len()).unwrap_or(0));
    let walk = Walk { pointers, wanted: all.unwrap_or(0), depth: 0, found: &mut found };
    let mut reader = serde_json::Deserializer::from_slice(document);
    if walk.deserialize(&mut reader).is_err() {
        found.fill(None);
    }
    found
}

/// The scalar at one pointer.
pub(crate) fn text_at<'d>(document: &'d [u8], pointer: &str) -> Option<Cow<'d, str>> {
    pick(document, &[Pointer::parse(pointer)?]).pop()?
}

/// Stands at one value, which the wanted pointers lead to or through.
struct Walk<'p, 'o, 'd> {
    pointers: &'p [Pointer],
    wanted: u32,
    depth: usize,
    found: &'o mut [Option<Cow<'d, str>>],
}

impl<'d> Walk<'_, '_, 'd> {
    /// The pointers among the wanted whose next step is `step`.
    fn through(&self, step: &str) -> u32 {
        let mut wanted = 0;
        for (bit, pointer) in self.pointers.iter().enumerate() {
            let leads = pointer.0.get(self.depth).is_some_and(|own| **own == *step);
            if self.wanted & 1 << bit != 0 && leads {
                wanted |= 1 << bit;
            }
        }
        wanted
    }

    fn take(self, text: Cow<'d, str>) {
        for (bit, pointer) in self.pointers.iter().enumerate() {
            if self.wanted & 1 << bit != 0
                && pointer.0.len() == self.depth
                && let Some(slot) = self.found.get_mut(bit)
            {
                *slot = Some(match slot.take() {
                    // In place: there may be as many as a payload has room for.
                    Some(before) if pointer.is_every() => {
                        let mut all = before.into_owned();
                        all.push('\n');
                        all.push_str(&text);
                        Cow::Owned(all)
                    }
                    _ => text.clone(),
                });
            }
        }
    }

    /// How much is found for each pointer.
    fn sizes(&self) -> impl Iterator<Item = usize> {
        self.found.iter().map(|text| text.as_ref().map_or(0, |text| text.len()))
    }

    fn step<'s>(&'s mut self, wanted: u32) -> Walk<'s, 's, 'd> {
        Walk { pointers: self.pointers, wanted, depth: self.depth + 1, found: self.found }
    }
}

impl<'d> DeserializeSeed<'d> for Walk<'_, '_, 'd> {
    type Value = ();
    fn deserialize<D: Deserializer<'d>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'d> Visitor<'d> for Walk<'_, '_, 'd> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E>(self, text: &'d str) -> Result<(), E> {
        self.take(Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.take(Cow::Owned(text.into()));
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.take(Cow::Borrowed(if value { "true" } else { "false" }));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.take(Cow::Owned(value.to_string()));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.take(Cow::Owned(value.to_string()));
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'d>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(wanted) = map.next_key_seed(Step(&self))? {
            if wanted == 0 {
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(self.step(wanted))?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'d>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let every = self.through(EVERY);
        let (mut lacking, mut sizes) = (0, self.sizes().collect::<Vec<_>>());
        for index in 0_usize.. {
            // Only the first few items can be named by a pointer that a person writes.
            let named = if index < 100 { self.through(&index.to_string()) } else { 0 };
            let wanted = named | every;
            if wanted == 0 {
                if seq.next_element::<IgnoredAny>()?.is_none() {
                    break;
                }
                continue;
            }
            if seq.next_element_seed(self.step(wanted))?.is_none() {
                break;
            }
            for (bit, (size, now)) in sizes.iter_mut().zip(self.sizes()).enumerate() {
                lacking |= u32::from(every & 1 << bit != 0 && *size == now) << bit;
                *size = now;
            }
        }
        for (bit, slot) in self.found.iter_mut().enumerate() {
            if lacking & 1 << bit != 0 {
                *slot = None;
            }
        }
        Ok(())
    }
}

/// The step of a pointer that stands for every item of an array.
const EVERY: &str = "*";

/// Reads a key and says which pointers go through it, without keeping the key.
struct Step<'s, 'p, 'o, 'd>(&'s Walk<'p, 'o, 'd>);

impl<'d> DeserializeSeed<'d> for Step<'_, '_, '_, '_> {
    type Value = u32;
    fn deserialize<D: Deserializer<'d>>(self, reader: D) -> Result<u32, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Step<'_, '_, '_, '_> {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<u32, E> {
        Ok(self.0.through(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(document: &str, pointer: &str) -> Option<String> {
        text_at(document.as_bytes(), pointer).map(Cow::into_owned)
    }

    #[test]
    fn scalars_are_found_where_the_pointers_point() {
        let document = r#"{"a":{"b":"x","c/d":7,"e~":true},"l":[null,{"n":-3}],"a2":1.5}"#;
        assert_eq!(at(document, "/a/b").as_deref(), Some("x"));
        assert_eq!(at(document, "/a/c~1d").as_deref(), Some("7"));
        assert_eq!(at(document, "/a/e~0").as_deref(), Some("true"));
        assert_eq!(at(document, "/l/1/n").as_deref(), Some("-3"));
        for nothing in ["/a", "/l/0", "/a/b/c", "/x", "/a2", "a/b", "", "/a/~2"] {
            assert_eq!(at(document, nothing), None, "{nothing}");
        }
    }

    #[test]
    fn several_pointers_are_found_in_one_pass() {
        let pointers = ["/event/type", "/type", "/event/id"].map(|p| Pointer::parse(p).unwrap());
        let found = pick(br#"{"type":"outer","event":{"type":"in\u0041ner"}}"#, &pointers);
        let found: Vec<_> = found.iter().map(Option::as_deref).collect();
        assert_eq!(found, [Some("inAner"), Some("outer"), None]);
    }

    #[test]
    fn a_star_stands_for_every_item_and_one_that_has_nothing_spoils_it() {
        let ids = |document: &str| at(document, "/e/*/id");
        assert_eq!(ids(r#"{"e":[{"id":"a"},{"n":1,"id":2}]}"#).as_deref(), Some("a\n2"));
        assert_eq!(ids(r#"{"e":[{"id":"a"},{"n":1}]}"#), None);
        assert_eq!(ids(r#"{"e":[]}"#), None);
        assert_eq!(at(r#"[{"id":"a"},{"id":"b"}]"#, "/*/id").as_deref(), Some("a\nb"));
        assert_eq!(at(r#"{"*":{"id":"a"}}"#, "/*/id").as_deref(), Some("a"), "a key is a key");
        assert_eq!(at(r#"[{"id":"a","id":"b"}]"#, "/0/id").as_deref(), Some("b"));
    }

    #[test]
    fn the_last_of_doubled_keys_counts() {
        assert_eq!(at(r#"{"a":"1","a":"2"}"#, "/a").as_deref(), Some("2"));
    }

    #[test]
    fn what_is_not_json_has_no_facts_and_deep_documents_do_no_harm() {
        assert_eq!(at(r#"{"a":"1""#, "/a"), None);
        let deep = format!(r#"{{"a":"1","d":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(at(&deep, "/a").as_deref(), Some("1"));
        let deep = "[".repeat(1_000_000);
        assert_eq!(at(&deep, "/0/0"), None);
    }

    proptest! {
        #[test]
        fn picking_never_panics(document: Vec<u8>, pointer: String) {
            text_at(&document, &pointer);
            text_at(&document, "/a/0");
        }
    }
}
