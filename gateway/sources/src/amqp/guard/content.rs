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

#[cfg(test)]
impl Delivered {
    /// An empty message under this tag.
    pub(crate) fn empty(tag: u64) -> Self {
        let (exchange, routing_key) = Default::default();
        Self { tag, redelivered: false, exchange, routing_key, content: Ok(Default::default()) }
    }
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
    /// Somebody takes it: otherwise nothing of it is kept.
    is_wanted: bool,
}

/// The pieces of a message do not belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Misplaced;

impl Draft {
    /// Begins with the arguments of a `basic.deliver`: consumer tag, delivery tag, redelivered,
    /// exchange, routing key.
    pub(super) fn begin(arguments: &mut Reader<'_>, is_wanted: bool) -> Result<Self, Misplaced> {
        arguments.short().ok_or(Misplaced)?;
        let tag = arguments.u64().ok_or(Misplaced)?;
        let redelivered = arguments.u8().ok_or(Misplaced)? & 1 != 0;
        let exchange = arguments.short().ok_or(Misplaced)?;
        let routing_key = arguments.short().ok_or(Misplaced)?;
        let address = text(exchange).and_then(|exchange| Ok((exchange, text(routing_key)?)));
        let (content, body, missing) = (None, Vec::new(), 0);
        Ok(Self { tag, redelivered, address, content, body, missing, is_wanted })
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
        self.content = Some(content);
        if self.keeps_body() {
            // What a broker says of a length is no reason to set more aside than comes at once.
            self.body
                .reserve_exact(usize::try_from(size).map_or(RESERVED, |size| size.min(RESERVED)));
        }
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
        if self.keeps_body() {
            self.body.extend_from_slice(part);
        }
    }

    fn keeps_body(&self) -> bool {
        self.is_wanted && self.address.is_ok() && matches!(self.content, Some(Ok(_)))
    }

    /// Whether all of it has come.
    pub(super) fn is_whole(&self) -> bool {
        self.content.is_some() && self.missing == 0
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.body.capacity() == 0
    }

    /// The message, if somebody takes it.
    pub(super) fn finish(self) -> Option<Delivered> {
        let Self { tag, redelivered, address, content, body, is_wanted, .. } = self;
        if !is_wanted {
            return None;
        }
        let content = content.unwrap_or(Err(Unreadable::Broken));
        let is_text = address.as_ref().map(|_| ()).map_err(|why| *why);
        let (exchange, routing_key) = address.unwrap_or_default();
        let content = is_text.and(content).map(|properties| (properties, body.into()));
        Some(Delivered { tag, redelivered, exchange, routing_key, content })
    }
}

fn text(bytes: &[u8]) -> Result<ShortString, Unreadable> {
    std::str::from_utf8(bytes).map(ShortString::from).map_err(|_| Unreadable::NotText)
}

/// Bytes that are set aside for a body before it comes: a frame's.
const RESERVED: usize = 128 * 1024;
