//! Gives the webhooks of GitHub, GitLab and Stripe the types, subjects, origins and times that
//! CloudEvents has for them. The payload stays as it is.
//!
//! `provider` is the table of what is where in whose payload, `time` reads their times, `config`
//! the configuration.

mod config;
mod provider;
mod time;

use config::Config;
use provider::Facts;
use sluicegate_plugin::{Decision, Event, Failure, Filter, Output, Subscription, export};

struct CloudEvents(Config);

impl Filter for CloudEvents {
    fn configure(config: &str) -> Result<(Self, Subscription), String> {
        let config = Config::read(config)?;
        let headers = config.provider.header().into_iter();
        let subscription = Subscription::to(config.types.iter().cloned()).headers(headers);
        Ok((Self(config), subscription))
    }

    fn filter(&mut self, event: &Event) -> Result<Decision, Failure> {
        let Self(config) = self;
        let Facts { kind, subject, origin, occurred } = config.provider.facts(event)?;
        let kind = format!("{}{kind}", config.prefix);
        let schema = config.dataschema.as_ref().map(|schema| schema.replace("{type}", &kind));
        let output = [
            ("subject", subject),
            ("origin", origin),
            ("occurred", occurred),
            ("dataschema", schema),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.filter(|value| is_fit(value))?)))
        .fold(Output::new().kind(kind), |output, (name, value)| output.attribute(name, value));
        Ok(Decision::replace(output))
    }
}

/// Whether a value may be an attribute. A sender can write anything into a payload.
fn is_fit(value: &str) -> bool {
    !value.is_empty() && value.len() <= VALUE_BYTES_MAX && !value.chars().any(char::is_control)
}

/// Longer than any name of a branch or a URL of an object.
const VALUE_BYTES_MAX: usize = 1024;

export!(CloudEvents);

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(config: &str, event: &Event) -> Result<Decision, Failure> {
        let (mut filter, _) = CloudEvents::configure(config).unwrap();
        filter.filter(event)
    }

    #[test]
    fn type_and_attributes_are_set_and_the_payload_stays() {
        let event = Event::builder("push")
            .header("x-github-event", "push")
            .text(r#"{"ref":"refs/heads/main","repository":{"url":"https://api.example/r"}}"#)
            .build();
        let config = r#"{"provider":"github","dataschema":"https://schemas.example/{type}.json"}"#;
        let output = Output::new()
            .kind("com.github.push")
            .attribute("subject", "refs/heads/main")
            .attribute("origin", "https://api.example/r")
            .attribute("dataschema", "https://schemas.example/com.github.push.json");
        assert_eq!(decide(config, &event), Ok(Decision::replace(output)));
    }

    #[test]
    fn what_cannot_be_an_attribute_is_left_out() {
        let long = "x".repeat(2000);
        for subject in ["a\\nb", "", &long] {
            let event = Event::builder("push").text(&format!(r#"{{"ref":"{subject}"}}"#)).build();
            let output = Output::new().kind("x.github.push");
            let decided = decide(r#"{"provider":"github","prefix":"x."}"#, &event);
            assert_eq!(decided, Ok(Decision::replace(output)));
        }
    }

    #[test]
    fn what_is_not_json_is_a_failure() {
        for event in [
            Event::builder("push").text("ref=main").build(),
            Event::builder("push").bytes(b"\xff").build(),
        ] {
            let decided = decide(r#"{"provider":"github"}"#, &event);
            assert!(matches!(decided, Err(Failure::Failed(_))), "{decided:?}");
        }
    }
}
