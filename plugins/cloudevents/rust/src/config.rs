//! The configuration: whose webhooks they are, and how their types begin.

use sluicegate_plugin::json::Value;

use crate::provider::Provider;

/// A configuration that was read and is right.
pub struct Config {
    pub provider: Provider,
    /// What stands before the provider's name in a type.
    pub prefix: String,
    /// The schema of the payload, with `{type}` for the new type.
    pub dataschema: Option<String>,
    /// Types of events to look at; empty: all.
    pub types: Vec<String>,
}

impl Config {
    /// Reads it from JSON. Members that are not known are errors, so that a typing error is seen.
    pub fn read(text: &str) -> Result<Self, String> {
        let (mut provider, mut prefix) = (None, "com.".to_owned());
        let (mut dataschema, mut types, mut wrong) = (None, Vec::new(), None);
        let read = Value::new(text).members(|name, value| {
            let text = value.as_str();
            match (&*name, text) {
                ("provider", Some(text)) => provider = Provider::named(&text),
                ("prefix", Some(text)) => prefix = text.into_owned(),
                ("dataschema", Some(text)) => dataschema = Some(text.into_owned()),
                ("types", None) => match value.strings() {
                    Some(all) => types = all,
                    None => wrong = Some("types".to_owned()),
                },
                (name, _) => wrong = Some(name.to_owned()),
            }
            wrong.is_none()
        });
        read.map_err(|error| format!("config: {error}"))?;
        if let Some(wrong) = wrong {
            return Err(format!("config: {wrong} is unknown or has a wrong value"));
        }
        let provider = provider.ok_or("config: provider is github, gitlab or stripe")?;
        Ok(Self { provider, prefix, dataschema, types })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_configuration_is_refused_by_name() {
        assert!(Config::read(r#"{"provider":"stripe","types":["a*"],"prefix":""}"#).is_ok());
        for (text, named) in [
            ("", "config"),
            ("{}", "provider"),
            (r#"{"provider":"bitbucket"}"#, "provider"),
            (r#"{"provider":"github","prefix":1}"#, "prefix"),
            (r#"{"provider":"github","types":"a"}"#, "types"),
            (r#"{"provider":"github","schema":"a"}"#, "schema"),
        ] {
            let Err(why) = Config::read(text) else { panic!("{text} was taken") };
            assert!(why.contains(named), "{text}: {why}");
        }
    }
}
