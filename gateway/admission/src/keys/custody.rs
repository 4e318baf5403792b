//! Where a source's deliveries carry secrets: what is masked when one is kept or shown, and what
//! may be kept only where it is encrypted.
//!
//! A token is the secret itself, or as good as it while it lasts: whoever reads one can send
//! anything. So it lies in no file in plain, and is shown to nobody.

use bytes::Bytes;
use sluicegate_core::delivery::Delivery;
use sluicegate_core::fields::Fields;

use crate::envelope::CREDENTIALS;
use crate::signature::{Own, Preset, Proof, Scheme, TokenPlace};

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// Where the deliveries of one source carry secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custody {
    /// Credentials that the proof does not need: never kept.
    credentials: Vec<String>,
    /// Where the token is that the proof needs.
    tokens: Vec<TokenIn>,
}

/// Where a delivery has a token.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TokenIn {
    /// In this header, in lower case.
    Header(String),
    /// In the query, under this name.
    Query(&'static str),
    /// In the body.
    Body,
    /// Nobody knows: there is no such source any more.
    Anywhere,
}

impl Custody {
    /// The custody of a scheme.
    #[must_use]
    pub fn of(scheme: &Scheme) -> Self {
        let tokens = match scheme {
            Scheme::None => Vec::new(),
            Scheme::Token { header } => vec![TokenIn::Header(header.to_ascii_lowercase())],
            Scheme::Preset(preset) => tokens_of(preset),
            Scheme::Generic(generic) => {
                // Names of headers mean the same in either case.
                let template = generic.template.to_ascii_lowercase();
                let signed = |name: &&str| template.contains(&format!("{{header:{name}}}"));
                let header = |name: &str| TokenIn::Header(name.to_owned());
                let sent = CREDENTIALS.iter().copied();
                let read = |name: &&str| {
                    signed(name) || generic.headers.iter().any(|own| own.eq_ignore_ascii_case(name))
                };
                sent.filter(read).map(header).collect()
            }
        };
        let needed = |name: &str| tokens.iter().any(|token| *token == TokenIn::Header(name.into()));
        let credentials = CREDENTIALS.iter().filter(|name| !needed(name));
        Self { credentials: credentials.map(|name| (*name).to_owned()).collect(), tokens }
    }

    /// The custody of a source that is not known: all may be secret.
    #[must_use]
    pub fn unknown() -> Self {
        Self { credentials: Vec::new(), tokens: vec![TokenIn::Anywhere] }
    }

    /// A delivery as it may be kept, and whether the proof lost what it needs. `sealed`: what is
    /// kept is encrypted, so that a token may be. `None`: it may not be kept, since its token
    /// stands where none can be masked without another delivery coming of it.
    #[must_use]
    pub fn kept(&self, delivery: Delivery, sealed: bool) -> Option<(Delivery, bool)> {
        if sealed {
            let headers = self.masked(&delivery.headers, false);
            return Some((Delivery { headers, ..delivery }, false));
        }
        if self.tokens.iter().any(|token| token.is_beside_headers(&delivery)) {
            return None;
        }
        let lost = delivery.headers.iter().any(|(name, _)| self.has_token(name));
        let headers = self.masked(&delivery.headers, true);
        Some((Delivery { headers, ..delivery }, lost))
    }

    /// A delivery as a person may see it.
    #[must_use]
    pub fn shown(&self, delivery: &Delivery) -> Delivery {
        let headers = self.masked(&delivery.headers, true);
        let mut shown = Delivery { headers, ..delivery.clone() };
        for token in self.tokens.iter().filter(|token| token.is_beside_headers(delivery)) {
            match token {
                TokenIn::Query(_) => shown.target = without_query(&shown.target),
                TokenIn::Body => shown.body = Bytes::from_static(MASK.as_bytes()),
                TokenIn::Header(_) | TokenIn::Anywhere => {
                    shown.target = without_query(&shown.target);
                    shown.body = Bytes::from_static(MASK.as_bytes());
                }
            }
        }
        shown
    }

    fn has_token(&self, name: &str) -> bool {
        self.tokens.iter().any(|token| match token {
            TokenIn::Header(own) => own == name,
            TokenIn::Query(_) | TokenIn::Body => false,
            TokenIn::Anywhere => true,
        })
    }

    fn masked(&self, headers: &Fields, tokens_too: bool) -> Fields {
        let mut kept = Fields::with_capacity(headers.len(), headers.text_len());
        for (name, value) in headers.iter() {
            let secret = self.credentials.iter().any(|one| one == name)
                || tokens_too && self.has_token(name);
            kept.push(name, if secret { MASK } else { value });
        }
        kept
    }
}

impl TokenIn {
    /// Whether the delivery has it outside its headers.
    fn is_beside_headers(&self, delivery: &Delivery) -> bool {
        let (_, query) = delivery.target.split_once('?').unwrap_or_default();
        match self {
            Self::Header(_) => false,
            // A name that is escaped may be any.
            Self::Query(name) => query.split('&').any(|pair| {
                let (found, _) = pair.split_once('=').unwrap_or((pair, ""));
                found == *name || found.contains(['%', '+'])
            }),
            Self::Body => !delivery.body.is_empty(),
            Self::Anywhere => !query.is_empty() || !delivery.body.is_empty(),
        }
    }
}

fn tokens_of(preset: &Preset) -> Vec<TokenIn> {
    let header = |name: &&str| TokenIn::Header(name.to_ascii_lowercase());
    match preset.proof {
        Proof::Token(TokenPlace::Header | TokenPlace::Basic) => {
            preset.headers.iter().map(header).collect()
        }
        Proof::Token(TokenPlace::Query(name)) => vec![TokenIn::Query(name)],
        Proof::Token(TokenPlace::Items(..)) => vec![TokenIn::Body],
        // Signed tokens that say nothing of the body: good for any until they end.
        Proof::Own(Own::Connect | Own::Jwt | Own::Oidc) => {
            vec![header(&"authorization"), TokenIn::Query("jwt")]
        }
        Proof::Hmac
        | Proof::PublicKey
        | Proof::Own(
            Own::Sns
            | Own::PayPal
            | Own::Mailgun
            | Own::AdyenItems
            | Own::PaddleClassic
            | Own::Composed(_),
        ) => Vec::new(),
    }
}

fn without_query(target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if query.is_empty() { path.to_owned() } else { format!("{path}?{MASK}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{ALL, GenericHmac};
    use sluicegate_core::delivery::Transport;

    const TOKEN: &str = "a-token-that-nobody-may-read";

    fn delivery(headers: &[(&str, &str)], target: &str, body: &str) -> Delivery {
        Delivery {
            source: "in".parse().unwrap(),
            method: "POST".into(),
            target: target.into(),
            headers: headers.iter().copied().collect(),
            body: Bytes::from(body.to_owned()),
            peer: None,
            transport: Transport::default(),
        }
    }

    fn came() -> Delivery {
        let pairs = [
            ("authorization", "Bearer a"),
            ("cookie", "b"),
            ("x-gitlab-token", "c"),
            ("x-hub-signature-256", "sha256=d"),
        ];
        delivery(&pairs, "/in", "{}")
    }

    fn values(delivery: &Delivery) -> Vec<&str> {
        delivery.headers.iter().map(|(_, value)| value).collect()
    }

    /// A delivery of this preset with its token where the preset has it.
    fn with_token(preset: &Preset) -> Option<Delivery> {
        let in_headers = |text: &str| {
            let pairs: Vec<_> = preset.headers.iter().map(|name| (*name, text)).collect();
            delivery(&pairs, "/in?a=1", "{}")
        };
        Some(match preset.proof {
            Proof::Token(TokenPlace::Header) => in_headers(TOKEN),
            Proof::Token(TokenPlace::Basic) => in_headers(&format!("Basic {TOKEN}")),
            Proof::Token(TokenPlace::Query(name)) => {
                delivery(&[], &format!("/in?a=1&{name}={TOKEN}"), "{}")
            }
            Proof::Token(TokenPlace::Items(list, name)) => {
                delivery(&[], "/in", &format!(r#"{{"{list}":[{{"{name}":"{TOKEN}"}}]}}"#))
            }
            Proof::Own(Own::Connect | Own::Jwt | Own::Oidc) => {
                delivery(&[("authorization", &format!("JWT {TOKEN}"))], "/in", "{}")
            }
            _ => return None,
        })
    }

    #[test]
    fn no_preset_with_a_token_keeps_it_in_plain_or_shows_it() {
        let mut tried = 0;
        for preset in ALL {
            let custody = Custody::of(&Scheme::Preset(preset));
            let Some(delivery) = with_token(preset) else { continue };
            tried += 1;
            let holds = |delivery: &Delivery| format!("{delivery:?}").contains(TOKEN);
            assert!(holds(&delivery), "{}", preset.name);
            if let Some((kept, lost)) = custody.kept(delivery.clone(), false) {
                assert!(!holds(&kept) && lost, "{}: {kept:?}", preset.name);
            }
            let (kept, lost) = custody.kept(delivery.clone(), true).unwrap();
            assert!(holds(&kept) && !lost, "{}: sealed, it is kept whole", preset.name);
            assert!(!holds(&custody.shown(&kept)), "{}", preset.name);
        }
        assert!(tried >= 9, "{tried}");
    }

    #[test]
    fn a_token_in_the_query_or_the_body_is_kept_sealed_only() {
        let azure = Custody::of(&Scheme::preset("azure-event-grid").unwrap());
        for target in ["/in?code=x", "/in?a=1&c%6fde=x"] {
            assert!(azure.kept(delivery(&[], target, "{}"), false).is_none(), "{target}");
            assert_eq!(azure.shown(&delivery(&[], target, "{}")).target, "/in?***");
        }
        assert!(azure.kept(delivery(&[], "/in?a=1", "{}"), false).is_some(), "it has none");
        let graph = Custody::of(&Scheme::preset("microsoft-graph").unwrap());
        assert!(graph.kept(delivery(&[], "/in", "{}"), false).is_none());
        assert_eq!(graph.shown(&delivery(&[], "/in", "{}")).body, MASK);
        let connect = Custody::of(&Scheme::preset("atlassian-connect").unwrap());
        assert!(connect.kept(delivery(&[], "/in?jwt=x", "{}"), false).is_none());
    }

    #[test]
    fn credentials_that_no_proof_needs_are_never_kept() {
        let github = Custody::of(&Scheme::preset("github").unwrap());
        for sealed in [false, true] {
            let (kept, lost) = github.kept(came(), sealed).unwrap();
            assert_eq!(values(&kept), [MASK, MASK, "c", "sha256=d"]);
            assert!(!lost);
            assert_eq!(values(&github.shown(&came())), values(&kept));
        }
    }

    #[test]
    fn a_token_in_a_header_is_kept_only_where_it_is_sealed_and_shown_nowhere() {
        let gitlab = Custody::of(&Scheme::preset("gitlab").unwrap());
        let (kept, lost) = gitlab.kept(came(), false).unwrap();
        assert_eq!((values(&kept), lost), (vec![MASK, MASK, MASK, "sha256=d"], true));
        let (kept, lost) = gitlab.kept(came(), true).unwrap();
        assert_eq!((values(&kept), lost), (vec![MASK, MASK, "c", "sha256=d"], false));
        assert_eq!(values(&gitlab.shown(&kept)), [MASK, MASK, MASK, "sha256=d"]);
        let own = Custody::of(&Scheme::Token { header: "Authorization".into() });
        assert_eq!(values(&own.kept(came(), true).unwrap().0)[0], "Bearer a");
        assert_eq!(values(&own.kept(came(), false).unwrap().0)[0], MASK);
    }

    #[test]
    fn a_credential_that_a_scheme_signs_is_lost_openly() {
        let template = "{header:Cookie}.{body}".into();
        let signs = Scheme::Generic(Box::new(GenericHmac { template, ..GenericHmac::default() }));
        let (kept, lost) = Custody::of(&signs).kept(came(), false).unwrap();
        assert_eq!((values(&kept)[1], lost), (MASK, true));
    }

    #[test]
    fn of_a_source_that_is_gone_nothing_is_shown() {
        let shown = Custody::unknown().shown(&delivery(&[("x-a", "b")], "/in?c=d", "{}"));
        assert_eq!((values(&shown), shown.target.as_str()), (vec![MASK], "/in?***"));
        assert_eq!(shown.body, MASK);
    }
}
