//! A preset: what the gateway knows about a provider, so that a source is three lines of YAML.

use crate::facts::{Fact, Facts};
use crate::handshake::Handshake;
use crate::secret::SecretEncoding;
use crate::signature::crypto::Algorithm;
use crate::signature::encoding::Encoding;
use crate::signature::generic::{Form, GenericHmac, Layout, TimeRule};
use crate::signature::own::Compose;
use crate::signature::presets;
use crate::signature::public::PublicForm;
use crate::signature::token::TokenPlace;

/// A provider's scheme, and where its deliveries say what they are.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// The name in the configuration and in verdicts: `github`.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// The name that people know: `GitHub`.
    pub title: &'static str,
    /// What the sender proves itself with.
    pub proof: Proof,
    /// What the secret is called where the provider shows it.
    pub needs: &'static str,
    /// The headers that may carry the signature or token; none where it lies elsewhere.
    pub headers: &'static [&'static str],
    /// How a header holds signatures.
    pub layout: &'static Layout,
    /// How a signature is written.
    pub forms: &'static [Form],
    /// What is signed.
    pub template: &'static str,
    /// The headers that may carry the id.
    pub id_headers: &'static [&'static str],
    /// Where the time of sending is.
    pub time: Option<&'static TimeRule>,
    /// How the secret is written.
    pub secret: &'static SecretEncoding,
    /// Whether the URL may have been signed with its port or without it.
    pub any_port: bool,
    /// Whether a body that is a bare token is refused, since the handshake signs those for anybody.
    pub token_refused: bool,
    /// How signatures by private keys are written, where the provider makes those.
    pub public: Option<PublicForm>,
    /// How many seconds the provider waits for an answer, where it says so.
    pub ack_s: Option<u16>,
    /// How it asks whether it may send.
    pub handshakes: &'static [Handshake],
    /// Where the event's type is: the first that is there.
    pub kind: &'static [Fact],
    /// Where the event's subject is.
    pub subject: &'static [Fact],
    /// Where the time of what happened is.
    pub happened: &'static [Fact],
    /// Where the idempotency key is.
    pub dedupe: &'static [Fact],
    /// The field of a form-encoded body that holds the JSON payload.
    pub form_field: Option<&'static str>,
}

/// What a sender proves itself with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A keyed hash of what it sends.
    Hmac,
    /// The secret itself.
    Token(TokenPlace),
    /// A signature by a private key of what it sends.
    PublicKey,
    /// Something that no template describes.
    Own(Own),
}

/// The schemes that have code of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Amazon SNS.
    Sns,
    /// PayPal.
    PayPal,
    /// Mailgun.
    Mailgun,
    /// Adyen's payments.
    AdyenItems,
    /// Atlassian Connect: a token that names the request.
    Connect,
    /// A token with a shared secret.
    Jwt,
    /// An OpenID token of Google's.
    Oidc,
    /// Paddle Classic.
    PaddleClassic,
    /// A text that the delivery itself lists.
    Composed(Compose),
}

impl Own {
    /// Whether the signature covers the payload. Where it does not, only the sender is proven.
    #[must_use]
    pub fn covers_payload(self) -> bool {
        matches!(self, Self::Sns | Self::PaddleClassic | Self::Composed(_))
    }
}

impl Preset {
    /// HMAC-SHA256 over the body in hexadecimal: what most rows of the table start from.
    pub(crate) const BODY_HEX: Self = Self {
        name: "",
        aliases: &[],
        title: "",
        proof: Proof::Hmac,
        needs: "webhook secret",
        headers: &[],
        layout: &Layout::Single,
        forms: &[Form::new("", Algorithm::Sha256, Encoding::Hex)],
        template: "{body}",
        id_headers: &[],
        time: None,
        secret: &SecretEncoding::Utf8,
        any_port: false,
        token_refused: false,
        public: None,
        ack_s: None,
        handshakes: &[],
        kind: &[],
        subject: &[],
        happened: &[],
        dedupe: &[],
        form_field: None,
    };

    /// The scheme as the engine takes it.
    #[must_use]
    pub fn generic(&self) -> GenericHmac {
        let owned = |names: &[&str]| names.iter().map(|name| String::from(*name)).collect();
        GenericHmac {
            headers: owned(self.headers),
            layout: self.layout.clone(),
            forms: self.forms.to_vec(),
            template: self.template.into(),
            id_headers: owned(self.id_headers),
            time: self.time.cloned(),
            secret: self.secret.clone(),
            any_port: self.any_port,
            token_refused: self.token_refused,
            facts: self.facts(),
        }
    }

    /// Where its deliveries say what they are.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts {
            kind: self.kind.to_vec(),
            subject: self.subject.to_vec(),
            time: self.happened.to_vec(),
            dedupe: self.dedupe.to_vec(),
            form_field: self.form_field.map(Into::into),
        }
    }

    /// Whether it signs the public URL.
    #[must_use]
    pub fn needs_public_url(&self) -> bool {
        self.template.contains("{url")
            || matches!(self.proof, Proof::Own(Own::Oidc | Own::Composed(Compose::Contentful)))
    }

    /// Whether it signs a time, so that a tolerance means something.
    #[must_use]
    pub fn signs_time(&self) -> bool {
        self.time.is_some()
            || matches!(
                self.proof,
                Proof::Own(Own::Mailgun | Own::Connect | Own::Jwt | Own::Oidc | Own::Composed(_))
            )
    }

    /// Whether a handshake can hand over the secret.
    #[must_use]
    pub fn learns(&self) -> bool {
        self.handshakes.iter().any(|one| one.learns.is_some())
    }

    /// Whether something is fetched to verify its deliveries.
    #[must_use]
    pub fn needs_fetch(&self) -> bool {
        matches!(
            self.proof,
            Proof::Own(Own::Sns | Own::PayPal | Own::Oidc | Own::Composed(Compose::Fal))
        )
    }
}

/// The preset of that name or alias.
pub(crate) fn find(name: &str) -> Option<&'static Preset> {
    presets::ALL.iter().find(|preset| preset.name == name || preset.aliases.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::template::Template;
    use std::collections::HashSet;

    #[test]
    fn every_preset_is_complete_and_has_a_name_of_its_own() {
        let mut names = HashSet::new();
        for preset in presets::ALL {
            let elsewhere = matches!(preset.proof, Proof::Own(_) | Proof::Token(_));
            assert!(!preset.title.is_empty(), "{}", preset.name);
            assert!(!preset.headers.is_empty() || elsewhere, "{}", preset.name);
            assert_eq!(
                preset.proof == Proof::PublicKey,
                preset.public.is_some()
                    && preset.name != "standard-webhooks"
                    && preset.name != "gitlab-signed",
                "{}",
                preset.name
            );
            assert!(Template::parse(preset.template).is_ok(), "{}", preset.name);
            assert!(preset.headers.iter().all(|name| name.to_lowercase() == **name));
            for name in preset.aliases.iter().chain([&preset.name]) {
                assert!(names.insert(*name), "{name} is there twice");
                assert!(std::ptr::eq(find(name).unwrap(), preset));
            }
        }
        assert!(find("GitHub").is_none());
    }
}
