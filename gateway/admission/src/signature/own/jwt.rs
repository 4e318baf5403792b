//! Tokens with a shared secret (RFC 7515, RFC 7519): Atlassian Connect and monday. The algorithm is
//! the scheme's, HS256: what the token says of itself is only compared with it.

use serde_json::Value;
use sluicegate_core::delivery::Delivery;
use sluicegate_core::ids::KeyId;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;
use std::time::Duration;

use crate::gate::GateProblem;
use crate::json;
use crate::secret::{Key, SecretEncoding};
use crate::signature::candidates::{malformed, of_text};
use crate::signature::crypto::{Algorithm, Mac, same};
use crate::signature::encoding::Encoding;
use crate::signature::engine::key_problems;
use crate::signature::generic::Form;
use crate::signature::keyring::Keyring;
use crate::signature::own::connect;
use crate::signature::time::skew_ms;
use crate::signature::verifier::{Proven, Setting, Watch};

/// What a token must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JwtRule {
    /// It names the request, as Atlassian Connect has it.
    pub(crate) names_request: bool,
    /// It names whom it is for: the URL that the provider calls, as monday has it. Where the
    /// source says no `public_url`, that is not checked.
    pub(crate) names_audience: bool,
}

/// The check of one source.
pub(crate) struct Jwt {
    keyring: Keyring,
    rule: JwtRule,
    audience: Option<String>,
    /// Whose each key is, where the source says so.
    issuers: Vec<(KeyId, String)>,
    watch: Watch,
}

impl Jwt {
    pub(crate) fn build(rule: JwtRule, setting: Setting) -> Result<Self, Vec<GateProblem>> {
        let Setting { keys, watch, floor, public_url } = setting;
        let issuer = |key: &Key| Some((key.id.clone(), key.issuer.clone()?));
        let issuers = keys.iter().filter_map(issuer).collect();
        let keyring = Keyring::build(keys, &[Algorithm::Sha256], &SecretEncoding::Utf8, floor);
        let audience = public_url.filter(|_| rule.names_audience);
        Ok(Self { keyring: keyring.map_err(key_problems)?, rule, audience, issuers, watch })
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
    ) -> Result<Proven, SignatureFault> {
        let token = Token::read(bearer(delivery)?)?;
        if token.claim("alg", &token.head) != Some("HS256") || token.head.get("crit").is_some() {
            return Err(malformed("the token says another algorithm than HS256"));
        }
        let candidates = of_text(token.signature, &FORM)?;
        let judgement = self.keyring.judge(&candidates, at, |mac: &mut Mac| {
            mac.update(token.signed.as_bytes());
            Ok(())
        })?;
        let key = judgement.key.ok_or(SignatureFault::Mismatch)?;
        if self.rule.names_request {
            let named = token.claim("qsh", &token.claims).unwrap_or_default();
            let mut holds = false;
            for hash in connect::hashes(&delivery.method, &delivery.target) {
                holds |= same(hash.as_bytes(), named.as_bytes());
            }
            if !holds {
                return Err(SignatureFault::Mismatch);
            }
        }
        // A token for another place of the same app was not meant for this one (RFC 7519, 4.1.3).
        let meant = self.audience.as_deref();
        if meant.is_some() && token.claim("aud", &token.claims) != meant {
            return Err(SignatureFault::Mismatch);
        }
        let theirs = self.issuers.iter().find(|(id, _)| *id == key).map(|(_, name)| name.as_str());
        if theirs.is_some() && token.claim("iss", &token.claims) != theirs {
            return Err(SignatureFault::Mismatch);
        }
        let skew_ms = token.judge_time(self.watch, at)?;
        Ok(Proven { skew_ms, ..Proven::by(key) })
    }
}

/// A token, taken apart and not believed yet.
pub(super) struct Token<'t> {
    pub(super) signed: &'t str,
    pub(super) signature: &'t str,
    pub(super) head: Value,
    pub(super) claims: Value,
}

impl<'t> Token<'t> {
    pub(super) fn read(token: &'t str) -> Result<Self, SignatureFault> {
        let fault = || malformed("the token is no JWT");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(fault)?;
        let (head, claims) = signed.split_once('.').ok_or_else(fault)?;
        let part = |text: &str| {
            let mut bytes = vec![0; text.len()];
            let len = Encoding::Base64Url.decode(text.as_bytes(), &mut bytes)?;
            json::parse(bytes.get(..len)?).ok().filter(Value::is_object)
        };
        if token.len() > TOKEN_BYTES_MAX || token.contains('=') {
            return Err(fault());
        }
        let (head, claims) = (part(head).ok_or_else(fault)?, part(claims).ok_or_else(fault)?);
        Ok(Self { signed, signature, head, claims })
    }

    pub(super) fn claim<'v>(&self, name: &str, of: &'v Value) -> Option<&'v str> {
        of.get(name).and_then(Value::as_str)
    }

    /// Whether the token is good at this moment, with a minute to either side. One that never ends
    /// is refused.
    pub(super) fn judge_time(
        &self,
        watch: Watch,
        at: Timestamp,
    ) -> Result<Option<i64>, SignatureFault> {
        let leeway = match watch {
            Watch::Unjudged => return Ok(None),
            Watch::Judged(tolerance) => tolerance.unwrap_or(LEEWAY),
        };
        let moment = |name: &str| match self.claims.get(name) {
            None => Ok(None),
            Some(value) => {
                let ms = value.as_u64().and_then(|seconds| seconds.checked_mul(1000));
                ms.map(|ms| Some(Timestamp::from_unix_ms(ms))).ok_or(SignatureFault::MalformedTime)
            }
        };
        let ends = moment("exp")?.ok_or(SignatureFault::MalformedTime)?;
        if at >= ends.plus(leeway) {
            return Err(SignatureFault::Stale { skew_ms: skew_ms(ends, at) });
        }
        let made = moment("iat")?;
        for begins in [made, moment("nbf")?].into_iter().flatten() {
            if begins > at.plus(leeway) {
                return Err(SignatureFault::Future { skew_ms: skew_ms(begins, at) });
            }
        }
        Ok(made.map(|made| skew_ms(made, at)))
    }
}

/// The token: alone, or behind `JWT` or `Bearer`, in `authorization`; or `jwt` in the query.
pub(super) fn bearer(delivery: &Delivery) -> Result<&str, SignatureFault> {
    let header = String::from("authorization");
    let (_, query) = delivery.target.split_once('?').unwrap_or_default();
    let mut asked = query.split('&').filter_map(|pair| pair.strip_prefix("jwt="));
    let mut said = delivery.headers.all("authorization");
    match (said.next(), asked.next()) {
        (None, None) => Err(SignatureFault::Missing { header }),
        (Some(_), Some(_)) => Err(SignatureFault::Doubled { header }),
        (Some(_), None) if said.next().is_some() => Err(SignatureFault::Doubled { header }),
        (None, Some(_)) if asked.next().is_some() => Err(SignatureFault::Doubled { header }),
        (Some(value), None) => {
            let Some((kind, token)) = value.split_once(' ') else { return Ok(value) };
            let known = kind.eq_ignore_ascii_case("jwt") || kind.eq_ignore_ascii_case("bearer");
            if known { Ok(token.trim()) } else { Err(malformed("authorization holds no token")) }
        }
        (None, Some(token)) => Ok(token),
    }
}

const FORM: Form = Form::new("", Algorithm::Sha256, Encoding::Base64Url);
const LEEWAY: Duration = Duration::from_secs(60);
const TOKEN_BYTES_MAX: usize = 8192;
