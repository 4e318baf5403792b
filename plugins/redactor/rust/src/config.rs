//! The configuration: what to mask, what to remove, and in which events.

use sluicegate_plugin::json::Value;

use crate::mask::Rules;

/// A configuration that was read and is right.
pub struct Config {
    /// Types of events to redact; empty: all.
    pub types: Vec<String>,
    /// Headers to remove, in lower case.
    pub headers: Vec<String>,
    /// What to mask in payloads.
    pub rules: Rules,
}

impl Config {
    /// Reads it from JSON. Members that are not known are errors, so that a typing error is seen.
    pub fn read(text: &str) -> Result<Self, String> {
        let rules = Rules { pointers: Vec::new(), keys: Vec::new(), mask: "\"***\"".into() };
        let mut config = Self { types: Vec::new(), headers: Vec::new(), rules };
        let mut wrong = None;
        let read = Value::new(text).members(|name, value| {
            let right = config.set(&name, value);
            if right.is_none() {
                wrong = Some(format!("config: {name} is unknown or has a wrong value"));
            }
            right.is_some()
        });
        read.map_err(|error| format!("config: {error}"))?;
        match wrong {
            Some(wrong) => Err(wrong),
            None if config.rules.is_empty() && config.headers.is_empty() => {
                Err("config: one of pointers, keys and headers is needed".into())
            }
            None => Ok(config),
        }
    }

    fn set(&mut self, name: &str, value: Value<'_>) -> Option<()> {
        match name {
            "types" => self.types = value.strings()?,
            "headers" => self.headers = lower(value.strings()?),
            "keys" => self.rules.keys = lower(value.strings()?),
            "pointers" => {
                self.rules.pointers =
                    value.strings()?.iter().map(|text| steps(text)).collect::<Option<_>>()?;
            }
            "mask" => {
                value.as_str()?;
                value.raw().clone_into(&mut self.rules.mask);
            }
            _ => return None,
        }
        Some(())
    }
}

/// The steps of a JSON Pointer (RFC 6901 section 4).
fn steps(pointer: &str) -> Option<Vec<String>> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return None;
    }
    Some(
        pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect(),
    )
}

fn lower(texts: Vec<String>) -> Vec<String> {
    texts.into_iter().map(|text| text.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_configuration_is_read() {
        let config = Config::read(
            r#"{"types":["push"],"headers":["X-A"],"keys":["Token"],"pointers":["/a~1b/~0","" ],
                "mask":"\u0078"}"#,
        )
        .unwrap();
        assert_eq!((config.types, config.headers), (vec!["push".into()], vec!["x-a".into()]));
        assert_eq!(config.rules.keys, ["token"]);
        assert_eq!(config.rules.pointers, [vec!["a/b".to_owned(), "~".into()], vec![]]);
        assert_eq!(config.rules.mask, "\"\\u0078\"");
    }

    #[test]
    fn a_wrong_one_is_refused_by_name() {
        for (text, named) in [
            ("", "config"),
            ("{}", "needed"),
            (r#"{"keys":"a"}"#, "keys"),
            (r#"{"pointers":["a"]}"#, "pointers"),
            (r#"{"keys":["a"],"mask":1}"#, "mask"),
            (r#"{"keys":["a"],"kees":[]}"#, "kees"),
        ] {
            let Err(why) = Config::read(text) else { panic!("{text} was taken") };
            assert!(why.contains(named), "{text}: {why}");
        }
    }
}
