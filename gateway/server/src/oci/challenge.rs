//! How a registry says whom it wants to see: `WWW-Authenticate` (RFC 9110 section 11.6.1), in the
//! two forms that registries use.

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token, which another address gives.
    Bearer {
        /// Where tokens are.
        realm: String,
        /// For whom the token is.
        service: Option<String>,
        /// What it allows.
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads the value of one header field; `None` if it is of another kind, or malformed.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        let mut rest = rest.trim();
        while !rest.is_empty() {
            let (name, value, after) = parameter(rest)?;
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
            rest = after;
        }
        Some(Self::Bearer { realm: realm?, service, scope })
    }
}

/// One `name="value"` or `name=value`, and what stands after it and its comma.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once('=')?;
    let (value, after) = match rest.strip_prefix('"') {
        Some(quoted) => quoted_string(quoted)?,
        None => {
            let end = rest.find(',').unwrap_or(rest.len());
            let (value, after) = rest.split_at_checked(end)?;
            (value.trim().to_owned(), after)
        }
    };
    let after = after.trim_start();
    let after = after.strip_prefix(',').map_or(after, str::trim_start);
    Some((name.trim(), value, after))
}

/// A quoted string after its first quote, and what stands after its last.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        let (service, scope) = (service.map(str::to_owned), scope.map(str::to_owned));
        Some(Challenge::Bearer { realm: realm.to_owned(), service, scope })
    }

    #[test]
    fn challenges_of_registries_are_read() {
        let whole =
            r#"Bearer realm="https://a.io/token",service="a.io",scope="repository:x/y:pull,push""#;
        let scope = Some("repository:x/y:pull,push");
        assert_eq!(Challenge::read(whole), bearer("https://a.io/token", Some("a.io"), scope));
        let odd = r#"bearer  realm="https://a.io/\"t" , error="invalid_token",service=a.io"#;
        assert_eq!(Challenge::read(odd), bearer("https://a.io/\"t", Some("a.io"), None));
        assert_eq!(Challenge::read(r#"Basic realm="Registry""#), Some(Challenge::Basic));
        assert_eq!(Challenge::read("basic"), Some(Challenge::Basic));
    }

    #[test]
    fn what_is_no_challenge_is_none() {
        for text in
            ["", "Bearer", "Bearer x", r#"Bearer realm="a"#, "Negotiate", "Bearer service=a"]
        {
            assert_eq!(Challenge::read(text), None, "{text}");
        }
    }
}
