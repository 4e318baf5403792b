//! A preset: what the gateway knows about a provider, so that a source is three lines of YAML.

use crate::facts::{Fact, Facts};
use crate::secret::SecretEncoding;
use crate::signature::crypto::Algorithm;
use crate::signature::encoding::Encoding;
use crate::signature::generic::{Form, GenericHmac, Layout, TimeRule};
use crate::signature::presets;

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
    /// The headers that may carry the signature or token.
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
    /// An HMAC of what it sends.
    Hmac,
    /// The secret itself.
    Token,
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
            assert!(!preset.title.is_empty() && !preset.headers.is_empty(), "{}", preset.name);
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
