//! OpenID tokens as Google's Pub/Sub sends them with each push (RS256). Anybody can have Google
//! sign a token, so it must be for this URL and from this service account: the key is the account.

use serde_json::Value;
use sluicegate_core::delivery::Delivery;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::signature::candidates::malformed;
use crate::signature::crypto::{Signing, same};
use crate::signature::encoding::Encoding;
use crate::signature::engine::key_problems;
use crate::signature::known::{Known, text_key};
use crate::signature::own::evidence::Given;
use crate::signature::own::jwt::{Token, bearer};
use crate::signature::public::SIGNATURE_BYTES_MAX;
use crate::signature::verifier::{Proven, Setting, Watch};

/// The check of one source.
pub(crate) struct Oidc {
    accounts: Known<String>,
    audience: String,
    watch: Watch,
}

impl Oidc {
    pub(crate) fn build(setting: Setting) -> Result<Self, Vec<GateProblem>> {
        let audience = setting.public_url.ok_or_else(|| vec![GateProblem::NeedsPublicUrl])?;
        let accounts = Known::build(setting.keys, text_key).map_err(key_problems)?;
        Ok(Self { accounts, audience, watch: setting.watch })
    }

    pub(crate) fn verify(
        &self,
        delivery: &Delivery,
        at: Timestamp,
        given: Given<'_>,
    ) -> Result<Proven, SignatureFault> {
        let token = Token::read(bearer(delivery)?)?;
        if token.claim("alg", &token.head) != Some("RS256") || token.head.get("crit").is_some() {
            return Err(malformed("the token says another algorithm than RS256"));
        }
        let keys = given.keys()?;
        let id = token.claim("kid", &token.head).unwrap_or_default();
        let key = keys.rsa(id).ok_or(SignatureFault::Mismatch)?;
        let mut signature = [0; SIGNATURE_BYTES_MAX];
        let signature = Encoding::Base64Url.decoded(token.signature.as_bytes(), &mut signature);
        let signature = signature.ok_or_else(|| malformed("the token's signature is no base64"))?;
        if !key.verifies(Signing::RsaSha256, token.signed.as_bytes(), signature) {
            return Err(SignatureFault::Mismatch);
        }
        let said = |name: &str| token.claim(name, &token.claims).unwrap_or_default();
        let verified = token.claims.get("email_verified") == Some(&Value::Bool(true));
        if !(ISSUERS.contains(&said("iss")) && said("aud") == self.audience && verified) {
            return Err(SignatureFault::Mismatch);
        }
        let account = said("email").as_bytes();
        let key = self.accounts.judge(at, |known| same(known.as_bytes(), account))?;
        Ok(Proven { skew_ms: token.judge_time(self.watch, at)?, ..Proven::by(key) })
    }
}

/// Where Google's keys are.
pub(crate) const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
