//! The configuration: rules, and what becomes of events that match one, or none.

use sluicegate_plugin::json::Value;

use crate::facts::Fields;
use crate::rule::Rule;

/// A configuration that was read and is right.
pub struct Config {
    /// Types of events to look at; empty: all.
    pub types: Vec<String>,
    /// The rules.
    pub rules: Vec<Rule>,
    /// Every field that a rule looks at.
    pub fields: Fields,
    /// Where events go that match; none: on down the route.
    pub queues: Vec<String>,
    /// What becomes of the others.
    pub otherwise: Otherwise,
}

/// What becomes of an event that matches no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    Next,
    Drop,
}

impl Config {
    /// Reads it from JSON. Members that are not known are errors, so that a typing error is seen;
    /// those of a rule are Sigma's matter, and are its author's.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut config = Self {
            types: Vec::new(),
            rules: Vec::new(),
            fields: Fields::default(),
            queues: Vec::new(),
            otherwise: Otherwise::Next,
        };
        let mut wrong = None;
        let read = Value::new(text).members(|name, value| {
            let right = config.set(&name, value);
            wrong = right.err();
            wrong.is_none()
        });
        read.map_err(|error| format!("config: {error}"))?;
        match wrong {
            Some(wrong) => Err(format!("config: {wrong}")),
            None if config.rules.is_empty() => Err("config: rules is missing or empty".into()),
            None => Ok(config),
        }
    }

    fn set(&mut self, name: &str, value: Value<'_>) -> Result<(), String> {
        let wrong = || format!("{name} is unknown or has a wrong value");
        match name {
            "types" => self.types = value.strings().ok_or_else(wrong)?,
            "queues" => self.queues = value.strings().ok_or_else(wrong)?,
            "else" => {
                self.otherwise = match value.as_str().as_deref() {
                    Some("next") => Otherwise::Next,
                    Some("drop") => Otherwise::Drop,
                    _ => return Err(wrong()),
                }
            }
            "rules" => {
                let mut rules = Vec::new();
                value.elements(|rule| rules.push(rule)).map_err(|_| wrong())?;
                for (at, rule) in rules.into_iter().enumerate() {
                    let rule = Rule::read(rule, &mut self.fields);
                    self.rules.push(rule.map_err(|why| format!("rules[{at}]: {why}"))?);
                }
            }
            _ => return Err(wrong()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_configuration_is_refused_by_name() {
        let rule = r#"{"title":"t","detection":{"s":{"a":1},"condition":"s"}}"#;
        assert!(Config::read(&format!(r#"{{"rules":[{rule}]}}"#)).is_ok());
        for (text, named) in [
            (String::new(), "config"),
            ("{}".into(), "rules"),
            (r#"{"rules":[]}"#.into(), "rules"),
            (r#"{"rules":[{}]}"#.into(), "rules[0]"),
            (format!(r#"{{"rules":[{rule},{{"title":"t"}}]}}"#), "rules[1]"),
            (format!(r#"{{"rules":[{rule}],"queues":"a"}}"#), "queues"),
            (format!(r#"{{"rules":[{rule}],"else":"stop"}}"#), "else"),
            (format!(r#"{{"rules":[{rule}],"limit":1}}"#), "limit"),
        ] {
            let Err(why) = Config::read(&text) else { panic!("{text} was taken") };
            assert!(why.contains(named), "{text}: {why}");
        }
    }
}
