//! The proof that a source asks for, compiled.

use std::sync::Arc;
use std::time::Duration;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::KeyId;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::secret::Key;
use crate::signature::engine::Engine;
use crate::signature::generic::{GenericHmac, Scheme};
use crate::signature::learned::Learned;
use crate::signature::own::{
    AdyenItems, Composed, Given, Jwt, JwtRule, Mailgun, Oidc, PaddleClassic, PayPal, Sns,
};
use crate::signature::preset::{Own, Preset, Proof};
use crate::signature::public::{PublicEngine, PublicForm};
use crate::signature::token::{TokenCheck, TokenPlace};

/// How one source proves its senders.
pub(crate) enum Verifier {
    Open,
    Hmac(Box<Engine>),
    Token(TokenCheck),
    /// There is no secret yet: the handshake hands it over.
    Learned(Arc<Learned>),
    Public(Box<PublicEngine>),
    /// Shared secrets and public keys side by side: a delivery is asked of each kind there is.
    Mixed(Box<Engine>, Box<PublicEngine>),
    Mailgun(Mailgun),
    AdyenItems(AdyenItems),
    Jwt(Jwt),
    Oidc(Oidc),
    PaddleClassic(PaddleClassic),
    PayPal(PayPal),
    Sns(Sns),
    Composed(Composed),
}

/// What a source adds to its scheme.
pub(crate) struct Setting {
    pub(crate) keys: Vec<Key>,
    pub(crate) watch: Watch,
    pub(crate) public_url: Option<String>,
    /// A secret has at least so many bytes.
    pub(crate) floor: usize,
}

/// Whether the time of sending is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Watch {
    /// By the scheme's tolerance, or by this one both ways.
    Judged(Option<Duration>),
    /// Not at all: for known answers whose source does not state the time.
    Unjudged,
}

/// What was proven.
pub(crate) struct Proven {
    /// The key that matched.
    pub(crate) key: Option<KeyId>,
    /// Arrival minus sending.
    pub(crate) skew_ms: Option<i64>,
    /// An idempotency key that the signature itself gives.
    pub(crate) dedupe: Option<String>,
    /// When it was sent, where that is signed together with the body: both are the same for a
    /// repetition only.
    pub(crate) sealed_at: Option<Timestamp>,
}

impl Proven {
    /// By this key, and nothing more is known.
    pub(crate) fn by(key: KeyId) -> Self {
        Self { key: Some(key), skew_ms: None, dedupe: None, sealed_at: None }
    }
}

impl Verifier {
    pub(crate) fn build(scheme: &Scheme, setting: Setting) -> Result<Self, Vec<GateProblem>> {
        match scheme {
            Scheme::None if setting.keys.is_empty() => Ok(Self::Open),
            Scheme::None => Err(vec![GateProblem::KeysWithoutScheme]),
            _ if setting.keys.is_empty() => Err(vec![GateProblem::NoKeys]),
            Scheme::Token { header } => {
                let headers = vec![header.to_ascii_lowercase()];
                TokenCheck::build(headers, TokenPlace::Header, setting).map(Self::Token)
            }
            Scheme::Preset(preset) => of_preset(preset, setting),
            Scheme::Generic(generic) => hmac(generic.as_ref().clone(), setting),
        }
    }

    /// Judges a delivery as of its arrival, by what was fetched for it.
    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
        given: Given<'_>,
    ) -> Result<Proven, SignatureFault> {
        match self {
            Self::Open => Ok(Proven { key: None, skew_ms: None, dedupe: None, sealed_at: None }),
            Self::Hmac(engine) => engine.verify(delivery, at),
            Self::Token(check) => check.verify(delivery, at),
            Self::Learned(learned) => learned.verify(delivery, at),
            Self::Public(engine) => engine.verify(delivery, at),
            Self::Mixed(shared, public) => mixed(shared, public, delivery, at),
            Self::Mailgun(check) => check.verify(delivery, at),
            Self::AdyenItems(check) => check.verify(delivery, at),
            Self::Jwt(check) => check.verify(delivery, at),
            Self::Oidc(check) => check.verify(delivery, at, given),
            Self::PaddleClassic(check) => check.verify(delivery, at),
            Self::PayPal(check) => check.verify(delivery, at, given),
            Self::Sns(check) => check.verify(delivery, at, given),
            Self::Composed(check) => check.verify(delivery, at, given),
        }
    }
}

/// Asks both kinds of key, always: one match is enough, and of two refusals the one is told that
/// came further.
fn mixed(
    shared: &Engine,
    public: &PublicEngine,
    delivery: &Delivery,
    at: Timestamp,
) -> Result<Proven, SignatureFault> {
    match (shared.verify(delivery, at), public.verify(delivery, at)) {
        (Ok(proven), _) | (_, Ok(proven)) => Ok(proven),
        (Err(SignatureFault::Malformed { .. }), Err(fault)) | (Err(fault), Err(_)) => Err(fault),
    }
}

fn of_preset(preset: &Preset, setting: Setting) -> Result<Verifier, Vec<GateProblem>> {
    match (preset.proof, preset.public) {
        (Proof::Token(place), _) => {
            let headers = preset.headers.iter().map(|name| (*name).into()).collect();
            TokenCheck::build(headers, place, setting).map(Verifier::Token)
        }
        (Proof::Hmac, None) => hmac(preset.generic(), setting),
        (Proof::Hmac, Some(form)) => of_either_kind(preset.generic(), form, setting),
        (Proof::PublicKey, Some(form)) => public(preset.generic(), form, setting),
        (Proof::PublicKey, None) => {
            Err(vec![GateProblem::Scheme("the preset has no form of public key".into())])
        }
        (Proof::Own(own), _) => of_own(own, setting),
    }
}

fn of_own(own: Own, setting: Setting) -> Result<Verifier, Vec<GateProblem>> {
    let jwt = |names_request| JwtRule { names_request, names_audience: !names_request };
    match own {
        Own::Sns => Sns::build(setting).map(Verifier::Sns),
        Own::PayPal => PayPal::build(setting).map(Verifier::PayPal),
        Own::Mailgun => Mailgun::build(setting).map(Verifier::Mailgun),
        Own::AdyenItems => AdyenItems::build(setting).map(Verifier::AdyenItems),
        Own::Connect => Jwt::build(jwt(true), setting).map(Verifier::Jwt),
        Own::Jwt => Jwt::build(jwt(false), setting).map(Verifier::Jwt),
        Own::Oidc => Oidc::build(setting).map(Verifier::Oidc),
        Own::PaddleClassic => PaddleClassic::build(setting).map(Verifier::PaddleClassic),
        Own::Composed(which) => Composed::build(which, setting).map(Verifier::Composed),
    }
}

/// Keys that look public are public, the others are shared secrets.
fn of_either_kind(
    generic: GenericHmac,
    form: PublicForm,
    setting: Setting,
) -> Result<Verifier, Vec<GateProblem>> {
    let is_public = |key: &Key| key.secret.expose().starts_with(form.key_prefix.as_bytes());
    let Setting { keys, watch, public_url, floor } = setting;
    let (open, shared): (Vec<_>, Vec<_>) = keys.into_iter().partition(is_public);
    let of = |keys| Setting { keys, watch, public_url: public_url.clone(), floor };
    if open.is_empty() {
        return hmac(generic, of(shared));
    }
    if shared.is_empty() {
        return public(generic, form, of(open));
    }
    let shared = Engine::build(generic.clone(), of(shared))?;
    let open = PublicEngine::build(generic, form, of(open))?;
    Ok(Verifier::Mixed(Box::new(shared), Box::new(open)))
}

fn hmac(generic: GenericHmac, setting: Setting) -> Result<Verifier, Vec<GateProblem>> {
    Engine::build(generic, setting).map(|engine| Verifier::Hmac(Box::new(engine)))
}

fn public(
    generic: GenericHmac,
    form: PublicForm,
    setting: Setting,
) -> Result<Verifier, Vec<GateProblem>> {
    PublicEngine::build(generic, form, setting).map(|engine| Verifier::Public(Box::new(engine)))
}
