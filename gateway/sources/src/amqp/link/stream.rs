//! The stream below lapin: TCP or TLS, guarded, and cut when we say so.
//!
//! A task of ours reads it. What is lapin's goes on to lapin, which waits for it for as long as it
//! takes, in a thread of its own: a stream that can be cut is what ends that thread when a broker
//! falls silent.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::Notify;

use crate::amqp::guard::{Guard, Taps};

/// What carries the bytes: the half that is read, and the one that is written.
pub(super) type Wire = (Incoming, Outgoing);

pub(super) type Incoming = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type Outgoing = Box<dyn AsyncWrite + Send + Unpin>;

/// A connection's stream, as lapin has it.
pub(super) struct LinkStream {
    from_broker: DuplexStream,
    to_broker: Outgoing,
    cut: Arc<Cut>,
}

/// Cuts a stream, from outside.
#[derive(Debug, Default)]
pub(super) struct Cut {
    is_cut: AtomicBool,
    told: Notify,
    /// Why the stream was ended from here.
    why: Mutex<Option<io::Error>>,
    /// Bytes that came from the broker.
    bytes: AtomicU64,
}

impl Cut {
    /// From now on the stream is at its end.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
        self.told.notify_one();
    }

    /// How many bytes have come: a count that stands still is a broker that is silent.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn check(&self) -> io::Result<()> {
        if self.is_cut.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl LinkStream {
    /// A stream over these bytes, whose messages go to the taps. Begins to read.
    pub(super) fn new(
        (incoming, to_broker): Wire,
        cut: Arc<Cut>,
        taps: Arc<Taps>,
        body_bytes_max: u64,
    ) -> Self {
        let (to_lapin, from_broker) = tokio::io::duplex(READ_BYTES);
        let guard = Guard::new(body_bytes_max, taps);
        let reader = Reader { incoming, guard, to_lapin, cut: Arc::clone(&cut) };
        tokio::spawn(reader.run());
        Self { from_broker, to_broker, cut }
    }
}

/// Reads what the broker says.
struct Reader {
    incoming: Incoming,
    guard: Guard,
    to_lapin: DuplexStream,
    cut: Arc<Cut>,
}

impl Reader {
    /// Reads until the stream ends or is cut, or lapin has gone. Its end is lapin's.
    async fn run(mut self) {
        let cut = Arc::clone(&self.cut);
        tokio::select! {
            biased;
            () = cut.told.notified() => {}
            ended = self.read() => {
                if let (Err(why), Ok(mut reason)) = (ended, cut.why.lock()) {
                    *reason = Some(why);
                }
            }
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        let mut raw = vec![0; READ_BYTES].into_boxed_slice();
        let (mut passed, mut told) = (Vec::new(), Instant::now());
        loop {
            let count = tokio::select! {
                read = self.incoming.read(&mut raw) => read?,
                // lapin writes elsewhere: this ends when lapin's end is gone.
                _ = self.to_lapin.read_u8() => 0,
            };
            if count == 0 {
                return Ok(());
            }
            self.cut.bytes.fetch_add(count as u64, Ordering::Relaxed);
            let bytes = raw.get(..count).unwrap_or_default();
            let whole = self.guard.pass(bytes, &mut passed);
            whole.map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
            // A broker that delivers need send no heartbeats, and lapin does not see it deliver.
            if passed.is_empty() && told.elapsed() >= TELL_EVERY && self.guard.is_between_frames() {
                passed.extend(HEARTBEAT);
            }
            if !passed.is_empty() {
                told = Instant::now();
                self.to_lapin.write_all(&passed).await?;
                passed.clear();
                passed.shrink_to(READ_BYTES);
            }
        }
    }
}

impl futures_io::AsyncRead for LinkStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.cut.check()?;
        let mut read = ReadBuf::new(buffer);
        std::task::ready!(Pin::new(&mut self.from_broker).poll_read(context, &mut read))?;
        let count = read.filled().len();
        match self.cut.why.lock() {
            Ok(mut why) if count == 0 => Poll::Ready(why.take().map_or(Ok(0), Err)),
            _ => Poll::Ready(Ok(count)),
        }
    }
}

impl futures_io::AsyncWrite for LinkStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.cut.check()?;
        Pin::new(&mut self.to_broker).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.cut.check()?;
        Pin::new(&mut self.to_broker).poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.to_broker).poll_shutdown(context)
    }
}

/// What one read takes at most.
const READ_BYTES: usize = 64 * 1024;

/// How often lapin is told that the broker lives: the shortest heartbeat is a second.
const TELL_EVERY: Duration = Duration::from_millis(400);

/// A frame that says only that somebody is there (AMQP 0-9-1 section 4.2.7).
const HEARTBEAT: [u8; 8] = [8, 0, 0, 0, 0, 0, 0, 0xce];
