//! A YAML document as a JSON value, with the line of every place in it.

use std::collections::BTreeMap;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Number, Value};

use super::fault::ConfigFault;

/// A document: its value, and for each JSON Pointer into it the line (from 1) where it stands.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) value: Value,
    lines: BTreeMap<String, usize>,
}

impl Document {
    /// Reads one YAML document.
    pub(super) fn parse(text: &str) -> Result<Self, ConfigFault> {
        let nodes = MarkedYaml::load_from_str(text).map_err(|fault| ConfigFault {
            line: fault.marker().line(),
            path: String::new(),
            code: "config_syntax",
            message: format!("this is not YAML: {}", fault.info()),
        })?;
        let [root] = nodes.as_slice() else {
            return Err(fault(0, "a configuration is one YAML document, and must not be empty"));
        };
        let mut document = Self { value: Value::Null, lines: BTreeMap::new() };
        document.value = document.convert(root, "")?;
        Ok(document)
    }

    /// The line of a JSON Pointer, or of the nearest place above it.
    pub(super) fn line(&self, pointer: &str) -> usize {
        let mut at = pointer;
        loop {
            if let Some(line) = self.lines.get(at) {
                return *line;
            }
            match at.rfind('/') {
                Some(end) => at = at.get(..end).unwrap_or_default(),
                None => return 0,
            }
        }
    }

    /// A fault at a place of this document.
    pub(super) fn fault(
        &self,
        pointer: &str,
        code: &'static str,
        message: impl Into<String>,
    ) -> ConfigFault {
        let (line, path) = (self.line(pointer), path_of(pointer));
        ConfigFault { line, path, code, message: message.into() }
    }

    fn convert(&mut self, node: &MarkedYaml<'_>, pointer: &str) -> Result<Value, ConfigFault> {
        let line = node.span.start.line();
        self.lines.entry(pointer.to_owned()).or_insert(line);
        match &node.data {
            YamlData::Value(scalar) => Ok(scalar_value(scalar)),
            YamlData::Sequence(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (at, item) in items.iter().enumerate() {
                    list.push(self.convert(item, &format!("{pointer}/{at}"))?);
                }
                Ok(Value::Array(list))
            }
            YamlData::Mapping(pairs) => {
                let mut map = Map::with_capacity(pairs.len());
                for (key, item) in pairs {
                    let name = key_text(key)?;
                    let place = format!("{pointer}/{}", escape(&name));
                    self.lines.insert(place.clone(), key.span.start.line());
                    let value = self.convert(item, &place)?;
                    map.insert(name, value);
                }
                Ok(Value::Object(map))
            }
            _ => Err(fault(line, "tags and unresolved aliases have no meaning here")),
        }
    }
}

fn fault(line: usize, message: &str) -> ConfigFault {
    ConfigFault { line, path: String::new(), code: "config_syntax", message: message.to_owned() }
}

fn key_text(key: &MarkedYaml<'_>) -> Result<String, ConfigFault> {
    match &key.data {
        YamlData::Value(Scalar::String(text)) => Ok(text.to_string()),
        YamlData::Value(Scalar::Integer(number)) => Ok(number.to_string()),
        YamlData::Value(Scalar::Boolean(truth)) => Ok(truth.to_string()),
        _ => Err(fault(key.span.start.line(), "a key is a plain word")),
    }
}

fn scalar_value(scalar: &Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(truth) => Value::Bool(*truth),
        Scalar::Integer(number) => Value::Number((*number).into()),
        Scalar::FloatingPoint(number) => {
            Number::from_f64(number.into_inner()).map_or(Value::Null, Value::Number)
        }
        Scalar::String(text) => Value::String(text.to_string()),
    }
}

/// Escapes one token of a JSON Pointer (RFC 6901 section 3).
pub(super) fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// A JSON Pointer as a person writes it: `/routes/0/to` is `routes[0].to`.
fn path_of(pointer: &str) -> String {
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        if !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit()) {
            path.push_str(&format!("[{token}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&token);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_knows_its_line() {
        let document = Document::parse("version: 1\nroutes:\n  - name: a\n    to: [x]\n").unwrap();
        assert_eq!(document.line("/version"), 1);
        assert_eq!(document.line("/routes/0/to"), 4);
        assert_eq!(document.line("/routes/0/when/type"), 3);
        let fault = document.fault("/routes/0/to", "x", "y");
        assert_eq!((fault.line, fault.path.as_str()), (4, "routes[0].to"));
    }

    #[test]
    fn broken_doubled_and_empty_documents_say_where() {
        assert_eq!(Document::parse("a: 1\na: 2\n").unwrap_err().line, 2);
        assert!(Document::parse("a: [1\nb: {").is_err());
        assert!(Document::parse("").is_err());
        assert!(Document::parse("a: 1\n---\nb: 2\n").is_err());
        assert!(Document::parse("a: *nowhere\n").is_err());
    }
}
