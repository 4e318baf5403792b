//! HTTP in: HTTP/1.1 and HTTP/2 with prior knowledge on one port.
//!
//! [`Front`] is the guarded listener; it serves any [`Handler`], so that the admin API stands
//! behind the same guard. [`HttpSource`] is the handler that turns requests into deliveries.
//!
//! # Why HTTP/1 is parsed here
//!
//! hyper lets doubled `Host`, `Content-Length` beside `Transfer-Encoding` and bare LF pass, and
//! has no deadline for the first byte or for a body. A guard in front of it would have to find
//! the end of every head and of every chunk itself, so two parsers would have to agree about
//! where each message ends, which is how smuggling starts. Here one parser decides: `httparse`
//! (hyper's own) reads the lines of the head, and `head` and `chunked` refuse what is not exactly
//! right. HTTP/2, where framing is not in dispute, is hyper's.

mod answers;
mod body;
mod chunked;
mod connection;
mod date;
mod fault;
mod framing;
mod front;
mod h1;
mod h2;
mod head;
mod host;
mod inbox;
mod limits;
mod message;
mod metrics;
mod pace;
mod problem;
mod replay;
mod scan;
mod shared;
mod slots;
mod source;
mod stream;
mod streams;
mod timer;
mod wire;

pub use front::Front;
pub use limits::HttpLimits;
pub use message::{BodyRule, Handler, Hangup, Head, Request, Response};
pub use metrics::{HttpMetrics, HttpStats};
pub use problem::Problem;
pub(crate) use shared::Stop;
pub(crate) use slots::Slots;
pub use source::{HttpConfig, HttpSource, PathRule};
