//! A schema from samples: the tightest that is still about their form, and not about their values.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What was seen at one place of the samples.
#[derive(Debug, Default)]
struct Seen {
    count: usize,
    null: bool,
    boolean: bool,
    integer: bool,
    number: bool,
    string: bool,
    objects: usize,
    properties: BTreeMap<String, Seen>,
    array: bool,
    items: Option<Box<Seen>>,
}

/// A schema (2020-12) that every sample keeps to. What is in all objects of a place is required;
/// other properties than those that were seen are taken.
#[must_use]
pub fn infer<'v>(samples: impl IntoIterator<Item = &'v Value>) -> Value {
    let mut seen = Seen::default();
    samples.into_iter().for_each(|sample| seen.look(sample));
    let mut schema = Map::new();
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.extend(seen.schema());
    Value::Object(schema)
}

impl Seen {
    fn look(&mut self, value: &Value) {
        self.count += 1;
        match value {
            Value::Null => self.null = true,
            Value::Bool(_) => self.boolean = true,
            Value::Number(number) if number.is_i64() || number.is_u64() => self.integer = true,
            Value::Number(_) => self.number = true,
            Value::String(_) => self.string = true,
            Value::Array(items) => {
                self.array = true;
                for item in items {
                    self.items.get_or_insert_default().look(item);
                }
            }
            Value::Object(object) => {
                self.objects += 1;
                for (name, value) in object {
                    self.properties.entry(name.clone()).or_default().look(value);
                }
            }
        }
    }

    fn schema(&self) -> Map<String, Value> {
        let types = [
            (self.null, "null"),
            (self.boolean, "boolean"),
            (self.integer && !self.number, "integer"),
            (self.number, "number"),
            (self.string, "string"),
            (self.array, "array"),
            (self.objects > 0, "object"),
        ];
        let types: Vec<&str> = types.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
        let mut schema = Map::new();
        match types.as_slice() {
            [] => {}
            [one] => drop(schema.insert("type".into(), json!(one))),
            all => drop(schema.insert("type".into(), json!(all))),
        }
        if self.objects > 0 {
            let always = self.properties.iter().filter(|(_, seen)| seen.count == self.objects);
            let required: Vec<&String> = always.map(|(name, _)| name).collect();
            if !required.is_empty() {
                schema.insert("required".into(), json!(required));
            }
            let properties: Map<String, Value> = self
                .properties
                .iter()
                .map(|(name, seen)| (name.clone(), Value::Object(seen.schema())))
                .collect();
            schema.insert("properties".into(), Value::Object(properties));
        }
        if let Some(items) = &self.items {
            schema.insert("items".into(), Value::Object(items.schema()));
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Compiled;
    use proptest::prelude::*;

    #[test]
    fn what_is_always_there_is_required_and_types_are_joined() {
        let samples = [
            json!({ "id": 1, "tags": ["a"], "at": { "x": 1 } }),
            json!({ "id": 1.5, "tags": [], "note": null }),
        ];
        assert_eq!(
            infer(&samples),
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "required": ["id", "tags"],
                "properties": {
                    "at": {
                        "type": "object",
                        "required": ["x"],
                        "properties": { "x": { "type": "integer" } }
                    },
                    "id": { "type": "number" },
                    "note": { "type": "null" },
                    "tags": { "type": "array", "items": { "type": "string" } }
                }
            })
        );
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|b| json!(b)),
            any::<i64>().prop_map(|n| json!(n)),
            any::<f64>().prop_map(|n| json!(n)),
            ".{0,8}".prop_map(|text| json!(text)),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map(".{0,3}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_sample_keeps_to_what_was_inferred(
            samples in prop::collection::vec(values(), 1..5)
        ) {
            let schema = Compiled::compile(&infer(&samples)).unwrap();
            for sample in &samples {
                prop_assert!(schema.accepts(sample));
            }
        }
    }
}
