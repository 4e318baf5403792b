//! Masks values in JSON payloads and removes headers, before an event is stored anywhere.
//!
//! Every byte of the payload that is not masked stays as it was. What cannot be read as JSON is
//! not let through: the filter fails, and its failure policy applies.

mod config;
mod mask;

use config::Config;
use sluicegate_plugin::{Decision, Event, Failure, Filter, Output, Subscription, export};

struct Redactor(Config);

impl Filter for Redactor {
    fn configure(config: &str) -> Result<(Self, Subscription), String> {
        let config = Config::read(config)?;
        let subscription =
            Subscription::to(config.types.iter().cloned()).headers(config.headers.iter().cloned());
        let subscription =
            if config.rules.is_empty() { subscription.without_data() } else { subscription };
        Ok((Self(config), subscription))
    }

    fn filter(&mut self, event: &Event) -> Result<Decision, Failure> {
        let masked = match (self.0.rules.is_empty(), event.bytes().is_empty()) {
            (false, false) => {
                let text =
                    event.text().ok_or("the payload is not text, so nothing can be masked")?;
                mask::masked(text, &self.0.rules).map_err(|error| error.to_string())?
            }
            _ => None,
        };
        // The subscription asked for the headers to remove and no others.
        if masked.is_none() && event.headers.is_empty() {
            return Ok(Decision::Next);
        }
        let mut output = Output::new();
        output.remove = event.headers.iter().map(|(name, _)| name.clone()).collect();
        Ok(Decision::replace(match masked {
            Some(text) => output.text(text),
            None => output,
        }))
    }
}

export!(Redactor);

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(config: &str, event: &Event) -> Result<Decision, Failure> {
        let (mut redactor, _) = Redactor::configure(config).unwrap();
        redactor.filter(event)
    }

    const CONFIG: &str = r#"{"keys":["email"],"headers":["x-forwarded-for"]}"#;

    #[test]
    fn a_payload_and_a_header_are_redacted_in_one_output() {
        let event = Event::builder("push")
            .header("x-forwarded-for", "192.0.2.1")
            .text(r#"{ "email" : "a@example.org", "n": 1.0 }"#)
            .build();
        let output =
            Output::new().without("x-forwarded-for").text(r#"{ "email" : "***", "n": 1.0 }"#);
        assert_eq!(decide(CONFIG, &event), Ok(Decision::replace(output)));
    }

    #[test]
    fn an_event_with_nothing_to_hide_goes_on_as_it_is() {
        let event = Event::builder("push").text(r#"{"name":"x"}"#).build();
        assert_eq!(decide(CONFIG, &event), Ok(Decision::Next));
        assert_eq!(decide(CONFIG, &Event::builder("push").build()), Ok(Decision::Next));
    }

    #[test]
    fn what_cannot_be_read_is_not_let_through() {
        let cut = Event::builder("push").text(r#"{"email":"a@exa"#).build();
        assert!(matches!(decide(CONFIG, &cut), Err(Failure::Failed(_))));
        let bytes = Event::builder("push").bytes(b"\xff").build();
        assert!(matches!(decide(CONFIG, &bytes), Err(Failure::Failed(_))));
    }
}
