//! The paths of the schema registry.

use sluicegate_core::ids::SchemaSubject;

/// A path of the registry, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) enum Place {
    Native(Native),
    Confluent(Confluent),
}

/// A path below `/v1/schemas`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) enum Native {
    All,
    Subject(SchemaSubject),
    Check(SchemaSubject),
    Version(SchemaSubject, Which),
}

/// A path of Confluent's registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::api) enum Confluent {
    Types,
    ById(u32),
    TextById(u32),
    VersionsById(u32),
    SubjectsById(u32),
    Subjects,
    Subject(SchemaSubject),
    Versions(SchemaSubject),
    Version(SchemaSubject, Which),
    Text(SchemaSubject, Which),
    ReferencedBy(SchemaSubject, Which),
    CheckAll(SchemaSubject),
    Check(SchemaSubject, Which),
    Config,
    SubjectConfig(SchemaSubject),
    Mode,
    /// The path is the registry's, and a part of it is none: answered as there.
    Wrong(Wrong),
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Wrong {
    Subject,
    Version,
    Id,
}

/// Which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Which {
    Latest,
    Number(u32),
}

impl Which {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "latest" | "-1" => Some(Self::Latest),
            number => number.parse().ok().filter(|number| *number > 0).map(Self::Number),
        }
    }
}

impl Place {
    /// Reads a path, taken apart at its slashes; `None` if it is none of the registry's.
    pub(in crate::api) fn parse(parts: &[&str]) -> Option<Self> {
        match parts {
            ["v1", "schemas", rest @ ..] => native(rest).map(Self::Native),
            parts => confluent(parts).map(Self::Confluent),
        }
    }

    /// The methods that it has.
    pub(in crate::api) fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Native(Native::All) => &["GET", "PUT"],
            Self::Native(Native::Subject(_)) => &["GET", "POST", "PUT", "DELETE"],
            Self::Native(Native::Check(_)) => &["POST"],
            Self::Native(Native::Version(..)) => &["GET", "DELETE"],
            Self::Confluent(place) => match place {
                Confluent::Subject(_) => &["POST", "DELETE"],
                Confluent::Versions(_) => &["GET", "POST"],
                Confluent::Version(..) => &["GET", "DELETE"],
                Confluent::Check(..) | Confluent::CheckAll(_) => &["POST"],
                Confluent::Config => &["GET", "PUT"],
                Confluent::SubjectConfig(_) => &["GET", "PUT", "DELETE"],
                Confluent::Wrong(_) => &["GET", "POST", "PUT", "DELETE"],
                _ => &["GET"],
            },
        }
    }
}

fn native(parts: &[&str]) -> Option<Native> {
    let subject = |text: &str| text.parse::<SchemaSubject>().ok();
    Some(match parts {
        [] => Native::All,
        [name] => Native::Subject(subject(name)?),
        [name, "check"] => Native::Check(subject(name)?),
        [name, "versions", version] => Native::Version(subject(name)?, Which::parse(version)?),
        _ => return None,
    })
}

fn confluent(parts: &[&str]) -> Option<Confluent> {
    let subject = |text: &str, then: fn(SchemaSubject) -> Confluent| {
        text.parse().map_or(Confluent::Wrong(Wrong::Subject), then)
    };
    let version = |name: &str, version: &str, then: fn(SchemaSubject, Which) -> Confluent| match (
        name.parse(),
        Which::parse(version),
    ) {
        (Ok(subject), Some(which)) => then(subject, which),
        (Err(_), _) => Confluent::Wrong(Wrong::Subject),
        (_, None) => Confluent::Wrong(Wrong::Version),
    };
    let id = |text: &str, then: fn(u32) -> Confluent| {
        text.parse().map_or(Confluent::Wrong(Wrong::Id), then)
    };
    Some(match parts {
        ["schemas", "types"] => Confluent::Types,
        ["schemas", "ids", number] => id(number, Confluent::ById),
        ["schemas", "ids", number, "schema"] => id(number, Confluent::TextById),
        ["schemas", "ids", number, "versions"] => id(number, Confluent::VersionsById),
        ["schemas", "ids", number, "subjects"] => id(number, Confluent::SubjectsById),
        ["subjects"] => Confluent::Subjects,
        ["subjects", name] => subject(name, Confluent::Subject),
        ["subjects", name, "versions"] => subject(name, Confluent::Versions),
        ["subjects", name, "versions", number] => version(name, number, Confluent::Version),
        ["subjects", name, "versions", number, "schema"] => version(name, number, Confluent::Text),
        ["subjects", name, "versions", number, "referencedby"] => {
            version(name, number, Confluent::ReferencedBy)
        }
        ["compatibility", "subjects", name, "versions"] => subject(name, Confluent::CheckAll),
        ["compatibility", "subjects", name, "versions", number] => {
            version(name, number, Confluent::Check)
        }
        ["config"] => Confluent::Config,
        ["config", name] => subject(name, Confluent::SubjectConfig),
        ["mode"] => Confluent::Mode,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_both_registries() {
        let s = || "a.b".parse::<SchemaSubject>().unwrap();
        let parse = |path: &str| Place::parse(&path.split('/').skip(1).collect::<Vec<_>>());
        let (native, confluent) =
            (|place| Some(Place::Native(place)), |place| Some(Place::Confluent(place)));
        assert_eq!(parse("/v1/schemas"), native(Native::All));
        assert_eq!(parse("/v1/schemas/a.b"), native(Native::Subject(s())));
        let latest = Native::Version(s(), Which::Latest);
        assert_eq!(parse("/v1/schemas/a.b/versions/latest"), native(latest));
        assert_eq!(parse("/v1/schemas/a.b/versions/0"), None);
        assert_eq!(parse("/v1/schemas/a b"), None);
        assert_eq!(parse("/subjects/a.b/versions"), confluent(Confluent::Versions(s())));
        let first = Confluent::Version(s(), Which::Number(1));
        assert_eq!(parse("/subjects/a.b/versions/1"), confluent(first));
        let wrong = |wrong| confluent(Confluent::Wrong(wrong));
        assert_eq!(parse("/subjects/a%2Fb/versions"), wrong(Wrong::Subject));
        assert_eq!(parse("/subjects/a.b/versions/x"), wrong(Wrong::Version));
        assert_eq!(parse("/schemas/ids/x"), wrong(Wrong::Id));
        assert_eq!(parse("/config/a.b"), confluent(Confluent::SubjectConfig(s())));
        assert_eq!(parse("/schemas"), None);
    }
}
