//! The front before a handler of its own: bodies by rule, and clients that go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use sluicegate_core::seams::Pending;
use sluicegate_sources::http::{
    BodyRule, Front, Handler, Hangup, Head, HttpLimits, Request, Response,
};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::world::{Client, until};

/// Answers at its gate; counts what it began, ended and dropped.
#[derive(Default)]
struct Desk {
    begun: AtomicUsize,
    ended: AtomicUsize,
    dropped: AtomicUsize,
    gate: Option<Semaphore>,
}

struct Work<'a>(&'a Desk);

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Handler for Desk {
    fn admit(&self, head: &Head) -> Result<BodyRule, Response> {
        match (head.method.as_str(), head.path()) {
            ("GET", "/poll") => Ok(BodyRule { bytes_max: 0 }),
            ("PUT", "/work") => Ok(BodyRule { bytes_max: 10 }),
            _ => Err(Response::new(404).body("text/plain", "none")),
        }
    }

    fn handle(&self, request: Request) -> Pending<'_, Response> {
        Box::pin(async move {
            let work = Work(self);
            self.begun.fetch_add(1, Ordering::Relaxed);
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            self.ended.fetch_add(1, Ordering::Relaxed);
            drop(work);
            let body = format!("{} {} {:?}", request.path(), request.query(), request.body);
            Response::new(200).with("x-a", "b").body("text/plain", body)
        })
    }

    fn hangup(&self, request: &Request) -> Hangup {
        if request.path() == "/poll" { Hangup::Abandon } else { Hangup::Finish }
    }
}

struct Served {
    desk: Arc<Desk>,
    address: std::net::SocketAddr,
    _stop: watch::Sender<bool>,
}

impl Served {
    async fn new(gate: Option<Semaphore>) -> Self {
        let desk = Arc::new(Desk { gate, ..Desk::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, signal) = watch::channel(false);
        let front = Front::new(HttpLimits::default(), desk.clone());
        tokio::spawn(front.serve(listener, signal, Duration::from_secs(1)));
        Self { desk, address, _stop: stop }
    }

    async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    async fn has(&self, counter: impl Fn(&Desk) -> &AtomicUsize, count: usize) {
        until(|| counter(&self.desk).load(Ordering::Relaxed) == count).await;
    }
}

const POLL: &[u8] = b"GET /poll?a=b HTTP/1.1\r\nhost: t\r\n\r\n";
const WORK: &[u8] = b"PUT /work HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\n\r\na";

#[tokio::test]
async fn a_handler_sees_the_request_and_its_response_is_sent_as_it_is() {
    let served = Served::new(None).await;
    let mut client = served.connect().await;
    client.send(POLL).await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"/poll a=b b"""#));
    assert!(answer.head.contains("\r\nx-a: b\r\n"), "{}", answer.head);
    client.send(b"DELETE /work HTTP/1.1\r\nhost: t\r\n\r\n").await;
    assert_eq!(client.answer().await.body, "none");
    client.send(WORK).await;
    assert_eq!(client.answer().await.body, format!("/work  {:?}", Bytes::from_static(b"a")));
    client.send(b"GET /poll HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\n\r\na").await;
    assert_eq!(client.answer().await.status, 413);
}

#[tokio::test]
async fn a_long_poll_is_dropped_with_its_client() {
    let served = Served::new(Some(Semaphore::new(0))).await;
    let mut client = served.connect().await;
    client.send(POLL).await;
    served.has(|desk| &desk.begun, 1).await;
    drop(client);
    served.has(|desk| &desk.dropped, 1).await;
    served.has(|desk| &desk.ended, 0).await;
}

#[tokio::test]
async fn a_pipelined_request_does_not_end_a_long_poll() {
    let served = Served::new(Some(Semaphore::new(0))).await;
    let mut client = served.connect().await;
    client.send(POLL).await;
    served.has(|desk| &desk.begun, 1).await;
    client.send(POLL).await;
    served.desk.gate.as_ref().unwrap().add_permits(2);
    assert_eq!((client.answer().await.status, client.answer().await.status), (200, 200));
}

#[tokio::test]
async fn work_is_finished_though_its_client_has_gone() {
    let served = Served::new(Some(Semaphore::new(0))).await;
    let mut client = served.connect().await;
    client.send(WORK).await;
    served.has(|desk| &desk.begun, 1).await;
    drop(client);
    served.desk.gate.as_ref().unwrap().add_permits(1);
    served.has(|desk| &desk.ended, 1).await;
}

#[tokio::test]
async fn work_is_finished_though_its_http_2_stream_was_reset_and_a_poll_is_not() {
    use http_body_util::Full;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let served = Served::new(Some(Semaphore::new(0))).await;
    let stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(
        TokioExecutor::new(),
        TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    for (number, request) in [
        hyper::Request::put("http://t/work").body(Full::new(Bytes::from_static(b"a"))),
        hyper::Request::get("http://t/poll").body(Full::default()),
    ]
    .into_iter()
    .enumerate()
    {
        let response = tokio::spawn(sender.send_request(request.unwrap()));
        served.has(|desk| &desk.begun, number + 1).await;
        // Dropping the future of a response resets its stream.
        response.abort();
    }
    served.has(|desk| &desk.dropped, 1).await;
    served.desk.gate.as_ref().unwrap().add_permits(1);
    served.has(|desk| &desk.ended, 1).await;
    served.has(|desk| &desk.dropped, 2).await;
}
