//! A Redis stream: XADD, XREADGROUP, XACK.
//!
//! All producers share one connection and are pipelined over it, as the common clients do; every
//! consumer has a connection of its own, because it blocks. Entries stay in the stream after their
//! XACK: deleting them too would be held against it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use super::resp::{self, Reply};
use crate::bench::queue::drive::{Flushes, Publish, Take};
use crate::bench::queue::shim::Shim;

/// Connections to a Redis.
pub(in crate::bench::queue) struct Redis {
    producers: Connection,
    consumers: Vec<Connection>,
    shim: Shim,
}

const STREAM: &[u8] = b"events";
const GROUP: &[u8] = b"bench";
/// Milliseconds that a consumer waits when it finds nothing.
const WAIT_MS: &[u8] = b"200";
/// Commands on their way.
const PIPELINE: usize = 256;

impl Redis {
    /// Connects, and makes the stream with its group of consumers.
    pub(in crate::bench::queue) async fn connect(
        port: u16,
        lanes: usize,
        shim: Shim,
    ) -> Result<Self, String> {
        let producers = Connection::open(port).await?;
        let create: [&[u8]; 6] = [b"XGROUP", b"CREATE", STREAM, GROUP, b"0", b"MKSTREAM"];
        producers.ask(&create).await?;
        let mut consumers = Vec::new();
        for _ in 0..lanes {
            consumers.push(Connection::open(port).await?);
        }
        Ok(Self { producers, consumers, shim })
    }
}

impl Publish for Redis {
    async fn publish(&self, _: u64, payload: Vec<u8>) -> Result<(), String> {
        let add: [&[u8]; 5] = [b"XADD", STREAM, b"*", b"d", &payload];
        self.producers.ask(&add).await.map(drop)
    }

    fn flushes(&self) -> Flushes {
        Flushes { count: self.shim.flushes(), total_us: 0 }
    }
}

impl Take for Redis {
    async fn take(
        &self,
        lane: usize,
        max: usize,
        show: &(dyn Fn(&[u8]) + Sync),
    ) -> Result<usize, String> {
        let connection = &self.consumers[lane];
        let (consumer, max) = (format!("c{lane}"), max.to_string());
        let read: [&[u8]; 11] = [
            b"XREADGROUP",
            b"GROUP",
            GROUP,
            consumer.as_bytes(),
            b"COUNT",
            max.as_bytes(),
            b"BLOCK",
            WAIT_MS,
            b"STREAMS",
            STREAM,
            b">",
        ];
        let events = events(connection.ask(&read).await?)?;
        if events.is_empty() {
            return Ok(0);
        }
        events.iter().for_each(|(_, payload)| show(payload));
        let mut ack: Vec<&[u8]> = vec![b"XACK", STREAM, GROUP];
        ack.extend(events.iter().map(|(id, _)| id.as_slice()));
        match connection.ask(&ack).await? {
            Reply::Line(count) if count == events.len().to_string() => Ok(events.len()),
            other => Err(format!("not everything was acknowledged: {other:?}")),
        }
    }
}

/// The id and the payload of one entry of the stream.
type Entry = (Vec<u8>, Vec<u8>);

/// Ids and payloads out of what XREADGROUP answers: `[[stream, [[id, [field, value]]]]]`.
fn events(reply: Reply) -> Result<Vec<Entry>, String> {
    let list = |reply: Option<Reply>| match reply {
        Some(Reply::List(list)) => Ok(list),
        other => Err(format!("XREADGROUP answered {other:?}")),
    };
    if reply == Reply::Null {
        return Ok(Vec::new());
    }
    let stream = list(list(Some(reply))?.pop())?.pop();
    let mut events = Vec::new();
    for entry in list(stream)? {
        let mut entry = list(Some(entry))?;
        let value = list(entry.pop())?.pop();
        match (entry.pop(), value) {
            (Some(Reply::Bulk(id)), Some(Reply::Bulk(value))) => events.push((id, value)),
            other => return Err(format!("an entry of a stream is {other:?}")),
        }
    }
    Ok(events)
}

type Answer = oneshot::Sender<Result<Reply, String>>;

/// One connection, pipelined: commands go out in batches, replies come back in order.
struct Connection {
    commands: mpsc::Sender<(Vec<u8>, Answer)>,
}

impl Connection {
    async fn open(port: u16) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await;
        let stream = stream.map_err(|fault| fault.to_string())?;
        stream.set_nodelay(true).map_err(|fault| fault.to_string())?;
        let (read, write) = stream.into_split();
        let (commands, queue) = mpsc::channel(PIPELINE);
        let waiting = Arc::new(Mutex::new(VecDeque::new()));
        tokio::spawn(write_all(write, queue, Arc::clone(&waiting)));
        tokio::spawn(read_all(read, waiting));
        Ok(Self { commands })
    }

    async fn ask(&self, words: &[&[u8]]) -> Result<Reply, String> {
        let mut bytes = Vec::with_capacity(1200);
        resp::command(&mut bytes, words);
        let (to, answer) = oneshot::channel();
        self.commands.send((bytes, to)).await.map_err(|_| "the connection ended")?;
        match answer.await.map_err(|_| "the connection ended")?? {
            Reply::Error(fault) => Err(fault),
            reply => Ok(reply),
        }
    }
}

async fn write_all(
    mut write: OwnedWriteHalf,
    mut queue: mpsc::Receiver<(Vec<u8>, Answer)>,
    waiting: Arc<Mutex<VecDeque<Answer>>>,
) {
    let (mut batch, mut buffer) = (Vec::new(), Vec::new());
    while queue.recv_many(&mut batch, PIPELINE).await > 0 {
        buffer.clear();
        {
            let mut waiting = waiting.lock().expect("nobody panics with it");
            for (bytes, answer) in batch.drain(..) {
                buffer.extend_from_slice(&bytes);
                waiting.push_back(answer);
            }
        }
        if write.write_all(&buffer).await.is_err() {
            // Who waits learns it from the reader, which meets the same end.
            return;
        }
    }
}

async fn read_all(mut read: OwnedReadHalf, waiting: Arc<Mutex<VecDeque<Answer>>>) {
    let mut buffer = Vec::with_capacity(256 * 1024);
    loop {
        let ended = !matches!(read.read_buf(&mut buffer).await, Ok(1..));
        let mut at = 0;
        let mut waiting = waiting.lock().expect("nobody panics with it");
        if ended {
            waiting.clear();
            return;
        }
        while let Ok(Some((reply, taken))) = resp::parse(&buffer[at..]) {
            at += taken;
            let Some(answer) = waiting.pop_front() else { return };
            // Who no longer waits needs no answer.
            let _ = answer.send(Ok(reply));
        }
        buffer.drain(..at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_payloads_are_found_in_the_answer() {
        let bytes =
            b"*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nd\r\n$2\r\nxy\r\n";
        let (reply, _) = resp::parse(bytes).unwrap().unwrap();
        assert_eq!(events(reply), Ok(vec![(b"1-0".to_vec(), b"xy".to_vec())]));
        assert_eq!(events(Reply::Null), Ok(Vec::new()));
        assert!(events(Reply::Line("OK".into())).is_err());
    }
}
