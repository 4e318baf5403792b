//! The publishers and subscribers: bytes that are made before the clock runs, and times of answers.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::mqtt::{CLEAN, V3, answer, connect, publish, subscribe};

/// What is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Publishers, answered with PUBACK.
    Publish,
    /// Pairs of a publisher and a subscriber: a message is done when it has come.
    Relay,
}

/// A load.
#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) to: SocketAddr,
    pub(super) part: Part,
    pub(super) numbers: Range<usize>,
    pub(super) publishers: usize,
    pub(super) window: usize,
    pub(super) bytes: usize,
}

/// What it came to.
#[derive(Debug)]
pub(super) struct Driven {
    pub(super) elapsed: Duration,
    /// Sorted.
    times: Vec<Duration>,
}

impl Driven {
    /// The time that this part of the messages stayed under.
    pub(super) fn percentile(&self, part: f64) -> Duration {
        let at = (self.times.len() as f64 * part) as usize;
        self.times[at.min(self.times.len() - 1)]
    }
}

/// A payload of this length that begins with its number.
pub(super) fn payload(number: usize, bytes: usize) -> Vec<u8> {
    let mut payload = format!("{number} ").into_bytes();
    payload.resize(bytes.max(payload.len()), b'x');
    payload
}

/// Drives a load to its end.
///
/// # Errors
/// When a connection breaks or says what was not expected.
pub(super) fn run(load: &Load) -> io::Result<Driven> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        let (first, count) = (load.numbers.start, load.numbers.len());
        let (go, gone) = tokio::sync::watch::channel(false);
        for publisher in 0..load.publishers {
            let from = first + count * publisher / load.publishers;
            let to = first + count * (publisher + 1) / load.publishers;
            let load = Load { numbers: from..to, ..load.clone() };
            tasks.spawn(one(load, publisher, gone.clone()));
        }
        drop(gone);
        // All are connected when each has said so by waiting.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        go.send_replace(true);
        let mut times = Vec::with_capacity(count);
        while let Some(done) = tasks.join_next().await {
            times.extend(done.map_err(io::Error::other)??);
        }
        times.sort_unstable();
        Ok(Driven { elapsed: began.elapsed(), times })
    })
}

async fn one(
    load: Load,
    publisher: usize,
    mut go: tokio::sync::watch::Receiver<bool>,
) -> io::Result<Vec<Duration>> {
    let topic = format!("bench/{publisher}");
    let mut writer = open(load.to, &format!("publisher-{publisher}")).await?;
    let mut reader = None;
    if load.part == Part::Relay {
        let mut stream = open(load.to, &format!("subscriber-{publisher}")).await?;
        stream.write_all(&subscribe(V3, 1, &topic, 1)).await?;
        expect(&mut stream, 0x90).await?;
        reader = Some(stream);
    }
    let id = |number: usize| (number % 60_000 + 1) as u16;
    let packet = |n: usize| publish(V3, 0b0010, &topic, id(n), &payload(n, load.bytes));
    let packets: Vec<_> = load.numbers.clone().map(packet).collect();
    let mut packets = packets.iter();
    let (mut times, mut sent) = (Vec::with_capacity(packets.len()), VecDeque::new());
    // A sender that is gone has failed: the rest fails with it.
    let _ = go.wait_for(|go| *go).await;
    loop {
        while sent.len() < load.window
            && let Some(packet) = packets.next()
        {
            sent.push_back(Instant::now());
            writer.write_all(packet).await?;
        }
        let Some(began) = sent.pop_front() else { return Ok(times) };
        if let Some(reader) = &mut reader {
            let message = expect(reader, 0x32).await?;
            times.push(began.elapsed());
            let at = 2 + usize::from(u16::from_be_bytes([message[0], message[1]]));
            let id = u16::from_be_bytes([message[at], message[at + 1]]);
            reader.write_all(&answer(0x40, id)).await?;
            expect(&mut writer, 0x40).await?;
        } else {
            expect(&mut writer, 0x40).await?;
            times.push(began.elapsed());
        }
    }
}

async fn open(to: SocketAddr, client: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    stream.write_all(&connect(V3, client, CLEAN, 600, &[])).await?;
    expect(&mut stream, 0x20).await?;
    Ok(stream)
}

/// The body of the next packet, which must be of this type.
async fn expect(stream: &mut TcpStream, first: u8) -> io::Result<Vec<u8>> {
    let is = stream.read_u8().await?;
    let (mut len, mut shift) = (0, 0);
    loop {
        let byte = stream.read_u8().await?;
        len |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; len];
    stream.read_exact(&mut body).await?;
    if is & 0xf6 == first & 0xf6 {
        return Ok(body);
    }
    Err(io::Error::other(format!("{is:#x} came in the place of {first:#x}")))
}
