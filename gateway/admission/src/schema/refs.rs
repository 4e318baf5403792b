//! Finds what a reference in a schema points at: within the schema, or in the documents that were
//! handed in with it. What is not there is refused: nothing is fetched, from the network or from
//! the disk.

use std::collections::HashMap;

use jsonschema::Uri;
use jsonschema::uri::resolve_against;
use serde_json::Value;

use crate::schema::document::{Document, Draft, absolute, is_meta_schema, own_id, target};
use crate::schema::fault::SchemaProblem;

/// A place in a document, and the root of the resource (`$id`) that its references start from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'s> {
    pub(crate) schema: &'s Value,
    pub(crate) resource: &'s Value,
    pub(crate) draft: Draft,
}

impl Node<'_> {
    /// Who this is: a place in a document, however it was reached.
    pub(crate) fn address(self) -> usize {
        std::ptr::from_ref(self.schema).addr()
    }
}

/// Every name that documents give to places in themselves. A name may be given twice, or by a
/// value that only looks like a schema (`const`): each place counts, so that none can hide another.
pub(crate) struct Names<'s> {
    root: Node<'s>,
    /// By URI, without a fragment.
    ids: HashMap<String, Vec<Node<'s>>>,
    /// By the address of a resource's root.
    bases: HashMap<usize, Uri<String>>,
    anchors: HashMap<(usize, &'s str), Vec<Node<'s>>>,
    dynamic: HashMap<&'s str, Vec<Node<'s>>>,
    recursive: Vec<Node<'s>>,
}

/// Where a reference leads.
pub(crate) enum Target<'s> {
    /// To places in the schema; a dynamic reference may have several.
    Places(Vec<Node<'s>>),
    /// To an official meta-schema, which the validator carries in itself.
    MetaSchema,
}

impl<'s> Names<'s> {
    /// Collects the names of a whole document, and of those that it may refer to. Their depth has
    /// been checked before.
    pub(crate) fn collect(
        root: Document<'s>,
        others: &[Document<'s>],
    ) -> Result<Self, SchemaProblem> {
        let mut names = Self {
            root: node_of(root),
            ids: HashMap::new(),
            bases: HashMap::new(),
            anchors: HashMap::new(),
            dynamic: HashMap::new(),
            recursive: Vec::new(),
        };
        for document in [root].iter().chain(others) {
            let no_uri = || SchemaProblem::BadUri(document.uri.to_owned());
            let (uri, base) =
                (absolute(document.uri).ok_or_else(no_uri)?, document.base().ok_or_else(no_uri)?);
            let node = node_of(*document);
            names.ids.entry(uri.as_str().to_owned()).or_default().push(node);
            if base != uri {
                names.ids.entry(without_fragment(&base)).or_default().push(node);
            }
            names.bases.insert(node.address(), base.clone());
            let said = document.schema.get("$schema").and_then(Value::as_str);
            names.visit(node, &base, said)?;
        }
        Ok(names)
    }

    /// The schema itself.
    pub(crate) fn root(&self) -> Node<'s> {
        self.root
    }

    fn visit(
        &mut self,
        node: Node<'s>,
        base: &Uri<String>,
        said: Option<&str>,
    ) -> Result<(), SchemaProblem> {
        match node.schema {
            Value::Object(object) => {
                let (node, base) = self.note(node, base, said)?;
                object
                    .values()
                    .try_for_each(|schema| self.visit(Node { schema, ..node }, &base, said))
            }
            Value::Array(items) => {
                items.iter().try_for_each(|schema| self.visit(Node { schema, ..node }, base, said))
            }
            _ => Ok(()),
        }
    }

    /// Keeps the names that an object gives itself; what its parts start from.
    fn note(
        &mut self,
        node: Node<'s>,
        base: &Uri<String>,
        said: Option<&str>,
    ) -> Result<(Node<'s>, Uri<String>), SchemaProblem> {
        let text = |key: &str| node.schema.get(key).and_then(Value::as_str);
        let (mut node, mut base) = (node, base.clone());
        // The root of a document has its base already.
        let is_root = std::ptr::eq(node.schema, node.resource);
        if let Some(id) = own_id(node.schema, node.draft).filter(|_| !is_root) {
            base = resolve_against(&base.borrow(), id)
                .map_err(|_| SchemaProblem::BadUri(id.to_owned()))?;
            node.resource = node.schema;
            self.bases.insert(node.address(), base.clone());
            self.ids.entry(without_fragment(&base)).or_default().push(node);
            let own = text("$schema");
            if own.is_some() && own != said {
                return Err(SchemaProblem::Invalid("a part of it is of another draft".into()));
            }
        }
        // In older drafts an id of only a fragment is an anchor.
        let old = text(node.draft.id_keyword()).and_then(|id| Some(id.split_once('#')?.1));
        let anchors = [text("$anchor"), text("$dynamicAnchor"), old];
        let resource = std::ptr::from_ref(node.resource).addr();
        for anchor in anchors.into_iter().flatten().filter(|anchor| !anchor.is_empty()) {
            self.anchors.entry((resource, anchor)).or_default().push(node);
        }
        if let Some(anchor) = text("$dynamicAnchor") {
            self.dynamic.entry(anchor).or_default().push(node);
        }
        if node.schema.get("$recursiveAnchor") == Some(&Value::Bool(true)) {
            self.recursive.push(node);
        }
        Ok((node, base))
    }

    /// Where `reference`, said by `keyword` at `from`, leads.
    pub(crate) fn resolve(
        &self,
        keyword: &str,
        reference: &str,
        from: Node<'s>,
    ) -> Result<Target<'s>, SchemaProblem> {
        let resource = std::ptr::from_ref(from.resource).addr();
        let target = self.bases.get(&resource).and_then(|base| target(base, reference));
        let Some((uri, fragment)) = target else {
            let reference = reference.to_owned();
            return Err(match reference.starts_with('#') {
                true => SchemaProblem::Dangling { reference },
                false => SchemaProblem::Remote { reference },
            });
        };
        let own = [Node { schema: from.resource, ..from }];
        let resources = match self.ids.get(&uri) {
            _ if reference.is_empty() || reference.starts_with('#') => own.as_slice(),
            Some(found) => found,
            None if is_meta_schema(&uri) => return Ok(Target::MetaSchema),
            None => return Err(SchemaProblem::Remote { reference: reference.into() }),
        };
        let mut places: Vec<Node<'s>> =
            resources.iter().flat_map(|resource| self.fragment(*resource, &fragment)).collect();
        if keyword == "$dynamicRef" {
            places.extend(self.dynamic.get(fragment.as_str()).into_iter().flatten());
        }
        if keyword == "$recursiveRef" {
            places.push(self.root);
            places.extend(&self.recursive);
        }
        if places.is_empty() {
            return Err(SchemaProblem::Dangling { reference: reference.into() });
        }
        places.sort_by_key(|node| node.address());
        places.dedup_by_key(|node| node.address());
        Ok(Target::Places(places))
    }

    fn fragment(&self, resource: Node<'s>, fragment: &str) -> Vec<Node<'s>> {
        let here = Node { resource: resource.schema, ..resource };
        let Some(fragment) = percent_decoded(fragment) else { return Vec::new() };
        if !fragment.is_empty() && !fragment.starts_with('/') {
            let key = (here.address(), fragment.as_str());
            return self.anchors.get(&key).cloned().unwrap_or_default();
        }
        let place = fragment.split('/').skip(1).try_fold(here, |node, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            let schema = match node.schema {
                Value::Object(object) => object.get(&step)?,
                Value::Array(items) => items.get(step.parse::<usize>().ok()?)?,
                _ => return None,
            };
            Some(self.enter(schema, node))
        });
        place.into_iter().collect()
    }

    /// A part of a place. A schema with an id of its own is the root of its references.
    pub(crate) fn enter(&self, schema: &'s Value, within: Node<'s>) -> Node<'s> {
        let own = self.bases.contains_key(&std::ptr::from_ref(schema).addr());
        Node { schema, resource: if own { schema } else { within.resource }, ..within }
    }
}

fn node_of(document: Document<'_>) -> Node<'_> {
    let schema = document.schema;
    Node { schema, resource: schema, draft: Draft::of(schema) }
}

fn without_fragment(uri: &Uri<String>) -> String {
    uri.as_str().split('#').next().unwrap_or_default().to_owned()
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
