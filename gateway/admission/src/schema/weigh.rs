//! How much work it is to judge one payload by one schema, known before it is begun: the validator
//! cannot be stopped.

use serde_json::Value;

use crate::schema::load::Load;

/// The loads of a schema, level by level of a payload; below the last they stay as they are.
#[derive(Debug)]
pub(crate) struct Loads(Vec<Load>);

/// What judging one payload takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Weight {
    /// Steps, each about ten nanoseconds. Beyond [`PRICE_MAX`] it is not counted on.
    pub(crate) price: u64,
    /// Bytes that a list of all violations may copy from the payload.
    pub(crate) copied_bytes: u64,
}

/// Steps of one payload at the very most: some tenths of a second, at the worst some seconds.
pub(crate) const PRICE_MAX: u64 = 20_000_000;

impl Loads {
    /// Of the loads that the schema makes at each level, from the first.
    pub(crate) fn new(mut levels: Vec<Load>) -> Self {
        let mut whole = 0_u64;
        for load in &mut levels {
            whole = whole.saturating_add(load.whole);
            load.value = load.value.saturating_add(whole);
        }
        Self(levels)
    }

    /// Weighs a payload.
    pub(crate) fn weigh(&self, payload: &Value) -> Weight {
        let mut scale = Scale { loads: &self.0, weight: Weight::default() };
        scale.put(payload, 0);
        scale.weight
    }
}

struct Scale<'l> {
    loads: &'l [Load],
    weight: Weight,
}

/// How large a value is.
#[derive(Clone, Copy, Default)]
struct Size {
    values: u64,
    bytes: u64,
    /// Whether there is an array in it. Two such values that differ may have one hash, because
    /// the validator's hash does not tell `[[1]]` from `[1]`.
    holds_array: bool,
}

impl Scale<'_> {
    fn put(&mut self, value: &Value, level: usize) -> Size {
        if self.weight.price > PRICE_MAX {
            return Size::default();
        }
        let load = self.loads.get(level).or(self.loads.last()).copied().unwrap_or_default();
        let mut size = Size { values: 1, ..Size::default() };
        let mut price = load.value;
        match value {
            Value::String(text) => size.bytes = length(text.len()),
            Value::Array(items) => {
                let (of_items, collisions) = self.put_items(items, level, load.unique > 0);
                size = size.with(of_items);
                size.holds_array = true;
                let compared = size.values.saturating_add(size.bytes / 8).saturating_mul(8);
                let unique = load.unique.saturating_mul(compared.saturating_add(collisions));
                price = price.saturating_add(unique);
            }
            Value::Object(map) => {
                price = price.saturating_add(load.object);
                for (key, value) in map {
                    size = size.with(self.put(value, level + 1));
                    size.bytes += length(key.len());
                    let of_key = load.byte_eighths.saturating_mul(length(key.len()));
                    price = price.saturating_add(of_key / 8);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        if value.is_string() {
            price = price.saturating_add(load.byte_eighths.saturating_mul(size.bytes) / 8);
        }
        self.weight.price = self.weight.price.saturating_add(price);
        let copy = size.values.saturating_mul(VALUE_BYTES).saturating_add(size.bytes);
        let copied = load.value.saturating_mul(copy);
        self.weight.copied_bytes = self.weight.copied_bytes.saturating_add(copied);
        size
    }

    /// The size of all items, and how often two of them are compared because their hashes may be
    /// the same.
    fn put_items(&mut self, items: &[Value], level: usize, unique: bool) -> (Size, u64) {
        let (mut all, mut nested, mut large) = (Size::default(), 0_u64, 0_u64);
        for item in items {
            let size = self.put(item, level + 1);
            nested += u64::from(size.holds_array);
            large += u64::from(unique && is_large(item));
            all = all.with(size);
        }
        let collisions = nested.saturating_mul(nested).saturating_add(large * large.min(FLOAT_GAP));
        (all, collisions)
    }
}

impl Size {
    fn with(self, other: Self) -> Self {
        Self {
            values: self.values + other.values,
            bytes: self.bytes + other.bytes,
            holds_array: self.holds_array || other.holds_array,
        }
    }
}

/// Whether a whole number shares its floating-point number, and so its hash, with others.
fn is_large(value: &Value) -> bool {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(small) => small.unsigned_abs() > EXACT_MAX,
            None => number.is_u64(),
        },
        _ => false,
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// The largest whole number up to which each has a floating-point number of its own.
const EXACT_MAX: u64 = 1 << 53;
/// Whole numbers of 64 bits that share one floating-point number, at most.
const FLOAT_GAP: u64 = 2048;
/// Bytes of a value in memory, beside those of a text.
const VALUE_BYTES: u64 = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn weigh(levels: Vec<Load>, payload: &Value) -> u64 {
        Loads::new(levels).weigh(payload).price
    }

    #[test]
    fn each_level_has_its_load_and_the_last_one_stays() {
        let load = |value| Load { value, ..Load::default() };
        let payload = json!([1, [2, [3]]]);
        assert_eq!(weigh(vec![load(100), load(10), load(1)], &payload), 100 + 20 + 2 + 1);
        assert_eq!(weigh(vec![load(100), load(0)], &payload), 100);
    }

    #[test]
    fn texts_and_keys_cost_by_their_bytes_and_a_whole_by_what_is_below() {
        let bytes = Load { byte_eighths: 8, ..Load::default() };
        assert_eq!(weigh(vec![bytes], &json!({ "key": "value" })), 8);
        let whole = vec![Load { whole: 3, ..Load::default() }, Load::default()];
        assert_eq!(weigh(whole, &json!([[1], 2])), 12);
    }

    #[test]
    fn items_that_must_differ_cost_more_where_their_hashes_may_be_the_same() {
        let unique = || vec![Load { unique: 1, ..Load::default() }, Load::default()];
        let plain: Value = (0..1000).collect();
        assert!(weigh(unique(), &plain) < 10_000);
        let nested: Value = (0..1000).map(|number| json!({ "a": [number] })).collect();
        assert!(weigh(unique(), &nested) > 1_000_000);
        let large: Value = (0..1000).map(|number| json!(u64::MAX - number)).collect();
        assert!(weigh(unique(), &large) > 1_000_000);
    }

    #[test]
    fn counting_ends_where_it_is_too_much() {
        let loads = vec![Load { value: PRICE_MAX, ..Load::default() }];
        let wide = Value::Array(vec![Value::Null; 1_000_000]);
        assert!(weigh(loads, &wide) > PRICE_MAX);
    }
}
