//! A scheme as data: everything in which one provider's HMAC differs from another's.

use std::borrow::Cow;
use std::time::Duration;

use crate::facts::Facts;
use crate::secret::SecretEncoding;
use crate::signature::crypto::Algorithm;
use crate::signature::encoding::Encoding;
use crate::signature::preset::{self, Preset, Proof};
use crate::signature::token::TokenPlace;

/// How the sender of a delivery is proven.
#[derive(Debug, Clone)]
pub enum Scheme {
    /// Not at all, and said openly: anyone who reaches the source may send.
    None,
    /// As a known provider does it.
    Preset(&'static Preset),
    /// By an HMAC that the configuration spells out.
    Generic(Box<GenericHmac>),
    /// By a secret that is sent as it is, in this header.
    Token {
        /// The header.
        header: String,
    },
}

impl Scheme {
    /// The scheme of that name: a preset's, or `none`. `generic` and `token` need more than a name.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        if name == "none" {
            return Some(Self::None);
        }
        preset::find(name).map(Self::Preset)
    }

    /// The preset of that name, with its secret in another header. `None` if there is no such
    /// preset, or its secret is in no header.
    #[must_use]
    pub fn preset_with_header(name: &str, header: &str) -> Option<Self> {
        let preset = preset::find(name)?;
        if preset.proof != Proof::Token(TokenPlace::Header) || header.is_empty() {
            return None;
        }
        // Presets live as long as the program does. A configuration is read once, and its few
        // names stay with it.
        let header: &'static str = header.to_ascii_lowercase().leak();
        let headers: &'static [&'static str] = vec![header].leak();
        Some(Self::Preset(Box::leak(Box::new(Preset { headers, ..*preset }))))
    }

    /// The name that a verdict has.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Preset(preset) => preset.name,
            Self::Generic(_) => "generic",
            Self::Token { .. } => "token",
        }
    }

    /// Whether the scheme signs the public URL, so that the source must say it.
    #[must_use]
    pub fn needs_public_url(&self) -> bool {
        match self {
            Self::None | Self::Token { .. } => false,
            Self::Preset(preset) => preset.needs_public_url(),
            Self::Generic(generic) => generic.template.contains("{url"),
        }
    }
}

/// An HMAC over a template of the request.
#[derive(Debug, Clone, PartialEq)]
pub struct GenericHmac {
    /// The headers that may carry the signature. Each that is there counts, and may be there once.
    pub headers: Vec<String>,
    /// How one header value holds one or more signatures.
    pub layout: Layout,
    /// How one signature may be written, at least one way.
    pub forms: Vec<Form>,
    /// What is signed: `{body}` `{timestamp}` `{id}` `{url}` `{url_decoded}` `{method}` `{form}`
    /// `{header:NAME}`, and any text between them. `{form}` are the fields of a body that is a
    /// form, sorted; in its place a body may be named by `bodySHA256` in the URL.
    pub template: String,
    /// The headers that may carry the delivery's id, the first that is there.
    pub id_headers: Vec<String>,
    /// Where the time of sending is, and how far off it may be.
    pub time: Option<TimeRule>,
    /// How the secret is written.
    pub secret: SecretEncoding,
    /// Whether the URL may have been signed with its port or without it.
    pub any_port: bool,
    /// Whether a body that is a bare token is refused: the handshake of X signs tokens that anybody
    /// may choose, and none of those may ever pass as an event.
    pub token_refused: bool,
    /// Where the type, the subject, the time and the idempotency key are.
    pub facts: Facts,
}

impl Default for GenericHmac {
    /// HMAC-SHA256 over the body, in hexadecimal, in `x-signature`.
    fn default() -> Self {
        Self {
            headers: vec!["x-signature".into()],
            layout: Layout::Single,
            forms: vec![Form::new("", Algorithm::Sha256, Encoding::Hex)],
            template: "{body}".into(),
            id_headers: Vec::new(),
            time: None,
            secret: SecretEncoding::Utf8,
            any_port: false,
            token_refused: false,
            facts: Facts::default(),
        }
    }
}

/// One way to write a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// What stands before the signature: `sha256=`. What does not start so is of another form.
    pub prefix: Cow<'static, str>,
    /// Whether the prefix may be missing.
    pub prefix_optional: bool,
    /// The hash under the HMAC.
    pub algorithm: Algorithm,
    /// How the tag is written.
    pub encoding: Encoding,
}

impl Form {
    /// A form whose prefix must be there.
    #[must_use]
    pub const fn new(prefix: &'static str, algorithm: Algorithm, encoding: Encoding) -> Self {
        Self { prefix: Cow::Borrowed(prefix), prefix_optional: false, algorithm, encoding }
    }
}

/// How a header value holds signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// The value is one signature.
    Single,
    /// The value is a list of signatures, any of which may match.
    List {
        /// What stands between them.
        separator: char,
    },
    /// The value is a list of signatures, each behind a tag that is passed over: `1/SHA256/...`.
    Tagged {
        /// What stands between them.
        separator: char,
        /// What stands between tag and signature; the last one counts.
        mark: char,
    },
    /// The value is a list of `key=value`: `t=...,v1=...,v1=...`.
    Pairs {
        /// What stands between pairs.
        separator: char,
        /// The key of the time, if the time is here.
        time_key: Option<Cow<'static, str>>,
        /// The keys of signatures. Other keys are passed over: a downgrade cannot match.
        signature_keys: Cow<'static, [Cow<'static, str>]>,
    },
}

/// Where the time of sending is, and how far off it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRule {
    /// Where it is.
    pub from: TimeFrom,
    /// How it is written.
    pub unit: TimeUnit,
    /// How old it may be.
    pub past: Duration,
    /// How far ahead it may be.
    pub future: Duration,
}

impl TimeRule {
    /// A time that may be off by five minutes either way, as most providers say.
    #[must_use]
    pub const fn new(from: TimeFrom, unit: TimeUnit) -> Self {
        let tolerance = Duration::from_secs(300);
        Self { from, unit, past: tolerance, future: tolerance }
    }
}

/// Where the time of sending is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFrom {
    /// In the first of these headers that is there.
    Header(Cow<'static, [Cow<'static, str>]>),
    /// Beside the signature, under the layout's time key.
    Pair,
    /// In the payload, at this JSON Pointer; read once the payload is verified.
    Pointer(Cow<'static, str>),
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Whole seconds since 1970, digits only.
    Seconds,
    /// Whole milliseconds since 1970, digits only.
    Milliseconds,
    /// RFC 3339.
    Rfc3339,
    /// RFC 1123, the form of HTTP dates; the comma and `GMT` as `UTC` are let pass.
    Rfc1123,
}
