//! The stream below lapin: TCP or TLS, guarded, and cut when we say so.
//!
//! lapin waits for as long as a stream does, in a thread of its own. A stream that can be cut is
//! what ends that thread when a broker falls silent.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use futures_io::{AsyncRead, AsyncWrite};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::amqp::guard::Guard;

/// A connection's stream.
pub(super) struct LinkStream {
    wire: Wire,
    cut: Arc<Cut>,
    guard: Guard,
    /// What came, as it came.
    raw: Box<[u8]>,
    /// What may be handed on, and how much of it was.
    ready: Vec<u8>,
    read: usize,
}

/// The bytes themselves.
pub(super) enum Wire {
    /// As they are.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Cuts a stream, from outside.
#[derive(Debug, Default)]
pub(super) struct Cut {
    is_cut: AtomicBool,
    reader: Mutex<Option<Waker>>,
    /// Bytes that came from the broker.
    bytes: AtomicU64,
}

impl Cut {
    /// From now on the stream is at its end.
    pub(super) fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
        let waker = self.reader.lock().ok().and_then(|mut reader| reader.take());
        if let Some(waker) = waker {
            waker.wake();
        }
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

    /// Whom to wake when the stream is cut. Called before the stream is looked at, so that a cut
    /// in between is not missed.
    fn watch(&self, context: &Context<'_>) -> io::Result<()> {
        if let Ok(mut reader) = self.reader.lock()
            && !reader.as_ref().is_some_and(|reader| reader.will_wake(context.waker()))
        {
            *reader = Some(context.waker().clone());
        }
        self.check()
    }
}

impl LinkStream {
    pub(super) fn new(wire: Wire, cut: Arc<Cut>, body_bytes_max: u64) -> Self {
        let raw = vec![0; READ_BYTES].into_boxed_slice();
        let guard = Guard::new(body_bytes_max);
        Self { wire, cut, guard, raw, ready: Vec::new(), read: 0 }
    }

    /// Hands on what is ready; `None` if nothing is.
    fn hand_on(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let rest = self.ready.get(self.read..).filter(|rest| !rest.is_empty())?;
        let count = rest.len().min(buffer.len());
        buffer.get_mut(..count)?.copy_from_slice(rest.get(..count)?);
        self.read += count;
        if self.read == self.ready.len() {
            self.ready.clear();
            self.read = 0;
        }
        Some(count)
    }
}

impl AsyncRead for LinkStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.cut.watch(context)?;
        loop {
            if let Some(count) = this.hand_on(buffer) {
                return Poll::Ready(Ok(count));
            }
            let mut read = ReadBuf::new(&mut this.raw);
            ready!(this.wire.poll_read(context, &mut read))?;
            let bytes = read.filled();
            if bytes.is_empty() {
                return Poll::Ready(Ok(0));
            }
            this.cut.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            let passed = this.guard.pass(bytes, &mut this.ready);
            passed.map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
        }
    }
}

impl AsyncWrite for LinkStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.cut.check()?;
        match &mut this.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Wire::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.cut.check()?;
        match &mut this.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(context),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().wire {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl Wire {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, into),
        }
    }
}

/// What one read takes at most.
const READ_BYTES: usize = 64 * 1024;
