//! A broker that says, frame by frame, what a test tells it to.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;

/// Where a broker will be, and its address with this query.
pub(crate) async fn listen(query: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, format!("amqp://u:p@127.0.0.1:{port}/v{query}"))
}

/// One connection, at the broker's end.
pub(crate) struct Fake(TcpStream);

pub(crate) fn short(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

pub(crate) fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

impl Fake {
    /// Takes a connection, and reads which protocol it speaks.
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        let mut protocol = [0; 8];
        stream.read_exact(&mut protocol).await.unwrap();
        assert_eq!(&protocol, b"AMQP\x00\x00\x09\x01");
        Self(stream)
    }

    /// The handshake up to what is agreed on: the arguments of `connection.tune-ok`.
    pub(crate) async fn tune(&mut self, frame_max: u32) -> Vec<u8> {
        let start = [vec![0, 9], long(b""), long(b"PLAIN"), long(b"en_US")].concat();
        self.say(0, (10, 10), &start).await;
        self.hear((10, 11)).await;
        let tune = [&[0, 0][..], &frame_max.to_be_bytes(), &[0, 0]].concat();
        self.say(0, (10, 30), &tune).await;
        self.hear((10, 31)).await
    }

    /// The handshake, and a channel on which the prefetch is asked for.
    pub(crate) async fn open(&mut self) {
        self.tune(131_072).await;
        self.hear((10, 40)).await;
        self.say(0, (10, 41), &short("")).await;
        self.hear((20, 10)).await;
        self.say(1, (20, 11), &long(b"")).await;
        self.hear((60, 10)).await;
    }

    /// The same, and a consumer on the channel.
    pub(crate) async fn consume(&mut self) {
        self.open().await;
        self.say(1, (60, 11), &[]).await;
        self.hear((50, 10)).await;
        self.say(1, (50, 11), &[short("q"), vec![0; 8]].concat()).await;
        self.hear((60, 20)).await;
        self.say(1, (60, 21), &short(TAG)).await;
    }

    /// Sends a message to the consumer.
    pub(crate) async fn deliver(&mut self, tag: u64, body: &[u8]) {
        self.0.write_all(&message(tag, body)).await.unwrap();
    }

    /// Sends so many messages at once, to a consumer that may leave before it has read them all.
    pub(crate) async fn flood(&mut self, messages: u64) {
        let all: Vec<u8> = (1..=messages).flat_map(|tag| message(tag, b"{}")).collect();
        self.0.write_all(&all).await.unwrap();
    }

    pub(crate) async fn say(&mut self, channel: u16, named: (u16, u16), arguments: &[u8]) {
        self.0.write_all(&method(channel, named, arguments)).await.unwrap();
    }

    /// The arguments of the next method, which must be this one.
    pub(crate) async fn hear(&mut self, named: (u16, u16)) -> Vec<u8> {
        let mut payload = timeout(PATIENCE, self.method()).await.unwrap();
        let arguments = payload.split_off(4);
        let got = [payload[0], payload[1], payload[2], payload[3]];
        let wanted = [named.0.to_be_bytes(), named.1.to_be_bytes()].concat();
        assert_eq!(got[..], wanted[..], "{arguments:?}");
        arguments
    }

    async fn method(&mut self) -> Vec<u8> {
        loop {
            let mut head = [0; 7];
            self.0.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
            let mut payload = vec![0; usize::try_from(length).unwrap() + 1];
            self.0.read_exact(&mut payload).await.unwrap();
            payload.truncate(payload.len() - 1);
            if head[0] != HEARTBEAT {
                return payload;
            }
        }
    }

    /// Waits until the other end has ended the connection.
    pub(crate) async fn wait_for_end(&mut self) {
        let mut rest = Vec::new();
        // Cut or closed: either is an end.
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.unwrap();
    }
}

/// A message for the consumer: three frames, or two if it is empty.
fn message(tag: u64, body: &[u8]) -> Vec<u8> {
    let place = [short("exchange"), short("key")].concat();
    let arguments = [&short(TAG)[..], &tag.to_be_bytes(), &[0], &place].concat();
    let size = (body.len() as u64).to_be_bytes();
    let header = frame(HEADER, 1, &[&[0, 60, 0, 0][..], &size, &[0, 0]].concat());
    let body = if body.is_empty() { Vec::new() } else { frame(BODY, 1, body) };
    [method(1, (60, 60), &arguments), header, body].concat()
}

fn method(channel: u16, named: (u16, u16), arguments: &[u8]) -> Vec<u8> {
    let (class, method) = (named.0.to_be_bytes(), named.1.to_be_bytes());
    frame(METHOD, channel, &[&class[..], &method, arguments].concat())
}

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    [&[kind][..], &channel.to_be_bytes(), &long(payload), &[0xce]].concat()
}

/// The consumer, as the source of the tests calls it.
const TAG: &str = "sluicegate.s";
