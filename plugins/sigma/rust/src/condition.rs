//! The condition of a rule: `selection and not (filter or 1 of known_*)`.
//!
//! `not` binds more tightly than `and`, and `and` more than `or`, as Sigma has it.

/// A condition over the searches of a rule.
#[derive(Debug, PartialEq, Eq)]
pub enum Condition {
    /// This search.
    Search(usize),
    /// It does not hold.
    Not(Box<Condition>),
    /// All of them hold; none: it holds.
    All(Vec<Condition>),
    /// One of them holds.
    Any(Vec<Condition>),
}

impl Condition {
    /// Reads a condition over searches of these names.
    pub fn read(text: &str, names: &[String]) -> Result<Self, String> {
        if text.contains('|') {
            return Err("aggregations look at many events, and are not supported".into());
        }
        let words = words(text);
        let mut reader = Reader { words: &words, names, depth: 0 };
        let condition = reader.any()?;
        match reader.words.first() {
            None => Ok(condition),
            Some(word) => Err(format!("{word:?} does not belong there")),
        }
    }

    /// Whether it holds, where these searches match.
    pub fn holds(&self, found: &[bool]) -> bool {
        match self {
            Self::Search(at) => found.get(*at).copied().unwrap_or(false),
            Self::Not(condition) => !condition.holds(found),
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(found)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(found)),
        }
    }
}

fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let mut rest = word;
        while let Some(at) = rest.find(['(', ')']) {
            let (before, after) = rest.split_at(at);
            if !before.is_empty() {
                words.push(before);
            }
            words.push(&after[..1]);
            rest = &after[1..];
        }
        if !rest.is_empty() {
            words.push(rest);
        }
    }
    words
}

struct Reader<'a> {
    words: &'a [&'a str],
    names: &'a [String],
    depth: u32,
}

impl Reader<'_> {
    fn any(&mut self) -> Result<Condition, String> {
        let mut conditions = vec![self.all()?];
        while self.takes("or") {
            conditions.push(self.all()?);
        }
        Ok(one_or(conditions, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut conditions = vec![self.one()?];
        while self.takes("and") {
            conditions.push(self.one()?);
        }
        Ok(one_or(conditions, Condition::All))
    }

    fn one(&mut self) -> Result<Condition, String> {
        // Each `not` and each parenthesis goes one deeper on the stack.
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it is nested deeper than {DEPTH_MAX}"));
        }
        let condition = if self.takes("not") {
            Condition::Not(Box::new(self.one()?))
        } else if self.takes("(") {
            let inner = self.any()?;
            if !self.takes(")") {
                return Err("a parenthesis is not closed".into());
            }
            inner
        } else {
            self.operand()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    /// A name, or `1 of NAMES`, `all of NAMES`, `all of them`.
    fn operand(&mut self) -> Result<Condition, String> {
        let Some((word, rest)) = self.words.split_first() else {
            return Err("it is cut off".into());
        };
        let (word, of) = (*word, rest.first().is_some_and(|of| of.eq_ignore_ascii_case("of")));
        self.words = rest;
        if !of {
            let at = self.names.iter().position(|name| name == word);
            return at.map(Condition::Search).ok_or(format!("nothing is called {word:?}"));
        }
        let pattern = rest.get(1).ok_or("it is cut off")?;
        self.words = &rest[2..];
        let them = pattern.eq_ignore_ascii_case("them");
        // By convention, names that begin with an underscore are not meant by `them`.
        let means = |name: &str| if them { !name.starts_with('_') } else { fits(pattern, name) };
        let found = self.names.iter().enumerate().filter(|(_, name)| means(name));
        let found: Vec<_> = found.map(|(at, _)| Condition::Search(at)).collect();
        if found.is_empty() {
            return Err(format!("nothing is called {pattern:?}"));
        }
        match word.to_ascii_lowercase().as_str() {
            "1" | "any" => Ok(Condition::Any(found)),
            "all" => Ok(Condition::All(found)),
            _ => Err(format!("{word:?} of is neither 1, any nor all")),
        }
    }

    fn takes(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if first.eq_ignore_ascii_case(word) => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

fn one_or(
    mut conditions: Vec<Condition>,
    several: impl Fn(Vec<Condition>) -> Condition,
) -> Condition {
    match conditions.pop() {
        Some(only) if conditions.is_empty() => only,
        last => {
            conditions.extend(last);
            several(conditions)
        }
    }
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let Some((middle, last)) = rest.rsplit_once('*') else { return name.ends_with(rest) };
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        let Some((_, after)) = name.split_once(part) else { return false };
        name = after;
    }
    name.ends_with(last)
}

const DEPTH_MAX: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["a", "b", "sel_1", "sel_2", "_own"].map(str::to_owned).to_vec()
    }

    /// Whether it holds when the searches of these names match.
    fn holds(text: &str, matching: &[&str]) -> bool {
        let found: Vec<_> = names().iter().map(|name| matching.contains(&name.as_str())).collect();
        Condition::read(text, &names()).unwrap_or_else(|why| panic!("{text}: {why}")).holds(&found)
    }

    #[test]
    fn conditions_bind_as_sigma_has_it() {
        for (text, matching, wanted) in [
            ("a", &["a"][..], true),
            ("a and b", &["a"], false),
            ("a or b and sel_1", &["a"], true),
            ("(a or b) and sel_1", &["a"], false),
            ("not a and b", &["b"], true),
            ("not (a and b)", &["b"], true),
            ("not not a", &["a"], true),
            ("A OR b".to_lowercase().as_str(), &["b"], true),
            ("a AND NOT b", &["a"], true),
            ("1 of sel_*", &["sel_2"], true),
            ("all of sel_*", &["sel_2"], false),
            ("any of *_2", &["sel_2"], true),
            ("1 of s*l*2", &["sel_2"], true),
            ("1 of them", &["_own"], false),
            ("all of them", &["a", "b", "sel_1", "sel_2"], true),
            ("a and(b)", &["a", "b"], true),
        ] {
            assert_eq!(holds(text, matching), wanted, "{text} with {matching:?}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        let deep = "(".repeat(100);
        for text in [
            "",
            "and",
            "a and",
            "a b",
            "(a",
            "a)",
            "c",
            "1 of",
            "1 of c*",
            "2 of sel_*",
            "not",
            "a | count() > 5",
            &deep,
        ] {
            assert!(Condition::read(text, &names()).is_err(), "{text}");
        }
    }
}
