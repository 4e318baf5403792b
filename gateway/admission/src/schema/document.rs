//! A schema as a document: the URI that it has, the draft that it is written in, and what it asks
//! for beyond itself. Nothing here fetches anything.

use std::collections::BTreeSet;

use jsonschema::Uri;
use jsonschema::uri::{from_str, resolve_against};
use serde_json::Value;

/// A schema and the URI under which others refer to it. A relative one is taken as standing at
/// the root of the registry.
#[derive(Debug, Clone, Copy)]
pub struct Document<'s> {
    /// Its URI; its own `$id`, if it is absolute, is another name of it.
    pub uri: &'s str,
    /// The schema.
    pub schema: &'s Value,
}

/// A draft of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Draft {
    Four,
    Six,
    Seven,
    Y2019,
    Y2020,
}

impl Draft {
    /// The draft that a schema says it is of; 2020-12 if it says nothing. A meta-schema of somebody
    /// else's counts as 2020-12: it is the validator that reads it.
    pub(crate) fn of(schema: &Value) -> Self {
        let said = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
        match said.trim_end_matches('#') {
            "http://json-schema.org/draft-04/schema" => Self::Four,
            "http://json-schema.org/draft-06/schema" => Self::Six,
            "http://json-schema.org/draft-07/schema" => Self::Seven,
            "https://json-schema.org/draft/2019-09/schema" => Self::Y2019,
            _ => Self::Y2020,
        }
    }

    /// `$id`; in draft 4 it was `id`.
    pub(crate) fn id_keyword(self) -> &'static str {
        if self == Self::Four { "id" } else { "$id" }
    }

    /// Whether a schema is of a draft that is known here, and not of somebody's own meta-schema.
    pub(crate) fn is_known(schema: &Value) -> bool {
        let said = schema.get("$schema").and_then(Value::as_str);
        said.is_none_or(|said| is_meta_schema(said.trim_end_matches('#')))
    }

    /// Whether this draft knows a keyword that not every draft knows. What it does not know asks
    /// nothing. (`dependencies` is none of these: the validator heeds it in every draft.)
    pub(crate) fn has(self, keyword: &str) -> bool {
        match keyword {
            "const" | "contains" | "propertyNames" => self >= Self::Six,
            "if" | "then" | "else" => self >= Self::Seven,
            "contentEncoding" | "contentMediaType" => {
                matches!(self, Self::Six | Self::Seven)
            }
            "dependentRequired"
            | "dependentSchemas"
            | "unevaluatedProperties"
            | "unevaluatedItems"
            | "minContains"
            | "maxContains" => self >= Self::Y2019,
            "additionalItems" => self <= Self::Y2019,
            "$recursiveRef" => self == Self::Y2019,
            "prefixItems" | "$dynamicRef" => self == Self::Y2020,
            _ => true,
        }
    }

    /// Whether nothing beside a `$ref` counts.
    pub(crate) fn ref_hides(self) -> bool {
        self <= Self::Seven
    }
}

/// What a schema calls itself, without an empty fragment; `None` if it does not, or if its `$id`
/// is only a fragment, which older drafts used as an anchor, or is hidden by a `$ref`.
pub(crate) fn own_id(schema: &Value, draft: Draft) -> Option<&str> {
    let hidden = draft.ref_hides() && schema.get("$ref").is_some_and(Value::is_string);
    let id = schema.get(draft.id_keyword()).and_then(Value::as_str)?.trim_end_matches('#');
    (!hidden && !id.is_empty() && !id.starts_with('#')).then_some(id)
}

/// The URI of a text, absolute and normal; `None` if it is none.
pub(crate) fn absolute(text: &str) -> Option<Uri<String>> {
    from_str(text.trim_end_matches('#')).ok()
}

/// A reference, seen from a base: the URI of the resource, and the fragment.
pub(crate) fn target(base: &Uri<String>, reference: &str) -> Option<(String, String)> {
    let target = resolve_against(&base.borrow(), reference).ok()?;
    let text = target.as_str();
    let (uri, fragment) = text.split_once('#').unwrap_or((text, ""));
    Some((uri.to_owned(), fragment.to_owned()))
}

impl Document<'_> {
    /// The URI that its references start from.
    pub(crate) fn base(&self) -> Option<Uri<String>> {
        let uri = absolute(self.uri)?;
        match own_id(self.schema, Draft::of(self.schema)) {
            Some(id) => resolve_against(&uri.borrow(), id).ok(),
            None => Some(uri),
        }
    }

    /// Every URI that is referred to and that is not within the document, without fragments. What
    /// only looks like a reference (in a `const`) is told as well: whether one is needed shows
    /// when references are followed. The depth of the document has been checked before.
    #[must_use]
    pub fn outside(&self) -> Vec<String> {
        let Some(base) = self.base() else { return Vec::new() };
        let mut found = Found { draft: Draft::of(self.schema), ..Found::default() };
        found.own.extend(absolute(self.uri).map(|uri| uri.as_str().to_owned()));
        found.own.insert(base.as_str().trim_end_matches('#').to_owned());
        found.visit(self.schema, &base);
        let Found { asked, own, .. } = found;
        asked.into_iter().filter(|uri| !own.contains(uri) && !is_meta_schema(uri)).collect()
    }
}

struct Found {
    draft: Draft,
    asked: BTreeSet<String>,
    own: BTreeSet<String>,
}

impl Default for Found {
    fn default() -> Self {
        Self { draft: Draft::Y2020, asked: BTreeSet::new(), own: BTreeSet::new() }
    }
}

impl Found {
    fn visit(&mut self, value: &Value, base: &Uri<String>) {
        match value {
            Value::Object(object) => {
                let id = own_id(value, self.draft);
                let inner = id.and_then(|id| resolve_against(&base.borrow(), id).ok());
                let base = inner.as_ref().unwrap_or(base);
                self.own.insert(base.as_str().to_owned());
                for keyword in ["$ref", "$dynamicRef", "$recursiveRef", "$schema"] {
                    let said = object.get(keyword).and_then(Value::as_str);
                    self.asked.extend(said.and_then(|said| target(base, said)).map(|(uri, _)| uri));
                }
                object.values().for_each(|value| self.visit(value, base));
            }
            Value::Array(items) => items.iter().for_each(|item| self.visit(item, base)),
            _ => {}
        }
    }
}

/// Whether the validator carries this document in itself.
pub(crate) fn is_meta_schema(uri: &str) -> bool {
    META_SCHEMAS.iter().any(|known| uri.starts_with(known))
}

const META_SCHEMAS: [&str; 6] = [
    "http://json-schema.org/draft-04/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/",
    "https://json-schema.org/draft/2020-12/",
    "http://json-schema.org/schema",
];
