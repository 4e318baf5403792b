//! MQTT for tests: a client of bytes that knows no codec, and the real clients as processes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::deadline::SOON;
use crate::fixtures::root;

/// A connection that sends what it is told to, and reads packets as they come.
pub struct Raw {
    stream: TcpStream,
}

/// A packet as it came: its first byte and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Type and flags.
    pub first: u8,
    /// Everything after the remaining length.
    pub body: Vec<u8>,
}

/// The levels of the two protocols that are spoken.
pub const V3: u8 = 4;
/// MQTT 5.
pub const V5: u8 = 5;

impl Raw {
    /// Opens a connection and says nothing.
    ///
    /// # Panics
    /// When nobody listens.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the listener takes connections");
        stream.set_read_timeout(Some(SOON)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("an option can be set");
        Self { stream }
    }

    /// Connects as this client with a clean start, and reads the CONNACK.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    pub fn connect(address: SocketAddr, level: u8, client: &str) -> Self {
        let (raw, ack) = Self::connect_with(address, &connect(level, client, CLEAN, 600, &[]));
        assert_eq!(ack.body[1], 0, "CONNACK {ack:?}");
        raw
    }

    /// Sends this CONNECT, and reads the CONNACK.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn connect_with(address: SocketAddr, connect: &[u8]) -> (Self, Packet) {
        let mut raw = Self::open(address);
        raw.send(connect);
        let ack = raw.read();
        assert_eq!(ack.first, 0x20, "{ack:?}");
        (raw, ack)
    }

    /// Sends this CONNECT to a gateway that may be gone; `None` if there is no CONNACK.
    #[must_use]
    pub fn try_connect_with(address: SocketAddr, connect: &[u8]) -> Option<(Self, Packet)> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(SOON)).ok()?;
        stream.set_nodelay(true).ok()?;
        let mut raw = Self { stream };
        raw.try_send(connect);
        let ack = raw.try_read().filter(|ack| ack.first == 0x20)?;
        Some((raw, ack))
    }

    /// Takes a connection, as a broker does.
    ///
    /// # Panics
    /// When none comes.
    #[must_use]
    pub fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().expect("a connection comes");
        stream.set_read_timeout(Some(SOON)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("an option can be set");
        Self { stream }
    }

    /// Sends these last bytes, and goes on to read.
    ///
    /// # Panics
    /// When the connection does not take them.
    pub fn send_last(&mut self, bytes: &[u8]) {
        self.send(bytes);
        self.stream.shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Sends bytes.
    ///
    /// # Panics
    /// When the connection does not take them.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the connection is open");
    }

    /// Sends bytes to a connection that may be closed meanwhile.
    pub fn try_send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes); // Whether it is closed is asked by reading.
    }

    /// The next packet.
    ///
    /// # Panics
    /// When none comes.
    pub fn read(&mut self) -> Packet {
        self.try_read().expect("a packet comes")
    }

    /// The next packet; `None` if the connection was closed.
    pub fn try_read(&mut self) -> Option<Packet> {
        let mut first = [0];
        self.stream.read_exact(&mut first).ok()?;
        let (mut len, mut shift) = (0, 0);
        loop {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).ok()?;
            len |= usize::from(byte[0] & 0x7f) << shift;
            shift += 7;
            if byte[0] & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body).ok()?;
        Some(Packet { first: first[0], body })
    }

    /// Reads until the connection is closed; gives back what came.
    ///
    /// # Panics
    /// When it stays open.
    #[must_use]
    pub fn until_closed(&mut self) -> Vec<Packet> {
        let mut all = Vec::new();
        while let Some(packet) = self.try_read() {
            all.push(packet);
        }
        let mut rest = [0];
        let end = self.stream.read(&mut rest);
        assert!(!end.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock), "it stays open");
        all
    }

    /// The head of an answer of HTTP.
    ///
    /// # Panics
    /// When none comes.
    #[must_use]
    pub fn read_head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.stream.read_exact(&mut byte).expect("an answer comes");
            head.extend(byte);
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    /// Reads, whatever comes, until the connection is closed.
    ///
    /// # Panics
    /// When it stays open.
    pub fn wait_until_closed(&mut self) {
        let end = self.stream.read_to_end(&mut Vec::new());
        assert!(!end.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock), "it stays open");
    }

    /// Whether nothing comes for a moment.
    ///
    /// # Panics
    /// When a timeout cannot be set.
    pub fn is_quiet(&mut self, moment: Duration) -> bool {
        self.stream.set_read_timeout(Some(moment)).expect("a timeout can be set");
        let quiet = self.stream.peek(&mut [0]).is_err();
        self.stream.set_read_timeout(Some(SOON)).expect("a timeout can be set");
        quiet
    }

    /// Cuts the connection without a word.
    pub fn cut(self) {
        let _ = self.stream.shutdown(Shutdown::Both); // It may be cut already.
    }
}

/// The flag of a clean start.
pub const CLEAN: u8 = 0x02;

/// A CONNECT. `properties` are those of MQTT 5, without their length.
#[must_use]
pub fn connect(level: u8, client: &str, flags: u8, keep_alive: u16, properties: &[u8]) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT".to_vec();
    body.extend([level, flags]);
    body.extend(keep_alive.to_be_bytes());
    if level == V5 {
        body.extend(var(properties.len()));
        body.extend(properties);
    }
    body.extend(text(client));
    packet(0x10, &body)
}

/// A CONNECT of a session that is kept for 512 seconds.
#[must_use]
pub fn kept(level: u8, client: &str) -> Vec<u8> {
    let expiry: &[u8] = if level == V5 { &[0x11, 0, 0, 2, 0] } else { &[] };
    connect(level, client, 0, 60, expiry)
}

/// The packet id and the payload of a PUBLISH of QoS 1 or 2 with few properties.
///
/// # Panics
/// When it is none, or its payload is no text.
#[must_use]
pub fn message(level: u8, packet: &Packet) -> (u16, String) {
    assert_eq!(packet.first >> 4, 3, "{packet:?}");
    let topic = usize::from(u16::from_be_bytes([packet.body[0], packet.body[1]]));
    let (id, mut rest) = packet.body[2 + topic..].split_at(2);
    if level == V5 {
        rest = &rest[1 + usize::from(rest[0])..];
    }
    let text = String::from_utf8(rest.to_vec()).expect("a text");
    (u16::from_be_bytes([id[0], id[1]]), text)
}

/// A CONNECT with a clean start and a will of QoS 1.
#[must_use]
pub fn connect_with_will(level: u8, client: &str, topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = connect(level, client, CLEAN | 0b0000_1100, 60, &[]).split_off(2);
    if level == V5 {
        bytes.push(0);
    }
    bytes.extend(text(topic));
    bytes.extend(u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend(payload);
    packet(0x10, &bytes)
}

/// A PUBLISH; `id` is left out for QoS 0.
#[must_use]
pub fn publish(level: u8, flags: u8, topic: &str, id: u16, payload: &[u8]) -> Vec<u8> {
    publish_with(level, flags, topic, id, &[], payload)
}

/// A PUBLISH with properties of MQTT 5.
#[must_use]
pub fn publish_with(
    level: u8,
    flags: u8,
    topic: &str,
    id: u16,
    properties: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let mut body = text(topic);
    if flags & 0b0110 != 0 {
        body.extend(id.to_be_bytes());
    }
    if level == V5 {
        body.extend(var(properties.len()));
        body.extend(properties);
    }
    body.extend(payload);
    packet(0x30 | flags, &body)
}

/// A SUBSCRIBE to one filter.
#[must_use]
pub fn subscribe(level: u8, id: u16, filter: &str, options: u8) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if level == V5 {
        body.push(0);
    }
    body.extend(text(filter));
    body.push(options);
    packet(0x82, &body)
}

/// PUBACK, PUBREC, PUBREL, PUBCOMP of success.
#[must_use]
pub fn answer(first: u8, id: u16) -> Vec<u8> {
    packet(first, &id.to_be_bytes())
}

/// A packet with this body.
#[must_use]
pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    bytes.extend(var(body.len()));
    bytes.extend(body);
    bytes
}

/// A text with its length before it.
#[must_use]
pub fn text(text: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

fn var(mut len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let digit = (len & 0x7f) as u8;
        len >>= 7;
        bytes.push(if len == 0 { digit } else { digit | 0x80 });
        if len == 0 {
            return bytes;
        }
    }
}

/// Runs `mosquitto_pub` to its end; says whether it succeeded.
///
/// # Panics
/// When it is not installed: a missing client is a failure, not a skipped test.
#[must_use]
pub fn mosquitto_pub(address: SocketAddr, arguments: &[&str]) -> bool {
    let mut command = mosquitto("mosquitto_pub", address, arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let run = command.status();
    run.unwrap_or_else(|fault| panic!("{MISSING_MOSQUITTO}: {fault}")).success()
}

/// Starts `mosquitto_sub` with its output piped.
///
/// # Panics
/// When it is not installed.
#[must_use]
pub fn mosquitto_sub(address: SocketAddr, arguments: &[&str]) -> Child {
    let mut command = mosquitto("mosquitto_sub", address, arguments);
    let run = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    run.unwrap_or_else(|fault| panic!("{MISSING_MOSQUITTO}: {fault}"))
}

fn mosquitto(program: &str, address: SocketAddr, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    command.args(["-h", &host, "-p", &port]).args(arguments).stdin(Stdio::null());
    command
}

/// A Python that has `paho-mqtt`.
///
/// # Panics
/// When the package is not there: a missing client is a failure, not a skipped test.
#[must_use]
pub fn python_with_paho() -> Command {
    let own = || root().join("target/tools/paho");
    let folder = std::env::var_os("SLUICEGATE_PAHO").map_or_else(own, PathBuf::from);
    assert!(
        folder.join("paho/mqtt").is_dir(),
        "paho-mqtt is missing: run tests/run, or `python3 -m pip install --no-deps --target {} \
         paho-mqtt==2.1.0`",
        folder.display()
    );
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", folder).env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
    command
}

const MISSING_MOSQUITTO: &str =
    "the Mosquitto clients are missing: run tests/run, or `apt-get install mosquitto-clients`";
