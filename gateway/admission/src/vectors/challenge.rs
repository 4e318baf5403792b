//! Known answers to handshakes: the request, and what the provider expects.

use std::time::Duration;

use serde_json::Value;
use sluicegate_core::delivery::Delivery;
use sluicegate_core::handshake::Reply;
use sluicegate_core::refusal::Refusal;
use sluicegate_core::signature::SignatureFault;
use sluicegate_core::time::Timestamp;

use crate::handshake::{Asks, Greeter, HandshakeSetting};
use crate::secret::Key;
use crate::signature::{Given, Preset, Scheme, Setting, Verifier, Watch};
use crate::vectors::line::{Expected, Line, Response};
use crate::vectors::run::keys;

/// Answers a handshake; `None` if the provider is not known. Where a sample has no secret and no
/// signature, what the signature must prove counts as proven.
pub(crate) fn challenge(line: &Line) -> Option<Result<(), String>> {
    let expected = line.expected_response.as_ref()?;
    let Some(Scheme::Preset(preset)) = Scheme::preset(&line.provider) else { return None };
    let (delivery, keys) = (line.delivery()?, keys(line.secrets()?));
    let at = Timestamp::from_unix_ms(line.now.unwrap_or_default().saturating_mul(1000));
    let greeter = match Greeter::build(preset.handshakes, setting(preset, &keys, expected)) {
        Ok(greeter) => greeter,
        Err(problems) => return Some(Err(format!("{problems:?}"))),
    };
    let Some(handshake) = greeter.find(&delivery) else {
        return Some(match line.expected {
            Expected::Valid => Err("it is not known for a handshake".into()),
            Expected::Invalid => Ok(()),
        });
    };
    let signed = preset.headers.iter().any(|name| delivery.headers.first(name).is_some());
    let secret = keys.first().map(|key| key.secret.clone());
    let proven = if handshake.asks == Asks::Signature && signed && !keys.is_empty() {
        proven(preset, keys, line, &delivery, at)
    } else {
        Ok(())
    };
    Some(match proven.and_then(|()| greeter.answer(handshake, &delivery, secret.as_ref())) {
        Ok(greeting) => compare(&greeting.reply, expected),
        Err(_) if line.expected == Expected::Invalid => Ok(()),
        Err(refusal) if status(&refusal) == Some(expected.status) => Ok(()),
        Err(refusal) => Err(format!("should be answered: {refusal}")),
    })
}

/// What the sample's receiver grants: the samples state it in the secret or in the answer.
fn setting(preset: &Preset, keys: &[Key], expected: &Response) -> HandshakeSetting {
    let asks = |which: fn(&Asks) -> bool| preset.handshakes.iter().any(|one| which(&one.asks));
    let (grants, token) =
        (asks(|asks| *asks == Asks::Origin), asks(|asks| matches!(asks, Asks::Token(_))));
    let rate = expected.headers.get("WebHook-Allowed-Rate").and_then(|text| text.parse().ok());
    HandshakeSetting {
        token: keys.first().filter(|_| token).map(|key| key.secret.clone()),
        origins: if grants { vec!["*".into()] } else { Vec::new() },
        rate: rate.filter(|_| grants),
    }
}

fn proven(
    preset: &'static Preset,
    keys: Vec<Key>,
    line: &Line,
    delivery: &Delivery,
    at: Timestamp,
) -> Result<(), Refusal> {
    let watch = match (line.now, line.tolerance) {
        (Some(_), tolerance) => Watch::Judged(tolerance.map(Duration::from_secs)),
        (None, _) => Watch::Unjudged,
    };
    let setting = Setting { keys, watch, public_url: None, floor: 1 };
    let verifier = Verifier::build(&Scheme::Preset(preset), setting);
    let verifier = verifier.map_err(|_| Refusal::Unverified(SignatureFault::NoLiveKey))?;
    let judged = verifier.verify(delivery, at, Given(None));
    judged.map(drop).map_err(Refusal::Unverified)
}

/// The status that a refusal has over HTTP.
fn status(refusal: &Refusal) -> Option<u16> {
    match refusal {
        Refusal::Unverified(_) => Some(401),
        Refusal::HandshakeRefused => Some(403),
        Refusal::Malformed { .. } => Some(400),
        _ => None,
    }
}

fn compare(reply: &Reply, expected: &Response) -> Result<(), String> {
    if reply.status != expected.status {
        return Err(format!("answers {}", reply.status));
    }
    for (name, value) in &expected.headers {
        let media = reply.media_type.filter(|_| name.eq_ignore_ascii_case("content-type"));
        let found = reply.headers.iter().find(|(own, _)| name.eq_ignore_ascii_case(own));
        let found = media.or(found.map(|(_, text)| text.as_str()));
        if !found.is_some_and(|found| found.starts_with(value.as_str())) {
            return Err(format!("answers {name} with {found:?}"));
        }
    }
    let body = String::from_utf8_lossy(&reply.body);
    let json = expected.json.as_ref().is_none_or(|json| {
        serde_json::from_str::<Value>(&body).is_ok_and(|answer| answer == *json)
    });
    if json && expected.body.as_ref().is_none_or(|text| *text == body) {
        return Ok(());
    }
    Err(format!("answers {body}"))
}
