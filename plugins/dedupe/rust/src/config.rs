//! The configuration: which key, and for how long it is remembered.

use std::time::Duration;

use event_key::{Key, positive};
use sluicegate_plugin::json::Value;

/// A configuration that was read and is right.
#[derive(Debug)]
pub struct Config {
    pub key: Key,
    pub ttl: Duration,
    pub types: Vec<String>,
}

impl Config {
    /// Reads it from JSON. Members that are not known are errors, so that a typing error is seen.
    pub fn read(text: &str) -> Result<Self, String> {
        let (mut key, mut ttl, mut types, mut wrong) = (None, None, Vec::new(), None);
        let read = Value::new(text).members(|name, value| {
            let right = match &*name {
                "by" => {
                    key = value.as_str().and_then(|text| Key::read(&text));
                    key.is_some()
                }
                "ttl_s" => {
                    ttl = positive(value).map(Duration::from_secs);
                    ttl.is_some()
                }
                "types" => match value.strings() {
                    Some(all) => {
                        types = all;
                        true
                    }
                    None => false,
                },
                _ => false,
            };
            if !right {
                wrong = Some(format!("config: {name} is unknown or has a wrong value"));
            }
            right
        });
        read.map_err(|error| format!("config: {error}"))?;
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        let key =
            key.ok_or("config: by is missing (header:NAME, attribute:NAME, payload:/PATH)")?;
        Ok(Self { key, ttl: ttl.ok_or("config: ttl_s is missing")?, types })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_unknown_or_wrong_is_refused() {
        let whole = r#"{"by":"header:a","ttl_s":5,"types":["push"]}"#;
        let config = Config::read(whole).unwrap();
        assert_eq!((config.ttl, config.types), (Duration::from_secs(5), vec!["push".to_owned()]));
        for wrong in [
            "{}",
            r#"{"by":"header:a"}"#,
            r#"{"ttl_s":5}"#,
            r#"{"by":"a","ttl_s":5}"#,
            r#"{"by":"header:a","ttl_s":0}"#,
            r#"{"by":"header:a","ttl_s":5,"tll":1}"#,
            r#"{"by":"header:a","ttl_s":5,"types":["push",1]}"#,
            r#"{"by":"header:a","ttl_s":5,"types":"push"}"#,
        ] {
            assert!(Config::read(wrong).is_err(), "{wrong}");
        }
    }
}
