//! One rule: its name, its level, and its detection. What this filter cannot hold to (a timeframe,
//! a correlation) is refused, for a rule that is half understood is worse than none.

use sluicegate_plugin::json::Value;

use crate::condition::Condition;
use crate::facts::{Facts, Fields};
use crate::test::{Keyword, Test};

/// A rule.
pub struct Rule {
    /// Its id, or its title where it has none: what an event is tagged with.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Its level.
    pub level: Level,
    searches: Vec<Search>,
    /// One of these must hold.
    conditions: Vec<Condition>,
}

/// The levels of Sigma, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

/// What a name in the condition stands for.
enum Search {
    /// One of these groups, all of whose tests hold.
    Fields(Vec<Vec<Test>>),
    /// One of these stands anywhere in the event.
    Keywords(Vec<Keyword>),
}

impl Level {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical]
            .into_iter()
            .find(|level| level.word() == name)
    }
}

impl Rule {
    /// Reads a rule; the fields that it looks at are noted.
    pub fn read(rule: Value<'_>, fields: &mut Fields) -> Result<Self, String> {
        let text = |name: &str| rule.member(name).and_then(|value| value.as_str());
        let title = text("title").ok_or("title is missing")?.into_owned();
        let of_rule = |why: String| format!("{title:?}: {why}");
        if rule.member("correlation").is_some() {
            return Err(of_rule("correlations look at many events, and are not supported".into()));
        }
        let level = match rule.member("level") {
            None => Level::Medium,
            Some(level) => level
                .as_str()
                .and_then(|name| Level::named(&name))
                .ok_or_else(|| of_rule("level is none of Sigma's".into()))?,
        };
        let detection =
            rule.member("detection").ok_or_else(|| of_rule("detection is missing".into()))?;
        let (searches, conditions) = read_detection(detection, fields).map_err(of_rule)?;
        let name = text("id").map_or_else(|| title.clone(), |id| id.into_owned());
        Ok(Self { name, title: title.clone(), level, searches, conditions })
    }

    /// Whether an event matches.
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        let found: Vec<_> = self.searches.iter().map(|search| search.matches(facts)).collect();
        self.conditions.iter().any(|condition| condition.holds(&found))
    }
}

fn read_detection(
    detection: Value<'_>,
    fields: &mut Fields,
) -> Result<(Vec<Search>, Vec<Condition>), String> {
    let (mut members, mut conditions) = (Vec::new(), None);
    let read = detection.members(|name, value| {
        match &*name {
            "condition" => conditions = Some(value),
            _ => members.push((name.into_owned(), value)),
        }
        true
    });
    read.map_err(|error| format!("detection: {error}"))?;
    let (mut names, mut searches) = (Vec::new(), Vec::new());
    for (name, value) in members {
        if name == "timeframe" {
            return Err("timeframe looks at many events, and is not supported".into());
        }
        let search = Search::read(value, fields).map_err(|why| format!("{name}: {why}"))?;
        names.push(name);
        searches.push(search);
    }
    let conditions = conditions.ok_or("detection.condition is missing")?;
    let texts = match conditions.as_str() {
        Some(text) => vec![text.into_owned()],
        None => conditions.strings().ok_or("detection.condition is neither text nor a list")?,
    };
    if texts.is_empty() {
        return Err("detection.condition is empty".into());
    }
    let read = |text: &String| {
        Condition::read(text, &names).map_err(|why| format!("condition {text:?}: {why}"))
    };
    Ok((searches, texts.iter().map(read).collect::<Result<_, _>>()?))
}

impl Search {
    fn read(value: Value<'_>, fields: &mut Fields) -> Result<Self, String> {
        if value.raw().starts_with('{') {
            return Ok(Self::Fields(vec![group(value, fields)?]));
        }
        let mut elements = Vec::new();
        let read = value.elements(|element| elements.push(element));
        read.map_err(|_| "it is neither a map nor a list")?;
        if elements.is_empty() {
            return Err("it is empty".into());
        }
        if elements.iter().all(|element| element.raw().starts_with('{')) {
            let groups = elements.into_iter().map(|element| group(element, fields));
            return Ok(Self::Fields(groups.collect::<Result<_, _>>()?));
        }
        fields.note_keywords();
        let keywords = elements.into_iter().map(Keyword::read).collect::<Result<_, _>>()?;
        Ok(Self::Keywords(keywords))
    }

    fn matches(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Fields(groups) => {
                groups.iter().any(|tests| tests.iter().all(|test| test.matches(facts)))
            }
            Self::Keywords(keywords) => keywords.iter().any(|keyword| keyword.is_in(facts)),
        }
    }
}

fn group(value: Value<'_>, fields: &mut Fields) -> Result<Vec<Test>, String> {
    let (mut tests, mut wrong) = (Vec::new(), None);
    let read = value.members(|key, value| {
        match Test::read(&key, value, fields) {
            Ok(test) => tests.push(test),
            Err(why) => wrong = Some(format!("{key}: {why}")),
        }
        wrong.is_none()
    });
    read.map_err(|error| error.to_string())?;
    match wrong {
        Some(wrong) => Err(wrong),
        None if tests.is_empty() => Err("it is empty".into()),
        None => Ok(tests),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_plugin::Event;

    fn matches(detection: &str, payload: &str) -> bool {
        let mut fields = Fields::default();
        let rule = format!(r#"{{"title":"t","detection":{detection}}}"#);
        let rule = Rule::read(Value::new(&rule), &mut fields).unwrap_or_else(|why| panic!("{why}"));
        let event = Event::builder("x").text(payload).build();
        rule.matches(&Facts::of(&event, &fields).unwrap())
    }

    #[test]
    fn maps_are_and_lists_are_or() {
        let both = r#"{"s":{"a":1,"b":[2,3]},"condition":"s"}"#;
        assert!(matches(both, r#"{"a":1,"b":3}"#));
        assert!(!matches(both, r#"{"a":1,"b":4}"#));
        let either = r#"{"s":[{"a":1},{"b":2,"c":3}],"condition":"s"}"#;
        assert!(matches(either, r#"{"a":1}"#) && matches(either, r#"{"b":2,"c":3}"#));
        assert!(!matches(either, r#"{"b":2}"#));
    }

    #[test]
    fn keywords_are_found_anywhere() {
        let keywords = r#"{"k":["mimikatz","lsass*dump"],"condition":"k"}"#;
        assert!(matches(keywords, r#"{"x":[{"y":"C:\\MimiKatz.exe"}]}"#));
        assert!(matches(keywords, r#"{"cmd":"procdump lsass.exe full dump x"}"#));
        assert!(!matches(keywords, r#"{"mimikatz":"no value"}"#));
    }

    #[test]
    fn several_conditions_are_or() {
        let two = r#"{"a":{"x":1},"b":{"y":1},"condition":["a and b","not a"]}"#;
        assert!(matches(two, r#"{"x":1,"y":1}"#) && matches(two, "{}"));
        assert!(!matches(two, r#"{"x":1}"#));
    }

    #[test]
    fn what_cannot_be_held_to_is_refused() {
        for (rule, named) in [
            (r#"{}"#, "title"),
            (r#"{"title":"t"}"#, "detection"),
            (r#"{"title":"t","correlation":{},"detection":{}}"#, "correlation"),
            (r#"{"title":"t","level":"bad","detection":{}}"#, "level"),
            (r#"{"title":"t","detection":{"s":{"a":1}}}"#, "condition"),
            (r#"{"title":"t","detection":{"s":{"a":1},"condition":[]}}"#, "condition"),
            (r#"{"title":"t","detection":{"s":{},"condition":"s"}}"#, "empty"),
            (r#"{"title":"t","detection":{"s":[],"condition":"s"}}"#, "empty"),
            (r#"{"title":"t","detection":{"s":1,"condition":"s"}}"#, "neither"),
            (r#"{"title":"t","detection":{"s":{"a|rot13":1},"condition":"s"}}"#, "rot13"),
            (
                r#"{"title":"t","detection":{"s":{"a":1},"timeframe":"5m","condition":"s"}}"#,
                "timeframe",
            ),
        ] {
            let Err(why) = Rule::read(Value::new(rule), &mut Fields::default()) else {
                panic!("{rule} was taken")
            };
            assert!(why.contains(named), "{rule}: {why}");
        }
    }
}
