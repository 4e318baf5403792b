//! The load generator: keep-alive connections on raw sockets, one thread, no HTTP library.
//!
//! Closed loop: each connection sends its next event when it has its answer. Open loop: events are
//! due at fixed times, and their latency counts from then, so that a server that stalls is not
//! spared the events that it would have met (coordinated omission). Timers wake to the millisecond.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use super::events::Requests;

/// What to send, where, and how.
#[derive(Clone)]
pub struct Load {
    /// The server.
    pub to: SocketAddr,
    /// What to send.
    pub requests: Rc<Requests>,
    /// Which of them.
    pub numbers: Range<usize>,
    /// Over how many connections.
    pub connections: usize,
    /// Open loop at so many events per second.
    pub rate: Option<u64>,
}

/// What was measured.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Latencies, sorted.
    pub latencies: Vec<Duration>,
    /// From the first send to the last answer.
    pub elapsed: Duration,
}

impl Measured {
    /// The latency that this share of events (0 to 1) does not exceed.
    #[must_use]
    pub fn percentile(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        self.latencies.get(at).copied().unwrap_or_default()
    }
}

/// Sends everything and waits for every answer.
///
/// # Errors
/// When a connection fails, or one answer is not 202: then nothing was measured.
pub fn run(load: &Load) -> io::Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let next = Rc::new(Cell::new(load.numbers.start));
        let mut streams = Vec::new();
        for _ in 0..load.connections {
            let stream = TcpStream::connect(load.to).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for stream in streams {
            tasks.spawn_local(connection(stream, load.clone(), Rc::clone(&next), start));
        }
        let mut latencies = Vec::with_capacity(load.numbers.len());
        while let Some(done) = tasks.join_next().await {
            latencies.extend(done.map_err(io::Error::other)??);
        }
        let elapsed = start.elapsed();
        latencies.sort_unstable();
        Ok(Measured { latencies, elapsed })
    })
}

async fn connection(
    mut stream: TcpStream,
    load: Load,
    next: Rc<Cell<usize>>,
    start: Instant,
) -> io::Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(load.numbers.len() / load.connections + 64);
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let number = next.get();
        if number >= load.numbers.end {
            return Ok(latencies);
        }
        next.set(number + 1);
        let due = match load.rate {
            None => Instant::now(),
            Some(rate) => {
                let nth = (number - load.numbers.start) as u64;
                let due = start + Duration::from_nanos(nth * 1_000_000_000 / rate);
                tokio::time::sleep_until(due.into()).await;
                due
            }
        };
        stream.write_all(load.requests.request(number)).await?;
        answer(&mut stream, &mut buffer).await?;
        latencies.push(due.elapsed());
    }
}

/// Reads one answer, which must be 202.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match whole_answer(buffer) {
            Some(202) => return Ok(()),
            Some(_) => return Err(io::Error::other(String::from_utf8_lossy(buffer).into_owned())),
            None => {}
        }
    }
}

/// The status of the answer, once all of it is here.
fn whole_answer(bytes: &[u8]) -> Option<u16> {
    let head_end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..head_end]).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .unwrap_or(0);
    (bytes.len() >= head_end + length).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(whole_answer(answer), Some(202));
        assert_eq!(whole_answer(&answer[..answer.len() - 1]), None);
        assert_eq!(whole_answer(b"HTTP/1.1 503 No\r\ncontent-length:0\r\n\r\n"), Some(503));
        assert_eq!(whole_answer(b"HTTP/1.1 202 Accepted\r\n"), None);
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_latencies() {
        let latencies = (0..=100).map(Duration::from_millis).collect();
        let measured = Measured { latencies, elapsed: Duration::from_secs(1) };
        assert_eq!(measured.percentile(0.5), Duration::from_millis(50));
        assert_eq!(measured.percentile(0.99), Duration::from_millis(99));
    }
}
