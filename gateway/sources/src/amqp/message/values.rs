//! Header values as text: numbers as people write them, bytes in Base64, tables and arrays as JSON.
//! What a text does not tell of its type is noted in [`Types`]. On a source of CloudEvents, what is
//! an attribute becomes the header that it is in HTTP, and needs no note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Map, Number, Value};
use sluicegate_core::fields::Fields;

use super::cloudevents;
use super::types::{Types, encoded};
use crate::format::Format;

/// Adds the headers of a table to `headers`, but for those whose name is in `taken`.
pub(super) fn read_table(
    table: &FieldTable,
    taken: &[&str],
    format: Format,
    headers: &mut Fields,
    types: &mut Types,
) {
    for (name, value) in table {
        let name = name.as_str();
        if taken.iter().any(|taken| taken.eq_ignore_ascii_case(name)) {
            continue;
        }
        let said = cloudevents::attribute(name).filter(|_| format == Format::CloudEvents);
        if let Some(attribute) = said {
            let (text, _) = text(value, attribute, &mut Types::default());
            headers.push(&format!("ce-{attribute}"), &cloudevents::value(value, &text));
            continue;
        }
        let path = encoded(name);
        let (text, kind) = text(value, &path, types);
        if kind != "S" || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            types.push(&path, kind);
        }
        headers.push(name, &text);
    }
}

/// A value as text, and its type.
pub(super) fn text(value: &AMQPValue, path: &str, types: &mut Types) -> (String, &'static str) {
    match value {
        AMQPValue::FieldTable(_) => (json(value, path, types).to_string(), "F"),
        AMQPValue::FieldArray(_) => (json(value, path, types).to_string(), "A"),
        _ => plain(value),
    }
}

/// A value that holds no other, as text, and its type.
fn plain(value: &AMQPValue) -> (String, &'static str) {
    match value {
        AMQPValue::Boolean(is) => (is.to_string(), "t"),
        AMQPValue::ShortShortInt(number) => (number.to_string(), "b"),
        AMQPValue::ShortShortUInt(number) => (number.to_string(), "B"),
        AMQPValue::ShortInt(number) => (number.to_string(), "s"),
        AMQPValue::ShortUInt(number) => (number.to_string(), "u"),
        AMQPValue::LongInt(number) => (number.to_string(), "I"),
        AMQPValue::LongUInt(number) => (number.to_string(), "i"),
        AMQPValue::LongLongInt(number) => (number.to_string(), "l"),
        AMQPValue::Float(number) => (number.to_string(), "f"),
        AMQPValue::Double(number) => (number.to_string(), "d"),
        AMQPValue::DecimalValue(number) => (decimal(number.value, number.scale), "D"),
        AMQPValue::Timestamp(seconds) => (seconds.to_string(), "T"),
        AMQPValue::ShortString(text) => (text.to_string(), "S"),
        AMQPValue::LongString(text) => match std::str::from_utf8(text.as_bytes()) {
            Ok(text) => (text.to_owned(), "S"),
            Err(_) => (STANDARD.encode(text.as_bytes()), "S64"),
        },
        AMQPValue::ByteArray(bytes) => (STANDARD.encode(bytes.as_slice()), "x"),
        AMQPValue::Void | AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_) => {
            (String::new(), "V")
        }
    }
}

/// A number with its decimal places, trailing zeros too: they are its scale.
fn decimal(value: u32, scale: u8) -> String {
    let (digits, scale) = (value.to_string(), usize::from(scale));
    if scale == 0 {
        return digits;
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, places) = padded.split_at(padded.len() - scale);
    format!("{whole}.{places}")
}

/// A value within a table or array, as JSON. The guard has bounded how deep they go.
fn json(value: &AMQPValue, path: &str, types: &mut Types) -> Value {
    match value {
        AMQPValue::FieldTable(table) => {
            let mut map = Map::new();
            for (name, value) in table {
                let path = format!("{path}/{}", encoded(name.as_str()));
                map.insert(name.to_string(), json(value, &path, types));
            }
            Value::Object(map)
        }
        AMQPValue::FieldArray(array) => {
            let items = array.as_slice().iter().enumerate();
            let item = |(at, value)| json(value, &format!("{path}/{at}"), types);
            Value::Array(items.map(item).collect())
        }
        AMQPValue::Void => Value::Null,
        AMQPValue::Boolean(is) => Value::Bool(*is),
        AMQPValue::LongLongInt(number) => Value::Number(Number::from(*number)),
        AMQPValue::Double(number) if number.is_finite() => {
            Number::from_f64(*number).map_or(Value::Null, Value::Number)
        }
        other => {
            let (text, kind) = plain(other);
            if kind != "S" {
                types.push(path, kind);
            }
            whole(other).map_or(Value::String(text), Value::Number)
        }
    }
}

/// Whole numbers other than the usual one stand in JSON as numbers too.
fn whole(value: &AMQPValue) -> Option<Number> {
    match value {
        AMQPValue::ShortShortInt(number) => Some((*number).into()),
        AMQPValue::ShortShortUInt(number) => Some((*number).into()),
        AMQPValue::ShortInt(number) => Some((*number).into()),
        AMQPValue::ShortUInt(number) => Some((*number).into()),
        AMQPValue::LongInt(number) => Some((*number).into()),
        AMQPValue::LongUInt(number) => Some((*number).into()),
        AMQPValue::Timestamp(seconds) => Some((*seconds).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lapin::types::{ByteArray, DecimalValue, FieldArray, LongString};

    fn read(values: Vec<(&str, AMQPValue)>) -> (Fields, String) {
        read_as(Format::Message, values)
    }

    fn read_as(format: Format, values: Vec<(&str, AMQPValue)>) -> (Fields, String) {
        let mut table = FieldTable::default();
        for (name, value) in values {
            table.insert(name.into(), value);
        }
        let (mut headers, mut types) = (Fields::new(), Types::default());
        read_table(&table, &["content-type"], format, &mut headers, &mut types);
        (headers, types.text().to_owned())
    }

    fn long(text: &str) -> AMQPValue {
        AMQPValue::LongString(text.into())
    }

    #[test]
    fn each_type_has_its_text_and_the_unusual_ones_an_entry() {
        for (value, text, kind) in [
            (long("héllo"), "héllo", ""),
            (AMQPValue::Boolean(true), "true", "n=t"),
            (AMQPValue::ShortShortInt(-8), "-8", "n=b"),
            (AMQPValue::ShortShortUInt(255), "255", "n=B"),
            (AMQPValue::ShortInt(-16), "-16", "n=s"),
            (AMQPValue::ShortUInt(16), "16", "n=u"),
            (AMQPValue::LongInt(-32), "-32", "n=I"),
            (AMQPValue::LongUInt(u32::MAX), "4294967295", "n=i"),
            (AMQPValue::LongLongInt(i64::MIN), "-9223372036854775808", "n=l"),
            (AMQPValue::Float(0.1), "0.1", "n=f"),
            (AMQPValue::Double(f64::NAN), "NaN", "n=d"),
            (AMQPValue::DecimalValue(DecimalValue { scale: 3, value: 5 }), "0.005", "n=D"),
            (AMQPValue::DecimalValue(DecimalValue { scale: 2, value: 1230 }), "12.30", "n=D"),
            (AMQPValue::Timestamp(1_700_000_000), "1700000000", "n=T"),
            (AMQPValue::ByteArray(ByteArray::from(vec![0, 255])), "AP8=", "n=x"),
            (AMQPValue::LongString(LongString::from(vec![0xff])), "/w==", "n=S64"),
            (AMQPValue::Void, "", "n=V"),
        ] {
            let (headers, types) = read(vec![("n", value)]);
            assert_eq!((headers.first("n"), types.as_str()), (Some(text), kind));
        }
    }

    #[test]
    fn tables_and_arrays_are_json_with_entries_for_what_json_does_not_tell() {
        let mut death = FieldTable::default();
        death.insert("count".into(), AMQPValue::LongLongInt(2));
        death.insert("a b".into(), AMQPValue::Timestamp(7));
        death.insert("queue".into(), long("orders"));
        let deaths = FieldArray::from(vec![AMQPValue::FieldTable(death), AMQPValue::Void]);
        let (headers, types) = read(vec![("x-death", AMQPValue::FieldArray(deaths))]);
        let json = r#"[{"a b":7,"count":2,"queue":"orders"},null]"#;
        assert_eq!(headers.first("x-death"), Some(json));
        assert_eq!(types, "x-death/0/a%20b=T x-death=A");
    }

    #[test]
    fn attributes_of_cloudevents_are_headers_of_http_where_the_source_takes_them() {
        let values = || vec![("cloudEvents_time", AMQPValue::Timestamp(7)), ("n", long("1"))];
        let (headers, types) = read_as(Format::CloudEvents, values());
        let expected = [("ce-time", "1970-01-01T00:00:07Z"), ("n", "1")];
        assert_eq!((headers.iter().collect::<Vec<_>>(), types.as_str()), (expected.into(), ""));
        let (headers, types) = read_as(Format::Message, values());
        assert_eq!(headers.first("cloudevents_time"), Some("7"));
        assert_eq!(types, "cloudEvents_time=T");
    }

    #[test]
    fn a_name_with_capitals_is_folded_and_remembered_and_a_taken_one_is_left_out() {
        let (headers, types) = read(vec![("X-Id", long("1")), ("Content-Type", long("a/b"))]);
        assert_eq!(headers.iter().collect::<Vec<_>>(), [("x-id", "1")]);
        assert_eq!(types, "X-Id=S");
    }
}
