//! The configuration: a threshold, the queues above it, and what becomes of the rest.

use sluicegate_plugin::json::Value;

use crate::severity::Severity;

/// A configuration that was read and is right.
pub struct Config {
    pub threshold: Severity,
    pub queues: Vec<String>,
    pub otherwise: Otherwise,
}

/// What becomes of an alert below the threshold.
#[derive(Debug, PartialEq, Eq)]
pub enum Otherwise {
    Next,
    Drop,
}

impl Config {
    /// Reads it from JSON. Members that are not known are errors, so that a typing error is seen.
    pub fn read(text: &str) -> Result<Self, String> {
        let (mut threshold, mut queues, mut otherwise) = (None, Vec::new(), Otherwise::Next);
        let mut wrong = None;
        let read = Value::new(text).members(|name, value| {
            let right = match &*name {
                "threshold" => {
                    threshold = value.as_str().and_then(|name| Severity::named(&name));
                    threshold.is_some()
                }
                "queues" => match value.strings() {
                    Some(all) => {
                        queues = all;
                        true
                    }
                    None => false,
                },
                "else" => match value.as_str().as_deref() {
                    Some("next") => true,
                    Some("drop") => {
                        otherwise = Otherwise::Drop;
                        true
                    }
                    _ => false,
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
        let threshold =
            threshold.ok_or("config: threshold is missing (low, medium, high, critical)")?;
        if queues.is_empty() {
            return Err("config: queues is missing or empty".into());
        }
        Ok(Self { threshold, queues, otherwise })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_configuration_is_read() {
        let config =
            Config::read(r#"{"else":"drop","queues":["a","b"],"threshold":"low"}"#).unwrap();
        assert_eq!(config.threshold, Severity::Low);
        assert_eq!(
            (config.queues, config.otherwise),
            (vec!["a".into(), "b".into()], Otherwise::Drop)
        );
    }

    #[test]
    fn a_wrong_one_is_refused_by_name() {
        for (text, named) in [
            ("", "config"),
            ("[]", "config"),
            ("{}", "threshold"),
            (r#"{"threshold":"high"}"#, "queues"),
            (r#"{"threshold":"high","queues":[]}"#, "queues"),
            (r#"{"threshold":"high","queues":[1]}"#, "queues"),
            (r#"{"threshold":"hi","queues":["a"]}"#, "threshold"),
            (r#"{"threshold":"high","queues":["a"],"else":"stop"}"#, "else"),
            (r#"{"threshold":"high","queues":["a"],"limit":1}"#, "limit"),
        ] {
            let Err(why) = Config::read(text) else { panic!("{text} was taken") };
            assert!(why.contains(named), "{text}: {why}");
        }
    }
}
