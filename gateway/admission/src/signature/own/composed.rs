//! Schemes whose signed text is put together from what the delivery itself lists: Contentful, Hook0
//! (Coinbase), and fal.

use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::secret::SecretEncoding;
use crate::signature::candidates::{malformed, of_text, once};
use crate::signature::crypto::{Algorithm, Mac, Signing, sha256};
use crate::signature::encoding::Encoding;
use crate::signature::engine::key_problems;
use crate::signature::generic::{Form, TimeFrom, TimeRule, TimeUnit};
use crate::signature::keyring::Keyring;
use crate::signature::known::{Known, text_key};
use crate::signature::own::evidence::Given;
use crate::signature::template::signed_url;
use crate::signature::time;
use crate::signature::verifier::{Proven, Setting, Watch};

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compose {
    /// Method, path, the headers that it lists, and the body.
    Contentful,
    /// Time, the headers that it lists, and the body.
    Hook0,
    /// Three headers and the hash of the body, by Ed25519 keys that are fetched.
    Fal,
}

/// The check of one source.
pub(crate) struct Composed {
    which: Compose,
    keys: Keys,
    watch: Watch,
    public_url: Option<String>,
}

enum Keys {
    Shared(Keyring),
    /// Accounts: the keys themselves are fetched.
    Users(Known<String>),
}

/// What is signed, and by what.
struct Said<'d> {
    signature: &'d str,
    time: &'d str,
    message: Vec<u8>,
}

impl Composed {
    pub(crate) fn build(which: Compose, setting: Setting) -> Result<Self, Vec<GateProblem>> {
        let Setting { keys, watch, floor, public_url } = setting;
        let keys = match which {
            Compose::Fal => Known::build(keys, text_key).map(Keys::Users),
            Compose::Contentful | Compose::Hook0 => {
                Keyring::build(keys, &[Algorithm::Sha256], &SecretEncoding::Utf8, floor)
                    .map(Keys::Shared)
            }
        };
        if which == Compose::Contentful && public_url.is_none() {
            return Err(vec![GateProblem::NeedsPublicUrl]);
        }
        Ok(Self { which, keys: keys.map_err(key_problems)?, watch, public_url })
    }

    /// Where its keys are, if they are fetched.
    pub(crate) fn keys_url(&self) -> Option<&'static str> {
        (self.which == Compose::Fal).then_some(FAL_KEYS)
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
        given: Given<'_>,
    ) -> Result<Proven, SignatureFault> {
        let said = match self.which {
            Compose::Contentful => contentful(delivery, self.public_url.as_deref())?,
            Compose::Hook0 => hook0(delivery)?,
            Compose::Fal => fal(delivery)?,
        };
        let key = match &self.keys {
            Keys::Shared(keyring) => {
                let candidates = of_text(said.signature, &FORM)?;
                let feed = |mac: &mut Mac| {
                    mac.update(&said.message);
                    Ok(())
                };
                keyring.judge(&candidates, at, feed)?.key.ok_or(SignatureFault::Mismatch)?
            }
            Keys::Users(users) => {
                let mut signature = [0; 64];
                if Encoding::Hex.decode(said.signature.as_bytes(), &mut signature) != Some(64) {
                    return Err(malformed("it is not 64 bytes in hexadecimal"));
                }
                let mut signed = false;
                for key in given.keys()?.ed25519() {
                    signed |= key.verifies(Signing::Ed25519, &said.message, &signature);
                }
                let user = once(&delivery.headers, FAL_USER)?;
                users.judge(at, |known| signed && known == user)?
            }
        };
        let skew_ms = match self.watch {
            Watch::Unjudged => None,
            Watch::Judged(tolerance) => {
                let rule = self.which.time();
                let sent = rule.unit.read(said.time).ok_or(SignatureFault::MalformedTime)?;
                Some(time::judge(&rule, tolerance, sent, at)?)
            }
        };
        Ok(Proven { skew_ms, ..Proven::by(key) })
    }
}

impl Compose {
    fn time(self) -> TimeRule {
        let unit = match self {
            Self::Contentful => TimeUnit::Milliseconds,
            Self::Hook0 | Self::Fal => TimeUnit::Seconds,
        };
        TimeRule::new(TimeFrom::Pair, unit)
    }
}

fn contentful<'d>(
    delivery: &'d Delivery,
    public_url: Option<&str>,
) -> Result<Said<'d>, SignatureFault> {
    let listed = once(&delivery.headers, "x-contentful-signed-headers")?;
    let time = once(&delivery.headers, "x-contentful-timestamp")?;
    let mut lines = Vec::new();
    for name in names(listed, ',')? {
        lines.push(format!("{name}:{}", once(&delivery.headers, &name)?.trim()));
    }
    if !lines.iter().any(|line| line.starts_with("x-contentful-timestamp:")) {
        return Err(malformed("it does not cover the time"));
    }
    let url = signed_url(public_url.unwrap_or_default(), delivery);
    let after = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(after..).unwrap_or_default();
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    let mut message = format!("{}\n{path}\n{}\n", delivery.method, lines.join(";")).into_bytes();
    message.extend_from_slice(&delivery.body);
    Ok(Said { signature: once(&delivery.headers, "x-contentful-signature")?, time, message })
}

fn hook0(delivery: &Delivery) -> Result<Said<'_>, SignatureFault> {
    let value = once(&delivery.headers, "x-hook0-signature")?;
    let part = |name: &str| {
        let mut found = value.split(',').filter_map(|pair| pair.split_once('='));
        let mut found = found.by_ref().filter(|(key, _)| *key == name).map(|(_, text)| text);
        match (found.next(), found.next()) {
            (Some(text), None) => Ok(text),
            (Some(_), Some(_)) => Err(malformed("a part of it is there twice")),
            (None, _) => Err(malformed("a part of it is missing")),
        }
    };
    // The older `v0` covers no headers: it is never taken in the place of `v1`.
    let (time, listed, signature) = (part("t")?, part("h")?, part("v1")?);
    let mut values = Vec::new();
    for name in names(listed, ' ')? {
        values.push(once(&delivery.headers, &name)?);
    }
    let mut message = format!("{time}.{listed}.{}.", values.join(".")).into_bytes();
    message.extend_from_slice(&delivery.body);
    Ok(Said { signature, time, message })
}

fn fal(delivery: &Delivery) -> Result<Said<'_>, SignatureFault> {
    let header = |name: &str| once(&delivery.headers, name);
    let time = header("x-fal-webhook-timestamp")?;
    let (request, user) = (header("x-fal-webhook-request-id")?, header(FAL_USER)?);
    let message = format!("{request}\n{user}\n{time}\n{}", sha256(&delivery.body)).into_bytes();
    Ok(Said { signature: header("x-fal-webhook-signature")?, time, message })
}

/// Names of headers, in lower case.
fn names(listed: &str, separator: char) -> Result<Vec<String>, SignatureFault> {
    let names: Vec<_> =
        listed.split(separator).map(|name| name.trim().to_ascii_lowercase()).collect();
    if names.len() > NAMES_MAX || names.iter().any(String::is_empty) {
        return Err(malformed("its list of headers is empty or too long"));
    }
    Ok(names)
}

const FORM: Form = Form::new("", Algorithm::Sha256, Encoding::Hex);
pub(super) const FAL_USER: &str = "x-fal-webhook-user-id";
/// Where fal's keys are.
pub(crate) const FAL_KEYS: &str = "https://rest.fal.ai/.well-known/jwks.json";
/// Headers that one signature may cover.
const NAMES_MAX: usize = 32;
