//! Sends GitHub security alerts at or above a severity to queues of their own.
//!
//! It reads the severity from the payload of `code_scanning_alert` and `dependabot_alert`; events
//! of other types never reach it.

mod config;
mod severity;

use config::{Config, Otherwise};
use severity::Severity;
use sluicegate_plugin::{Decision, Event, Failure, Filter, Subscription, export};

struct SeverityRouter(Config);

impl Filter for SeverityRouter {
    fn configure(config: &str) -> Result<(Self, Subscription), String> {
        let config = Config::read(config)?;
        Ok((Self(config), Subscription::to(["code_scanning_alert*", "dependabot_alert*"])))
    }

    fn filter(&mut self, event: &Event) -> Result<Decision, Failure> {
        let payload = event.json().ok_or("the payload is not text")?;
        if Severity::of_alert(payload) >= self.0.threshold {
            return Ok(Decision::route(self.0.queues.iter().cloned()));
        }
        Ok(match self.0.otherwise {
            Otherwise::Next => Decision::Next,
            Otherwise::Drop => Decision::drop("below the severity threshold"),
        })
    }
}

export!(SeverityRouter);

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(config: &str, kind: &str, payload: &str) -> Result<Decision, Failure> {
        let (mut router, _) = SeverityRouter::configure(config).unwrap();
        router.filter(&Event::builder(kind).text(payload).build())
    }

    const CONFIG: &str = r#"{"threshold":"high","queues":["urgent","siem"]}"#;

    #[test]
    fn alerts_at_or_above_the_threshold_go_to_the_queues() {
        for severity in ["high", "critical"] {
            let payload =
                format!(r#"{{"alert":{{"security_advisory":{{"severity":"{severity}"}}}}}}"#);
            let decision = decide(CONFIG, "dependabot_alert", &payload).unwrap();
            assert_eq!(decision, Decision::route(["urgent", "siem"]));
        }
    }

    #[test]
    fn alerts_below_it_go_on_or_are_dropped() {
        let payload = r#"{"alert":{"rule":{"security_severity_level":"medium"}}}"#;
        assert_eq!(decide(CONFIG, "code_scanning_alert", payload), Ok(Decision::Next));
        let config = r#"{"threshold":"high","queues":["urgent"],"else":"drop"}"#;
        let decision = decide(config, "code_scanning_alert", payload).unwrap();
        assert!(matches!(decision, Decision::Drop(_)));
    }

    #[test]
    fn a_payload_that_is_not_text_is_a_failure() {
        let (mut router, _) = SeverityRouter::configure(CONFIG).unwrap();
        let event = Event::builder("dependabot_alert").bytes(b"\xff").build();
        assert!(matches!(router.filter(&event), Err(Failure::Failed(_))));
    }
}
