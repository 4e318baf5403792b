//! One conversation with a registry about one repository (OCI Distribution Specification 1.1).
//!
//! It never speaks without TLS to another machine, and never shows a credential to anybody but the
//! registry and the place of its tokens: where a registry leads elsewhere, it goes unnamed.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use sluicegate_core::limits::bounded_reason;
use sluicegate_sinks::http::{Answer, Poster, Question, Roots};
use zeroize::Zeroizing;

use super::challenge::Challenge;
use super::fault::OciFault;
use super::reference::{Reference, is_loopback};

/// Whom a registry sees, and whom it must be.
#[derive(Clone, Default)]
pub struct Registry {
    /// Name and password; `None`: a stranger.
    pub credentials: Option<Credentials>,
    /// The certificate authorities to believe, in PEM; `None`: the web's, and a registry on this
    /// machine is spoken to without TLS.
    pub ca: Option<Vec<u8>>,
}

/// Name and password at a registry.
#[derive(Clone)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password, or a token in its place.
    pub password: Zeroizing<String>,
}

/// What is meant to be done: registries give tokens for no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    Pull,
    Push,
}

/// A conversation.
pub(super) struct Session<'a> {
    registry: &'a Registry,
    reference: &'a Reference,
    intent: Intent,
    poster: Poster,
    /// `https://ghcr.io`
    origin: String,
    /// What `Authorization` says, once the registry has asked.
    authorization: Option<Zeroizing<String>>,
}

/// One request.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a str,
    /// The header field that goes with the method: `Accept`, or `Content-Type`.
    pub(super) kind: (&'a str, &'a str),
    pub(super) body: &'a Bytes,
    pub(super) answer_bytes_max: usize,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        registry: &'a Registry,
        reference: &'a Reference,
        intent: Intent,
    ) -> Result<Self, OciFault> {
        let roots = registry.ca.clone().map_or(Roots::Web, Roots::Pem);
        let is_plain = reference.is_local() && registry.ca.is_none();
        let scheme = if is_plain { "http" } else { "https" };
        let origin = format!("{scheme}://{}", reference.registry());
        let poster = Poster::with_roots(&roots)?;
        Ok(Self { registry, reference, intent, poster, origin, authorization: None })
    }

    /// The URL of something in the repository.
    pub(super) fn url(&self, rest: &str) -> String {
        format!("{}/v2/{}/{rest}", self.origin, self.reference.repository())
    }

    /// The URL that a `Location` names.
    pub(super) fn location(&self, answer: &Answer, from: &str) -> Result<String, OciFault> {
        let to = answer.headers("location").next().unwrap_or_default();
        let to = if to.starts_with('/') { format!("{}{to}", origin(from)) } else { to.to_owned() };
        if self.may_go_to(&to) { Ok(to) } else { Err(OciFault::Insecure { to }) }
    }

    /// Asks, and says who asks if the registry wants to know.
    pub(super) async fn ask(&mut self, call: Call<'_>) -> Result<Answer, OciFault> {
        let answer = self.follow(call).await?;
        if answer.status != 401 || self.authorization.is_some() {
            return self.judged(answer);
        }
        let Some(challenge) = answer.headers("www-authenticate").find_map(Challenge::read) else {
            return self.judged(answer);
        };
        self.authorization = Some(self.authorize(&challenge).await?);
        let answer = self.follow(call).await?;
        self.judged(answer)
    }

    fn judged(&self, answer: Answer) -> Result<Answer, OciFault> {
        match answer.status {
            401 | 403 => Err(self.refused(answer.status)),
            _ => Ok(answer),
        }
    }

    fn refused(&self, status: u16) -> OciFault {
        OciFault::Refused { registry: self.reference.registry().to_owned(), status }
    }

    /// Asks once, and goes where a question for something is sent on to.
    async fn follow(&self, call: Call<'_>) -> Result<Answer, OciFault> {
        let mut url = call.url.to_owned();
        for _ in 0..REDIRECTS_MAX {
            let answer = self.once(Call { url: &url, ..call }).await?;
            let leads_on = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
            if !leads_on || !matches!(call.method, "GET" | "HEAD") {
                return Ok(answer);
            }
            url = self.location(&answer, &url)?;
        }
        let said = format!("more than {REDIRECTS_MAX} redirects");
        Err(OciFault::Answer { url, status: 307, said })
    }

    async fn once(&self, call: Call<'_>) -> Result<Answer, OciFault> {
        let Call { method, url, kind: (name, value), body, answer_bytes_max } = call;
        let mut headers = vec![
            (name.to_owned(), value.to_owned()),
            ("user-agent".to_owned(), "sluicegate".to_owned()),
        ];
        if let Some(authorization) = &self.authorization
            && origin(url) == self.origin
        {
            headers.push(("authorization".to_owned(), authorization.to_string()));
        }
        let (headers, body, timeout) = (&headers[..], body.clone(), TIMEOUT);
        let question = Question { method, url, headers, body, timeout, answer_bytes_max };
        let answer = self.poster.exchange(question).await;
        answer.map_err(|fault| OciFault::Unreachable { url: url.to_owned(), fault })
    }

    /// What `Authorization` must say.
    async fn authorize(&self, challenge: &Challenge) -> Result<Zeroizing<String>, OciFault> {
        match challenge {
            Challenge::Basic => self.basic().ok_or_else(|| self.refused(401)),
            Challenge::Bearer { realm, service, scope } => {
                self.token(realm, service.as_deref(), scope.as_deref()).await
            }
        }
    }

    fn basic(&self) -> Option<Zeroizing<String>> {
        let Credentials { user, password } = self.registry.credentials.as_ref()?;
        let pair = Zeroizing::new(format!("{user}:{}", password.as_str()));
        Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
    }

    /// Asks for a token, as name and password, or as a stranger.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: Option<&str>,
    ) -> Result<Zeroizing<String>, OciFault> {
        if !self.may_go_to(realm) {
            return Err(OciFault::Insecure { to: realm.to_owned() });
        }
        let verbs = if self.intent == Intent::Push { "pull,push" } else { "pull" };
        let own = format!("repository:{}:{verbs}", self.reference.repository());
        let mut url = format!("{realm}{}", if realm.contains('?') { '&' } else { '?' });
        url.push_str(&format!("scope={}", query(scope.unwrap_or(&own))));
        if let Some(service) = service {
            url.push_str(&format!("&service={}", query(service)));
        }
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
        if let Some(basic) = self.basic() {
            headers.push(("authorization".to_owned(), basic.to_string()));
        }
        let question = Question {
            method: "GET",
            url: &url,
            headers: &headers,
            body: Bytes::new(),
            timeout: TIMEOUT,
            answer_bytes_max: TOKEN_BYTES_MAX,
        };
        let answer = self.poster.exchange(question).await;
        let answer = answer.map_err(|fault| OciFault::Unreachable { url: url.clone(), fault })?;
        if matches!(answer.status, 401 | 403) {
            return Err(self.refused(answer.status));
        }
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = ["token", "access_token"].iter().find_map(|name| said.get(name)?.as_str());
        match token {
            Some(token) if answer.status == 200 => Ok(Zeroizing::new(format!("Bearer {token}"))),
            // What it said may hold a token: it is not repeated.
            _ => Err(OciFault::Answer { url, status: answer.status, said: "no token".into() }),
        }
    }

    /// Over TLS anywhere; without only on this machine, if the registry is there too.
    fn may_go_to(&self, url: &str) -> bool {
        let is_plain = self.origin.starts_with("http://");
        let local = || url.strip_prefix("http://").map(|rest| rest.split('/').next());
        url.starts_with("https://") || is_plain && local().flatten().is_some_and(is_loopback)
    }
}

/// The fault of an answer that is not the wanted one.
pub(super) fn unexpected(url: &str, answer: &Answer) -> OciFault {
    if answer.status == 404 {
        return OciFault::NotFound { what: url.to_owned() };
    }
    let said = bounded_reason(String::from_utf8_lossy(&answer.body).into_owned());
    OciFault::Answer { url: url.to_owned(), status: answer.status, said }
}

/// Scheme and authority of a URL.
fn origin(url: &str) -> &str {
    let rest = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(rest..).and_then(|rest| rest.find(['/', '?', '#']));
    end.and_then(|end| url.get(..rest + end)).unwrap_or(url)
}

/// A value of a query: every byte that could mean something else is escaped.
fn query(text: &str) -> String {
    let escaped = |byte: u8| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~/:,".contains(&byte);
        if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(escaped).collect()
}

/// For a whole answer, the largest component included.
const TIMEOUT: Duration = Duration::from_secs(120);
const REDIRECTS_MAX: usize = 5;
const TOKEN_BYTES_MAX: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_authority() {
        for (url, wanted) in [
            ("https://a.io/v2/x", "https://a.io"),
            ("https://a.io:5000?x", "https://a.io:5000"),
            ("http://[::1]:5", "http://[::1]:5"),
        ] {
            assert_eq!(origin(url), wanted);
        }
        assert_eq!(query("repository:a/b:pull,push&x= "), "repository:a/b:pull,push%26x%3D%20");
    }

    #[test]
    fn nobody_is_spoken_to_without_tls_but_this_machine() {
        let (registry, with_ca) = (Registry::default(), Registry { ca: None, credentials: None });
        let far: Reference = "ghcr.io/a:1".parse().unwrap();
        let near: Reference = "127.0.0.1:5000/a:1".parse().unwrap();
        let far = Session::new(&registry, &far, Intent::Pull).unwrap();
        let near = Session::new(&with_ca, &near, Intent::Pull).unwrap();
        assert_eq!(far.url("x"), "https://ghcr.io/v2/a/x");
        assert_eq!(near.url("x"), "http://127.0.0.1:5000/v2/a/x");
        assert!(far.may_go_to("https://cdn.io/x") && near.may_go_to("https://cdn.io/x"));
        assert!(near.may_go_to("http://localhost:1/x"));
        for bad in ["http://ghcr.io/x", "http://127.0.0.1/x", "file:///x", "", "httpsx://a"] {
            assert!(!far.may_go_to(bad), "{bad}");
        }
        for bad in ["http://10.0.0.1/x", "http://localhost@evil/x", "http://127.0.0.1:80@evil/"] {
            assert!(!near.may_go_to(bad), "{bad}");
        }
    }
}
