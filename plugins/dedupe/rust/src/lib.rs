//! Lets the first event of a key pass, and drops those that follow within a time.
//!
//! It remembers the keys in the gateway's state, which is written with the event: an event that was
//! refused has not been seen, and of two that come at the same time one is the first.

mod config;

use config::Config;
use sluicegate_plugin::{Decision, Event, Failure, Filter, Subscription, export, state};

struct Dedupe(Config);

impl Filter for Dedupe {
    fn configure(config: &str) -> Result<(Self, Subscription), String> {
        let config = Config::read(config)?;
        let subscription = config.key.subscription(&config.types);
        Ok((Self(config), subscription))
    }

    fn filter(&mut self, event: &Event) -> Result<Decision, Failure> {
        // Without a key there is nothing to compare.
        let Some(key) = self.0.key.of(event) else { return Ok(Decision::Next) };
        let is_first = state::set_if_absent(&format!("k{key}"), b"", Some(self.0.ttl))?;
        Ok(if is_first { Decision::Next } else { Decision::drop("seen before") })
    }
}

export!(Dedupe);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CONFIG: &str = r#"{"by":"header:x-id","ttl_s":60}"#;

    fn decide(id: &str) -> Result<Decision, Failure> {
        let (mut dedupe, _) = Dedupe::configure(CONFIG).unwrap();
        dedupe.filter(&Event::builder("push").header("x-id", id).build())
    }

    #[test]
    fn the_first_of_a_key_passes_and_others_are_dropped_until_its_time_is_over() {
        assert_eq!(decide("a"), Ok(Decision::Next));
        assert_eq!(decide("a"), Ok(Decision::drop("seen before")));
        assert_eq!(decide("b"), Ok(Decision::Next));
        state::double::pass(Duration::from_secs(60));
        assert_eq!(decide("a"), Ok(Decision::Next));
    }

    #[test]
    fn an_event_without_the_key_passes_and_leaves_nothing() {
        let (mut dedupe, _) = Dedupe::configure(CONFIG).unwrap();
        for _ in 0..2 {
            assert_eq!(dedupe.filter(&Event::builder("push").build()), Ok(Decision::Next));
        }
        assert_eq!(state::double::keys(), Vec::<String>::new());
    }

    #[test]
    fn a_full_state_is_a_failure() {
        state::double::fill();
        assert_eq!(decide("a"), Err(Failure::failed("state: quota exceeded")));
    }
}
