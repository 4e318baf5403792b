//! What a broker may say while it is dialled.

use sluicegate_sources::amqp::{Login, Server};

use crate::fake::{Fake, listen};

/// The largest frame that is agreed on with a broker that proposes this one.
async fn agreed(proposed: u32) -> u32 {
    let (listener, uri) = listen("").await;
    let server = Server::new(&uri, Login::Plain, None).unwrap();
    let dial = tokio::spawn(async move { server.dial("a test", 100).await.map(drop) });
    let mut broker = Fake::accept(&listener).await;
    let tuned = broker.tune(proposed).await;
    drop(broker);
    assert!(dial.await.unwrap().is_err());
    u32::from_be_bytes([tuned[2], tuned[3], tuned[4], tuned[5]])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_proposes_frames_without_bound_does_not_get_them() {
    for (proposed, expected) in
        [(0, 131_072), (u32::MAX, 131_072), (16 << 20, 131_072), (131_072, 131_072), (8192, 8192)]
    {
        assert_eq!(agreed(proposed).await, expected, "{proposed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dial_that_nobody_waits_for_any_more_ends_its_connection() {
    let (listener, uri) = listen("?connection_timeout=100000").await;
    let server = Server::new(&uri, Login::Plain, None).unwrap();
    let dial = tokio::spawn(async move { server.dial("a test", 100).await.map(drop) });
    let mut broker = Fake::accept(&listener).await;
    dial.abort();
    // It is cut, whoever holds its halves.
    broker.wait_for_end().await;
}
