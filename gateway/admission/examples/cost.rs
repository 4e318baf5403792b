//! What admission costs per event: run it in release. Prints nanoseconds per call for a 1 KB alert
//! and for real deliveries of GitHub, each step alone. The best of many batches counts: what other
//! programs take from the machine is not ours.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use sluicegate_admission::{
    Admission, Gate, Key, OnUnknown, OnViolation, Registry, SchemaRule, Scheme, SignRequest,
    hmac_sha256, sign,
};
use sluicegate_core::delivery::{Arrival, Delivery, Transport};
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::Received;
use sluicegate_core::time::Timestamp;

const BATCHES: u32 = 200;
const ROUNDS: u32 = 100;
const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let registry = Registry::from_folder(&root.join("schemas/payloads"))
        .map_err(|faults| format!("{faults:?}"))?;
    let scheme = Scheme::preset("github").ok_or("no preset")?;
    let key = Key::new("k".parse()?, "It's a Secret to Everybody".into());
    let gate = Gate {
        schema: Some(SchemaRule {
            subject: "github.{type}".into(),
            on_unknown: OnUnknown::Reject,
            on_violation: OnViolation::Reject,
        }),
        ..Gate::new("github".parse()?, scheme.clone(), vec![key.clone()])
    };
    let admission = Admission::build(vec![gate], registry).map_err(|f| format!("{f:?}"))?;
    let fixture =
        |event: &str| std::fs::read(root.join(format!("tests/fixtures/github/{event}.json")));
    let mut cases = vec![("code_scanning_alert", small_alert())];
    for event in ["code_scanning_alert", "push", "issues", "pull_request"] {
        cases.push((event, fixture(event)?));
    }
    for (kind, body) in cases {
        let request = SignRequest { body: &body, id: "d", now: NOW, url: "", method: "POST", kind };
        let headers = sign(&scheme, &key, request)?;
        measure(&admission, kind, &body, &headers)?;
    }
    Ok(())
}

fn measure(
    admission: &Admission,
    kind: &str,
    body: &[u8],
    headers: &[(String, String)],
) -> Result<(), Box<dyn std::error::Error>> {
    let mut fields: sluicegate_core::fields::Fields =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for name in ["host", "accept", "user-agent", "x-github-hook-id", "content-length"] {
        fields.push(name, "something of about this length");
    }
    fields.push("content-type", "application/json");
    let body = Bytes::copy_from_slice(body);
    let source: sluicegate_core::ids::SourceName = "github".parse()?;
    let received = || {
        let delivery = Delivery {
            source: source.clone(),
            method: String::new(),
            target: String::new(),
            headers: fields.clone(),
            body: body.clone(),
            peer: None,
            transport: Transport::default(),
        };
        Received::assertion(delivery, Arrival { id: EventId::new(NOW, 1), at: NOW, steady: NOW })
    };
    let mut best = [u128::MAX; 3];
    for _ in 0..BATCHES {
        let mut spent = [0; 3];
        for _ in 0..ROUNDS {
            let start = Instant::now();
            std::hint::black_box(hmac_sha256(b"It's a Secret to Everybody", &[&body]));
            let hashed = start.elapsed();
            let received = received();
            let start = Instant::now();
            let verified = admission.verify(&received, None).map_err(|r| r.to_string())?;
            let proven = start.elapsed();
            let judged = admission.validate(verified).map_err(|r| format!("{r:?}"))?;
            let validated = start.elapsed() - proven;
            std::hint::black_box(judged);
            for (sum, one) in spent.iter_mut().zip([hashed, proven, validated]) {
                *sum += one.as_nanos();
            }
        }
        for (best, spent) in best.iter_mut().zip(spent) {
            *best = spent.min(*best);
        }
    }
    let [mac, verify, validate] = best.map(|ns| ns / u128::from(ROUNDS));
    let line = format!(
        "{kind:20} {:6} bytes: bare hmac {mac:6} ns, verify {verify:6} ns, validate {validate:6} ns\n",
        body.len(),
    );
    std::io::Write::write_all(&mut std::io::stdout(), line.as_bytes())?;
    Ok(())
}

/// An alert of 1 KB.
fn small_alert() -> Vec<u8> {
    let before = r#"{"action":"created","ref":"refs/heads/main","commit_oid":"1111111111111111111111111111111111111111","alert":{"number":10,"created_at":"2021-02-11T03:10:43Z","url":"https://api.github.com/repos/Codertocat/Hello-World/code-scanning/alerts/10","html_url":"https://github.com/Codertocat/Hello-World/security/code-scanning/10","state":"open","dismissed_by":null,"dismissed_at":null,"dismissed_reason":null,"rule":{"id":"java/sql-injection","severity":"error","security_severity_level":"high","description":""#;
    let after = r#""},"tool":{"name":"CodeQL","guid":null,"version":null}},"repository":{"id":186853002,"name":"Hello-World","full_name":"Codertocat/Hello-World","private":false,"owner":{"login":"Codertocat","id":21031067}},"sender":{"login":"github","id":9919,"type":"Organization"}}"#;
    let fill = "x".repeat(1024 - before.len() - after.len());
    [before, &fill, after].concat().into_bytes()
}
