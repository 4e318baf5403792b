//! Every refusal of the line as it is on the wire.

use std::time::Duration;

use sluicegate_core::decision::{RejectCode, Rejection};
use sluicegate_core::refusal::{Refusal, Violation};
use sluicegate_core::signature::SignatureFault;

use crate::world::{World, post};

#[tokio::test]
async fn each_refusal_of_the_intake_has_its_status_and_code() {
    let world = World::new().await;
    let mut client = world.connect().await;
    let soon = Duration::from_millis(1500);
    let violation = Violation {
        instance: "/a".into(),
        schema: "/type".into(),
        keyword: "type".into(),
        message: "is not an object".into(),
    };
    let filter = |code| Refusal::Rejected(Rejection { code, reason: "no".into() });
    let table = [
        (401, "signature_refused", Refusal::Unverified(SignatureFault::Mismatch)),
        (422, "payload_invalid", Refusal::Invalid { violations: vec![violation] }),
        (422, "schema_unknown", Refusal::NoSchema { subject: "a".into() }),
        (422, "filter_rejected_invalid", filter(RejectCode::Invalid)),
        (401, "filter_rejected_unauthenticated", filter(RejectCode::Unauthenticated)),
        (403, "filter_rejected_forbidden", filter(RejectCode::Forbidden)),
        (413, "filter_rejected_too_large", filter(RejectCode::TooLarge)),
        (429, "filter_rejected_rate_limited", filter(RejectCode::RateLimited)),
        (503, "filter_rejected_unavailable", filter(RejectCode::Unavailable)),
        (429, "rate_limited", Refusal::RateLimited { retry_after: soon }),
        (503, "overloaded", Refusal::Overloaded { what: "commits", retry_after: soon }),
        (503, "queue_full", Refusal::QueueFull { queue: "q".into(), retry_after: soon }),
        (429, "queue_over_rate", Refusal::QueueOverRate { queue: "q".into(), retry_after: soon }),
        (429, "source_full", Refusal::SourceFull { source_name: "s".into(), retry_after: soon }),
        (503, "filter_deferred", Refusal::Deferred { retry_after: soon }),
        (
            503,
            "plugin_paused",
            Refusal::PluginPaused { plugin: "p".parse().unwrap(), retry_after: soon },
        ),
        (503, "store_unavailable", Refusal::StoreUnavailable { what: "flush failed" }),
        (503, "stopping", Refusal::Stopping),
    ];
    for (status, code, refusal) in table {
        let wait = refusal.retry_after();
        let seconds = wait.map(|wait| wait.as_millis().div_ceil(1000));
        let ms = wait.and_then(|wait| u64::try_from(wait.as_millis()).ok());
        *world.intake.refusal.lock().unwrap() = Some(refusal);
        client.send(&post("/hook", "a")).await;
        let answer = client.answer().await;
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((answer.status, &body["code"]), (status, &code.into()));
        assert_eq!(body["status"], status);
        let line = seconds.map(|seconds| format!("\r\nretry-after: {seconds}\r\n"));
        let said = line.map_or_else(
            || !answer.head.contains("retry-after"),
            |line| answer.head.contains(&line),
        );
        assert!(said, "{}", answer.head);
        assert_eq!(body["retry_after_ms"].as_u64(), ms);
        assert_eq!(body["violations"].is_array(), code == "payload_invalid");
        assert!(!answer.body.contains("no live key"), "{}", answer.body);
    }
    assert_eq!(world.metrics.snapshot().connections_total, 1, "a refusal keeps the connection");
}

#[tokio::test]
async fn paths_methods_and_media_types_are_refused_before_the_intake() {
    let world = World::new().await;
    let mut client = world.connect().await;
    let cases = [
        (404, "source_not_found", "POST /nowhere HTTP/1.1", ""),
        (404, "source_not_found", "POST /hook/ HTTP/1.1", ""),
        (404, "source_not_found", "POST /%68ook HTTP/1.1", ""),
        (405, "method_not_allowed", "GET /hook HTTP/1.1", ""),
        (405, "method_not_allowed", "PUT /hook HTTP/1.1", ""),
        (415, "media_type_unsupported", "POST /hook HTTP/1.1", "content-encoding: gzip\r\n"),
        (415, "media_type_unsupported", "POST /json HTTP/1.1", ""),
        (415, "media_type_unsupported", "POST /json HTTP/1.1", "content-type: text/plain\r\n"),
    ];
    for (status, code, line, fields) in cases {
        let wire = format!("{line}\r\nhost: t\r\n{fields}content-length: 1\r\n\r\na");
        client.send(wire.as_bytes()).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, status, "{line} {fields}");
        assert!(answer.body.contains(&format!(r#""code":"{code}""#)), "{}", answer.body);
        assert_eq!(answer.head.contains("\r\nallow: POST"), status == 405);
    }
    let good = "POST /json HTTP/1.1\r\nhost: t\r\ncontent-type: Application/JSON; charset=x\r\n\
                content-encoding: identity\r\ncontent-length: 2\r\n\r\n{}";
    client.send(good.as_bytes()).await;
    assert_eq!(client.answer().await.status, 202);
    assert_eq!(world.intake.bodies(), [b"{}"]);
}

#[tokio::test]
async fn the_answer_to_head_has_no_body() {
    let world = World::new().await;
    let mut wire = b"HEAD /hook HTTP/1.1\r\nhost: t\r\n\r\n".to_vec();
    wire.extend(b"HEAD /hook HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n");
    let answer = world.raw(&wire).await;
    assert_eq!(answer.matches("HTTP/1.1 405 ").count(), 2, "{answer}");
    assert!(!answer.contains('{'), "{answer}");
}
