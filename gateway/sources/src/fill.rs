//! Reads into a buffer that has no room of its own: a connection that waits holds no memory for
//! what may come, and what came whole is read at once.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, ReadBuf};

/// Reads what is there, up to [`READ_BYTES`], and adds it to the inbox. Gives back how much it was;
/// 0: nothing comes any more.
pub(crate) async fn fill<R: AsyncRead + Unpin>(
    reader: &mut R,
    inbox: &mut BytesMut,
) -> io::Result<usize> {
    std::future::poll_fn(|context| {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut *reader).poll_read(context, &mut buffer))?;
            inbox.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
    })
    .await
}

/// As much as a large packet needs few reads for.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    /// One for each thread of the runtime: a poll does not leave its thread.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_came_is_added_and_the_end_is_told() {
        let mut inbox = BytesMut::from(&b"be"[..]);
        let mut reader = &b"fore"[..];
        assert_eq!(fill(&mut reader, &mut inbox).await.unwrap(), 4);
        assert_eq!(&inbox[..], b"before");
        assert_eq!(fill(&mut reader, &mut inbox).await.unwrap(), 0);
        let long = vec![7; READ_BYTES + 1];
        let mut reader = &long[..];
        assert_eq!(fill(&mut reader, &mut inbox).await.unwrap(), READ_BYTES);
        assert_eq!(fill(&mut reader, &mut inbox).await.unwrap(), 1);
    }
}
