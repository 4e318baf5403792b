//! Filters by their levels, so that a topic finds those that take it without looking at the others.

use std::collections::{BTreeMap, HashMap};

use super::topic::Filter;

/// Values by filter and key.
#[derive(Debug)]
pub(crate) struct Tree<K, V> {
    root: Node<K, V>,
}

#[derive(Debug)]
struct Node<K, V> {
    /// By level. No topic has a level `+` or `#`, so that wildcards stand among the words.
    below: HashMap<Box<str>, Self>,
    here: BTreeMap<K, V>,
}

impl<K: Ord, V> Default for Tree<K, V> {
    fn default() -> Self {
        Self { root: Node::new() }
    }
}

impl<K: Ord, V> Tree<K, V> {
    /// What is kept under a filter and key, made if it is not there.
    pub(crate) fn entry(
        &mut self,
        filter: &Filter,
        key: K,
    ) -> std::collections::btree_map::Entry<'_, K, V> {
        let mut node = &mut self.root;
        for level in filter.levels() {
            node = node.below.entry(level.into()).or_insert_with(Node::new);
        }
        node.here.entry(key)
    }

    /// What is kept under a filter and key.
    pub(crate) fn get_mut(&mut self, filter: &Filter, key: &K) -> Option<&mut V> {
        let mut node = &mut self.root;
        for level in filter.levels() {
            node = node.below.get_mut(level)?;
        }
        node.here.get_mut(key)
    }

    /// Takes out what is kept under a filter and key, and the nodes that are empty then.
    pub(crate) fn remove(&mut self, filter: &Filter, key: &K) -> Option<V> {
        self.root.remove(&mut filter.levels(), key)
    }

    /// Shows everything whose filter takes this topic. A session may be shown more than once.
    pub(crate) fn taking<'t>(&'t self, topic: &str, mut see: impl FnMut(&'t K, &'t V)) {
        let levels: Vec<&str> = topic.split('/').collect();
        let wild = !topic.starts_with('$');
        self.root.taking(&levels, wild, &mut see);
    }

    /// Whether nothing is kept.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.root.is_empty()
    }
}

impl<K: Ord, V> Node<K, V> {
    fn new() -> Self {
        Self { below: HashMap::new(), here: BTreeMap::new() }
    }

    fn is_empty(&self) -> bool {
        self.below.is_empty() && self.here.is_empty()
    }

    fn remove<'f>(&mut self, levels: &mut impl Iterator<Item = &'f str>, key: &K) -> Option<V> {
        let Some(level) = levels.next() else { return self.here.remove(key) };
        let node = self.below.get_mut(level)?;
        let value = node.remove(levels, key);
        if node.is_empty() {
            self.below.remove(level);
        }
        value
    }

    /// `wild`: whether a wildcard may stand for the next level.
    fn taking<'t>(&'t self, levels: &[&str], wild: bool, see: &mut impl FnMut(&'t K, &'t V)) {
        if wild && let Some(node) = self.below.get("#") {
            node.here.iter().for_each(|(key, value)| see(key, value));
        }
        let Some((level, rest)) = levels.split_first() else {
            self.here.iter().for_each(|(key, value)| see(key, value));
            return;
        };
        if wild && let Some(node) = self.below.get("+") {
            node.taking(rest, true, see);
        }
        if let Some(node) = self.below.get(*level) {
            node.taking(rest, true, see);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn topic() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec!["", "a", "b", "$s"]), 1..5)
            .prop_map(|levels| levels.join("/"))
            .prop_filter("a topic", |topic| !topic.is_empty())
    }

    fn filter() -> impl Strategy<Value = String> {
        let level = prop::sample::select(vec!["", "a", "b", "$s", "+"]);
        (prop::collection::vec(level, 0..4), any::<bool>()).prop_filter_map(
            "a filter",
            |(mut levels, all)| {
                levels.extend(all.then_some("#"));
                let text = levels.join("/");
                Filter::parse(&text).is_ok().then_some(text)
            },
        )
    }

    proptest! {
        #[test]
        fn a_tree_finds_exactly_the_filters_that_take_a_topic(
            filters in prop::collection::btree_set(filter(), 0..12),
            gone in prop::collection::vec(any::<bool>(), 12),
            topic in topic(),
        ) {
            let mut tree = Tree::default();
            let filters: Vec<_> = filters.iter().map(|f| Filter::parse(f).unwrap()).collect();
            for (key, filter) in filters.iter().enumerate() {
                tree.entry(filter, key).or_insert(filter.clone());
            }
            for (key, filter) in filters.iter().enumerate().filter(|(key, _)| gone[*key]) {
                prop_assert!(tree.remove(filter, &key).is_some());
                prop_assert!(tree.get_mut(filter, &key).is_none());
            }
            let mut found = Vec::new();
            tree.taking(&topic, |key, _| found.push(*key));
            found.sort_unstable();
            let mut expected = Vec::new();
            for (key, filter) in filters.iter().enumerate() {
                if !gone[key] && filter.takes(&topic) {
                    expected.push(key);
                }
            }
            prop_assert_eq!(found, expected);
            for (key, filter) in filters.iter().enumerate() {
                tree.remove(filter, &key);
            }
            prop_assert!(tree.is_empty());
        }
    }
}
