//! Drops the events that carry a header, or a header with one of some values. It never asks for the
//! payload.

use sluicegate_plugin::json::Value;
use sluicegate_plugin::{Decision, Event, Failure, Filter, Subscription, export};

#[derive(Debug, Default)]
struct DropByHeader {
    header: String,
    /// Empty: any.
    values: Vec<String>,
    reason: Option<String>,
}

impl Filter for DropByHeader {
    fn configure(config: &str) -> Result<(Self, Subscription), String> {
        let filter = Self::read(config)?;
        let subscription = Subscription::to_all().headers([&filter.header]).without_data();
        Ok((filter, subscription))
    }

    fn filter(&mut self, event: &Event) -> Result<Decision, Failure> {
        let is_wanted = |value: &String| self.values.is_empty() || self.values.contains(value);
        if event.headers.iter().any(|(name, value)| *name == self.header && is_wanted(value)) {
            let marked = || format!("marked by {}", self.header);
            return Ok(Decision::drop(self.reason.clone().unwrap_or_else(marked)));
        }
        Ok(Decision::Next)
    }
}

impl DropByHeader {
    /// Members that are not known are errors, so that a typing error is seen.
    fn read(config: &str) -> Result<Self, String> {
        let mut filter = Self::default();
        let mut wrong = None;
        let read = Value::new(config).members(|name, value| {
            let right = filter.set(&name, value);
            if right.is_none() {
                wrong = Some(format!("config: {name} is unknown or has a wrong value"));
            }
            right.is_some()
        });
        read.map_err(|error| format!("config: {error}"))?;
        match wrong {
            Some(wrong) => Err(wrong),
            None if filter.header.is_empty() => Err("config: header is missing".into()),
            None => Ok(filter),
        }
    }

    fn set(&mut self, name: &str, value: Value<'_>) -> Option<()> {
        match name {
            "header" => {
                let header = value.as_str().filter(|it| !it.is_empty() && *it != "*")?;
                self.header = header.to_lowercase();
            }
            "values" => {
                let mut all = Some(Vec::new());
                let add = |element: Value<'_>| match (all.as_mut(), element.as_str()) {
                    (Some(texts), Some(text)) => texts.push(text.into_owned()),
                    _ => all = None,
                };
                value.elements(add).ok()?;
                self.values = all?;
            }
            "reason" => self.reason = Some(value.as_str()?.into_owned()),
            _ => return None,
        }
        Some(())
    }
}

export!(DropByHeader);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_for_one_header_and_never_for_the_payload() {
        let (_, wanted) = DropByHeader::configure(r#"{"header":"X-Spam"}"#).unwrap();
        assert_eq!(wanted, Subscription::to_all().headers(["x-spam"]).without_data());
    }

    #[test]
    fn a_wanted_value_counts_wherever_it_stands() {
        let config = r#"{"header":"x-spam","values":["a","b"]}"#;
        let (mut filter, _) = DropByHeader::configure(config).unwrap();
        let event = Event::builder("push").header("x-spam", "c");
        assert_eq!(filter.filter(&event.build()), Ok(Decision::Next));
        let event = Event::builder("push").header("x-spam", "c").header("x-spam", "b");
        assert_eq!(filter.filter(&event.build()), Ok(Decision::drop("marked by x-spam")));
    }

    #[test]
    fn a_wrong_configuration_is_refused_by_name() {
        for (config, why) in [
            (r#"{"header":5}"#, "config: header is unknown or has a wrong value"),
            (r#"{"header":"a","values":[1]}"#, "config: values is unknown or has a wrong value"),
            ("{}", "config: header is missing"),
        ] {
            assert_eq!(DropByHeader::configure(config).unwrap_err(), why);
        }
    }
}
