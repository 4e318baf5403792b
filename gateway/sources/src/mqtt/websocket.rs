//! MQTT over WebSocket (MQTT 5 section 6): the handshake, and a stream of bytes out of binary
//! frames. The only file that knows the WebSocket crate. A packet may begin and end anywhere in a
//! frame; a text frame ends the connection.
//!
//! Nothing here asks for the `Origin` of a page: a browser sends no cookie that would let a
//! stranger's page in, and who comes in says so in its CONNECT.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

/// The bytes of a WebSocket.
pub(crate) struct Binary<S> {
    socket: WebSocketStream<S>,
    inbox: Bytes,
    /// So many bytes of the caller's were taken, and are on their way out.
    taken: Option<usize>,
}

/// The handshake failed.
#[derive(Debug, thiserror::Error)]
#[error("WebSocket handshake failed: {0}")]
pub(crate) struct HandshakeFault(String);

impl<S: AsyncRead + AsyncWrite + Unpin> Binary<S> {
    /// Takes the handshake of a client that wants to speak MQTT.
    pub(crate) async fn accept(stream: S, packet_bytes_max: usize) -> Result<Self, HandshakeFault> {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BYTES_MAX)
            .max_message_size(Some(packet_bytes_max))
            .max_frame_size(Some(packet_bytes_max));
        let socket = accept_hdr_async_with_config(stream, agree, Some(config)).await;
        let socket = socket.map_err(|fault| HandshakeFault(fault.to_string()))?;
        Ok(Self { socket, inbox: Bytes::new(), taken: None })
    }
}

/// The client must offer the subprotocol, and is told that it was chosen.
#[expect(clippy::result_large_err, reason = "the crate's callback answers with a whole response")]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(PROTOCOL);
    let mut offered = offered.iter().filter_map(|value| value.to_str().ok());
    if !offered.any(|value| value.split(',').any(|one| one.trim() == "mqtt")) {
        let mut refusal = ErrorResponse::new(Some("subprotocol mqtt is missing".to_owned()));
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        return Err(refusal);
    }
    response.headers_mut().insert(PROTOCOL, HeaderValue::from_static("mqtt"));
    Ok(response)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Binary<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.inbox.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.inbox = bytes,
                // A ping is answered by the crate, with what is written next.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Text(_))) => {
                    return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                }
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Err(fault)) => return Poll::Ready(Err(io::Error::other(fault))),
            }
        }
        let count = self.inbox.len().min(into.remaining());
        into.put_slice(self.inbox.get(..count).unwrap_or_default());
        self.inbox.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Binary<S> {
    /// Says that bytes are written when they have left: nobody flushes this. Who calls again after
    /// `Pending` must offer the same bytes first, as one with a buffer does.
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.taken.is_none() {
            ready!(Pin::new(&mut self.socket).poll_ready(context)).map_err(io::Error::other)?;
            let count = bytes.len().min(FRAME_BYTES);
            let frame = Bytes::copy_from_slice(bytes.get(..count).unwrap_or_default());
            let sent = Pin::new(&mut self.socket).start_send(Message::Binary(frame));
            sent.map_err(io::Error::other)?;
            self.taken = Some(count);
        }
        ready!(Pin::new(&mut self.socket).poll_flush(context)).map_err(io::Error::other)?;
        Poll::Ready(Ok(self.taken.take().unwrap_or_default()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context).map_err(io::Error::other)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(context).map_err(io::Error::other)
    }
}

const PROTOCOL: &str = "sec-websocket-protocol";

/// What is read at once, and held by an idle connection.
const BUFFER_BYTES: usize = 4 * 1024;

/// The longest frame that is sent.
const FRAME_BYTES: usize = 64 * 1024;

/// One frame and its head, with room for answers to pings.
const WRITE_BYTES_MAX: usize = 4 * FRAME_BYTES;
