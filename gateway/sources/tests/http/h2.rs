//! HTTP/2: what is refused, and how long it waits.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sluicegate_sources::http::HttpLimits;
use tokio::net::TcpStream;

use crate::world::World;

/// Frames of one kilobyte, and then its end or silence.
struct Frames {
    left: usize,
    ends: bool,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match (self.left, self.ends) {
            (0, true) => Poll::Ready(None),
            (0, false) => Poll::Pending,
            _ => {
                self.left -= 1;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024])))))
            }
        }
    }
}

async fn connect(world: &World) -> SendRequest<Frames> {
    let stream = TcpStream::connect(world.address).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn post() -> hyper::http::request::Builder {
    hyper::Request::post("http://test/hook")
}

async fn status(sender: &mut SendRequest<Frames>, request: hyper::Request<Frames>) -> u16 {
    let response = tokio::time::timeout(crate::world::PATIENCE, sender.send_request(request));
    response.await.expect("no answer in time").unwrap().status().as_u16()
}

#[tokio::test]
async fn heads_that_are_not_exactly_right_are_refused() {
    let world = World::new().await;
    let mut sender = connect(&world).await;
    let empty = || Frames { left: 0, ends: true };
    let build = |build: hyper::http::request::Builder| build.body(empty()).unwrap();
    let other_host = build(post().header("host", "other"));
    assert_eq!(status(&mut sender, other_host).await, 400);
    let two_hosts = build(post().header("host", "test").header("host", "test"));
    assert_eq!(status(&mut sender, two_hosts).await, 400);
    let user = build(hyper::Request::post("http://user@test/hook"));
    assert_eq!(status(&mut sender, user).await, 400);
    let method = build(post().method("FROB"));
    assert_eq!(status(&mut sender, method).await, 501);
    let coded = build(post().header("content-encoding", "gzip"));
    assert_eq!(status(&mut sender, coded).await, 415);
    let many = (0..100).fold(post(), |request, n| request.header(format!("x-{n}"), "a"));
    assert_eq!(status(&mut sender, build(many)).await, 431);
    let same_host = build(post().header("host", "test"));
    assert_eq!(status(&mut sender, same_host).await, 202);
    assert_eq!(world.intake.bodies(), [b""]);
}

#[tokio::test]
async fn bodies_are_joined_and_bounded() {
    let world = World::new().await;
    let mut sender = connect(&world).await;
    let request = |left| post().body(Frames { left, ends: true }).unwrap();
    assert_eq!(status(&mut sender, request(100)).await, 202);
    assert_eq!(status(&mut sender, request(300)).await, 413);
    assert_eq!(status(&mut sender, request(1)).await, 202);
    let sizes: Vec<_> = world.intake.bodies().iter().map(Vec::len).collect();
    assert_eq!(sizes, [102_400, 1024]);
}

#[tokio::test]
async fn a_body_that_stalls_is_answered_408() {
    let limits = HttpLimits {
        body_grace: Duration::from_millis(100),
        body: Duration::from_millis(200),
        ..HttpLimits::default()
    };
    let world = World::with(limits).await;
    let mut sender = connect(&world).await;
    let request = post().body(Frames { left: 2, ends: false }).unwrap();
    assert_eq!(status(&mut sender, request).await, 408);
    assert!(world.intake.bodies().is_empty());
    assert_eq!(world.metrics.snapshot().timeouts, 1);
}

#[tokio::test]
async fn a_connection_that_answers_pings_and_asks_nothing_is_closed() {
    let limits = HttpLimits { idle: Duration::from_millis(150), ..HttpLimits::default() };
    let world = World::with(limits).await;
    let mut sender = connect(&world).await;
    let request = post().body(Frames { left: 0, ends: true }).unwrap();
    assert_eq!(status(&mut sender, request).await, 202);
    crate::world::until(|| sender.is_closed()).await;
    assert!(!world.task.is_finished());
}
