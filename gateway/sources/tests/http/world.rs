//! A listener on loopback with an intake that remembers, and a client that writes raw bytes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluicegate_core::delivery::Delivery;
use sluicegate_core::handshake::Reply;
use sluicegate_core::ids::EventId;
use sluicegate_core::proof::{Receipt, Repeat};
use sluicegate_core::refusal::Refusal;
use sluicegate_core::seams::{Intake, Pending};
use sluicegate_core::time::Timestamp;
use sluicegate_sources::http::{HttpConfig, HttpLimits, HttpMetrics, HttpSource, PathRule};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// The payload limit of `/hook`.
pub(crate) const LIMIT: usize = 200_000;

/// An intake that remembers what it took.
pub(crate) struct Recorder {
    pub(crate) taken: Mutex<Vec<Delivery>>,
    pub(crate) refusal: Mutex<Option<Refusal>>,
    /// A permit for each delivery that may be answered.
    pub(crate) gate: Semaphore,
    count: AtomicU64,
}

impl Intake for Recorder {
    fn take(&self, delivery: Delivery) -> Pending<'_, Result<Receipt, Refusal>> {
        Box::pin(async move {
            let repeat = match delivery.headers.first("x-repeat") {
                Some(_) => Repeat::Duplicate,
                None => Repeat::First,
            };
            self.taken.lock().unwrap().push(delivery);
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            self.gate.acquire().await.unwrap().forget();
            match self.refusal.lock().unwrap().clone() {
                Some(refusal) => Err(refusal),
                None => Ok(Receipt::assertion(event(number), repeat)),
            }
        })
    }

    fn greets(&self, delivery: &Delivery) -> bool {
        delivery.headers.first("x-handshake").is_some()
    }

    /// Reflects the query, whatever it is.
    fn greet(&self, delivery: Delivery) -> Pending<'_, Result<Reply, Refusal>> {
        Box::pin(async move {
            match delivery.target.split_once('?') {
                Some((_, query)) => Ok(Reply::new(200).with_text(query.to_owned())),
                None => Err(Refusal::WrongMethod),
            }
        })
    }
}

impl Recorder {
    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        self.taken.lock().unwrap().iter().map(|delivery| delivery.body.to_vec()).collect()
    }

    pub(crate) async fn has_taken(&self, count: usize) {
        until(|| self.taken.lock().unwrap().len() >= count).await;
    }
}

/// The id that the intake gives its delivery number `number`.
pub(crate) fn event(number: u64) -> EventId {
    EventId::new(Timestamp::from_unix_ms(1), number)
}

/// Waits on a condition, with a deadline.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, wait).await.expect("the condition never held");
}

/// A running source.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) intake: Arc<Recorder>,
    pub(crate) metrics: Arc<HttpMetrics>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) task: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(HttpLimits::default()).await
    }

    pub(crate) async fn with(limits: HttpLimits) -> Self {
        let intake = Arc::new(Recorder {
            taken: Mutex::default(),
            refusal: Mutex::default(),
            gate: Semaphore::new(1_000_000),
            count: AtomicU64::new(0),
        });
        let rule = |path: &str, media: &[&str]| PathRule {
            gzip: false,
            path: path.into(),
            source: "hooks".parse().unwrap(),
            payload_bytes_max: LIMIT,
            media_types: media.iter().map(|m| (*m).into()).collect(),
            handshake_methods: if path == "/greet" { vec!["GET", "HEAD"] } else { Vec::new() },
        };
        let paths =
            vec![rule("/hook", &[]), rule("/json", &["application/json"]), rule("/greet", &[])];
        let source = HttpSource::new(HttpConfig { limits, paths }, intake.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, signal) = watch::channel(false);
        let metrics = source.metrics();
        let task = tokio::spawn(source.serve(listener, signal, Duration::from_secs(60)));
        Self { address, intake, metrics, stop, task }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Everything that comes back for these bytes until the server closes; our side stays open.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.rest().await
    }
}

/// A client that reads responses one by one.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

/// A response as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // The server may have answered and closed before it read everything.
        let _ = timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("write hangs");
    }

    /// The next response.
    pub(crate) async fn answer(&mut self) -> Answer {
        loop {
            if let Some(answer) = self.next_answer() {
                return answer;
            }
            let count = timeout(PATIENCE, self.stream.read_buf(&mut self.read))
                .await
                .expect("no answer in time")
                .unwrap();
            assert!(count > 0, "closed after {:?}", self.read.escape_ascii().to_string());
        }
    }

    fn next_answer(&mut self) -> Option<Answer> {
        let text = String::from_utf8_lossy(&self.read).into_owned();
        let (head, _) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let end = head.len() + 4 + length.map_or(0, |length| length.parse().unwrap());
        let whole: Vec<u8> = (self.read.len() >= end).then(|| self.read.drain(..end).collect())?;
        let status = head[9..12].parse().unwrap();
        let body = String::from_utf8(whole[head.len() + 4..].to_vec()).unwrap();
        Some(Answer { status, head: head.to_owned(), body })
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> String {
        let reading = self.stream.read_to_end(&mut self.read);
        let result = timeout(PATIENCE, reading).await.expect("the server does not close");
        assert!(result.is_ok(), "reset by the server: {result:?}");
        String::from_utf8_lossy(&self.read).into_owned()
    }
}

/// A well-formed request.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
