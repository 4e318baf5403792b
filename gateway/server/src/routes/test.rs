//! One leaf of a pattern: a list of which one must match a value.

use serde_json::{Map, Value};

/// What a value is held against; a list of which one must match.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tests(Vec<Test>);

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Equals(Value),
    Prefix(String),
    Suffix(String),
    EqualsIgnoreCase(String),
    AnythingBut(Tests),
    Exists,
    Absent,
    Numeric(Vec<(Order, f64)>),
    Wildcard(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// A value out of an event: text of an attribute or header, or a JSON value of the payload.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found<'a> {
    Text(&'a str),
    Json(&'a Value),
}

impl Tests {
    /// Reads a list of values and `{ operator: operand }` objects.
    pub(super) fn read(list: &[Value]) -> Result<Self, String> {
        if list.is_empty() {
            return Err("a list with nothing in it matches nothing: name at least one value".into());
        }
        list.iter().map(Test::read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether one of the tests holds for one of the values. No value at all is `absent`.
    pub(super) fn hold<'a>(&self, values: impl Iterator<Item = Found<'a>>) -> bool {
        let mut any = false;
        for value in values {
            any = true;
            if self.holds(value) {
                return true;
            }
        }
        !any && self.0.contains(&Test::Absent)
    }

    fn holds(&self, value: Found<'_>) -> bool {
        match value {
            // As EventBridge has it: an array matches if one of its elements does.
            Found::Json(Value::Array(items)) => {
                items.iter().any(|item| self.holds(Found::Json(item)))
            }
            _ => self.0.iter().any(|test| test.holds(value)),
        }
    }
}

impl Test {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(operator) => Self::read_operator(operator),
            Value::Array(_) => Err("a list in a list has no meaning".into()),
            plain => Ok(Self::Equals(plain.clone())),
        }
    }

    fn read_operator(operator: &Map<String, Value>) -> Result<Self, String> {
        let mut pairs = operator.iter();
        let (Some((name, operand)), None) = (pairs.next(), pairs.next()) else {
            return Err("an operator is an object with one key, such as { prefix: x }".into());
        };
        match (name.as_str(), operand) {
            ("prefix", Value::String(text)) => Ok(Self::Prefix(text.clone())),
            ("suffix", Value::String(text)) => Ok(Self::Suffix(text.clone())),
            ("equals-ignore-case", Value::String(text)) => Ok(Self::EqualsIgnoreCase(text.clone())),
            ("wildcard", Value::String(text)) => {
                Ok(Self::Wildcard(text.split('*').map(str::to_owned).collect()))
            }
            ("exists", Value::Bool(true)) => Ok(Self::Exists),
            ("exists", Value::Bool(false)) => Ok(Self::Absent),
            ("anything-but", Value::Array(list)) => Tests::read(list).map(Self::AnythingBut),
            ("anything-but", one) => Tests::read(std::slice::from_ref(one)).map(Self::AnythingBut),
            ("numeric", Value::Array(list)) => read_numeric(list),
            ("prefix" | "suffix" | "equals-ignore-case" | "wildcard", _) => {
                Err(format!("{name} takes a text"))
            }
            ("exists", _) => Err("exists takes true or false".into()),
            ("numeric", _) => Err("numeric takes a list such as [\">=\", 7]".into()),
            _ => Err(format!(
                "unknown operator {name:?}: there are prefix, suffix, equals-ignore-case, \
                 wildcard, exists, anything-but and numeric"
            )),
        }
    }

    fn holds(&self, value: Found<'_>) -> bool {
        match self {
            Self::Equals(expected) => equals(expected, value),
            Self::Prefix(text) => value.text().is_some_and(|v| v.starts_with(text.as_str())),
            Self::Suffix(text) => value.text().is_some_and(|v| v.ends_with(text.as_str())),
            Self::EqualsIgnoreCase(text) => {
                value.text().is_some_and(|v| v.to_lowercase() == text.to_lowercase())
            }
            Self::Wildcard(parts) => value.text().is_some_and(|v| wildcard(parts, v)),
            Self::AnythingBut(tests) => !tests.holds(value),
            Self::Exists => true,
            Self::Absent => false,
            Self::Numeric(bounds) => value.number().is_some_and(|number| {
                bounds.iter().all(|(order, bound)| order.holds(number, *bound))
            }),
        }
    }
}

impl<'a> Found<'a> {
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(value) => value.as_str(),
        }
    }

    fn number(self) -> Option<f64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Json(value) => value.as_f64(),
        }
    }
}

impl Order {
    fn read(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "<" => Some(Self::Less),
            "<=" => Some(Self::LessOrEqual),
            "=" => Some(Self::Equal),
            ">=" => Some(Self::GreaterOrEqual),
            ">" => Some(Self::Greater),
            _ => None,
        }
    }

    #[expect(clippy::float_cmp, reason = "`=` asks for the very number")]
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Less => number < bound,
            Self::LessOrEqual => number <= bound,
            Self::Equal => number == bound,
            Self::GreaterOrEqual => number >= bound,
            Self::Greater => number > bound,
        }
    }
}

fn read_numeric(list: &[Value]) -> Result<Test, String> {
    let bounds: Option<Vec<(Order, f64)>> = list
        .chunks(2)
        .map(|pair| match pair {
            [order, bound] => Some((Order::read(order)?, bound.as_f64()?)),
            _ => None,
        })
        .collect();
    match bounds {
        Some(bounds) if !bounds.is_empty() => Ok(Test::Numeric(bounds)),
        _ => {
            Err("numeric takes pairs of <, <=, =, >= or > and a number: [\">=\", 7, \"<\", 9]"
                .into())
        }
    }
}

fn equals(expected: &Value, value: Found<'_>) -> bool {
    match (expected, value) {
        (Value::String(expected), _) => value.text() == Some(expected.as_str()),
        // 1 and 1.0 are one number in JSON.
        (Value::Number(expected), Found::Json(Value::Number(number))) => {
            expected == number || expected.as_f64() == number.as_f64()
        }
        (Value::Number(expected), Found::Text(_)) => expected.as_f64() == value.number(),
        (expected, Found::Json(value)) => expected == value,
        (Value::Bool(expected), Found::Text(text)) => text.parse() == Ok(*expected),
        (_, Found::Text(_)) => false,
    }
}

/// Whether `text` is `parts` with anything between them. Greedy and linear in `text` per part.
fn wildcard(parts: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = parts else {
        return parts.first().is_some_and(|only| only == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn holds(test: Value, value: Value) -> bool {
        Tests::read(&[test]).unwrap().hold(std::iter::once(Found::Json(&value)))
    }

    #[test]
    fn every_operator_matches_what_it_says() {
        for (test, yes, no) in [
            (json!("a"), json!("a"), json!("b")),
            (json!(1), json!(1.0), json!("1")),
            (json!(null), json!(null), json!(0)),
            (json!(true), json!(true), json!(false)),
            (json!({"prefix": "ab"}), json!("abc"), json!("xab")),
            (json!({"suffix": "bc"}), json!("abc"), json!("bcx")),
            (json!({"equals-ignore-case": "ABC"}), json!("abc"), json!("abd")),
            (json!({"anything-but": ["a", "b"]}), json!("c"), json!("a")),
            (json!({"anything-but": {"prefix": "x"}}), json!("a"), json!("xa")),
            (json!({"numeric": [">=", 7, "<", 9]}), json!(7), json!(9)),
            (json!({"numeric": ["=", 7]}), json!(7.0), json!("7")),
            (json!({"wildcard": "a*c*e"}), json!("abcde"), json!("abcd")),
            (json!("a"), json!(["x", "a"]), json!(["x"])),
        ] {
            assert!(holds(test.clone(), yes.clone()), "{test} {yes}");
            assert!(!holds(test.clone(), no.clone()), "{test} {no}");
        }
    }

    #[test]
    fn exists_looks_at_presence_only() {
        let exists = Tests::read(&[json!({"exists": true})]).unwrap();
        let absent = Tests::read(&[json!({"exists": false})]).unwrap();
        assert!(exists.hold(std::iter::once(Found::Text(""))));
        assert!(!exists.hold(std::iter::empty()));
        assert!(absent.hold(std::iter::empty()));
        assert!(!absent.hold(std::iter::once(Found::Text("x"))));
    }

    #[test]
    fn text_fields_compare_with_numbers_by_value() {
        let tests = Tests::read(&[json!({"numeric": [">", 5]}), json!(3)]).unwrap();
        assert!(tests.hold(std::iter::once(Found::Text("6"))));
        assert!(tests.hold(std::iter::once(Found::Text("3"))));
        assert!(!tests.hold(std::iter::once(Found::Text("five"))));
    }

    #[test]
    fn wrong_operators_say_what_there_is() {
        for bad in [
            json!({"prefx": "a"}),
            json!({"prefix": 1}),
            json!({"exists": "yes"}),
            json!({"numeric": [">="]}),
            json!({"numeric": []}),
            json!({"numeric": ["~", 1]}),
            json!({"prefix": "a", "suffix": "b"}),
            json!({}),
            json!([1]),
        ] {
            assert!(Tests::read(std::slice::from_ref(&bad)).is_err(), "{bad}");
        }
        assert!(Tests::read(&[]).is_err());
    }

    proptest! {
        #[test]
        fn wildcards_agree_with_a_backtracking_matcher(
            pattern in "[ab*]{0,6}", text in "[ab]{0,8}"
        ) {
            fn naive(pattern: &[u8], text: &[u8]) -> bool {
                match (pattern.split_first(), text.split_first()) {
                    (None, None) => true,
                    (Some((b'*', rest)), _) => {
                        let longer = |(_, text): (&u8, &[u8])| naive(pattern, text);
                        naive(rest, text) || text.split_first().is_some_and(longer)
                    }
                    (Some((p, rest)), Some((t, text))) => p == t && naive(rest, text),
                    _ => false,
                }
            }
            let parts: Vec<String> = pattern.split('*').map(str::to_owned).collect();
            prop_assert_eq!(wildcard(&parts, &text), naive(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
