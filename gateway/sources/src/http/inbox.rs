//! The bytes that came on a connection and were not used yet: one buffer, used again and again.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Unused bytes of one connection.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    start: usize,
}

impl Inbox {
    pub(crate) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// Counts `count` bytes as used.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.bytes.len().min(self.start.saturating_add(count));
        if self.is_empty() {
            self.bytes.clear();
            self.start = 0;
        }
    }

    /// Reads once; how many bytes came, 0 at the end of the stream. Cancel safe.
    pub(crate) async fn fill<S: AsyncRead + Unpin>(
        &mut self,
        io: &mut S,
    ) -> std::io::Result<usize> {
        if self.bytes.len() == self.bytes.capacity() {
            self.bytes.drain(..self.start);
            self.start = 0;
            self.bytes.reserve(READ_BYTES);
        }
        io.read_buf(&mut self.bytes).await
    }

    /// All unused bytes, for another reader of the same stream.
    pub(crate) fn into_unread(mut self) -> Vec<u8> {
        self.bytes.drain(..self.start);
        self.bytes
    }
}

/// Room for a webhook of 1 KB with the headers that providers send.
const READ_BYTES: usize = 4096;
