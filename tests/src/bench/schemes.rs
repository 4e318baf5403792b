//! `bench schemes`: what proving a sender costs, preset by preset, in this process.
//!
//! Each delivery is signed as its provider signs, and every one must verify: a run in which one
//! does not prints no figure. The best of many batches counts, since what other programs take from
//! the machine is not ours. Marginal: above what a source without verification costs.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use bytes::Bytes;
use serde_json::json;
use sluicegate_admission::{
    Admission, Gate, Key, Registry, Scheme, SecretEncoding, SignRequest, hmac_sha256, sign,
};
use sluicegate_core::delivery::{Arrival, Delivery, Transport};
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::Received;
use sluicegate_core::time::Timestamp;

use super::machine;
use super::variants::data_folder;

/// The first argument that asks for this bench.
pub const ARGUMENT: &str = "schemes";

/// The presets that most teams use.
const PRESETS: [&str; 10] = [
    "github",
    "stripe",
    "slack",
    "shopify",
    "standard-webhooks",
    "gitlab",
    "twilio",
    "bitbucket",
    "zoom",
    "linear",
];
/// HMAC-SHA256 over 1 KB, all around it included, in microseconds.
const TARGET_US: f64 = 1.5;
const BODY_BYTES: usize = 1024;
const BATCHES: usize = 200;
const BATCH: u32 = 200;
const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);
const URL: &str = "https://hooks.example/in";

/// Runs the bench.
#[must_use]
pub fn main(arguments: &[String]) -> ExitCode {
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: its figures say nothing");
    }
    let figures = match measure() {
        Ok(figures) => figures,
        Err(fault) => {
            eprintln!("no figures: {fault}");
            return ExitCode::FAILURE;
        }
    };
    let none = figures.first().map_or(0.0, |(_, us)| *us);
    if arguments.iter().any(|argument| argument == "--json") {
        let rows: Vec<_> = figures
            .iter()
            .map(|(name, us)| json!({ "scheme": name, "us": us, "marginal_us": us - none }))
            .collect();
        let machine = machine::describe(&data_folder());
        println!("{}", json!({ "machine": machine, "body_bytes": BODY_BYTES, "rows": rows }));
        return ExitCode::SUCCESS;
    }
    println!("| scheme, {BODY_BYTES} bytes | us/delivery | marginal us |\n| --- | --- | --- |");
    for (name, us) in &figures {
        println!("| {name} | {us:.2} | {:.2} |", us - none);
    }
    println!("\nTarget: HMAC verification of 1 KB at most {TARGET_US} us.");
    ExitCode::SUCCESS
}

/// Microseconds for each: no verification, the bare hash, then each preset.
fn measure() -> Result<Vec<(&'static str, f64)>, String> {
    let body = Bytes::from(payload());
    let mut figures = vec![("none", verifying(None, &body)?)];
    let secret = b"It's a Secret to Everybody";
    let bare = best(|| {
        black_box(hmac_sha256(secret, &[&body]));
        Ok(0)
    })?;
    figures.push(("bare HMAC-SHA256", bare));
    for preset in PRESETS {
        figures.push((preset, verifying(Some(preset), &body)?));
    }
    Ok(figures)
}

/// Microseconds of one verification.
fn verifying(preset: Option<&str>, body: &Bytes) -> Result<f64, String> {
    let scheme = Scheme::preset(preset.unwrap_or("none")).ok_or("no such preset")?;
    let secret = match &scheme {
        Scheme::Preset(preset) => match preset.secret {
            SecretEncoding::Utf8 => "It's a Secret to Everybody",
            _ => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        },
        _ => "",
    };
    let form = matches!(&scheme, Scheme::Preset(preset) if preset.template.contains("{form}"));
    let body = if form { Bytes::from(as_form(body)) } else { body.clone() };
    let key = Key::new("k".parse().map_err(|_| "no key")?, secret.into());
    let keys = if preset.is_some() { vec![key.clone()] } else { Vec::new() };
    let mut headers = Vec::new();
    if preset.is_some() {
        let kind = "push";
        let ask =
            SignRequest { body: &body, id: "delivery-1", now: NOW, url: URL, method: "POST", kind };
        headers = sign(&scheme, &key, ask).map_err(|fault| fault.to_string())?;
    }
    let media = if form { "application/x-www-form-urlencoded" } else { "application/json" };
    headers.push(("content-type".to_owned(), media.to_owned()));
    for name in ["host", "accept", "user-agent", "content-length"] {
        headers.push((name.to_owned(), "something of about this length".to_owned()));
    }
    let source: sluicegate_core::ids::SourceName = "bench".parse().map_err(|_| "no source")?;
    let gate = Gate { public_url: Some(URL.into()), ..Gate::new(source.clone(), scheme, keys) };
    let door =
        Admission::build(vec![gate], Registry::empty()).map_err(|faults| format!("{faults:?}"))?;
    let delivery = Delivery {
        source,
        method: "POST".into(),
        target: "/in".into(),
        headers: headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        body,
        peer: None,
        transport: Transport::default(),
    };
    best(|| {
        let arrival = Arrival { id: EventId::new(NOW, 1), at: NOW, steady: NOW };
        let received = Received::assertion(delivery.clone(), arrival);
        let started = Instant::now();
        let needs = door.needs(received.delivery());
        let verified = door.verify(&received, None);
        let took = started.elapsed().as_nanos();
        black_box((needs.map_err(|refusal| refusal.to_string())?, &verified));
        verified.map(|_| took).map_err(|refusal| format!("{preset:?}: {refusal}"))
    })
}

/// The least time of many batches, in microseconds for one call. A call says how long it took, or 0
/// to be timed as a whole.
fn best(mut call: impl FnMut() -> Result<u128, String>) -> Result<f64, String> {
    let mut best = u128::MAX;
    for _ in 0..BATCHES {
        let (mut told, started) = (0, Instant::now());
        for _ in 0..BATCH {
            told += call()?;
        }
        let whole = started.elapsed().as_nanos();
        best = best.min(if told == 0 { whole } else { told });
    }
    Ok(best as f64 / f64::from(BATCH) / 1000.0)
}

/// A payload with what presets look for, early and late in it.
fn payload() -> String {
    let start = concat!(
        r#"{"id":"1","type":"push","event":"meeting.started","#,
        r#""webhookTimestamp":1700000000000,"fill":""#,
    );
    let end = r#"","created_at":1700000000}"#;
    let fill = "x".repeat(BODY_BYTES - start.len() - end.len());
    [start, &fill, end].concat()
}

/// A form of the same length.
fn as_form(body: &[u8]) -> String {
    let mut form =
        String::from("MessageSid=SM1&AccountSid=AC1&From=%2B14158675309&To=%2B18005551212&Body=");
    form.extend(std::iter::repeat_n('x', body.len() - form.len()));
    form
}
