//! The name of an artifact in a registry: `registry/repository:tag@sha256:digest`.
//!
//! There is no registry that goes without saying, and no tag either: what is meant stands there.

use std::fmt;
use std::str::FromStr;

use sluicegate_core::ids::Digest;

/// The name of an artifact. It has a tag, a digest, or both; a digest wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is not the name of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an artifact is named as registry/repository:tag@sha256:digest: {0}")]
pub struct ReferenceError(&'static str);

impl Reference {
    /// Host and, if it is not the usual one, port of the registry.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest of the manifest.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// The same artifact, pinned by the digest of its manifest.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// Whether the registry is on this machine: it may be spoken to without TLS.
    #[must_use]
    pub fn is_local(&self) -> bool {
        is_loopback(&self.registry)
    }
}

/// Whether an authority (`host:port`) is of this machine.
pub(super) fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let text = text.strip_prefix("oci://").unwrap_or(text);
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(read_digest(digest)?)),
            None => (text, None),
        };
        let (registry, rest) = name.split_once('/').ok_or(ReferenceError("no repository"))?;
        if !is_registry(registry) {
            return Err(ReferenceError("the registry is a host with a dot or a port"));
        }
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (rest, None),
        };
        if repository.len() > NAME_BYTES_MAX || !repository.split('/').all(is_component) {
            return Err(ReferenceError("the repository is lower-case letters, digits, ._- and /"));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(ReferenceError("a tag is at most 128 letters, digits, ._-"));
        }
        if tag.is_none() && digest.is_none() {
            return Err(ReferenceError("no tag and no digest"));
        }
        let (registry, repository) = (registry.to_owned(), repository.to_owned());
        Ok(Self { registry, repository, tag: tag.map(str::to_owned), digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.iter().try_for_each(|digest| write!(f, "@sha256:{digest}"))
    }
}

fn read_digest(text: &str) -> Result<Digest, ReferenceError> {
    let digest = text.strip_prefix("sha256:").and_then(|digits| digits.parse().ok());
    digest.ok_or(ReferenceError("a digest is sha256: and 64 hexadecimal digits"))
}

/// Without a dot or a port, it could as well be a part of the repository's name.
fn is_registry(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    text.bytes().all(allowed)
        && (text.contains(['.', ':']) || text == "localhost")
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
}

/// One part of a repository's name (OCI Distribution Specification 1.1, pulling manifests).
fn is_component(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (first, last) = (text.bytes().next(), text.bytes().next_back());
    first.is_some_and(is_plain)
        && last.is_some_and(is_plain)
        && text.bytes().all(|byte| is_plain(byte) || b"._-".contains(&byte))
        && !text.contains("..")
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= TAG_BYTES_MAX
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || b".-".contains(&byte))
}

const NAME_BYTES_MAX: usize = 255;
const TAG_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_written() {
        let digest = "ab".repeat(32);
        for text in [
            "ghcr.io/acme/severity:1.2.0".to_owned(),
            format!("ghcr.io/acme/a-b/c_d@sha256:{digest}"),
            format!("localhost:5000/x:V1@sha256:{digest}"),
            "[::1]:5000/x:latest".to_owned(),
        ] {
            let read: Reference = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
            assert_eq!(format!("oci://{text}").parse::<Reference>().unwrap(), read);
        }
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        for text in [
            "",
            "severity",
            "acme/severity:1",
            "ghcr.io/severity",
            "ghcr.io/:1",
            "ghcr.io/Acme/x:1",
            "ghcr.io/a//b:1",
            "ghcr.io/../x:1",
            "ghcr.io/a..b:1",
            "ghcr.io/a:b:c",
            "ghcr.io/a:.x",
            "ghcr.io/a:x/y",
            "ghcr.io/a@sha256:12",
            "ghcr.io/a@sha512:ab",
            "user@ghcr.io/a:1",
            "ghcr.io?x/a:1",
            "http://ghcr.io/a:1",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_local() {
        for (registry, local) in [
            ("localhost", true),
            ("localhost:5000", true),
            ("127.0.0.1:5000", true),
            ("127.8.0.1", true),
            ("[::1]:5000", true),
            ("localhost.example.com", false),
            ("127.0.0.1.example.com:80", false),
            ("10.0.0.1:5000", false),
            ("[fe80::1]:5000", false),
        ] {
            assert_eq!(is_loopback(registry), local, "{registry}");
        }
    }
}
