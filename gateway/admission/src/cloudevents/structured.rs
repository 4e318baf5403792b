//! Structured mode: an event, or a batch of them, as JSON (JSON Event Format 1.0.2).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use sluicegate_core::delivery::is_json;

use super::attributes::{Attributes, CloudEvent};
use crate::json;

/// Reads one event.
pub(super) fn one(body: &[u8]) -> Result<CloudEvent, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let members: Members<'_> = serde_json::from_str(text).map_err(|fault| not_json(&fault))?;
    event(members)
}

/// Reads a batch; what is wrong with an event of it is told with its number, from 0.
pub(super) fn batch(body: &[u8]) -> Result<Vec<CloudEvent>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let all: Vec<&RawValue> = serde_json::from_str(text).map_err(|fault| not_json(&fault))?;
    let one = |(number, raw): (usize, &RawValue)| {
        let members = serde_json::from_str(raw.get()).map_err(|fault| not_json(&fault));
        members.and_then(event).map_err(|why| format!("event {number}: {why}"))
    };
    all.into_iter().enumerate().map(one).collect()
}

fn not_json(fault: &serde_json::Error) -> String {
    format!("it is not the JSON of a CloudEvent: {fault}")
}

fn event(Members(members): Members<'_>) -> Result<CloudEvent, String> {
    let mut attributes = Attributes::default();
    let (mut data, mut encoded) = (None, None);
    for (name, raw) in members {
        match (name.as_str(), raw.get()) {
            ("data", _) if data.is_some() => return Err("data is there twice".to_owned()),
            ("data_base64", _) if encoded.is_some() => {
                return Err("data_base64 is there twice".to_owned());
            }
            ("data", _) => data = Some(raw),
            // An attribute that is null is as if it were not there (section 2.2).
            (_, "null") => {}
            ("data_base64", _) => encoded = Some(raw),
            (name, text) => attributes.put(name, scalar(name, text)?)?,
        }
    }
    // Null is data (section 3.1.2), but beside data_base64 it says that data is not set.
    let data = data.filter(|data| data.get() != "null" || encoded.is_none());
    let payload = match (data, encoded) {
        (Some(_), Some(_)) => return Err("it has both data and data_base64".to_owned()),
        (None, None) => Bytes::new(),
        (None, Some(encoded)) => {
            let text: String = serde_json::from_str(encoded.get())
                .map_err(|_| "data_base64 is not a string".to_owned())?;
            Bytes::from(STANDARD.decode(text).map_err(|_| "data_base64 is not base64".to_owned())?)
        }
        (Some(data), None) => payload(data, &mut attributes)?,
    };
    attributes.event(payload)
}

/// JSON stays as it was written; a text of another media type is its characters (section 3.1.1).
fn payload(data: &RawValue, attributes: &mut Attributes) -> Result<Bytes, String> {
    match attributes.said("datacontenttype") {
        None => attributes.put("datacontenttype", "application/json".to_owned())?,
        Some(said) if is_json(said) => {}
        Some(_) => {
            if let Ok(text) = serde_json::from_str::<String>(data.get()) {
                return Ok(Bytes::from(text));
            }
        }
    }
    Ok(Bytes::copy_from_slice(data.get().as_bytes()))
}

/// A value of an attribute as a text: strings, booleans and whole numbers of 32 bits
/// (section 2.2).
fn scalar(name: &str, text: &str) -> Result<String, String> {
    match json::parse(text.as_bytes()) {
        Ok(Value::String(text)) => Ok(text),
        Ok(Value::Bool(value)) => Ok(value.to_string()),
        Ok(Value::Number(number))
            if number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) =>
        {
            Ok(number.to_string())
        }
        _ => Err(format!("attribute {name:?} is not a string, a boolean or a whole number")),
    }
}

/// The members of an object in their order, doubled ones included, each as it was written.
struct Members<'d>(Vec<(String, &'d RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
