//! Signs as a provider does: for `send`, for tests, and for sinks that sign what they deliver.

use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::facts::Fact;
use crate::secret::{Key, SECRET_BYTES_MIN, SecretEncoding, SecretFault, key_bytes};
use crate::signature::covered::sorted_fields;
use crate::signature::crypto::MacKey;
use crate::signature::generic::{Form, GenericHmac, Layout, Scheme, TimeFrom, TimeRule};
use crate::signature::preset::Proof;
use crate::signature::template::{Inputs, Piece, Template};
use crate::signature::token::TokenPlace;

/// What is to be signed.
#[derive(Debug, Clone, Copy)]
pub struct SignRequest<'a> {
    /// The body, as it will be sent.
    pub body: &'a [u8],
    /// The id of the delivery: also the idempotency key, where the scheme has a header for it.
    pub id: &'a str,
    /// The time of sending.
    pub now: Timestamp,
    /// The URL that it is sent to, as the receiver knows it.
    pub url: &'a str,
    /// The method.
    pub method: &'a str,
    /// The event's type, for schemes that have a header for it; may be empty.
    pub kind: &'a str,
}

/// Why nothing can be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignFault {
    /// The secret cannot be used.
    #[error("{0}")]
    Secret(#[from] SecretFault),
    /// The scheme is not consistent.
    #[error("scheme: {0}")]
    Scheme(String),
}

/// A scheme and a key, ready to sign.
pub struct Signer(Kind);

enum Kind {
    Open,
    Token { header: String, secret: String },
    Hmac(Box<Hmac>),
}

struct Hmac {
    spec: GenericHmac,
    template: Template,
    form: Form,
    mac: MacKey,
}

impl Signer {
    /// A signer for the scheme `none`: it adds nothing.
    #[must_use]
    pub const fn open() -> Self {
        Self(Kind::Open)
    }

    /// Makes the key ready. Where a scheme accepts several forms, the first is written.
    ///
    /// # Errors
    /// When the secret cannot be used in this scheme, or the scheme cannot sign.
    pub fn new(scheme: &Scheme, key: &Key) -> Result<Self, SignFault> {
        let spec = match scheme {
            Scheme::None => return Ok(Self::open()),
            Scheme::Token { header } => return token(header, key),
            Scheme::Preset(preset) => match preset.proof {
                Proof::Hmac => preset.generic(),
                Proof::Token(TokenPlace::Header) => {
                    return token(preset.headers.first().copied().unwrap_or_default(), key);
                }
                Proof::Token(_) => return Err(elsewhere("the secret lies not in a header alone")),
                Proof::PublicKey => return Err(elsewhere("only the provider has the private key")),
                Proof::Own(_) => return Err(elsewhere("its signature is not made here")),
            },
            Scheme::Generic(generic) => generic.as_ref().clone(),
        };
        let template = Template::parse(&spec.template).map_err(SignFault::Scheme)?;
        let form = spec.forms.first().cloned();
        let form = form.ok_or_else(|| SignFault::Scheme("no form of signature".into()))?;
        let bytes = key_bytes(&key.secret, &spec.secret, SECRET_BYTES_MIN)?;
        let mac = MacKey::new(form.algorithm, &bytes);
        Ok(Self(Kind::Hmac(Box::new(Hmac { spec, template, form, mac }))))
    }

    /// The headers that the provider would send with this body: signature, time, id and type.
    ///
    /// # Errors
    /// When the template signs a header that the scheme itself does not make.
    pub fn sign(&self, request: SignRequest<'_>) -> Result<Vec<(String, String)>, SignFault> {
        match &self.0 {
            Kind::Open => Ok(Vec::new()),
            Kind::Token { header, secret } => Ok(vec![(header.clone(), secret.clone())]),
            Kind::Hmac(hmac) => hmac.sign(request),
        }
    }
}

/// Signs once; for many, make a [`Signer`].
///
/// # Errors
/// As [`Signer::new`] and [`Signer::sign`].
pub fn sign(
    scheme: &Scheme,
    key: &Key,
    request: SignRequest<'_>,
) -> Result<Vec<(String, String)>, SignFault> {
    Signer::new(scheme, key)?.sign(request)
}

impl Hmac {
    fn sign(&self, request: SignRequest<'_>) -> Result<Vec<(String, String)>, SignFault> {
        let time = self.spec.time.as_ref().map(|rule| rule.unit.write(request.now));
        let time = time.unwrap_or_default();
        let mut headers = self.plain_headers(request, &time);
        let form = self.form(request)?;
        let inputs = Inputs {
            body: request.body,
            time: &time,
            id: request.id,
            url: request.url,
            method: request.method,
            form: &form,
        };
        let mut mac = self.mac.start();
        let header = |name: &str| {
            let own = headers.iter().find(|(own, _)| own == name);
            own.map(|(_, value)| value.as_str()).ok_or_else(|| missing(name))
        };
        self.template
            .feed(|piece| mac.update(piece), &inputs, header)
            .map_err(|fault| SignFault::Scheme(format!("cannot sign: {fault}")))?;
        let signature = self.form.encoding.encode(mac.finish().bytes());
        let name = self.spec.headers.first().cloned().unwrap_or_default();
        headers.push((name, self.header_value(&time, &signature)));
        Ok(headers)
    }

    /// What `{form}` stands for: the fields of a body that is a form.
    fn form(&self, request: SignRequest<'_>) -> Result<Vec<u8>, SignFault> {
        if !self.template.has(&Piece::Form) {
            return Ok(Vec::new());
        }
        sorted_fields(request.body).ok_or_else(|| SignFault::Scheme("the body is no form".into()))
    }

    /// Every header but the signature.
    fn plain_headers(&self, request: SignRequest<'_>, time: &str) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = Vec::with_capacity(4);
        let mut put = |name: &str, value: &str| {
            if !value.is_empty() && !headers.iter().any(|(other, _)| other == name) {
                headers.push((name.to_ascii_lowercase(), value.into()));
            }
        };
        if let Some(name) = self.spec.id_headers.first() {
            put(name, request.id);
        }
        if let Some(TimeRule { from: TimeFrom::Header(names), .. }) = &self.spec.time
            && let Some(name) = names.first()
        {
            put(name, time);
        }
        if let Some(Fact::Header(name)) = self.spec.facts.dedupe.first() {
            put(name, request.id);
        }
        if let Some(Fact::Header(name)) = self.spec.facts.kind.first() {
            put(name, request.kind);
        }
        headers
    }

    fn header_value(&self, time: &str, signature: &str) -> String {
        let prefix = &self.form.prefix;
        match &self.spec.layout {
            Layout::Single | Layout::List { .. } => format!("{prefix}{signature}"),
            Layout::Tagged { mark, .. } => format!("1{mark}SHA256{mark}{prefix}{signature}"),
            Layout::Pairs { separator, time_key, signature_keys } => {
                let key = signature_keys.first().map_or("", |key| key.as_ref());
                match time_key {
                    Some(time_key) => {
                        format!("{time_key}={time}{separator}{key}={prefix}{signature}")
                    }
                    None => format!("{key}={prefix}{signature}"),
                }
            }
        }
    }
}

fn token(header: &str, key: &Key) -> Result<Signer, SignFault> {
    let bytes = key_bytes(&key.secret, &SecretEncoding::Utf8, SECRET_BYTES_MIN)?;
    let secret = String::from_utf8(bytes.to_vec())
        .map_err(|_| SecretFault::Encoding("text that a header can carry"))?;
    Ok(Signer(Kind::Token { header: header.to_ascii_lowercase(), secret }))
}

fn elsewhere(why: &str) -> SignFault {
    SignFault::Scheme(format!("cannot sign: {why}"))
}

fn missing(name: &str) -> SignatureFault {
    SignatureFault::Missing { header: name.into() }
}
