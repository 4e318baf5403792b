//! Which headers of a source's deliveries carry secrets: what is masked when a delivery is kept or
//! shown.

use sluicegate_core::fields::Fields;

use crate::signature::{Proof, Scheme};

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// The headers of one source that carry secrets, by their lower-case names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custody {
    /// Credentials that the proof does not need: never kept.
    credentials: Vec<String>,
    /// Headers in which the secret itself is sent: the proof needs them.
    tokens: Vec<String>,
}

impl Custody {
    /// The custody of a scheme.
    #[must_use]
    pub fn of(scheme: &Scheme) -> Self {
        let lower = |name: &str| name.to_ascii_lowercase();
        let (needed, tokens): (Vec<String>, Vec<String>) = match scheme {
            Scheme::Token { header } => (vec![lower(header)], vec![lower(header)]),
            Scheme::Preset(preset) => {
                let own: Vec<String> = preset.headers.iter().map(|name| lower(name)).collect();
                let tokens = if preset.proof == Proof::Token { own.clone() } else { Vec::new() };
                (own, tokens)
            }
            Scheme::Generic(generic) => {
                (generic.headers.iter().map(|name| lower(name)).collect(), Vec::new())
            }
            _ => (Vec::new(), Vec::new()),
        };
        let credentials = CREDENTIALS.iter().map(|name| lower(name));
        Self { credentials: credentials.filter(|name| !needed.contains(name)).collect(), tokens }
    }

    /// The headers as they may be kept, and whether the proof lost what it needs. `sealed`: what is
    /// kept is encrypted, so that a token may be.
    #[must_use]
    pub fn kept(&self, headers: &Fields, sealed: bool) -> (Fields, bool) {
        let tokens: &[String] = if sealed { &[] } else { &self.tokens };
        let lost = headers.iter().any(|(name, _)| tokens.iter().any(|token| token == name));
        (masked(headers, [&self.credentials, tokens]), lost)
    }

    /// The headers as a person may see them.
    #[must_use]
    pub fn shown(&self, headers: &Fields) -> Fields {
        masked(headers, [&self.credentials, &self.tokens])
    }
}

fn masked(headers: &Fields, secret: [&[String]; 2]) -> Fields {
    let mut kept = Fields::with_capacity(headers.len(), headers.text_len());
    for (name, value) in headers.iter() {
        let is_secret = secret.iter().any(|list| list.iter().any(|one| one == name));
        kept.push(name, if is_secret { MASK } else { value });
    }
    kept
}

const CREDENTIALS: [&str; 6] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-amz-security-token",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> Fields {
        let pairs = [
            ("Authorization", "Bearer a"),
            ("cookie", "b"),
            ("X-Gitlab-Token", "c"),
            ("x-hub-signature-256", "sha256=d"),
        ];
        pairs.into_iter().collect()
    }

    fn values(fields: &Fields) -> Vec<&str> {
        fields.iter().map(|(_, value)| value).collect()
    }

    #[test]
    fn credentials_that_no_proof_needs_are_never_kept() {
        let github = Custody::of(&Scheme::preset("github").unwrap());
        let (kept, lost) = github.kept(&headers(), false);
        assert_eq!(values(&kept), [MASK, MASK, "c", "sha256=d"]);
        assert!(!lost);
        assert_eq!(github.shown(&headers()), kept);
    }

    #[test]
    fn a_token_is_kept_only_where_it_is_sealed_and_shown_nowhere() {
        let gitlab = Custody::of(&Scheme::preset("gitlab").unwrap());
        let (kept, lost) = gitlab.kept(&headers(), false);
        assert_eq!((values(&kept), lost), (vec![MASK, MASK, MASK, "sha256=d"], true));
        let (kept, lost) = gitlab.kept(&headers(), true);
        assert_eq!((values(&kept), lost), (vec![MASK, MASK, "c", "sha256=d"], false));
        assert_eq!(values(&gitlab.shown(&kept)), [MASK, MASK, MASK, "sha256=d"]);
        let own = Custody::of(&Scheme::Token { header: "Authorization".into() });
        assert_eq!(values(&own.kept(&headers(), true).0)[0], "Bearer a");
        assert_eq!(values(&own.kept(&headers(), false).0)[0], MASK);
    }
}
