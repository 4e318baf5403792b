//! Judges known answers by the engine.

use std::borrow::Cow;
use std::time::Duration;

use sluicegate_core::time::Timestamp;

use crate::gate::GateProblem;
use crate::secret::{Key, Secret};
use crate::signature::encoding::hex;
use crate::signature::{
    Algorithm, Anchors, Encoding, Evidence, EvidenceKind, Form, GenericHmac, Given, Jwt, JwtRule,
    Layout, MacKey, PublicKey, Scheme, Setting, Signing, TimeFrom, TimeRule, TimeUnit, Verifier,
    Watch, qsh,
};
use crate::vectors::challenge::challenge;
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
        (Some("primitive"), "primitive-ed25519") => ed25519(line),
        (Some("primitive"), "atlassian-qsh") => request_hash(line),
        (Some("challenge"), _) => challenge(line),
        (Some(_), _) => None,
        (None, "jwt-hs") => delivery(line, |setting| {
            let rule = JwtRule { names_request: false, names_audience: false };
            Jwt::build(rule, setting).map(Verifier::Jwt)
        }),
        (None, _) => scheme(line)
            .and_then(|scheme| delivery(line, |setting| Verifier::build(&scheme, setting))),
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
        "adyen-item" => "adyen",
        "sendgrid-ecdsa" => "sendgrid",
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

/// Judges a delivery; `None` if there is nothing to judge it by.
fn delivery(
    line: &Line,
    build: impl Fn(Setting) -> Result<Verifier, Vec<GateProblem>>,
) -> Option<Result<(), String>> {
    let (Some(secrets), Some(delivery)) = (line.secrets(), line.delivery()) else {
        return Some(Err("it is not written as the format says".into()));
    };
    if secrets.is_empty() {
        return None;
    }
    let watch = match (line.now, line.tolerance) {
        (Some(_), tolerance) => Watch::Judged(tolerance.map(Duration::from_secs)),
        (None, _) => Watch::Unjudged,
    };
    // Known answers use secrets that no source may have: "secret", "foo".
    let setting = Setting { keys: keys(secrets), watch, public_url: line.url.clone(), floor: 1 };
    let verifier = match build(setting) {
        Ok(verifier) => verifier,
        Err(problems) => return Some(Err(format!("{problems:?}"))),
    };
    let certificate = line.certificate_pem.as_deref().map(str::as_bytes);
    let certificate =
        certificate.and_then(|pem| Evidence::read(EvidenceKind::Certificate, pem, &Anchors::web()));
    let at = Timestamp::from_unix_ms(line.now.unwrap_or_default().saturating_mul(1000));
    let judged = verifier.verify(&delivery, at, Given(certificate.as_ref()));
    Some(match (line.expected, judged) {
        (Expected::Valid, Err(fault)) => Err(format!("should be valid: {fault}")),
        (Expected::Invalid, Ok(_)) => Err("should be invalid".into()),
        _ => Ok(()),
    })
}

/// Keys with names of their own.
pub(super) fn keys(secrets: Vec<Secret>) -> Vec<Key> {
    let named = secrets.into_iter().enumerate();
    named
        .filter_map(|(at, secret)| Some(Key::new(format!("k{at}").parse().ok()?, secret)))
        .collect()
}

fn ed25519(line: &Line) -> Option<Result<(), String>> {
    let (secrets, body) = (line.secrets()?, line.body()?);
    let key = PublicKey(hex(secrets.first()?.expose())?);
    let signature = hex(line.signature_hex.as_deref()?.as_bytes())?;
    let holds = key.verifies(Signing::Ed25519, &body, &signature);
    Some(if holds == (line.expected == Expected::Valid) {
        Ok(())
    } else {
        Err(format!("verifies: {holds}"))
    })
}

fn request_hash(line: &Line) -> Option<Result<(), String>> {
    let base = line.base_path.as_deref().unwrap_or_default();
    let (canonical, hash) = qsh(line.method.as_deref()?, line.url.as_deref()?, base);
    let same = line.canonical.as_ref().is_none_or(|said| *said == canonical)
        && line.signature_hex.as_ref().is_none_or(|said| *said == hash);
    Some(if same { Ok(()) } else { Err(format!("gives {canonical}")) })
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
