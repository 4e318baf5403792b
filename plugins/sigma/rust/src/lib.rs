//! Holds events against detection rules in the form of Sigma, and tags or routes those that match.
//!
//! `config` reads the rules (`rule`), each of which is made of tests of fields (`test`, `glob`) and
//! a condition over them (`condition`). An event is read once for all rules (`facts`).

mod condition;
mod config;
mod facts;
mod glob;
mod rule;
mod test;

use config::{Config, Otherwise};
use facts::Facts;
use sluicegate_plugin::{Decision, Event, Failure, Filter, Output, Subscription, export};

struct Sigma(Config);

impl Filter for Sigma {
    fn configure(config: &str) -> Result<(Self, Subscription), String> {
        let config = Config::read(config)?;
        let subscription = Subscription::to(config.types.iter().cloned())
            .headers(config.fields.headers())
            .attributes(config.fields.attributes());
        Ok((Self(config), subscription))
    }

    fn filter(&mut self, event: &Event) -> Result<Decision, Failure> {
        let Self(config) = self;
        let facts = Facts::of(event, &config.fields)?;
        let matched: Vec<_> = config.rules.iter().filter(|rule| rule.matches(&facts)).collect();
        let Some(worst) = matched.iter().max_by_key(|rule| rule.level) else {
            return Ok(match config.otherwise {
                Otherwise::Next => Decision::Next,
                Otherwise::Drop => Decision::drop("no rule matches"),
            });
        };
        let names: Vec<_> = matched.iter().map(|rule| rule.name.as_str()).collect();
        let output = Output::new()
            .attribute("sigmarules", names.join(","))
            .attribute("sigmalevel", worst.level.word())
            .attribute("sigmatitle", worst.title.as_str());
        Ok(Decision::replace(config.queues.iter().fold(output, |output, queue| output.to(queue))))
    }
}

export!(Sigma);

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(config: &str, event: &Event) -> Result<Decision, Failure> {
        let (mut sigma, _) = Sigma::configure(config).unwrap_or_else(|why| panic!("{why}"));
        sigma.filter(event)
    }

    const TWO: &str = r#"{ "queues": ["soc"], "rules": [
        { "title": "A low one", "id": "r-1", "level": "low",
          "detection": { "s": { "action": "created" }, "condition": "s" } },
        { "title": "A high one", "id": "r-2", "level": "high",
          "detection": { "s": { "user.name|startswith": "adm" }, "condition": "s" } }
    ] }"#;

    #[test]
    fn what_matches_is_tagged_with_all_rules_and_the_worst_level() {
        let event =
            Event::builder("x").text(r#"{"action":"created","user":{"name":"Admin"}}"#).build();
        let output = Output::new()
            .to("soc")
            .attribute("sigmarules", "r-1,r-2")
            .attribute("sigmalevel", "high")
            .attribute("sigmatitle", "A high one");
        assert_eq!(decide(TWO, &event), Ok(Decision::replace(output)));
    }

    #[test]
    fn what_does_not_match_goes_on_or_is_dropped() {
        let event = Event::builder("x").text(r#"{"action":"deleted"}"#).build();
        assert_eq!(decide(TWO, &event), Ok(Decision::Next));
        let drop = TWO.replace(r#""queues": ["soc"]"#, r#""else": "drop""#);
        assert_eq!(decide(&drop, &event), Ok(Decision::drop("no rule matches")));
    }

    #[test]
    fn json_that_cannot_be_read_is_not_let_through() {
        let event = Event::builder("x").text(r#"{"action":"crea"#).build();
        assert!(matches!(decide(TWO, &event), Err(Failure::Failed(_))));
    }

    #[test]
    fn the_subscription_asks_for_no_more_than_the_rules() {
        let config = r#"{ "types": ["push*"], "rules": [ { "title": "t", "detection": {
            "s": { "@header.X-Agent": "curl*", "@attribute.tenant": "a", "@subject|exists": true,
                   "@type": "push" },
            "condition": "s" } } ] }"#;
        let (_, subscription) = Sigma::configure(config).unwrap();
        assert_eq!(subscription.types, ["push*"]);
        assert_eq!(subscription.headers, ["x-agent"]);
        assert_eq!(subscription.attributes, ["tenant", "subject"]);
    }
}
