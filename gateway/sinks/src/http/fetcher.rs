//! Fetches small documents from the open internet, for rooms that must not fetch: certificates that
//! a sender names, addresses that confirm a subscription. A stranger may have chosen the URL.
//!
//! Only `https`, only to addresses that may be called (looked up once, judged, and connected to as
//! they were judged), no redirect, and bounds on time and bytes.

use std::time::Duration;

use bytes::Bytes;

use super::config::{AllowPrivate, Roots};
use super::fault::SinkFault;
use super::poster::{PostFault, Poster, Question};
use super::url::read_url;

/// A client that fetches where strangers point.
pub struct Fetcher {
    poster: Poster,
    allow: AllowPrivate,
}

/// Why a document was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchFault {
    /// The URL may not be called.
    #[error("url may not be called: {0}")]
    Refused(#[from] SinkFault),
    /// There is no answer.
    #[error(transparent)]
    Unanswered(#[from] PostFault),
    /// The answer is none: a redirect, or an error.
    #[error("the answer is status {0}")]
    Status(u16),
}

impl Fetcher {
    /// A client that believes these authorities, and calls what is public or allowed here.
    ///
    /// # Errors
    /// When TLS cannot be set up with them.
    pub fn new(allow: AllowPrivate, roots: &Roots) -> Result<Self, SinkFault> {
        Ok(Self { poster: Poster::guarded(allow.clone(), roots)?, allow })
    }

    /// Fetches once: at most [`ANSWER_BYTES_MAX`], within [`TIMEOUT`].
    ///
    /// # Errors
    /// When the URL may not be called, there is no answer, or it is another status than 2xx.
    pub async fn get(&self, url: &str, headers: &[(String, String)]) -> Result<Bytes, FetchFault> {
        if !url.starts_with("https://") {
            return Err(SinkFault::UrlScheme.into());
        }
        read_url(url, &self.allow)?;
        let (timeout, answer_bytes_max) = (TIMEOUT, ANSWER_BYTES_MAX);
        let body = Bytes::new();
        let question = Question { method: "GET", url, headers, body, timeout, answer_bytes_max };
        let (status, body) = self.poster.ask(question).await?;
        if (200..300).contains(&status) { Ok(body) } else { Err(FetchFault::Status(status)) }
    }
}

const TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// The addresses of `address` stand behind this: here is what a URL may be.
    #[tokio::test]
    async fn what_leads_elsewhere_is_refused_before_anyone_is_called() {
        let fetcher = Fetcher::new(AllowPrivate::Nothing, &Roots::Web).unwrap();
        for url in [
            "http://example.com/cert.pem",
            "HTTPS://example.com/",
            "file:///etc/passwd",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[64:ff9b::a00:1]/",
            "https://user@example.com/",
            "https://example.com:6379/",
            "https://",
            "",
        ] {
            let fault = fetcher.get(url, &[]).await.unwrap_err();
            assert!(matches!(fault, FetchFault::Refused(_)), "{url}: {fault}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_called() {
        let fetcher = Fetcher::new(AllowPrivate::Nothing, &Roots::Web).unwrap();
        let fault = fetcher.get("https://localhost/", &[]).await.unwrap_err();
        assert!(fault.to_string().contains("no public address"), "{fault}");
    }
}
