//! Judges known answers by the engine.

use std::borrow::Cow;
use std::time::Duration;

use sluicegate_core::time::Timestamp;

use crate::secret::{Key, Secret};
use crate::signature::encoding::hex;
use crate::signature::{
    Algorithm, Encoding, Form, GenericHmac, Layout, MacKey, Scheme, Setting, TimeFrom, TimeRule,
    TimeUnit, Verifier, Watch,
};
use crate::vectors::line::{Expected, Line, Params};
use crate::vectors::{Answer, Report, VectorFault};

/// Runs a list of known answers.
///
/// # Errors
/// When the text is not such a list.
pub fn run(json: &str) -> Result<Report, VectorFault> {
    let lines: Vec<Line> = serde_json::from_str(json)?;
    Ok(Report { answers: lines.iter().map(answer).collect() })
}

fn answer(line: &Line) -> Answer {
    let result = match (line.kind.as_deref(), line.scheme.as_str()) {
        (Some("primitive"), "primitive-hmac") => primitive(line),
        (Some(_), _) => None,
        (None, _) => scheme(line).and_then(|scheme| delivery(line, &scheme)),
    };
    match result {
        None => Answer::Unsupported { id: line.id.clone(), scheme: line.scheme.clone() },
        Some(Ok(())) => Answer::Passed,
        Some(Err(why)) => Answer::Failed { id: line.id.clone(), why },
    }
}

/// The scheme of a line, if the engine has it.
fn scheme(line: &Line) -> Option<Scheme> {
    let preset = match line.scheme.as_str() {
        "hub-sha256" => "github",
        "hub-any" => "websub",
        "slack-v0" => "slack",
        "zoom-v0" => "zoom",
        "x-twitter" => "twitter",
        "stdwh" => "standard-webhooks",
        "adyen-header" => "adyen-platform",
        "hubspot-v3" => "hubspot",
        "static-token" => {
            return Some(Scheme::Token { header: line.params.as_ref()?.header.clone() });
        }
        "generic-hmac" | "stripe-like" => {
            return generic(line.params.as_ref()?)
                .map(|generic| Scheme::Generic(Box::new(generic)));
        }
        other => other,
    };
    Scheme::preset(preset).filter(|scheme| !matches!(scheme, Scheme::None))
}

fn generic(params: &Params) -> Option<GenericHmac> {
    let encoding = match params.encoding.as_deref().unwrap_or("hex") {
        "hex" => Encoding::Hex,
        "base64" => Encoding::Base64,
        "base64url" => Encoding::Base64Url,
        _ => return None,
    };
    let form = Form {
        prefix: Cow::Owned(params.prefix.clone()),
        prefix_optional: params.prefix_optional,
        algorithm: Algorithm::named(params.alg.as_deref().unwrap_or("sha256"))?,
        encoding,
    };
    let layout = match (&params.sig_key, params.multi_sep) {
        (Some(key), _) => Layout::Pairs {
            separator: params.sep.unwrap_or(','),
            time_key: params.ts_key.clone().map(Cow::Owned),
            signature_keys: Cow::Owned(vec![Cow::Owned(key.clone())]),
        },
        (None, Some(separator)) => Layout::List { separator },
        (None, None) => Layout::Single,
    };
    let time = params.ts_key.is_some().then(|| TimeRule::new(TimeFrom::Pair, TimeUnit::Seconds));
    Some(GenericHmac {
        headers: vec![params.header.to_ascii_lowercase()],
        layout,
        forms: vec![form],
        template: params.template.clone().unwrap_or_else(|| "{body}".into()),
        time,
        ..GenericHmac::default()
    })
}

/// `None` if the secret is of a kind that the engine does not know.
fn delivery(line: &Line, scheme: &Scheme) -> Option<Result<(), String>> {
    let (Some(secrets), Some(delivery)) = (line.secrets(), line.delivery()) else {
        return Some(Err("it is not written as the format says".into()));
    };
    let public_key = |key: &Secret| key.expose().starts_with(b"whpk_");
    if secrets.is_empty() || secrets.iter().any(public_key) {
        return None;
    }
    let keys = secrets
        .into_iter()
        .enumerate()
        .filter_map(|(at, secret)| Some(Key::new(format!("k{at}").parse().ok()?, secret)));
    let watch = match (line.now, line.tolerance) {
        (Some(_), tolerance) => Watch::Judged(tolerance.map(Duration::from_secs)),
        (None, _) => Watch::Unjudged,
    };
    // Known answers use secrets that no source may have: "secret", "foo".
    let setting = Setting { keys: keys.collect(), watch, public_url: line.url.clone(), floor: 1 };
    let verifier = match Verifier::build(scheme, setting) {
        Ok(verifier) => verifier,
        Err(problems) => return Some(Err(format!("{problems:?}"))),
    };
    let at = Timestamp::from_unix_ms(line.now.unwrap_or_default().saturating_mul(1000));
    Some(match (line.expected, verifier.verify(&delivery, at)) {
        (Expected::Valid, Err(fault)) => Err(format!("should be valid: {fault}")),
        (Expected::Invalid, Ok(_)) => Err("should be invalid".into()),
        _ => Ok(()),
    })
}

fn primitive(line: &Line) -> Option<Result<(), String>> {
    let algorithm = Algorithm::named(line.alg.as_deref()?)?;
    let (Some(secrets), Some(body)) = (line.secrets(), line.body()) else {
        return Some(Err("it is not written as the format says".into()));
    };
    let mut mac = MacKey::new(algorithm, secrets.first()?.expose()).start();
    mac.update(&body);
    let tag = mac.finish();
    // RFC 4231 and RFC 2202 have truncated answers too.
    let expected = hex(line.signature_hex.as_deref()?.as_bytes())?;
    let same = !expected.is_empty() && tag.bytes().starts_with(&expected);
    Some(match (line.expected, same) {
        (Expected::Valid, true) | (Expected::Invalid, false) => Ok(()),
        _ => Err(format!("gives {}", Encoding::Hex.encode(tag.bytes()))),
    })
}
