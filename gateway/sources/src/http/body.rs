//! Reads the body of an HTTP/1 request into one `Bytes`, within its limit and its pace.

use bytes::{BufMut, Bytes};
use sluicegate_core::refusal::Refusal;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::Instant;

use super::chunked::Chunked;
use super::fault::Fault;
use super::inbox::Inbox;
use super::pace::Pace;
use super::shared::{Held, Shared};
use super::timer::{Late, Timer};

/// A body, and its share of the memory that bodies may take.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) held: Option<Held>,
}

/// What a body is read from.
pub(crate) struct BodyReader<'a, S> {
    pub(crate) io: &'a mut S,
    pub(crate) inbox: &'a mut Inbox,
    pub(crate) timer: &'a mut Timer,
    pub(crate) shared: &'a Shared,
}

impl<S: AsyncRead + Unpin> BodyReader<'_, S> {
    /// A body of a known length. One that came with its head is copied out of the read buffer:
    /// for a small one that is cheaper than a new buffer, and the event does not keep the
    /// buffer alive. A larger one is read where it will stay.
    pub(crate) async fn exact(self, length: usize) -> Result<Body, Fault> {
        if let Some(whole) = self.inbox.unread().get(..length) {
            let bytes = Bytes::copy_from_slice(whole);
            self.inbox.consume(length);
            return Ok(Body { bytes, held: None });
        }
        let mut held = self.shared.body_bytes();
        let pace = Pace::new(&self.shared.limits, Instant::now());
        let mut body = Vec::with_capacity(length.min(GROWTH_BYTES));
        body.extend_from_slice(self.inbox.unread());
        self.inbox.consume(body.len());
        while body.len() < length {
            let missing = length - body.len();
            if body.len() == body.capacity() {
                // A length is only a promise: memory, and the share of the bound that is held,
                // follow the bytes that came. Else a stranger's promises would use the bound up.
                body.reserve_exact(missing.min(body.len().max(GROWTH_BYTES)));
            }
            held.hold(body.len()).map_err(Fault::Refused)?;
            let deadline = pace.deadline(body.len());
            let mut rest = (&mut body).limit(missing);
            let read = self.timer.within(deadline, self.io.read_buf(&mut rest)).await;
            came(read)?;
        }
        held.hold(length).map_err(Fault::Refused)?;
        Ok(Body { bytes: Bytes::from(body), held: Some(held) })
    }

    /// A chunked body of at most `bytes_max`.
    pub(crate) async fn chunked(self, bytes_max: usize) -> Result<Body, Fault> {
        let (mut chunked, mut body) = (Chunked::new(), Vec::new());
        let mut held = self.shared.body_bytes();
        let pace = Pace::new(&self.shared.limits, Instant::now());
        loop {
            let used = chunked.decode(self.inbox.unread(), &mut body, bytes_max)?;
            self.inbox.consume(used);
            if chunked.is_done() {
                return Ok(Body { bytes: Bytes::from(body), held: Some(held) });
            }
            held.hold(body.capacity()).map_err(Fault::Refused)?;
            let deadline = pace.deadline(body.len());
            let read = self.timer.within(deadline, self.inbox.fill(self.io)).await;
            came(read)?;
        }
    }
}

/// What a read within a message must have given: bytes.
pub(crate) fn came(read: Result<std::io::Result<usize>, Late>) -> Result<(), Fault> {
    match read {
        Ok(Ok(0)) => Err(Fault::malformed("the stream ended within the message")),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(Fault::Gone),
        Err(Late) => Err(Fault::Refused(Refusal::TooSlow)),
    }
}

/// The first allocation of a body that has to be waited for.
const GROWTH_BYTES: usize = 64 * 1024;
