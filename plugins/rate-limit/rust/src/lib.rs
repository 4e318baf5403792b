//! Lets so many events of a key pass in a window, and rejects the others or sends them elsewhere.
//!
//! A window begins with the first event of its key. It counts in the gateway's state, which is
//! written with the event: no event is counted twice, none is missed, and one that is rejected does
//! not count.

mod config;

use config::{Config, Over};
use sluicegate_plugin::{Decision, Event, Failure, Filter, RejectCode, Subscription};
use sluicegate_plugin::{export, state};

struct RateLimit(Config);

impl Filter for RateLimit {
    fn configure(config: &str) -> Result<(Self, Subscription), String> {
        let config = Config::read(config)?;
        let subscription = match &config.key {
            Some(key) => key.subscription(&config.types),
            None => Subscription::to(config.types.iter().cloned()).without_data(),
        };
        Ok((Self(config), subscription))
    }

    fn filter(&mut self, event: &Event) -> Result<Decision, Failure> {
        // Events without a key share one: leaving it away must not be a way around the limit.
        let key = self.0.key.as_ref().and_then(|key| key.of(event));
        let key = key.map_or("-".to_owned(), |key| format!("k{key}"));
        let begins = state::get(&key)?.is_none();
        let count = state::increment(&key, 1, begins.then_some(self.0.window))?;
        if u64::try_from(count).unwrap_or(u64::MAX) <= self.0.limit {
            return Ok(Decision::Next);
        }
        Ok(match &self.0.over {
            Over::Reject => Decision::reject(RejectCode::RateLimited, "over the limit"),
            Over::Route(queue) => Decision::route([queue]),
        })
    }
}

export!(RateLimit);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn decide(config: &str, id: &str) -> Result<Decision, Failure> {
        let (mut limit, _) = RateLimit::configure(config).unwrap();
        limit.filter(&Event::builder("push").header("x-id", id).build())
    }

    const REJECTS: &str = r#"{"by":"header:x-id","limit":2,"window_s":10}"#;

    #[test]
    fn over_the_limit_events_are_rejected_until_the_window_is_over() {
        let no = Decision::reject(RejectCode::RateLimited, "over the limit");
        let pass = |s| state::double::pass(Duration::from_secs(s));
        assert_eq!(decide(REJECTS, "a"), Ok(Decision::Next));
        pass(9);
        assert_eq!(decide(REJECTS, "a"), Ok(Decision::Next));
        assert_eq!(decide(REJECTS, "a"), Ok(no));
        assert_eq!(decide(REJECTS, "b"), Ok(Decision::Next));
        pass(1);
        assert_eq!(decide(REJECTS, "a"), Ok(Decision::Next), "the window began with the first");
    }

    #[test]
    fn over_the_limit_events_go_to_a_queue_of_their_own() {
        let config = r#"{"limit":1,"window_s":10,"over":"slow"}"#;
        assert_eq!(decide(config, "a"), Ok(Decision::Next));
        assert_eq!(decide(config, "b"), Ok(Decision::route(["slow"])), "one limit for all");
    }

    #[test]
    fn events_without_the_key_share_one() {
        let (mut limit, _) = RateLimit::configure(REJECTS).unwrap();
        let event = Event::builder("push").build();
        let passed = (0..5).filter(|_| limit.filter(&event) == Ok(Decision::Next)).count();
        assert_eq!(passed, 2);
    }
}
