//! A client that comes back at once, over a connection that is served before the last one is.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::house::{House, Line};
use crate::mqtt::connection::Connection;
use crate::mqtt::limits::MqttLimits;
use crate::mqtt::shared::Shared;
use crate::mqtt::wire::{Connect, Version};

/// A CONNECT of version 5: a session that stays for 100 s, and a will.
const CONNECT: &[u8] = b"\x10\x1a\x00\x04MQTT\x05\x04\x00\x3c\x05\x11\x00\x00\x00\x64\x00\x01c\
                         \x00\x00\x01w\x00\x01x";
/// A good-bye after which nothing stays: the session expiry is 0.
const DISCONNECT: &[u8] = b"\xe0\x07\x00\x05\x11\x00\x00\x00\x00";

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Listener {
    line: Arc<Line>,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
}

impl Listener {
    fn new() -> Self {
        let House { line, mut shared, .. } = House::new(MqttLimits::default());
        shared.access.anonymous = true;
        Self { line, shared: Arc::new(shared), stop: watch::channel(false).0 }
    }

    /// A connection over which a CONNECT has come. It is not served before this test waits.
    async fn connect(&self) -> (DuplexStream, JoinHandle<()>) {
        let (mut client, io) = duplex(4096);
        let connection = Connection::new(io, HERE, None, Arc::clone(&self.shared));
        let served = tokio::spawn(connection.run(self.stop.subscribe()));
        client.write_all(CONNECT).await.unwrap();
        (client, served)
    }
}

/// Reads a CONNACK; says whether a session was there.
async fn is_known(client: &mut DuplexStream) -> bool {
    let mut head = [0; 4];
    client.read_exact(&mut head).await.unwrap();
    assert_eq!((head[0], head[3]), (0x20, 0), "{head:?}");
    let mut rest = vec![0; usize::from(head[1]) - 2];
    client.read_exact(&mut rest).await.unwrap();
    head[2] == 1
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_said_good_bye_is_heard_before_it_comes_back() {
    let listener = Listener::new();
    let (mut first, served) = listener.connect().await;
    assert!(!is_known(&mut first).await);
    // The new connection is served first, and finds the old one still there.
    let (mut second, _) = listener.connect().await;
    first.write_all(DISCONNECT).await.unwrap();
    assert!(!is_known(&mut second).await, "the session has ended with the good-bye");
    served.await.unwrap();
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert!(listener.line.taken.lock().unwrap().is_empty(), "so has the will");
    assert_eq!(listener.shared.hub.metrics.snapshot().takeovers, 0);
}

/// PUBLISH of QoS 0 to `t`.
const PUBLISH: &[u8] = b"\x30\x05\x00\x01t\x00x";

#[tokio::test(start_paused = true)]
async fn a_client_that_has_said_more_than_the_line_takes_at_once_is_heard_to_its_end() {
    let listener = Listener::new();
    let (mut first, served) = listener.connect().await;
    is_known(&mut first).await;
    let (mut second, _) = listener.connect().await;
    first.write_all(&[&PUBLISH.repeat(200), DISCONNECT].concat()).await.unwrap();
    drop(first);
    assert!(!is_known(&mut second).await, "the session has ended with the good-bye");
    served.await.unwrap();
    assert_eq!(listener.line.taken.lock().unwrap().len(), 200, "and no will");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_silent_is_not_waited_for() {
    let listener = Listener::new();
    let (mut first, served) = listener.connect().await;
    is_known(&mut first).await;
    let began = Instant::now();
    let (mut second, _) = listener.connect().await;
    assert!(is_known(&mut second).await, "the session goes on");
    assert_eq!(began.elapsed(), Duration::ZERO);
    served.await.unwrap();
    assert_eq!(listener.shared.hub.metrics.snapshot().takeovers, 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_not_served_is_waited_for_for_a_while_and_by_the_last_who_came() {
    let listener = Listener::new();
    let connect =
        Connect { client_id: "c".into(), session_expiry_interval_secs: 60, ..Connect::default() };
    let shared = &listener.shared;
    let candidate = shared.examine(&connect, Version::V5, HERE, None).await.unwrap();
    let _first = shared.welcome(candidate).await.unwrap();
    let began = Instant::now();
    let (mut second, served) = listener.connect().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (mut third, _) = listener.connect().await;
    served.await.unwrap();
    let mut refused = Vec::new();
    second.read_to_end(&mut refused).await.unwrap();
    assert_eq!(refused[3], 0x89, "server busy: {refused:?}");
    assert!(is_known(&mut third).await);
    assert_eq!(began.elapsed(), Duration::from_secs(6));
}
