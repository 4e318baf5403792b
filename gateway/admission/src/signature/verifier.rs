//! The proof that a source asks for, compiled: nothing, an HMAC, or a token.

use std::time::Duration;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::KeyId;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::secret::Key;
use crate::signature::engine::Engine;
use crate::signature::generic::{GenericHmac, Scheme};
use crate::signature::preset::Proof;
use crate::signature::token::TokenCheck;

/// How one source proves its senders.
pub(crate) enum Verifier {
    Open,
    Hmac(Box<Engine>),
    Token(TokenCheck),
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
}

impl Verifier {
    pub(crate) fn build(scheme: &Scheme, setting: Setting) -> Result<Self, Vec<GateProblem>> {
        match scheme {
            Scheme::None if setting.keys.is_empty() => Ok(Self::Open),
            Scheme::None => Err(vec![GateProblem::KeysWithoutScheme]),
            _ if setting.keys.is_empty() => Err(vec![GateProblem::NoKeys]),
            Scheme::Token { header } => {
                TokenCheck::build(vec![header.to_ascii_lowercase()], setting).map(Self::Token)
            }
            Scheme::Preset(preset) => match preset.proof {
                Proof::Token => {
                    let headers = preset.headers.iter().map(|name| (*name).into()).collect();
                    TokenCheck::build(headers, setting).map(Self::Token)
                }
                Proof::Hmac => hmac(preset.generic(), setting),
            },
            Scheme::Generic(generic) => hmac(generic.as_ref().clone(), setting),
        }
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        match self {
            Self::Open => Ok(Proven { key: None, skew_ms: None }),
            Self::Hmac(engine) => engine.verify(delivery, at),
            Self::Token(check) => check.verify(delivery, at),
        }
    }
}

fn hmac(generic: GenericHmac, setting: Setting) -> Result<Verifier, Vec<GateProblem>> {
    Engine::build(generic, setting).map(|engine| Verifier::Hmac(Box::new(engine)))
}
