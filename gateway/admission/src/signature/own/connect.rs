//! How Atlassian Connect names a request: the hash of its method, path and query, all in one
//! canonical form. The body is not part of it.

use crate::signature::crypto::sha256;

/// The hash for every path that an app may have for a base: what a proxy or the app's own base URL
/// puts before the path is not part of what is signed.
pub(crate) fn hashes(method: &str, target: &str) -> Vec<String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = canonical_query(query);
    let cuts = path.match_indices('/').map(|(at, _)| at).take(BASES_MAX);
    let paths = cuts.filter_map(|at| path.get(at..)).chain([""]);
    paths.map(|path| hash(&canonical(method, path, &query))).collect()
}

/// The canonical form of a request, and its hash.
pub(crate) fn qsh(method: &str, target: &str, base: &str) -> (String, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = path.strip_prefix(base).unwrap_or(path);
    let canonical = canonical(method, path, &canonical_query(query));
    let hash = hash(&canonical);
    (canonical, hash)
}

fn hash(canonical: &str) -> String {
    sha256(canonical.as_bytes()).to_string()
}

fn canonical(method: &str, path: &str, query: &str) -> String {
    let path = path.strip_suffix('/').unwrap_or(path).replace('&', "%26");
    let path = if path.is_empty() { "/" } else { &path };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    format!("{}&{path}&{query}", method.to_ascii_uppercase())
}

/// Sorted by name, the values of one name sorted and joined, without the token itself.
fn canonical_query(query: &str) -> String {
    let mut sorted = std::collections::BTreeMap::<String, Vec<String>>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = encode(&decode(name));
        if name != "jwt" {
            sorted.entry(name).or_default().push(encode(&decode(value)));
        }
    }
    let join = |(name, mut values): (String, Vec<String>)| {
        values.sort_unstable();
        format!("{name}={}", values.join(","))
    };
    sorted.into_iter().map(join).collect::<Vec<_>>().join("&")
}

/// Undoes `+` and `%XX`; an escape that is none stays as it is.
fn decode(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let escaped = match (byte, after) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                digit(*high).zip(digit(*low)).and_then(|(h, l)| u8::try_from(h << 4 | l).ok())
            }
            _ => None,
        };
        match escaped {
            Some(decoded) => {
                out.push(decoded);
                rest = after.get(2..).unwrap_or_default();
            }
            None if *byte == b'+' => out.push(b' '),
            None => out.push(*byte),
        }
    }
    out
}

/// Escapes all but the unreserved characters (RFC 3986 section 2.3).
fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(*byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// Steps of a path that may be a base.
const BASES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_is_named_as_the_provider_names_it() {
        let (canonical, _) = qsh("get", "/base/a&b/?z=1&a=%2f&a=b+c&jwt=x", "/base");
        assert_eq!(canonical, "GET&/a%26b&a=%2F,b%20c&z=1");
    }

    #[test]
    fn every_base_of_a_path_is_tried_and_no_other_path() {
        let (_, short) = qsh("POST", "/hook?a=1", "");
        let (_, other) = qsh("POST", "/other?a=1", "");
        let hashes = hashes("POST", "/my/base/hook?a=1");
        assert!(hashes.contains(&short) && !hashes.contains(&other));
    }

    proptest! {
        #[test]
        fn naming_a_request_never_panics(target: String, base: String) {
            hashes("POST", &target);
            qsh("POST", &target, &base);
        }
    }
}
