//! The configuration: which key, how many, in which time, and what becomes of the rest.

use std::time::Duration;

use event_key::{Key, positive};
use sluicegate_plugin::json::Value;

/// A configuration that was read and is right.
#[derive(Debug)]
pub struct Config {
    /// `None`: all events share one limit.
    pub key: Option<Key>,
    pub limit: u64,
    pub window: Duration,
    pub over: Over,
    pub types: Vec<String>,
}

/// What becomes of an event over the limit.
#[derive(Debug, PartialEq, Eq)]
pub enum Over {
    Reject,
    /// To this queue.
    Route(String),
}

impl Config {
    /// Reads it from JSON. Members that are not known are errors, so that a typing error is seen.
    pub fn read(text: &str) -> Result<Self, String> {
        let (mut key, mut limit, mut window) = (None, None, None);
        let (mut over, mut types, mut wrong) = (Over::Reject, Vec::new(), None);
        let read = Value::new(text).members(|name, value| {
            let right = match &*name {
                "by" => {
                    key = value.as_str().and_then(|text| Key::read(&text));
                    key.is_some()
                }
                "limit" => {
                    limit = positive(value);
                    limit.is_some()
                }
                "window_s" => {
                    window = positive(value).map(Duration::from_secs);
                    window.is_some()
                }
                "over" => match value.as_str() {
                    Some(queue) => {
                        over = Over::Route(queue.into_owned());
                        true
                    }
                    None => false,
                },
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
        let limit = limit.ok_or("config: limit is missing")?;
        let window = window.ok_or("config: window_s is missing")?;
        Ok(Self { key, limit, window, over, types })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_unknown_or_wrong_is_refused() {
        let config = Config::read(r#"{"limit":5,"window_s":60,"over":"slow"}"#).unwrap();
        assert_eq!((config.limit, config.over), (5, Over::Route("slow".into())));
        for wrong in [
            "{}",
            r#"{"limit":5}"#,
            r#"{"window_s":5}"#,
            r#"{"limit":0,"window_s":5}"#,
            r#"{"limit":5,"window_s":5,"over":7}"#,
            r#"{"limit":5,"window_s":5,"by":"id"}"#,
            r#"{"limit":5,"window_s":5,"types":["push",1]}"#,
        ] {
            assert!(Config::read(wrong).is_err(), "{wrong}");
        }
    }
}
