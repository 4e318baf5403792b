//! What is where in the payloads of each provider. README.md has the same table in words; that of
//! GitHub follows the adapter of the CloudEvents project, where that knows the event.

use std::borrow::Cow;

use sluicegate_plugin::Event;
use sluicegate_plugin::json::Value;

use crate::time;

/// Whose webhooks they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    GitHub,
    GitLab,
    Stripe,
}

/// What an event is, in the words of CloudEvents.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The type, without the prefix.
    pub kind: String,
    /// What it happened to, within the origin.
    pub subject: Option<String>,
    /// Where it happened: what `source` is to CloudEvents.
    pub origin: Option<String>,
    /// When it happened (RFC 3339).
    pub occurred: Option<String>,
}

/// One event of GitHub: its name, the name in the type if that is another, the members that end
/// the type, and where subject, origin and time are, the first that is there.
struct Row {
    event: &'static str,
    kind: &'static str,
    tail: &'static [Path],
    subject: Path,
    origin: Path,
    occurred: &'static [Path],
}

/// The names of members, from the outside in.
type Path = &'static [&'static str];

impl Provider {
    /// The provider of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "github" => Some(Self::GitHub),
            "gitlab" => Some(Self::GitLab),
            "stripe" => Some(Self::Stripe),
            _ => None,
        }
    }

    /// The header that it says the event in.
    pub fn header(self) -> Option<&'static str> {
        (self == Self::GitHub).then_some("x-github-event")
    }

    /// What an event is.
    pub fn facts(self, event: &Event) -> Result<Facts, String> {
        let payload = event.json().ok_or("the payload is not text")?;
        if !payload.raw().starts_with('{') {
            return Err("the payload is not a JSON object".into());
        }
        match self {
            Self::GitHub => {
                let name = event.header("x-github-event").unwrap_or(&event.type_);
                Ok(github(name, payload))
            }
            Self::GitLab => gitlab(payload).ok_or("the payload says no object_kind".into()),
            Self::Stripe => stripe(payload).ok_or("the payload says no type".into()),
        }
    }
}

fn github(name: &str, payload: Value<'_>) -> Facts {
    let row = GITHUB.iter().find(|row| row.event == name).unwrap_or(&OTHER);
    let mut kind = format!("github.{}", if row.kind.is_empty() { name } else { row.kind });
    for end in row.tail.iter().filter_map(|path| text(payload, path)) {
        kind.push('.');
        kind.push_str(&end);
    }
    Facts {
        kind,
        subject: text(payload, row.subject),
        origin: text(payload, row.origin),
        occurred: row.occurred.iter().find_map(|path| time::read(&text(payload, path)?)),
    }
}

fn gitlab(payload: Value<'_>) -> Option<Facts> {
    let kind = text(payload, &["object_kind"]).or_else(|| text(payload, &["event_name"]))?;
    let [subject, occurred]: [&[Path]; 2] = match kind.as_str() {
        "push" | "tag_push" => {
            [&[&["ref"]], &[&["head_commit", "timestamp"], &["commits", "timestamp"]]]
        }
        "build" => [&[&["build_id"]], &[&["build_finished_at"], &["build_started_at"]]],
        "deployment" => [&[&["deployment_id"]], &[&["status_changed_at"]]],
        "release" => [&[&["tag"]], &[&["released_at"], &["created_at"]]],
        _ => [
            &[&["object_attributes", "iid"], &["object_attributes", "id"]],
            &[
                &["object_attributes", "updated_at"],
                &["object_attributes", "finished_at"],
                &["object_attributes", "created_at"],
            ],
        ],
    };
    let ends: &[Path] = match kind.as_str() {
        "build" => &[&["build_status"]],
        "deployment" => &[&["status"]],
        "pipeline" => &[&["object_attributes", "status"]],
        _ => &[&["object_attributes", "action"], &["action"]],
    };
    let end = first(payload, ends).map(|end| format!(".{end}"));
    Some(Facts {
        kind: format!("gitlab.{kind}{}", end.unwrap_or_default()),
        subject: first(payload, subject),
        origin: first(payload, &[&["project", "web_url"], &["repository", "homepage"]]),
        occurred: occurred.iter().find_map(|path| time::read(&text(payload, path)?)),
    })
}

fn stripe(payload: Value<'_>) -> Option<Facts> {
    let kind = text(payload, &["type"])?;
    // An event of a connected account says whose it is.
    let account = text(payload, &["account"]).map(|account| format!("/v1/accounts/{account}"));
    Some(Facts {
        kind: format!("stripe.{kind}"),
        subject: first(payload, &[&["data", "object", "id"], &["related_object", "id"]]),
        origin: Some(format!("https://api.stripe.com{}", account.unwrap_or_default())),
        occurred: time::read(&text(payload, &["created"])?),
    })
}

fn first(payload: Value<'_>, paths: &[Path]) -> Option<String> {
    paths.iter().find_map(|path| text(payload, path))
}

/// A text or a number as text.
fn text(payload: Value<'_>, path: Path) -> Option<String> {
    if path.is_empty() {
        return None;
    }
    let value = payload.at(path)?;
    match value.as_str() {
        Some(text) => Some(Cow::into_owned(text)),
        None if value
            .raw()
            .starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) =>
        {
            Some(value.raw().to_owned())
        }
        None => None,
    }
}

/// An event as most are: its action ends the type, and it is of a repository.
const fn row(event: &'static str) -> Row {
    Row {
        event,
        kind: "",
        tail: &[&["action"]],
        subject: &[],
        origin: &["repository", "url"],
        occurred: &[],
    }
}

macro_rules! of {
    ($object:literal, $subject:literal) => {
        Row {
            subject: &[$object, $subject],
            occurred: &[&[$object, "updated_at"], &[$object, "created_at"]],
            ..row($object)
        }
    };
}

/// An event that is not in the table.
const OTHER: Row = row("");

const GITHUB: [Row; 27] = [
    Row {
        occurred: &[&["check_run", "completed_at"], &["check_run", "started_at"]],
        ..of!("check_run", "id")
    },
    of!("check_suite", "id"),
    Row { event: "code_scanning_alert", ..of!("alert", "number") },
    Row { event: "dependabot_alert", ..of!("alert", "number") },
    Row { event: "secret_scanning_alert", ..of!("alert", "number") },
    Row { tail: &[&["ref_type"]], subject: &["ref"], ..row("create") },
    Row { tail: &[&["ref_type"]], subject: &["ref"], ..row("delete") },
    Row { tail: &[], ..of!("deployment", "id") },
    Row {
        tail: &[&["deployment_status", "state"]],
        subject: &["deployment_status", "url"],
        origin: &["deployment", "url"],
        ..of!("deployment_status", "url")
    },
    Row { event: "fork", tail: &[], ..of!("forkee", "url") },
    Row { event: "issue_comment", origin: &["issue", "url"], ..of!("comment", "id") },
    Row { event: "issues", kind: "issue", ..of!("issue", "number") },
    Row { subject: &["label", "name"], ..row("label") },
    Row { subject: &["member", "login"], ..row("member") },
    of!("milestone", "number"),
    Row { event: "ping", tail: &[], ..of!("hook", "id") },
    Row { event: "pull_request", subject: &["number"], ..of!("pull_request", "number") },
    Row {
        event: "pull_request_review",
        origin: &["pull_request", "url"],
        occurred: &[&["review", "submitted_at"]],
        ..of!("review", "id")
    },
    Row {
        event: "pull_request_review_comment",
        origin: &["pull_request", "url"],
        ..of!("comment", "id")
    },
    Row { tail: &[], subject: &["ref"], occurred: &[&["head_commit", "timestamp"]], ..row("push") },
    Row {
        occurred: &[&["release", "published_at"], &["release", "created_at"]],
        ..of!("release", "id")
    },
    Row { origin: &["repository", "owner", "url"], ..of!("repository", "name") },
    of!("security_advisory", "ghsa_id"),
    Row { occurred: &[&["starred_at"]], ..row("star") },
    Row { tail: &[], subject: &["sha"], occurred: &[&["updated_at"]], ..row("status") },
    of!("workflow_job", "id"),
    of!("workflow_run", "id"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(kind: &str, subject: &str, origin: &str, occurred: &str) -> Facts {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (subject, origin, occurred) = (some(subject), some(origin), some(occurred));
        Facts { kind: kind.into(), subject, origin, occurred }
    }

    fn of(provider: Provider, kind: &str, payload: &str) -> Facts {
        provider.facts(&Event::builder(kind).text(payload).build()).unwrap()
    }

    #[test]
    fn payloads_of_github_as_it_publishes_them() {
        let file = |name: &str| {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures/github");
            std::fs::read_to_string(format!("{path}/{name}.json")).unwrap()
        };
        let repository = "https://api.github.com/repos/Codertocat/Hello-World";
        for (event, kind, subject, origin, occurred) in [
            ("push", "push", "refs/heads/master", "", "2019-05-15T15:19:25Z"),
            ("pull_request", "pull_request.opened", "2", repository, "2019-05-15T15:20:33Z"),
            ("issues", "issue.opened", "1", repository, "2019-05-15T15:20:18Z"),
            (
                "code_scanning_alert",
                "code_scanning_alert.created",
                "10",
                repository,
                "2021-02-11T03:10:43Z",
            ),
            (
                "dependabot_alert",
                "dependabot_alert.created",
                "20",
                "https://api.github.com/repos/octocat/Hello-World",
                "2023-06-24T13:57:12Z",
            ),
            ("ping", "ping", "109948940", "", "2019-05-15T15:20:49Z"),
        ] {
            let mut found = of(Provider::GitHub, event, &file(event));
            if origin.is_empty() {
                assert!(found.origin.take().is_some(), "{event}");
            }
            let kind = format!("github.{kind}");
            assert_eq!(found, facts(&kind, subject, origin, occurred), "{event}");
        }
    }

    #[test]
    fn the_odd_events_of_github() {
        let repository = r#""repository":{"url":"u"}"#;
        for (event, payload, kind, subject, origin) in [
            ("create", r#""ref_type":"tag","ref":"v1""#, "create.tag", "v1", "u"),
            (
                "issue_comment",
                r#""action":"created","comment":{"id":5},"issue":{"url":"i"}"#,
                "issue_comment.created",
                "5",
                "i",
            ),
            (
                "deployment_status",
                r#""deployment":{"url":"d"},"deployment_status":{"state":"success","url":"s"}"#,
                "deployment_status.success",
                "s",
                "d",
            ),
            ("unheard_of", r#""action":"done""#, "unheard_of.done", "", "u"),
            ("gollum", r#""pages":[]"#, "gollum", "", "u"),
        ] {
            let found = of(Provider::GitHub, event, &format!("{{{payload},{repository}}}"));
            assert_eq!(found, facts(&format!("github.{kind}"), subject, origin, ""), "{event}");
        }
    }

    #[test]
    fn payloads_of_gitlab() {
        for (payload, kind, subject, occurred) in [
            (r#""object_kind":"push","ref":"refs/heads/master""#, "push", "refs/heads/master", ""),
            (
                r#""object_kind":"issue","object_attributes":{
                    "iid":23,"action":"open","updated_at":"2013-12-03 17:15:43 UTC"}"#,
                "issue.open",
                "23",
                "2013-12-03T17:15:43Z",
            ),
            (
                r#""object_kind":"pipeline","object_attributes":{
                    "id":31,"status":"success","finished_at":"2016-08-12 15:26:29 UTC"}"#,
                "pipeline.success",
                "31",
                "2016-08-12T15:26:29Z",
            ),
            (
                r#""object_kind":"build","build_id":1977,"build_status":"failed",
                    "build_finished_at":null,"build_started_at":"2021-02-23T02:41:37Z""#,
                "build.failed",
                "1977",
                "2021-02-23T02:41:37Z",
            ),
            (
                r#""object_kind":"deployment","status":"success","deployment_id":15,
                    "status_changed_at":"2021-04-28 21:50:00 +0200""#,
                "deployment.success",
                "15",
                "2021-04-28T21:50:00+02:00",
            ),
            (r#""event_name":"user_add_to_group","group_name":"x""#, "user_add_to_group", "", ""),
        ] {
            let text =
                format!(r#"{{{payload},"project":{{"web_url":"https://gitlab.example/a/b"}}}}"#);
            let wanted =
                facts(&format!("gitlab.{kind}"), subject, "https://gitlab.example/a/b", occurred);
            assert_eq!(of(Provider::GitLab, "Push Hook", &text), wanted, "{text}");
        }
    }

    #[test]
    fn payloads_of_stripe() {
        let payload = r#"{"account":"acct_123","created":1533204620,
            "data":{"object":{"id":"ii_123"}},"id":"evt_123","object":"event",
            "type":"invoiceitem.created"}"#;
        let wanted = facts(
            "stripe.invoiceitem.created",
            "ii_123",
            "https://api.stripe.com/v1/accounts/acct_123",
            "2018-08-02T10:10:20Z",
        );
        assert_eq!(of(Provider::Stripe, "invoiceitem.created", payload), wanted);
    }

    #[test]
    fn a_payload_that_says_nothing_is_a_failure() {
        for provider in [Provider::GitLab, Provider::Stripe] {
            for payload in ["{}", "[]", "", "null", r#"{"type":7,"object_kind":[]}"#] {
                let event = Event::builder("x").text(payload).build();
                let facts = provider.facts(&event);
                let odd = payload.contains('7') && provider == Provider::Stripe;
                assert!(facts.is_err() || odd, "{payload}: {facts:?}");
            }
        }
    }
}
