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

/// Every name that a schema gives to a place in itself.
pub(crate) struct Names<'s> {
    root: &'s Value,
    ids: HashMap<&'s str, &'s Value>,
    anchors: HashMap<(usize, &'s str), Node<'s>>,
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
    pub(crate) fn collect(root: &'s Value) -> Self {
        let mut names =
            Self { root, ids: HashMap::new(), anchors: HashMap::new(), dynamic: HashMap::new() };
        names.visit(Node { schema: root, resource: root });
        names
    }

    fn visit(&mut self, node: Node<'s>) {
        let node = enter(node.schema, node.resource);
        match node.schema {
            Value::Object(object) => {
                let text = |key: &str| object.get(key).and_then(Value::as_str);
                let id = text("$id").or_else(|| text("id"));
                let resource = std::ptr::from_ref(node.resource).addr();
                match id.map(|id| id.strip_prefix('#').ok_or(id)) {
                    // In drafts 6 and 7 an `$id` of only a fragment is an anchor.
                    Some(Ok(anchor)) => {
                        self.anchors.entry((resource, anchor)).or_insert(node);
                    }
                    Some(Err(id)) => {
                        self.ids.entry(id.trim_end_matches('#')).or_insert(node.schema);
                    }
                    None => {}
                }
                for anchor in [text("$anchor"), text("$dynamicAnchor")].into_iter().flatten() {
                    self.anchors.entry((resource, anchor)).or_insert(node);
                }
                if let Some(anchor) = text("$dynamicAnchor") {
                    self.dynamic.entry(anchor).or_default().push(node);
                }
                for value in object.values() {
                    self.visit(Node { schema: value, ..node });
                }
            }
            Value::Array(items) => {
                items.iter().for_each(|schema| self.visit(Node { schema, ..node }));
            }
            _ => {}
        }
    }

    /// Where `reference`, said by `keyword` at `from`, leads.
    pub(crate) fn resolve(
        &self,
        keyword: &str,
        reference: &str,
        from: Node<'s>,
    ) -> Result<Target<'s>, SchemaProblem> {
        let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let resource = if uri.is_empty() {
            from.resource
        } else if let Some(found) = self.ids.get(uri) {
            found
        } else if META_SCHEMAS.iter().any(|known| uri.starts_with(known)) {
            return Ok(Target::MetaSchema);
        } else {
            return Err(SchemaProblem::Remote { reference: reference.into() });
        };
        let mut places: Vec<Node<'s>> = self.fragment(resource, fragment).into_iter().collect();
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

    fn fragment(&self, resource: &'s Value, fragment: &str) -> Option<Node<'s>> {
        let here = Node { schema: resource, resource };
        if fragment.is_empty() {
            return Some(here);
        }
        let fragment = percent_decoded(fragment)?;
        if !fragment.starts_with('/') {
            let resource = std::ptr::from_ref(resource).addr();
            return self.anchors.get(&(resource, fragment.as_str())).copied();
        }
        fragment.split('/').skip(1).try_fold(here, |node, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            let schema = match node.schema {
                Value::Object(object) => object.get(&step)?,
                Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
                _ => return None,
            };
            Some(enter(schema, node.resource))
        })
    }
}

/// A schema with an `$id` of its own is the root of its references.
pub(crate) fn enter<'s>(schema: &'s Value, resource: &'s Value) -> Node<'s> {
    let own = schema.get("$id").and_then(Value::as_str).is_some_and(|id| !id.starts_with('#'));
    Node { schema, resource: if own { schema } else { resource } }
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
