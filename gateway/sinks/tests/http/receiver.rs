//! A receiver on loopback that answers as the test says, and remembers what it got.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sluicegate_core::event::{Event, Parts};
use sluicegate_core::ids::EventId;
use sluicegate_core::outcome::Outcome;
use sluicegate_core::seams::{Attempt, Sink};
use sluicegate_core::time::{Clock, Timestamp};
use sluicegate_sinks::http::{AllowPrivate, HttpSink, HttpSinkConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// The time of every test: 2023-11-14T22:13:20Z.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);

/// What the receiver got.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) uri: String,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Which connection it came on, from 0.
    pub(crate) connection: usize,
}

/// How the receiver answers.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: ReplyBody,
}

/// The body of an answer.
#[derive(Debug, Clone)]
pub(crate) enum ReplyBody {
    Text(&'static str),
    /// So many bytes, in frames of 16 KiB.
    Long(usize),
    /// A few bytes, and then nothing for ever.
    Stalled,
    /// Not even a status.
    Silence,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: ReplyBody::Text("") }
    }
}

#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    pub(crate) reply: Arc<Mutex<Reply>>,
    pub(crate) got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    pub(crate) async fn new() -> Self {
        let (receiver, listener) = Self::bound().await;
        let (reply, got) = (receiver.reply.clone(), receiver.got.clone());
        tokio::spawn(async move {
            for connection in 0.. {
                let Ok((stream, _)) = listener.accept().await else { return };
                tokio::spawn(serve(stream, reply.clone(), got.clone(), connection));
            }
        });
        receiver
    }

    /// A receiver whose connections are not served yet.
    pub(crate) async fn bound() -> (Self, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (Self::at(listener.local_addr().unwrap()), listener)
    }

    /// Nobody, at this address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self { address, reply: Arc::new(Mutex::new(Reply::status(200))), got: Arc::default() }
    }

    pub(crate) fn answers(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// A configuration that posts here.
    pub(crate) fn config(&self) -> HttpSinkConfig {
        HttpSinkConfig {
            allow_private: AllowPrivate::Everything,
            timeout: Duration::from_secs(10),
            ..HttpSinkConfig::new(format!("http://{}/in?a=b", self.address), clock())
        }
    }

    pub(crate) fn sink(&self) -> HttpSink {
        HttpSink::new(self.config()).unwrap()
    }
}

/// A clock that stands at [`NOW`].
pub(crate) fn clock() -> Clock {
    Clock::new(|| NOW)
}

/// Serves one connection, HTTP/1 or HTTP/2.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    reply: Arc<Mutex<Reply>>,
    got: Arc<Mutex<Vec<Got>>>,
    connection: usize,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (reply, got) = (reply.lock().unwrap().clone(), got.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let (uri, version, headers) = (parts.uri.to_string(), parts.version, parts.headers);
            got.lock().unwrap().push(Got { uri, version, headers, body, connection });
            if matches!(reply.body, ReplyBody::Silence) {
                std::future::pending::<()>().await;
            }
            let mut response = Response::builder().status(reply.status);
            for (name, value) in &reply.headers {
                response = response.header(*name, value);
            }
            Ok::<_, Infallible>(response.body(Dribble(reply.body)).unwrap())
        }
    });
    let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // The sink may close it at any time.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

struct Dribble(ReplyBody);

impl Body for Dribble {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = |bytes: &'static [u8]| Poll::Ready(Some(Ok(Frame::data(bytes.into()))));
        match self.0 {
            ReplyBody::Text("") | ReplyBody::Long(0) => Poll::Ready(None),
            ReplyBody::Text(text) => {
                self.0 = ReplyBody::Text("");
                frame(text.as_bytes())
            }
            ReplyBody::Long(left) => {
                self.0 = ReplyBody::Long(left.saturating_sub(16_384));
                frame(&[b'x'; 16_384])
            }
            ReplyBody::Stalled => {
                self.0 = ReplyBody::Silence;
                frame(b"slow")
            }
            ReplyBody::Silence => Poll::Pending,
        }
    }
}

/// Event number `number` with this payload.
pub(crate) fn event(number: u64, payload: &'static [u8]) -> Event {
    Event::new(Parts {
        id: EventId::new(NOW, number),
        source: "github".parse().unwrap(),
        kind: "push".into(),
        subject: Some("a b".into()),
        time: None,
        received_at: NOW,
        content_type: "application/json".into(),
        attributes: [("sgroute", "r1")].into_iter().collect(),
        headers: [("authorization", "the sender's")].into_iter().collect(),
        payload: Bytes::from_static(payload),
    })
}

/// The outcome of one attempt with one event.
pub(crate) async fn deliver(sink: &HttpSink) -> Outcome {
    let batch = [Attempt { event: event(1, b"{}"), number: 1 }];
    let mut outcomes = sink.deliver(&batch).await;
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}
