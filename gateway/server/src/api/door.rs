//! Who may ask the admin API.
//!
//! With a token: whoever presents it. Without: only callers on this machine, and no web page that
//! a browser on it has open (threats row 14): a foreign `Host` or any `Origin` is refused.

use std::net::SocketAddr;

use sluicegate_core::fields::Fields;
use sluicegate_core::ids::Digest;
use sluicegate_sources::http::Response;

use super::reply;

/// Who may ask.
#[derive(Debug, Clone)]
pub enum Access {
    /// Callers on this machine.
    Local(SocketAddr),
    /// Callers with this bearer token; its SHA-256 is kept.
    Token(Digest),
}

impl Access {
    /// Refuses those who may not ask.
    pub(super) fn check(
        &self,
        headers: &Fields,
        sha256: impl Fn(&[u8]) -> Digest,
    ) -> Result<(), Response> {
        if headers.first("origin").is_some() {
            let why = "requests from web pages are not answered";
            return Err(reply::problem(403, "origin_not_allowed", why));
        }
        match self {
            Self::Local(address) => {
                let host = headers.first("host").unwrap_or_default();
                if is_local(host, *address) {
                    return Ok(());
                }
                let why = "the Host header must name this machine as localhost, 127.0.0.1 or [::1]";
                Err(reply::problem(403, "host_not_allowed", why))
            }
            Self::Token(expected) => {
                let given = headers.once("authorization").ok().and_then(|value| {
                    let (kind, token) = value.split_once(' ')?;
                    kind.eq_ignore_ascii_case("bearer").then_some(token.trim())
                });
                // Digests are compared, so that the time taken says nothing about the token.
                if given.is_some_and(|token| sha256(token.as_bytes()) == *expected) {
                    return Ok(());
                }
                let why = "a bearer token is needed, and this is not it";
                Err(reply::problem(401, "token_refused", why).with("www-authenticate", "Bearer"))
            }
        }
    }

    /// Refuses to show a secret to whoever needs no token, unless they are on this machine: the
    /// configuration sees to that, and is not relied on here.
    pub(super) fn check_for_secrets(&self) -> Result<(), Response> {
        match self {
            Self::Local(address) if !address.ip().is_loopback() => {
                let why = "a secret is shown on a loopback address, or to the bearer of a token";
                Err(reply::problem(403, "secret_not_shown", why))
            }
            Self::Local(_) | Self::Token(_) => Ok(()),
        }
    }
}

fn is_local(host: &str, address: SocketAddr) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|local| name.eq_ignore_ascii_case(local))
        || host == address.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(bytes: &[u8]) -> Digest {
        let mut digest = [0; 32];
        for (at, byte) in bytes.iter().enumerate() {
            digest[at % 32] ^= byte;
        }
        Digest(digest)
    }

    fn check(access: &Access, headers: &[(&str, &str)]) -> Result<(), u16> {
        access.check(&headers.iter().copied().collect(), hash).map_err(|reply| reply.status)
    }

    #[test]
    fn without_a_token_only_this_machine_is_answered() {
        let access = Access::Local("127.0.0.1:8081".parse().unwrap());
        for host in ["localhost:8081", "127.0.0.1:8081", "[::1]:8081", "LOCALHOST"] {
            assert_eq!(check(&access, &[("host", host)]), Ok(()), "{host}");
        }
        for host in ["evil.example:8081", "127.0.0.1.evil.example", ""] {
            assert_eq!(check(&access, &[("host", host)]), Err(403), "{host}");
        }
        let page = [("host", "localhost"), ("origin", "http://localhost")];
        assert_eq!(check(&access, &page), Err(403));
    }

    #[test]
    fn a_secret_is_shown_on_this_machine_or_to_the_bearer_of_a_token_only() {
        let shown = |access: Access| access.check_for_secrets().map_err(|reply| reply.status);
        for local in ["127.0.0.1:8081", "[::1]:8081"] {
            assert_eq!(shown(Access::Local(local.parse().unwrap())), Ok(()), "{local}");
        }
        for other in ["0.0.0.0:8081", "10.0.0.1:8081", "[::]:8081"] {
            assert_eq!(shown(Access::Local(other.parse().unwrap())), Err(403), "{other}");
        }
        assert_eq!(shown(Access::Token(hash(b"secret"))), Ok(()));
    }

    #[test]
    fn with_a_token_only_its_bearers_are_answered() {
        let access = Access::Token(hash(b"secret"));
        assert_eq!(check(&access, &[("authorization", "Bearer secret")]), Ok(()));
        for bad in ["Bearer wrong", "secret", "Basic secret", "Bearer "] {
            assert_eq!(check(&access, &[("authorization", bad)]), Err(401), "{bad}");
        }
        let doubled = [("authorization", "Bearer secret"), ("authorization", "Bearer secret")];
        assert_eq!(check(&access, &doubled), Err(401));
    }
}
