//! A message that comes in pieces: its address, its properties, its body.

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::types::ShortString;

use super::properties;
use super::reader::Reader;
use super::unreadable::Unreadable;

/// A message, as the broker has sent it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Delivered {
    pub(crate) tag: u64,
    pub(crate) redelivered: bool,
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    /// Properties and body; or why the message cannot be read.
    pub(crate) content: Result<(BasicProperties, Bytes), Unreadable>,
}

/// A message of which not all has come.
#[derive(Debug)]
pub(super) struct Draft {
    tag: u64,
    redelivered: bool,
    address: Result<(ShortString, ShortString), Unreadable>,
    content: Option<Result<BasicProperties, Unreadable>>,
    body: Vec<u8>,
    /// Bytes of the body that have not come.
    missing: u64,
}

/// The pieces of a message do not belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Misplaced;

impl Draft {
    /// Begins with the arguments of a `basic.deliver`: consumer tag, delivery tag, redelivered,
    /// exchange, routing key.
    pub(super) fn begin(arguments: &mut Reader<'_>) -> Result<Self, Misplaced> {
        arguments.short().ok_or(Misplaced)?;
        let tag = arguments.u64().ok_or(Misplaced)?;
        let redelivered = arguments.u8().ok_or(Misplaced)? & 1 != 0;
        let exchange = arguments.short().ok_or(Misplaced)?;
        let routing_key = arguments.short().ok_or(Misplaced)?;
        let address = text(exchange).and_then(|exchange| Ok((exchange, text(routing_key)?)));
        Ok(Self { tag, redelivered, address, content: None, body: Vec::new(), missing: 0 })
    }

    /// The content header. A body that is longer than `body_bytes_max` is not collected.
    pub(super) fn head(&mut self, payload: &[u8], body_bytes_max: u64) -> Result<(), Misplaced> {
        if self.content.is_some() {
            return Err(Misplaced);
        }
        let (size, properties) = properties::read(payload);
        self.missing = size;
        let is_too_large = size > body_bytes_max;
        let content =
            if is_too_large { properties.and(Err(Unreadable::TooLarge)) } else { properties };
        if content.is_ok() && self.address.is_ok() {
            self.body.reserve_exact(usize::try_from(size).unwrap_or(0));
        }
        self.content = Some(content);
        Ok(())
    }

    /// A frame of the body begins.
    pub(super) fn expects(&self, bytes: usize) -> Result<(), Misplaced> {
        let is_expected = self.content.is_some() && bytes as u64 <= self.missing;
        is_expected.then_some(()).ok_or(Misplaced)
    }

    /// A part of the body.
    pub(super) fn add(&mut self, part: &[u8]) {
        self.missing = self.missing.saturating_sub(part.len() as u64);
        if self.address.is_ok() && matches!(self.content, Some(Ok(_))) {
            self.body.extend_from_slice(part);
        }
    }

    /// Whether all of it has come.
    pub(super) fn is_whole(&self) -> bool {
        self.content.is_some() && self.missing == 0
    }

    /// The message.
    pub(super) fn finish(self) -> Delivered {
        let Self { tag, redelivered, address, content, body, .. } = self;
        let content = content.unwrap_or(Err(Unreadable::Broken));
        let is_text = address.as_ref().map(|_| ()).map_err(|why| *why);
        let (exchange, routing_key) = address.unwrap_or_default();
        let content = is_text.and(content).map(|properties| (properties, body.into()));
        Delivered { tag, redelivered, exchange, routing_key, content }
    }
}

fn text(bytes: &[u8]) -> Result<ShortString, Unreadable> {
    std::str::from_utf8(bytes).map(ShortString::from).map_err(|_| Unreadable::NotText)
}
