//! What a plugin wants to see. The host filters by type and projects with it, so that a plugin is
//! not called in vain and never sees a header that it did not ask for.

use crate::contract::exports::sluicegate::plugin::filter::Subscription as Asked;
use crate::contract::sluicegate::plugin::types::DataMode;
use crate::fault::LoadFault;

/// A subscription within its bounds.
#[derive(Debug)]
pub(crate) struct Subscription {
    types: Vec<Glob>,
    pub(crate) attributes: Names,
    pub(crate) headers: Names,
    pub(crate) data: DataMode,
}

/// Which fields are wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Names {
    All,
    These(Vec<String>),
}

impl Subscription {
    pub(crate) fn new(asked: Asked) -> Result<Self, LoadFault> {
        if asked.types.len() > NAMES_MAX {
            return Err(LoadFault::Subscription { what: "too many types" });
        }
        Ok(Self {
            types: asked.types.into_iter().map(Glob::new).collect::<Result<_, _>>()?,
            attributes: Names::new(asked.attributes)?,
            headers: Names::new(asked.headers)?,
            data: asked.data,
        })
    }

    /// Whether events of this type are wanted.
    pub(crate) fn wants(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|glob| glob.matches(kind))
    }
}

impl Names {
    fn new(names: Vec<String>) -> Result<Self, LoadFault> {
        if names.len() > NAMES_MAX || names.iter().any(|name| name.len() > NAME_BYTES_MAX) {
            return Err(LoadFault::Subscription { what: "too many or too long names" });
        }
        if names.iter().any(|name| name == "*") {
            return Ok(Self::All);
        }
        Ok(Self::These(names.into_iter().map(|name| name.to_ascii_lowercase()).collect()))
    }
}

/// A pattern in which `*` stands for any number of characters, and all else for itself.
#[derive(Debug)]
struct Glob {
    /// What stands before the first star.
    first: String,
    /// What stands between stars, and behind the last; `None`: there is no star.
    rest: Option<(Vec<String>, String)>,
}

impl Glob {
    fn new(pattern: String) -> Result<Self, LoadFault> {
        if pattern.len() > NAME_BYTES_MAX {
            return Err(LoadFault::Subscription { what: "a type pattern is too long" });
        }
        let Some((first, rest)) = pattern.split_once('*') else {
            return Ok(Self { first: pattern, rest: None });
        };
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        let parts = middle.split('*').filter(|part| !part.is_empty()).map(str::to_owned);
        Ok(Self { first: first.to_owned(), rest: Some((parts.collect(), last.to_owned())) })
    }

    /// Greedy from both ends, so the work is linear in the text for each `*`.
    fn matches(&self, text: &str) -> bool {
        let Some((parts, last)) = &self.rest else { return self.first == text };
        let Some(mut text) = text.strip_prefix(self.first.as_str()) else { return false };
        for part in parts {
            let Some(at) = text.find(part.as_str()) else { return false };
            text = text.get(at + part.len()..).unwrap_or_default();
        }
        text.ends_with(last.as_str())
    }
}

/// Names or patterns in one list of a subscription.
const NAMES_MAX: usize = 256;

/// Bytes of one of them.
const NAME_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::new(pattern.into()).unwrap().matches(text)
    }

    #[test]
    fn a_star_stands_for_any_number_of_characters() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "push"),
            ("push", "push"),
            ("a*", "a"),
            ("*_alert", "dependabot_alert"),
            ("a*b*c", "a-b-b-c"),
            ("a**c", "abc"),
            ("a*bc*c", "abcbcc"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("push", "pushed"), ("a*a", "a"), ("a*b*c", "acb"), ("", "x"), ("*é", "e")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn names_are_folded_and_a_star_among_them_means_all() {
        let these = Names::new(vec!["X-A".into()]).unwrap();
        assert_eq!(these, Names::These(vec!["x-a".into()]));
        assert_eq!(Names::new(vec!["a".into(), "*".into()]).unwrap(), Names::All);
        assert!(Names::new(vec!["x".repeat(257)]).is_err());
    }
}
