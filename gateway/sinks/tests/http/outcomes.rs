//! What each fate of a request means for the event.

use std::time::{Duration, Instant};

use sluicegate_core::outcome::Outcome;
use sluicegate_core::seams::{Attempt, Sink};
use sluicegate_sinks::http::HttpSink;

use crate::receiver::{Receiver, Reply, ReplyBody, deliver, event};

/// The pause that was asked for, and the reason, of an outcome that must be a retry.
fn retried(outcome: Outcome) -> (Option<Duration>, String) {
    match outcome {
        Outcome::Retry { after, why } => (after, why),
        other => panic!("not a retry: {other:?}"),
    }
}

#[tokio::test]
async fn statuses_are_judged_one_by_one() {
    let receiver = Receiver::new().await;
    let sink = receiver.sink();
    for status in [200, 201, 202, 204, 299] {
        receiver.answers(Reply::status(status));
        assert_eq!(deliver(&sink).await, Outcome::Done, "{status}");
    }
    for status in [400, 401, 403, 404, 408, 413, 422, 425, 429, 500, 502, 503, 504, 599] {
        receiver.answers(Reply { body: ReplyBody::Text("why\nnot"), ..Reply::status(status) });
        let (after, why) = retried(deliver(&sink).await);
        assert_eq!(after, None);
        assert!(why.starts_with(&format!("the receiver answered {status} ")), "{why}");
        assert!(why.ends_with(": why not"), "{why}");
    }
    receiver.answers(Reply::status(410));
    assert_eq!(deliver(&sink).await.code(), "give_up");
}

#[tokio::test]
async fn redirects_are_never_followed() {
    let (receiver, other) = (Receiver::new().await, Receiver::new().await);
    let sink = receiver.sink();
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://{}/", other.address);
        let headers = vec![("location", location)];
        receiver.answers(Reply { headers, ..Reply::status(status) });
        assert!(retried(deliver(&sink).await).1.contains("not followed"));
    }
    assert_eq!((receiver.got().len(), other.got().len()), (5, 0));
}

#[tokio::test]
async fn retry_after_is_honoured_in_both_forms() {
    let receiver = Receiver::new().await;
    let sink = receiver.sink();
    for (value, seconds) in [
        ("7", Some(7)),
        ("Tue, 14 Nov 2023 22:15:20 GMT", Some(120)),
        ("86400", Some(3600)),
        ("soon", None),
    ] {
        let headers = vec![("retry-after", value.to_owned())];
        receiver.answers(Reply { headers, ..Reply::status(503) });
        let (after, _) = retried(deliver(&sink).await);
        assert_eq!(after, seconds.map(Duration::from_secs), "{value}");
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_runs_into_the_timeout() {
    let receiver = Receiver::new().await;
    receiver.answers(Reply { body: ReplyBody::Silence, ..Reply::status(200) });
    let mut config = receiver.config();
    config.timeout = Duration::from_millis(200);
    let (after, why) = retried(deliver(&HttpSink::new(config).unwrap()).await);
    assert_eq!((after, why.as_str()), (None, "no answer within 200ms"));
}

#[tokio::test]
async fn a_refused_connection_is_a_retry_that_says_so() {
    // A port that nobody else can get, and on which nobody listens.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let receiver = Receiver::at(socket.local_addr().unwrap());
    let (_, why) = retried(deliver(&receiver.sink()).await);
    assert!(why.to_lowercase().contains("connection refused"), "{why}");
}

#[tokio::test]
async fn a_connection_cut_before_the_status_is_a_retry() {
    let (receiver, listener) = Receiver::bound().await;
    let cut = tokio::spawn(async move { drop(listener.accept().await.unwrap()) });
    assert!(!retried(deliver(&receiver.sink()).await).1.is_empty());
    cut.await.unwrap();
}

#[tokio::test]
async fn a_slow_or_huge_body_changes_nothing_about_the_status() {
    let receiver = Receiver::new().await;
    let sink = receiver.sink();
    for body in [ReplyBody::Stalled, ReplyBody::Long(1 << 30)] {
        let start = Instant::now();
        receiver.answers(Reply { body: body.clone(), ..Reply::status(200) });
        assert_eq!(deliver(&sink).await, Outcome::Done);
        receiver.answers(Reply { body, ..Reply::status(500) });
        let (_, why) = retried(deliver(&sink).await);
        assert!(why.len() < 300, "{why}");
        assert!(start.elapsed() < Duration::from_secs(15), "the body was waited for");
    }
}

#[tokio::test]
async fn a_batch_is_delivered_at_once_and_each_event_has_its_outcome() {
    let receiver = Receiver::new().await;
    let sink = receiver.sink();
    let batch: Vec<_> = (0..50).map(|n| Attempt { event: event(n, b"{}"), number: 1 }).collect();
    let outcomes = sink.deliver(&batch).await;
    assert_eq!(outcomes, vec![Outcome::Done; 50]);
    let mut ids: Vec<_> = receiver
        .got()
        .iter()
        .map(|got| got.headers["ce-id"].to_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 50);
    assert!(sink.deliver(&[]).await.is_empty());
}
