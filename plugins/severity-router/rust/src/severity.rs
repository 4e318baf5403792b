//! The severities, and where an alert says its own.

use sluicegate_plugin::json::Value;

/// How bad an alert is, in the words that GitHub uses for security alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The alert does not say, or says something that is no severity.
    Unknown,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// The severity of this name. Code scanning rules that are not about security say `note`,
    /// `warning` and `error` instead.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "low" | "note" => Some(Self::Low),
            "medium" | "moderate" | "warning" => Some(Self::Medium),
            "high" | "error" => Some(Self::High),
            "critical" => Some(Self::Critical),
            _ => None,
        }
    }

    /// The severity that the payload of an alert says, at the first of the known places.
    pub fn of_alert(payload: Value<'_>) -> Self {
        payload
            .find(PLACES)
            .into_iter()
            .filter_map(|place| place?.as_str())
            .find_map(|name| Self::named(&name))
            .unwrap_or(Self::Unknown)
    }
}

/// Code scanning first, then Dependabot.
const PLACES: [&[&str]; 4] = [
    &["alert", "rule", "security_severity_level"],
    &["alert", "rule", "severity"],
    &["alert", "security_advisory", "severity"],
    &["alert", "security_vulnerability", "severity"],
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(payload: &str) -> Severity {
        Severity::of_alert(Value::new(payload))
    }

    #[test]
    fn the_security_level_of_a_rule_wins_over_its_severity() {
        let rule = r#"{"alert":{"rule":{"severity":"error","security_severity_level":"low"}}}"#;
        assert_eq!(of(rule), Severity::Low);
        let rule = r#"{"alert":{"rule":{"severity":"error","security_severity_level":null}}}"#;
        assert_eq!(of(rule), Severity::High);
    }

    #[test]
    fn a_dependabot_alert_says_it_in_either_place() {
        let advisory = r#"{"alert":{"security_advisory":{"severity":"critical"}}}"#;
        assert_eq!(of(advisory), Severity::Critical);
        let vulnerability = r#"{"alert":{"security_vulnerability":{"severity":"medium"}}}"#;
        assert_eq!(of(vulnerability), Severity::Medium);
    }

    #[test]
    fn what_does_not_say_is_unknown_and_below_all() {
        for payload in ["", "[]", "{}", r#"{"alert":null}"#, r#"{"alert":{"rule":{"severity":9}}}"#]
        {
            assert_eq!(of(payload), Severity::Unknown, "{payload}");
        }
        assert!(Severity::Unknown < Severity::Low);
    }
}
