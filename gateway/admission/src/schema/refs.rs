//! Finds what a reference in a schema points at, within the schema itself. What is not there is
//! refused: nothing is fetched, from the network or from the disk.

use std::collections::HashMap;

use serde_json::Value;

use crate::schema::fault::SchemaProblem;

/// A place in the schema, and the root of the resource (`$id`) that its references start from.
#[derive(Clone, Copy)]
pub(crate) struct Node<'s> {
    pub(crate) schema: &'s Value,
    pub(crate) resource: &'s Value,
}

impl Node<'_> {
    /// Who this is: a place in the document, however it was reached.
    pub(crate) fn address(self) -> usize {
        std::ptr::from_ref(self.schema).addr()
    }
}

/// Every name that a schema gives to a place in itself. A name may be given twice, or by a value
/// that only looks like a schema (`const`): each place counts, so that none can hide another.
pub(crate) struct Names<'s> {
    root: &'s Value,
    /// `$id`; in draft 4 it was `id`.
    id_keyword: &'static str,
    ids: HashMap<&'s str, Vec<&'s Value>>,
    anchors: HashMap<(usize, &'s str), Vec<Node<'s>>>,
    dynamic: HashMap<&'s str, Vec<Node<'s>>>,
}

/// Where a reference leads.
pub(crate) enum Target<'s> {
    /// To places in the schema; a dynamic reference may have several.
    Places(Vec<Node<'s>>),
    /// To an official meta-schema, which the validator carries in itself.
    MetaSchema,
}

impl<'s> Names<'s> {
    /// Collects the names of a whole document. Its depth has been checked before.
    pub(crate) fn collect(root: &'s Value) -> Result<Self, SchemaProblem> {
        let draft = root.get("$schema").and_then(Value::as_str).unwrap_or_default();
        let id_keyword = if draft.contains("draft-04") { "id" } else { "$id" };
        let (ids, anchors, dynamic) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut names = Self { root, id_keyword, ids, anchors, dynamic };
        names.visit(Node { schema: root, resource: root })?;
        Ok(names)
    }

    fn visit(&mut self, node: Node<'s>) -> Result<(), SchemaProblem> {
        let node = self.enter(node.schema, node.resource);
        match node.schema {
            Value::Object(object) => {
                self.note(node)?;
                object.values().try_for_each(|schema| self.visit(Node { schema, ..node }))
            }
            Value::Array(items) => {
                items.iter().try_for_each(|schema| self.visit(Node { schema, ..node }))
            }
            _ => Ok(()),
        }
    }

    /// Keeps the names that an object gives itself.
    fn note(&mut self, node: Node<'s>) -> Result<(), SchemaProblem> {
        let text = |key: &str| node.schema.get(key).and_then(Value::as_str);
        let resource = std::ptr::from_ref(node.resource).addr();
        let mut anchors = vec![text("$anchor"), text("$dynamicAnchor")];
        if let Some(id) = text(self.id_keyword) {
            // In older drafts an id of only a fragment is an anchor.
            match id.strip_prefix('#') {
                Some(anchor) => anchors.push(Some(anchor)),
                None => self.ids.entry(id.trim_end_matches('#')).or_default().push(node.schema),
            }
            let own = text("$schema");
            if own.is_some() && own != self.root.get("$schema").and_then(Value::as_str) {
                return Err(SchemaProblem::Invalid("a part of it is of another draft".into()));
            }
        }
        for anchor in anchors.into_iter().flatten() {
            self.anchors.entry((resource, anchor)).or_default().push(node);
        }
        if let Some(anchor) = text("$dynamicAnchor") {
            self.dynamic.entry(anchor).or_default().push(node);
        }
        Ok(())
    }

    /// Where `reference`, said by `keyword` at `from`, leads.
    pub(crate) fn resolve(
        &self,
        keyword: &str,
        reference: &str,
        from: Node<'s>,
    ) -> Result<Target<'s>, SchemaProblem> {
        let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let own = [from.resource];
        let resources = match self.ids.get(uri) {
            _ if uri.is_empty() => own.as_slice(),
            Some(found) => found,
            None if META_SCHEMAS.iter().any(|known| uri.starts_with(known)) => {
                return Ok(Target::MetaSchema);
            }
            None => return Err(SchemaProblem::Remote { reference: reference.into() }),
        };
        let mut places: Vec<Node<'s>> =
            resources.iter().flat_map(|resource| self.fragment(resource, fragment)).collect();
        if keyword == "$dynamicRef" {
            places.extend(self.dynamic.get(fragment).into_iter().flatten());
        }
        if keyword == "$recursiveRef" {
            places.push(Node { schema: self.root, resource: self.root });
        }
        if places.is_empty() {
            return Err(SchemaProblem::Dangling { reference: reference.into() });
        }
        places.sort_by_key(|node| node.address());
        places.dedup_by_key(|node| node.address());
        Ok(Target::Places(places))
    }

    fn fragment(&self, resource: &'s Value, fragment: &str) -> Vec<Node<'s>> {
        let here = Node { schema: resource, resource };
        let Some(fragment) = percent_decoded(fragment) else { return Vec::new() };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            let resource = std::ptr::from_ref(resource).addr();
            return self.anchors.get(&(resource, fragment.as_str())).cloned().unwrap_or_default();
        }
        let place = fragment.split('/').skip(1).try_fold(here, |node, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            let schema = match node.schema {
                Value::Object(object) => object.get(&step)?,
                Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
                _ => return None,
            };
            Some(self.enter(schema, node.resource))
        });
        place.into_iter().collect()
    }

    /// A schema with an id of its own is the root of its references.
    pub(crate) fn enter(&self, schema: &'s Value, resource: &'s Value) -> Node<'s> {
        let id = schema.get(self.id_keyword).and_then(Value::as_str);
        let own = id.is_some_and(|id| !id.starts_with('#'));
        Node { schema, resource: if own { schema } else { resource } }
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        out.push(if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(out).ok()
}

const META_SCHEMAS: [&str; 6] = [
    "http://json-schema.org/draft-04/schema",
    "http://json-schema.org/draft-06/schema",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2019-09/",
    "https://json-schema.org/draft/2020-12/",
    "http://json-schema.org/schema",
];
